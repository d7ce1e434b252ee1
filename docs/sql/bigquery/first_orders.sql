-- first_orders, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  `t2`.`customer_id`,
  `t2`.`channel`,
  `t2`.`day` AS `ordered_on`
FROM (
  SELECT
    `t1`.`customer_id`,
    `t1`.`date`,
    `t1`.`amount`,
    `t1`.`order_id`,
    `t1`.`channel`,
    `t1`.`product`,
    `t1`.`category`,
    `t1`.`cost`,
    `t1`.`day`,
    ROW_NUMBER() OVER (
      PARTITION BY `t1`.`customer_id`
      ORDER BY `t1`.`date` ASC, `t1`.`order_id` ASC, `t1`.`amount` DESC, `t1`.`channel` ASC
    ) - 1 AS `place`
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
      AND `t0`.`amount` > 0
      AND `t0`.`channel` IS NOT NULL
  ) AS `t1`
) AS `t2`
WHERE
  `t2`.`place` = 0;
