-- main_value, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  *
FROM (
  SELECT
    `t2`.`customer_id`,
    `t2`.`category`,
    `t2`.`spent`,
    ROW_NUMBER() OVER (PARTITION BY `t2`.`customer_id` ORDER BY `t2`.`spent` DESC, `t2`.`category` ASC) - 1 AS `place`
  FROM (
    SELECT
      `t1`.`customer_id`,
      `t1`.`category`,
      SUM(`t1`.`amount`) AS `spent`
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
        CAST(`t0`.`date` AS DATE) <= DATE(2025, 12, 31) AND `t0`.`category` IS NOT NULL
    ) AS `t1`
    GROUP BY
      1,
      2
  ) AS `t2`
) AS `t3`
WHERE
  `t3`.`place` = 0;
