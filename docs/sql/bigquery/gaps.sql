-- gaps, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  `t4`.`gap`,
  COUNT(*) AS `count`
FROM (
  SELECT
    *
  FROM (
    SELECT
      `t2`.`customer_id`,
      `t2`.`day`,
      `t2`.`amount`,
      `t2`.`position`,
      DATE_DIFF(
        `t2`.`day`,
        LAG(`t2`.`day`, 1) OVER (PARTITION BY `t2`.`customer_id` ORDER BY `t2`.`day` ASC),
        DAY
      ) AS `gap`,
      DATE_DIFF(
        LAG(`t2`.`day`, 1) OVER (PARTITION BY `t2`.`customer_id` ORDER BY `t2`.`day` ASC),
        LAG(`t2`.`day`, 2) OVER (PARTITION BY `t2`.`customer_id` ORDER BY `t2`.`day` ASC),
        DAY
      ) AS `previous_gap`
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
  ) AS `t3`
  WHERE
    `t3`.`gap` IS NOT NULL
) AS `t4`
GROUP BY
  1;
