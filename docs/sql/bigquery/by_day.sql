-- by_day, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  CAST(`t1`.`day` AS DATE) AS `day`,
  COUNT(*) AS `orders`,
  SUM(`t1`.`amount`) AS `amount`
FROM (
  SELECT
    *
  FROM `by_order` AS `t0`
  WHERE
    `t0`.`amount` > 0
) AS `t1`
GROUP BY
  1;
