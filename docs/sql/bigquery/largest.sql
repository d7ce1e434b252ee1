-- largest, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  *
FROM (
  SELECT
    'customer' AS `unit`,
    `t10`.`customer_id` AS `name`,
    `t10`.`lines`,
    `t10`.`amount`,
    `t10`.`paid`,
    `t10`.`of`
  FROM (
    SELECT
      *
    FROM (
      SELECT
        `t1`.`customer_id`,
        `t1`.`lines`,
        `t1`.`amount`,
        SUM(`t1`.`amount`) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS `paid`,
        COUNT(*) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS `of`
      FROM (
        SELECT
          `t0`.`customer_id`,
          SUM(`t0`.`lines`) AS `lines`,
          IF(
            MAX(ABS(`t0`.`amount`)) >= 0.01,
            CAST(ROUND(SUM(`t0`.`amount`), 8) AS FLOAT64),
            ieee_divide(
              CAST(ROUND(
                SUM(`t0`.`amount`) * (
                  POWER(
                    10.0,
                    (
                      -(
                        CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t0`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
                      ) + 7
                    )
                  )
                ),
                1
              ) AS FLOAT64),
              POWER(
                10.0,
                (
                  -(
                    CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t0`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
                  ) + 7
                )
              )
            )
          ) AS `amount`
        FROM `by_order` AS `t0`
        GROUP BY
          1
      ) AS `t1`
    ) AS `t4`
    ORDER BY
      `t4`.`amount` DESC,
      `t4`.`customer_id` ASC NULLS LAST
    LIMIT 1
  ) AS `t10`
) AS `t13`
UNION ALL
SELECT
  *
FROM (
  SELECT
    *
  FROM (
    SELECT
      'order' AS `unit`,
      `t11`.`order` AS `name`,
      `t11`.`lines`,
      `t11`.`amount`,
      `t11`.`paid`,
      `t11`.`of`
    FROM (
      SELECT
        *
      FROM (
        SELECT
          `t2`.`order`,
          `t2`.`customer_id`,
          `t2`.`lines`,
          `t2`.`amount`,
          SUM(`t2`.`amount`) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS `paid`,
          COUNT(*) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS `of`
        FROM (
          SELECT
            `t0`.`order`,
            `t0`.`customer_id`,
            SUM(`t0`.`lines`) AS `lines`,
            IF(
              MAX(ABS(`t0`.`amount`)) >= 0.01,
              CAST(ROUND(SUM(`t0`.`amount`), 8) AS FLOAT64),
              ieee_divide(
                CAST(ROUND(
                  SUM(`t0`.`amount`) * (
                    POWER(
                      10.0,
                      (
                        -(
                          CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t0`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
                        ) + 7
                      )
                    )
                  ),
                  1
                ) AS FLOAT64),
                POWER(
                  10.0,
                  (
                    -(
                      CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t0`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
                    ) + 7
                  )
                )
              )
            ) AS `amount`
          FROM `by_order` AS `t0`
          GROUP BY
            1,
            2
        ) AS `t2`
      ) AS `t5`
      ORDER BY
        `t5`.`amount` DESC,
        `t5`.`order` ASC NULLS LAST,
        `t5`.`customer_id` ASC NULLS LAST
      LIMIT 1
    ) AS `t11`
  ) AS `t14`
  UNION ALL
  SELECT
    *
  FROM (
    SELECT
      'day' AS `unit`,
      `t12`.`day` AS `name`,
      `t12`.`lines`,
      `t12`.`amount`,
      `t12`.`paid`,
      `t12`.`of`
    FROM (
      SELECT
        *
      FROM (
        SELECT
          `t3`.`day`,
          `t3`.`lines`,
          `t3`.`amount`,
          SUM(`t3`.`amount`) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS `paid`,
          COUNT(*) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS `of`
        FROM (
          SELECT
            `t0`.`day`,
            SUM(`t0`.`lines`) AS `lines`,
            IF(
              MAX(ABS(`t0`.`amount`)) >= 0.01,
              CAST(ROUND(SUM(`t0`.`amount`), 8) AS FLOAT64),
              ieee_divide(
                CAST(ROUND(
                  SUM(`t0`.`amount`) * (
                    POWER(
                      10.0,
                      (
                        -(
                          CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t0`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
                        ) + 7
                      )
                    )
                  ),
                  1
                ) AS FLOAT64),
                POWER(
                  10.0,
                  (
                    -(
                      CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t0`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
                    ) + 7
                  )
                )
              )
            ) AS `amount`
          FROM `by_order` AS `t0`
          GROUP BY
            1
        ) AS `t3`
      ) AS `t6`
      ORDER BY
        `t6`.`amount` DESC,
        `t6`.`day` ASC NULLS LAST
      LIMIT 1
    ) AS `t12`
  ) AS `t15`
) AS `t16`;
