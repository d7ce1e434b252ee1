-- order_values, with days such as 2025-01-01, 2025-06-30, 2025-12-31

-- Compilation rule for 'Quantile' operation is not defined: a card without engine reads the rows in, and can be asked this.

SELECT
  CAST(CASE
    WHEN (
      CAST('-Infinity' AS FLOAT64) <= `t1`.`value`
    ) AND (
      `t1`.`value` < 0.1
    )
    THEN 0
    WHEN (
      0.1 <= `t1`.`value`
    ) AND (
      `t1`.`value` < 0.2
    )
    THEN 1
    WHEN (
      0.2 <= `t1`.`value`
    ) AND (
      `t1`.`value` < 0.5
    )
    THEN 2
    WHEN (
      0.5 <= `t1`.`value`
    ) AND (
      `t1`.`value` < 1.0
    )
    THEN 3
    WHEN (
      1.0 <= `t1`.`value`
    ) AND (
      `t1`.`value` < 2.0
    )
    THEN 4
    WHEN (
      2.0 <= `t1`.`value`
    ) AND (
      `t1`.`value` < 5.0
    )
    THEN 5
    WHEN (
      5.0 <= `t1`.`value`
    ) AND (
      `t1`.`value` < 10.0
    )
    THEN 6
    WHEN (
      10.0 <= `t1`.`value`
    ) AND (
      `t1`.`value` < 20.0
    )
    THEN 7
    WHEN (
      20.0 <= `t1`.`value`
    ) AND (
      `t1`.`value` < 50.0
    )
    THEN 8
    WHEN (
      50.0 <= `t1`.`value`
    ) AND (
      `t1`.`value` < 100.0
    )
    THEN 9
    WHEN (
      100.0 <= `t1`.`value`
    ) AND (
      `t1`.`value` <= CAST('Infinity' AS FLOAT64)
    )
    THEN 10
    ELSE NULL
  END AS INT64) AS `band`,
  COUNT(*) AS `orders`,
  SUM(`t1`.`amount`) AS `amount`
FROM (
  SELECT
    `t0`.`amount`,
    `t0`.`amount` AS `value`
  FROM `by_order` AS `t0`
  WHERE
    `t0`.`amount` > 0
) AS `t1`
GROUP BY
  1;
