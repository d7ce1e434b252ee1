-- holdout, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  *
FROM (
  SELECT
    `t1`.`customer_id`,
    SUM(CAST(`t1`.`bought` AS INT64)) AS `purchases`,
    SUM(`t1`.`amount`) AS `spend`
  FROM (
    SELECT
      *
    FROM `spent_on_days` AS `t0`
    WHERE
      `t0`.`day` > DATE(2025, 6, 30)
  ) AS `t1`
  GROUP BY
    1
) AS `t2`
ORDER BY
  `t2`.`customer_id` ASC NULLS LAST;
