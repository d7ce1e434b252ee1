-- level, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  COALESCE(SUM(IF(`t2`.`n` >= 20, `t2`.`n`, NULL)), 0) AS `often`,
  COALESCE(SUM(`t2`.`n`), 0) AS `lines`
FROM (
  SELECT
    `t1`.`item`,
    COUNT(*) AS `n`
  FROM (
    SELECT DISTINCT
      `t0`.`customer_id`,
      CAST(`t0`.`date` AS DATE) AS `day`,
      `t0`.`product` AS `item`,
      COALESCE(
        `t0`.`order_id`,
        CONCAT(CONCAT(`t0`.`customer_id`, ' '), CAST(CAST(`t0`.`date` AS DATE) AS STRING))
      ) AS `basket`
    FROM `transactions` AS `t0`
    WHERE
      CAST(`t0`.`date` AS DATE) <= DATE(2025, 12, 31)
      AND `t0`.`amount` > 0
      AND `t0`.`product` IS NOT NULL
  ) AS `t1`
  GROUP BY
    1
) AS `t2`;
