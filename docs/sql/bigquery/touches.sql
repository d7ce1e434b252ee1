-- touches, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  `t1`.`customer_id`,
  MIN(`t1`.`day`) AS `first_touch`,
  MAX(IF(`t1`.`event` IN ('open', 'click', 'visit'), `t1`.`day`, NULL)) AS `last_reaction`
FROM (
  SELECT
    `t0`.`customer_id`,
    `t0`.`date`,
    `t0`.`channel`,
    `t0`.`campaign`,
    `t0`.`event`,
    `t0`.`cost`,
    CAST(`t0`.`date` AS DATE) AS `day`
  FROM `touchpoints` AS `t0`
  WHERE
    CAST(`t0`.`date` AS DATE) <= DATE(2025, 12, 31)
) AS `t1`
GROUP BY
  1;
