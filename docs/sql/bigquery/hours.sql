-- hours, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  `t2`.`customer_id`,
  `t2`.`channel`,
  `t2`.`hour`,
  COUNT(*) AS `acts`
FROM (
  SELECT
    `t1`.`customer_id`,
    COALESCE(`t1`.`channel`, 'unknown') AS `channel`,
    `t1`.`date`,
    EXTRACT(hour FROM `t1`.`date`) AS `hour`
  FROM (
    SELECT DISTINCT
      `t0`.`customer_id`,
      `t0`.`channel`,
      `t0`.`date`
    FROM `transactions` AS `t0`
    WHERE
      CAST(`t0`.`date` AS DATE) <= DATE(2025, 12, 31)
      AND CAST(`t0`.`date` AS DATE) >= DATE(2025, 1, 1)
      AND `t0`.`amount` > 0
  ) AS `t1`
) AS `t2`
GROUP BY
  1,
  2,
  3;

SELECT
  `t1`.`customer_id`,
  `t1`.`channel`,
  `t1`.`hour`,
  COUNT(*) AS `acts`
FROM (
  SELECT
    `t0`.`customer_id`,
    `t0`.`date`,
    COALESCE(`t0`.`channel`, 'unknown') AS `channel`,
    `t0`.`campaign`,
    `t0`.`event`,
    `t0`.`cost`,
    CAST(`t0`.`date` AS DATE) AS `day`,
    EXTRACT(hour FROM `t0`.`date`) AS `hour`
  FROM `touchpoints` AS `t0`
  WHERE
    CAST(`t0`.`date` AS DATE) <= DATE(2025, 12, 31)
    AND CAST(`t0`.`date` AS DATE) >= DATE(2025, 1, 1)
    AND `t0`.`event` IN ('open', 'click', 'visit')
) AS `t1`
GROUP BY
  1,
  2,
  3;
