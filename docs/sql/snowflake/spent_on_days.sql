-- spent_on_days, with days such as 2025-01-01, 2025-06-30, 2025-12-31

WITH "t1" AS (
  SELECT
    "t0"."customer_id",
    "t0"."date",
    "t0"."amount",
    "t0"."order_id",
    "t0"."channel",
    "t0"."product",
    "t0"."category",
    "t0"."cost",
    CAST("t0"."date" AS DATE) AS "day"
  FROM "transactions" AS "t0"
  WHERE
    CAST("t0"."date" AS DATE) <= DATE_FROM_PARTS(2025, 12, 31)
), "t5" AS (
  SELECT
    "t3"."customer_id",
    "t3"."day",
    CAST(ROUND(
      SUM("t3"."amount") * (
        POWER(
          10.0,
          (
            GREATEST(
              0.0,
              -(
                CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t3"."amount")), 1e-10) / 0.01)) AS BIGINT)
              )
            ) + 7
          )
        )
      ),
      1
    ) AS DOUBLE) / (
      POWER(
        10.0,
        (
          GREATEST(
            0.0,
            -(
              CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t3"."amount")), 1e-10) / 0.01)) AS BIGINT)
            )
          ) + 7
        )
      )
    ) AS "amount"
  FROM "t1" AS "t3"
  GROUP BY
    1,
    2
)
SELECT
  *
FROM (
  SELECT
    "t12"."customer_id",
    "t12"."day",
    "t12"."amount",
    TRUE AS "bought"
  FROM (
    SELECT
      "t7"."customer_id",
      "t7"."day",
      "t7"."amount"
    FROM "t5" AS "t7"
    WHERE
      NOT EXISTS(
        SELECT
          1
        FROM (
          SELECT DISTINCT
            *
          FROM (
            SELECT
              *
            FROM (
              SELECT
                "t6"."customer_id"
              FROM "t5" AS "t6"
              WHERE
                NOT (
                  "t6"."amount" > 0
                )
            ) AS "t8"
            UNION ALL
            SELECT
              *
            FROM (
              SELECT
                "t0"."customer_id"
              FROM "transactions" AS "t0"
              WHERE
                CAST("t0"."date" AS DATE) <= DATE_FROM_PARTS(2025, 12, 31)
                AND "t0"."amount" < 0
                AND "t0"."order_id" IS NOT NULL
            ) AS "t2"
          ) AS "t9"
        ) AS "t11"
        WHERE
          "t7"."customer_id" = "t11"."customer_id"
      )
  ) AS "t12"
) AS "t14"
UNION ALL
SELECT
  *
FROM (
  SELECT
    "t21"."customer_id",
    "t21"."purchased_on" AS "day",
    "t21"."amount",
    "t21"."bought" AND (
      "t21"."amount" > 0
    ) AS "bought"
  FROM (
    SELECT
      "t20"."customer_id",
      "t20"."purchased_on",
      CAST(ROUND(
        SUM("t20"."amount") * (
          POWER(
            10.0,
            (
              GREATEST(
                0.0,
                -(
                  CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t20"."amount")), 1e-10) / 0.01)) AS BIGINT)
                )
              ) + 7
            )
          )
        ),
        1
      ) AS DOUBLE) / (
        POWER(
          10.0,
          (
            GREATEST(
              0.0,
              -(
                CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t20"."amount")), 1e-10) / 0.01)) AS BIGINT)
              )
            ) + 7
          )
        )
      ) AS "amount",
      MAX("t20"."buys") AS "bought"
    FROM (
      SELECT
        "t19"."customer_id",
        "t19"."day",
        "t19"."amount",
        "t19"."buys",
        COALESCE(
          MAX(IFF("t19"."buys", "t19"."day", NULL)) OVER (
            PARTITION BY "t19"."customer_id"
            ORDER BY "t19"."day" ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
          ),
          "t19"."day"
        ) AS "purchased_on"
      FROM (
        SELECT
          "t18"."customer_id",
          "t18"."day",
          "t18"."amount",
          "t18"."amount" > 0 AS "buys"
        FROM (
          SELECT
            "t17"."customer_id",
            "t17"."day",
            CAST(ROUND(
              SUM("t17"."amount") * (
                POWER(
                  10.0,
                  (
                    GREATEST(
                      0.0,
                      -(
                        CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t17"."amount")), 1e-10) / 0.01)) AS BIGINT)
                      )
                    ) + 7
                  )
                )
              ),
              1
            ) AS DOUBLE) / (
              POWER(
                10.0,
                (
                  GREATEST(
                    0.0,
                    -(
                      CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t17"."amount")), 1e-10) / 0.01)) AS BIGINT)
                    )
                  ) + 7
                )
              )
            ) AS "amount"
          FROM (
            SELECT
              "t16".*
              EXCLUDE ("bought_on")
            FROM (
              SELECT
                "t15"."customer_id",
                "t15"."date",
                "t15"."amount",
                "t15"."order_id",
                "t15"."channel",
                "t15"."product",
                "t15"."category",
                "t15"."cost",
                COALESCE("t15"."bought_on", "t15"."day") AS "day",
                "t15"."bought_on",
                "t15"."bought_on" IS NOT NULL AS "by_order"
              FROM (
                SELECT
                  "t13"."customer_id",
                  "t13"."date",
                  "t13"."amount",
                  "t13"."order_id",
                  "t13"."channel",
                  "t13"."product",
                  "t13"."category",
                  "t13"."cost",
                  "t13"."day",
                  IFF(
                    (
                      "t13"."amount" < 0
                    ) AND (
                      "t13"."order_id" IS NOT NULL
                    ),
                    MAX(IFF("t13"."amount" > 0, "t13"."day", NULL)) OVER (
                      PARTITION BY "t13"."customer_id", "t13"."order_id"
                      ORDER BY "t13"."day" ASC, "t13"."amount" DESC NULLS LAST
                      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                    ),
                    CAST(NULL AS DATE)
                  ) AS "bought_on"
                FROM (
                  SELECT
                    "t4"."customer_id",
                    "t4"."date",
                    "t4"."amount",
                    "t4"."order_id",
                    "t4"."channel",
                    "t4"."product",
                    "t4"."category",
                    "t4"."cost",
                    "t4"."day"
                  FROM "t1" AS "t4"
                  WHERE
                    EXISTS(
                      SELECT
                        1
                      FROM (
                        SELECT DISTINCT
                          *
                        FROM (
                          SELECT
                            *
                          FROM (
                            SELECT
                              "t6"."customer_id"
                            FROM "t5" AS "t6"
                            WHERE
                              NOT (
                                "t6"."amount" > 0
                              )
                          ) AS "t8"
                          UNION ALL
                          SELECT
                            *
                          FROM (
                            SELECT
                              "t0"."customer_id"
                            FROM "transactions" AS "t0"
                            WHERE
                              CAST("t0"."date" AS DATE) <= DATE_FROM_PARTS(2025, 12, 31)
                              AND "t0"."amount" < 0
                              AND "t0"."order_id" IS NOT NULL
                          ) AS "t2"
                        ) AS "t9"
                      ) AS "t11"
                      WHERE
                        "t4"."customer_id" = "t11"."customer_id"
                    )
                ) AS "t13"
              ) AS "t15"
            ) AS "t16"
          ) AS "t17"
          GROUP BY
            1,
            2
        ) AS "t18"
      ) AS "t19"
    ) AS "t20"
    GROUP BY
      1,
      2
  ) AS "t21"
) AS "t22";
