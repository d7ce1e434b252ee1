-- first_purchases, with days such as 2025-01-01, 2025-06-30, 2025-12-31

WITH `t2` AS (
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
    ) AS `amount`,
    SUM(CAST(`t1`.`amount` > 0 AS INT64)) AS `lines`
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
)
SELECT
  `t8`.`customer_id`,
  MIN(`t8`.`first_day`) AS `first_day`,
  MAX(IF(DATE_DIFF(`t8`.`day`, `t8`.`first_day`, DAY) = 0, `t8`.`amount`, NULL)) AS `first_spend`,
  SUM(
    CAST((
      `t8`.`amount` > 0
    )
    AND DATE_DIFF(`t8`.`day`, `t8`.`first_day`, DAY) BETWEEN 1 AND 60 AS INT64)
  ) AS `purchases`,
  SUM(
    IF(DATE_DIFF(`t8`.`day`, `t8`.`first_day`, DAY) BETWEEN 1 AND 60, `t8`.`amount`, NULL)
  ) AS `spend`,
  MAX(IF(DATE_DIFF(`t8`.`day`, `t8`.`first_day`, DAY) = 0, `t8`.`lines`, NULL)) AS `first_lines`
FROM (
  SELECT
    `t4`.`customer_id`,
    `t4`.`day`,
    `t4`.`amount`,
    `t4`.`lines`,
    `t7`.`first_day`
  FROM `t2` AS `t4`
  INNER JOIN (
    SELECT
      `t5`.`customer_id`,
      MIN(`t5`.`day`) AS `first_day`
    FROM (
      SELECT
        *
      FROM `t2` AS `t3`
      WHERE
        `t3`.`amount` > 0
    ) AS `t5`
    GROUP BY
      1
  ) AS `t7`
    ON `t4`.`customer_id` = `t7`.`customer_id`
) AS `t8`
GROUP BY
  1;

SELECT
  *
FROM (
  SELECT
    `t10`.`customer_id`,
    `t10`.`channel`,
    `t10`.`spent`,
    ROW_NUMBER() OVER (PARTITION BY `t10`.`customer_id` ORDER BY `t10`.`spent` DESC, `t10`.`channel` ASC) - 1 AS `place`
  FROM (
    SELECT
      `t9`.`customer_id`,
      `t9`.`channel`,
      SUM(`t9`.`amount`) AS `spent`
    FROM (
      SELECT
        *
      FROM (
        SELECT
          `t3`.`customer_id`,
          `t3`.`date`,
          `t3`.`amount`,
          `t3`.`order_id`,
          `t3`.`channel`,
          `t3`.`product`,
          `t3`.`category`,
          `t3`.`cost`,
          `t3`.`day`,
          `t7`.`first_day`
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
            CAST(`t0`.`date` AS DATE) <= DATE(2025, 12, 31) AND `t0`.`amount` > 0
        ) AS `t3`
        INNER JOIN (
          SELECT
            `t5`.`customer_id`,
            MIN(`t5`.`day`) AS `first_day`
          FROM (
            SELECT
              *
            FROM (
              SELECT
                `t2`.`customer_id`,
                `t2`.`day`,
                IF(
                  MAX(ABS(`t2`.`amount`)) >= 0.01,
                  CAST(ROUND(SUM(`t2`.`amount`), 8) AS FLOAT64),
                  ieee_divide(
                    CAST(ROUND(
                      SUM(`t2`.`amount`) * (
                        POWER(
                          10.0,
                          (
                            -(
                              CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t2`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
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
                          CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t2`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
                        ) + 7
                      )
                    )
                  )
                ) AS `amount`,
                SUM(CAST(`t2`.`amount` > 0 AS INT64)) AS `lines`
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
              ) AS `t2`
              GROUP BY
                1,
                2
            ) AS `t4`
            WHERE
              `t4`.`amount` > 0
          ) AS `t5`
          GROUP BY
            1
        ) AS `t7`
          ON `t3`.`customer_id` = `t7`.`customer_id` AND `t3`.`day` = `t7`.`first_day`
      ) AS `t8`
      WHERE
        `t8`.`channel` IS NOT NULL
    ) AS `t9`
    GROUP BY
      1,
      2
  ) AS `t10`
) AS `t11`
WHERE
  `t11`.`place` = 0;

SELECT
  *
FROM (
  SELECT
    `t10`.`customer_id`,
    `t10`.`category`,
    `t10`.`spent`,
    ROW_NUMBER() OVER (
      PARTITION BY `t10`.`customer_id`
      ORDER BY `t10`.`spent` DESC, `t10`.`category` ASC
    ) - 1 AS `place`
  FROM (
    SELECT
      `t9`.`customer_id`,
      `t9`.`category`,
      SUM(`t9`.`amount`) AS `spent`
    FROM (
      SELECT
        *
      FROM (
        SELECT
          `t3`.`customer_id`,
          `t3`.`date`,
          `t3`.`amount`,
          `t3`.`order_id`,
          `t3`.`channel`,
          `t3`.`product`,
          `t3`.`category`,
          `t3`.`cost`,
          `t3`.`day`,
          `t7`.`first_day`
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
            CAST(`t0`.`date` AS DATE) <= DATE(2025, 12, 31) AND `t0`.`amount` > 0
        ) AS `t3`
        INNER JOIN (
          SELECT
            `t5`.`customer_id`,
            MIN(`t5`.`day`) AS `first_day`
          FROM (
            SELECT
              *
            FROM (
              SELECT
                `t2`.`customer_id`,
                `t2`.`day`,
                IF(
                  MAX(ABS(`t2`.`amount`)) >= 0.01,
                  CAST(ROUND(SUM(`t2`.`amount`), 8) AS FLOAT64),
                  ieee_divide(
                    CAST(ROUND(
                      SUM(`t2`.`amount`) * (
                        POWER(
                          10.0,
                          (
                            -(
                              CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t2`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
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
                          CAST(FLOOR(LOG(ieee_divide(GREATEST(MAX(ABS(`t2`.`amount`)), 1e-10), 0.01), 10)) AS INT64)
                        ) + 7
                      )
                    )
                  )
                ) AS `amount`,
                SUM(CAST(`t2`.`amount` > 0 AS INT64)) AS `lines`
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
              ) AS `t2`
              GROUP BY
                1,
                2
            ) AS `t4`
            WHERE
              `t4`.`amount` > 0
          ) AS `t5`
          GROUP BY
            1
        ) AS `t7`
          ON `t3`.`customer_id` = `t7`.`customer_id` AND `t3`.`day` = `t7`.`first_day`
      ) AS `t8`
      WHERE
        `t8`.`category` IS NOT NULL
    ) AS `t9`
    GROUP BY
      1,
      2
  ) AS `t10`
) AS `t11`
WHERE
  `t11`.`place` = 0;
