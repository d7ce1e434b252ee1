-- orders, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  *
FROM (
  SELECT
    `t1`.`customer_id`,
    COALESCE(`t1`.`order_id`, CAST(`t1`.`day` AS STRING)) AS `order`,
    MIN(IF(`t1`.`amount` > 0, `t1`.`date`, NULL)) AS `ordered_at`,
    CAST(ROUND(SUM(`t1`.`amount`), 8) AS FLOAT64) AS `amount`
  FROM (
    SELECT
      `t0`.`customer_id`,
      `t0`.`date`,
      `t0`.`amount`,
      `t0`.`order_id`,
      `t0`.`channel`,
      `t0`.`product`,
      `t0`.`category`,
      `t0`.`cost`,
      CAST(`t0`.`date` AS DATE) AS `day`
    FROM `transactions` AS `t0`
    WHERE
      CAST(`t0`.`date` AS DATE) <= DATE(2025, 12, 31)
      AND CAST(`t0`.`date` AS DATE) >= DATE(2025, 1, 1)
  ) AS `t1`
  GROUP BY
    1,
    2
) AS `t2`
WHERE
  `t2`.`amount` > 0 AND `t2`.`ordered_at` IS NOT NULL;
