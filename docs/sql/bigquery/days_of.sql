-- days_of, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  `t2`.`day`,
  `t2`.`amount`
FROM (
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
) AS `t2`
WHERE
  `t2`.`customer_id` = 'B007';
