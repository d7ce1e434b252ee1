-- purchases_by_period, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  `t10`.*
  EXCEPT (`period_right`)
FROM (
  SELECT
    `t5`.`period`,
    `t5`.`revenue`,
    `t9`.`period` AS `period_right`,
    `t9`.`customers`,
    `t9`.`new_customers`,
    `t9`.`purchases`
  FROM (
    SELECT
      DATE_TRUNC(`t3`.`day`, MONTH) AS `period`,
      SUM(`t3`.`amount`) AS `revenue`
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
    ) AS `t3`
    GROUP BY
      1
  ) AS `t5`
  LEFT OUTER JOIN (
    SELECT
      `t7`.`period`,
      COUNT(DISTINCT `t7`.`customer_id`) AS `customers`,
      SUM(CAST(`t7`.`position` = 1 AS INT64)) AS `new_customers`,
      COUNT(*) AS `purchases`
    FROM (
      SELECT
        `t6`.`customer_id`,
        `t6`.`day`,
        `t6`.`amount`,
        `t6`.`position`,
        DATE_TRUNC(`t6`.`day`, MONTH) AS `period`
      FROM (
        SELECT
          `t2`.`customer_id`,
          `t2`.`day`,
          `t2`.`amount`,
          (
            ROW_NUMBER() OVER (PARTITION BY `t2`.`customer_id` ORDER BY `t2`.`day` ASC) - 1
          ) + 1 AS `position`
        FROM (
          SELECT
            `t1`.`customer_id`,
            `t1`.`day`,
            `t1`.`amount`
          FROM `spent_on_days` AS `t1`
          WHERE
            `t1`.`bought`
        ) AS `t2`
      ) AS `t6`
    ) AS `t7`
    GROUP BY
      1
  ) AS `t9`
    ON `t5`.`period` = `t9`.`period`
) AS `t10`;
