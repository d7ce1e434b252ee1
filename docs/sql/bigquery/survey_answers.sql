-- survey_answers, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  `t0`.`customer_id`,
  CAST(`t0`.`date` AS DATE) AS `day`,
  `t0`.`score`
FROM `surveys` AS `t0`
WHERE
  CAST(`t0`.`date` AS DATE) <= DATE(2025, 12, 31);
