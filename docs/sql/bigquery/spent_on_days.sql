-- spent_on_days, with days such as 2025-01-01, 2025-06-30, 2025-12-31

CREATE TEMPORARY TABLE added_up AS
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
) AS `t1`
GROUP BY
  1,
  2;

CREATE TEMPORARY TABLE customers_with_refunds AS
SELECT DISTINCT
  *
FROM (
  SELECT
    *
  FROM (
    SELECT
      `t0`.`customer_id`
    FROM `added_up` AS `t0`
    WHERE
      NOT (
        `t0`.`amount` > 0
      )
  ) AS `t3`
  UNION ALL
  SELECT
    *
  FROM (
    SELECT
      `t1`.`customer_id`
    FROM `transactions` AS `t1`
    WHERE
      `t1`.`amount` < 0 AND `t1`.`order_id` IS NOT NULL
  ) AS `t2`
) AS `t4`;

SELECT
  *
FROM (
  SELECT
    `t5`.`customer_id`,
    `t5`.`day`,
    `t5`.`amount`,
    `t5`.`bought`
  FROM (
    SELECT
      `t0`.`customer_id`,
      `t0`.`day`,
      `t0`.`amount`,
      TRUE AS `bought`
    FROM `added_up` AS `t0`
    WHERE
      `t0`.`day` <= DATE(2025, 12, 31)
  ) AS `t5`
  WHERE
    NOT EXISTS(
      SELECT
        1
      FROM `customers_with_refunds` AS `t3`
      WHERE
        `t5`.`customer_id` = `t3`.`customer_id`
    )
) AS `t8`
UNION ALL
SELECT
  *
FROM (
  SELECT
    `t16`.`customer_id`,
    `t16`.`purchased_on` AS `day`,
    `t16`.`amount`,
    `t16`.`bought` AND (
      `t16`.`amount` > 0
    ) AS `bought`
  FROM (
    SELECT
      `t15`.`customer_id`,
      `t15`.`purchased_on`,
      IF(
        MAX(ABS(`t15`.`amount`)) >= 0.01,
        CAST(ROUND(SUM(`t15`.`amount`), 8) AS FLOAT64),
        ieee_divide(
          CAST(ROUND(
            SUM(`t15`.`amount`) * (
              POWER(
                10.0,
                (
                  -(
                    CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t15`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
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
                CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t15`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
              ) + 7
            )
          )
        )
      ) AS `amount`,
      LOGICAL_OR(`t15`.`buys`) AS `bought`
    FROM (
      SELECT
        `t14`.`customer_id`,
        `t14`.`day`,
        `t14`.`amount`,
        `t14`.`buys`,
        COALESCE(
          MAX(IF(`t14`.`buys`, `t14`.`day`, NULL)) OVER (
            PARTITION BY `t14`.`customer_id`
            ORDER BY `t14`.`day` ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
          ),
          `t14`.`day`
        ) AS `purchased_on`
      FROM (
        SELECT
          `t13`.`customer_id`,
          `t13`.`day`,
          `t13`.`amount`,
          `t13`.`amount` > 0 AS `buys`
        FROM (
          SELECT
            `t12`.`customer_id`,
            `t12`.`day`,
            IF(
              MAX(ABS(`t12`.`amount`)) >= 0.01,
              CAST(ROUND(SUM(`t12`.`amount`), 8) AS FLOAT64),
              ieee_divide(
                CAST(ROUND(
                  SUM(`t12`.`amount`) * (
                    POWER(
                      10.0,
                      (
                        -(
                          CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t12`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
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
                      CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t12`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
                    ) + 7
                  )
                )
              )
            ) AS `amount`
          FROM (
            SELECT
              `t11`.*
              EXCEPT (`bought_on`)
            FROM (
              SELECT
                `t10`.`customer_id`,
                `t10`.`date`,
                `t10`.`amount`,
                `t10`.`order_id`,
                `t10`.`channel`,
                `t10`.`product`,
                `t10`.`category`,
                `t10`.`cost`,
                COALESCE(`t10`.`bought_on`, `t10`.`day`) AS `day`,
                `t10`.`bought_on`,
                `t10`.`bought_on` IS NOT NULL AS `by_order`
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
                  `t9`.`day`,
                  IF(
                    (
                      `t9`.`amount` < 0
                    ) AND (
                      `t9`.`order_id` IS NOT NULL
                    ),
                    MAX(IF(`t9`.`amount` > 0, `t9`.`day`, NULL)) OVER (
                      PARTITION BY `t9`.`customer_id`, `t9`.`order_id`
                      ORDER BY `t9`.`day` ASC, `t9`.`amount` DESC
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
                      FROM `customers_with_refunds` AS `t3`
                      WHERE
                        `t7`.`customer_id` = `t3`.`customer_id`
                    )
                ) AS `t9`
              ) AS `t10`
            ) AS `t11`
          ) AS `t12`
          GROUP BY
            1,
            2
        ) AS `t13`
      ) AS `t14`
    ) AS `t15`
    GROUP BY
      1,
      2
  ) AS `t16`
) AS `t17`;
