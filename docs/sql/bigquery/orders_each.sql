-- orders_each, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  CAST(CASE
    WHEN (
      CAST('-Infinity' AS FLOAT64) <= `t2`.`value`
    ) AND (
      `t2`.`value` < 2
    )
    THEN 0
    WHEN (
      2 <= `t2`.`value`
    ) AND (
      `t2`.`value` < 3
    )
    THEN 1
    WHEN (
      3 <= `t2`.`value`
    ) AND (
      `t2`.`value` < 4
    )
    THEN 2
    WHEN (
      4 <= `t2`.`value`
    ) AND (
      `t2`.`value` < 6
    )
    THEN 3
    WHEN (
      6 <= `t2`.`value`
    ) AND (
      `t2`.`value` < 11
    )
    THEN 4
    WHEN (
      11 <= `t2`.`value`
    ) AND (
      `t2`.`value` < 21
    )
    THEN 5
    WHEN (
      21 <= `t2`.`value`
    ) AND (
      `t2`.`value` < 51
    )
    THEN 6
    WHEN (
      51 <= `t2`.`value`
    ) AND (
      `t2`.`value` < 101
    )
    THEN 7
    WHEN (
      101 <= `t2`.`value`
    ) AND (
      `t2`.`value` <= CAST('Infinity' AS FLOAT64)
    )
    THEN 8
    ELSE NULL
  END AS INT64) AS `band`,
  COUNT(*) AS `customers`,
  SUM(`t2`.`amount`) AS `amount`
FROM (
  SELECT
    `t1`.`customer_id`,
    CAST(COUNT(*) AS FLOAT64) AS `value`,
    SUM(`t1`.`amount`) AS `amount`
  FROM (
    SELECT
      *
    FROM `by_order` AS `t0`
    WHERE
      `t0`.`amount` > 0
  ) AS `t1`
  GROUP BY
    1
) AS `t2`
GROUP BY
  1;
