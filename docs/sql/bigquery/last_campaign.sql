-- last_campaign, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  `t0`.`customer_id`,
  `t0`.`date`,
  `t0`.`channel`,
  `t0`.`campaign`
FROM `touchpoints` AS `t0`
WHERE
  `t0`.`campaign` IS NOT NULL AND `t0`.`event` IN ('open', 'click', 'visit');
