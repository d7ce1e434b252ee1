-- bought_by_age, with days such as 2025-01-01, 2025-06-30, 2025-12-31

WITH `t2` AS (
  SELECT
    `t1`.`customer_id`,
    `t1`.`day`,
    `t1`.`amount`,
    (
      ROW_NUMBER() OVER (PARTITION BY `t1`.`customer_id` ORDER BY `t1`.`day` ASC) - 1
    ) + 1 AS `position`
  FROM (
    SELECT
      `t0`.`customer_id`,
      `t0`.`day`,
      `t0`.`amount`
    FROM `spent_on_days` AS `t0`
    WHERE
      `t0`.`bought`
  ) AS `t1`
)
SELECT
  `t9`.`customer_id`,
  COUNT(*) AS `purchases`,
  SUM(`t9`.`amount`) AS `spend`
FROM (
  SELECT
    *
  FROM (
    SELECT
      `t6`.`customer_id`,
      `t6`.`day`,
      `t6`.`amount`,
      `t6`.`position`,
      `t7`.`first_day`
    FROM (
      SELECT
        *
      FROM `t2` AS `t3`
      WHERE
        `t3`.`position` > 1
    ) AS `t6`
    INNER JOIN (
      SELECT
        `t3`.`customer_id`,
        `t3`.`day` AS `first_day`
      FROM `t2` AS `t3`
      WHERE
        `t3`.`position` = 1
    ) AS `t7`
      ON `t6`.`customer_id` = `t7`.`customer_id`
  ) AS `t8`
  WHERE
    DATE_DIFF(`t8`.`day`, `t8`.`first_day`, DAY) <= 90
) AS `t9`
GROUP BY
  1;
