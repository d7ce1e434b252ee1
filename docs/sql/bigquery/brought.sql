-- brought, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  `t1`.`customer_id`,
  SUM(`t1`.`amount`) AS `revenue`,
  SUM(COALESCE(`t1`.`amount` - `t1`.`cost`, `t1`.`amount` * 0.3)) AS `contribution`,
  SUM(CAST(`t1`.`cost` IS NULL AS INT64)) AS `unknown_costs`
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
) AS `t1`
GROUP BY
  1;
