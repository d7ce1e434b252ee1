-- first_after, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  `t2`.`customer_id`,
  `t2`.`item`
FROM (
  SELECT
    `t1`.`customer_id`,
    `t1`.`day`,
    `t1`.`item`,
    `t1`.`basket`,
    DENSE_RANK() OVER (PARTITION BY `t1`.`customer_id` ORDER BY `t1`.`day` ASC, `t1`.`basket` ASC) - 1 AS `place`
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
      AND CAST(`t0`.`date` AS DATE) > DATE(2025, 6, 30)
  ) AS `t1`
) AS `t2`
WHERE
  `t2`.`place` = 0;
