-- arms, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  *
FROM (
  SELECT
    `t0`.`experiment`,
    `t0`.`variant`,
    COUNT(DISTINCT `t0`.`customer_id`) AS `customers`
  FROM `experiments` AS `t0`
  GROUP BY
    1,
    2
) AS `t1`
ORDER BY
  `t1`.`experiment` ASC NULLS LAST,
  `t1`.`variant` ASC NULLS LAST;
