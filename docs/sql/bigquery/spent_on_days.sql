-- spent_on_days, with days such as 2025-01-01, 2025-06-30, 2025-12-31

CREATE TEMPORARY TABLE kept AS
SELECT
  `t2`.`customer_id`,
  `t2`.`day`,
  `t2`.`amount`,
  TRUE AS `bought`
FROM (
  SELECT
    `t1`.`customer_id`,
    `t1`.`day`,
    IF(
      MAX(ABS(`t1`.`amount`)) >= 0.01,
      CAST(ROUND(SUM(`t1`.`amount`), 8) AS FLOAT64),
      ieee_divide(
        CAST(ROUND(
          SUM(`t1`.`amount`) * (
            POWER(
              10.0,
              (
                -(
                  CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t1`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
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
              CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t1`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
            ) + 7
          )
        )
      )
    ) AS `amount`
  FROM (
    SELECT
      `t0`.`customer_id`,
      `t0`.`date`,
      `t0`.`amount`,
      `t0`.`order_id`,
      `t0`.`channel`,
      `t0`.`product`,
      `t0`.`category`,
      `t0`.`cost`,
      CAST(`t0`.`date` AS DATE) AS `day`
    FROM `transactions` AS `t0`
    WHERE
      CAST(`t0`.`date` AS DATE) <= DATE(2025, 12, 31)
  ) AS `t1`
  GROUP BY
    1,
    2
) AS `t2`;

CREATE TEMPORARY TABLE customers_with_refunds AS
SELECT DISTINCT
  *
FROM (
  SELECT
    *
  FROM (
    SELECT
      `t0`.`customer_id`
    FROM `kept` AS `t0`
    WHERE
      NOT (
        `t0`.`amount` > 0
      )
  ) AS `t2`
  UNION ALL
  SELECT
    *
  FROM (
    SELECT
      `t1`.`customer_id`
    FROM `transactions` AS `t1`
    WHERE
      CAST(`t1`.`date` AS DATE) <= DATE(2025, 12, 31)
      AND `t1`.`amount` < 0
      AND `t1`.`order_id` IS NOT NULL
  ) AS `t3`
) AS `t4`;

SELECT
  *
FROM (
  SELECT
    `t3`.`customer_id`,
    `t3`.`day`,
    `t3`.`amount`,
    `t3`.`bought`
  FROM `kept` AS `t3`
  WHERE
    NOT EXISTS(
      SELECT
        1
      FROM `customers_with_refunds` AS `t4`
      WHERE
        `t3`.`customer_id` = `t4`.`customer_id`
    )
) AS `t6`
UNION ALL
SELECT
  *
FROM (
  SELECT
    `t15`.`customer_id`,
    `t15`.`purchased_on` AS `day`,
    `t15`.`amount`,
    `t15`.`bought` AND (
      `t15`.`amount` > 0
    ) AS `bought`
  FROM (
    SELECT
      `t14`.`customer_id`,
      `t14`.`purchased_on`,
      IF(
        MAX(ABS(`t14`.`amount`)) >= 0.01,
        CAST(ROUND(SUM(`t14`.`amount`), 8) AS FLOAT64),
        ieee_divide(
          CAST(ROUND(
            SUM(`t14`.`amount`) * (
              POWER(
                10.0,
                (
                  -(
                    CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t14`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
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
                CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t14`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
              ) + 7
            )
          )
        )
      ) AS `amount`,
      LOGICAL_OR(`t14`.`buys`) AS `bought`
    FROM (
      SELECT
        `t13`.`customer_id`,
        `t13`.`day`,
        `t13`.`amount`,
        `t13`.`buys`,
        COALESCE(
          MAX(IF(`t13`.`buys`, `t13`.`day`, NULL)) OVER (
            PARTITION BY `t13`.`customer_id`
            ORDER BY `t13`.`day` ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
          ),
          `t13`.`day`
        ) AS `purchased_on`
      FROM (
        SELECT
          `t12`.`customer_id`,
          `t12`.`day`,
          `t12`.`amount`,
          `t12`.`amount` > 0 AS `buys`
        FROM (
          SELECT
            `t11`.`customer_id`,
            `t11`.`day`,
            IF(
              MAX(ABS(`t11`.`amount`)) >= 0.01,
              CAST(ROUND(SUM(`t11`.`amount`), 8) AS FLOAT64),
              ieee_divide(
                CAST(ROUND(
                  SUM(`t11`.`amount`) * (
                    POWER(
                      10.0,
                      (
                        -(
                          CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t11`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
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
                      CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t11`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
                    ) + 7
                  )
                )
              )
            ) AS `amount`
          FROM (
            SELECT
              `t10`.*
              EXCEPT (`bought_on`)
            FROM (
              SELECT
                `t9`.`customer_id`,
                `t9`.`date`,
                `t9`.`amount`,
                `t9`.`order_id`,
                `t9`.`channel`,
                `t9`.`product`,
                `t9`.`category`,
                `t9`.`cost`,
                COALESCE(`t9`.`bought_on`, `t9`.`day`) AS `day`,
                `t9`.`bought_on`,
                `t9`.`bought_on` IS NOT NULL AS `by_order`
              FROM (
                SELECT
                  `t8`.`customer_id`,
                  `t8`.`date`,
                  `t8`.`amount`,
                  `t8`.`order_id`,
                  `t8`.`channel`,
                  `t8`.`product`,
                  `t8`.`category`,
                  `t8`.`cost`,
                  `t8`.`day`,
                  IF(
                    (
                      `t8`.`amount` < 0
                    ) AND (
                      `t8`.`order_id` IS NOT NULL
                    ),
                    MAX(IF(`t8`.`amount` > 0, `t8`.`day`, NULL)) OVER (
                      PARTITION BY `t8`.`customer_id`, `t8`.`order_id`
                      ORDER BY `t8`.`day` ASC, `t8`.`amount` DESC
                      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                    ),
                    CAST(NULL AS DATE)
                  ) AS `bought_on`
                FROM (
                  SELECT
                    `t7`.`customer_id`,
                    `t7`.`date`,
                    `t7`.`amount`,
                    `t7`.`order_id`,
                    `t7`.`channel`,
                    `t7`.`product`,
                    `t7`.`category`,
                    `t7`.`cost`,
                    `t7`.`day`
                  FROM (
                    SELECT
                      `t2`.`customer_id`,
                      `t2`.`date`,
                      `t2`.`amount`,
                      `t2`.`order_id`,
                      `t2`.`channel`,
                      `t2`.`product`,
                      `t2`.`category`,
                      `t2`.`cost`,
                      CAST(`t2`.`date` AS DATE) AS `day`
                    FROM `transactions` AS `t2`
                    WHERE
                      CAST(`t2`.`date` AS DATE) <= DATE(2025, 12, 31)
                  ) AS `t7`
                  WHERE
                    EXISTS(
                      SELECT
                        1
                      FROM `customers_with_refunds` AS `t4`
                      WHERE
                        `t7`.`customer_id` = `t4`.`customer_id`
                    )
                ) AS `t8`
              ) AS `t9`
            ) AS `t10`
          ) AS `t11`
          GROUP BY
            1,
            2
        ) AS `t12`
      ) AS `t13`
    ) AS `t14`
    GROUP BY
      1,
      2
  ) AS `t15`
) AS `t16`;
