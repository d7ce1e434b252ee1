-- spent_on_days, with days such as 2025-01-01, 2025-06-30, 2025-12-31

CREATE TEMPORARY TABLE kept AS
SELECT
  "t2"."customer_id",
  "t2"."day",
  "t2"."amount",
  TRUE AS "bought"
FROM (
  SELECT
    "t1"."customer_id",
    "t1"."day",
    IFF(
      MAX(ABS("t1"."amount")) >= 0.01,
      CAST(ROUND(SUM("t1"."amount"), 8) AS DOUBLE),
      CAST(ROUND(
        SUM("t1"."amount") * (
          POWER(
            10.0,
            (
              -(
                CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t1"."amount")), 1e-10) / 0.01)) AS BIGINT)
              ) + 7
            )
          )
        ),
        1
      ) AS DOUBLE) / (
        POWER(
          10.0,
          (
            -(
              CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t1"."amount")), 1e-10) / 0.01)) AS BIGINT)
            ) + 7
          )
        )
      )
    ) AS "amount"
  FROM (
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
  ) AS "t1"
  GROUP BY
    1,
    2
) AS "t2";

SELECT
  *
FROM (
  SELECT
    "t2"."customer_id",
    "t2"."day",
    "t2"."amount",
    "t2"."bought"
  FROM "kept" AS "t2"
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
              "t0"."customer_id"
            FROM "kept" AS "t0"
            WHERE
              NOT (
                "t0"."amount" > 0
              )
          ) AS "t3"
          UNION ALL
          SELECT
            *
          FROM (
            SELECT
              "t1"."customer_id"
            FROM "transactions" AS "t1"
            WHERE
              CAST("t1"."date" AS DATE) <= DATE_FROM_PARTS(2025, 12, 31)
              AND "t1"."amount" < 0
              AND "t1"."order_id" IS NOT NULL
          ) AS "t4"
        ) AS "t6"
      ) AS "t9"
      WHERE
        "t2"."customer_id" = "t9"."customer_id"
    )
) AS "t10"
UNION ALL
SELECT
  *
FROM (
  SELECT
    "t18"."customer_id",
    "t18"."purchased_on" AS "day",
    "t18"."amount",
    "t18"."bought" AND (
      "t18"."amount" > 0
    ) AS "bought"
  FROM (
    SELECT
      "t17"."customer_id",
      "t17"."purchased_on",
      IFF(
        MAX(ABS("t17"."amount")) >= 0.01,
        CAST(ROUND(SUM("t17"."amount"), 8) AS DOUBLE),
        CAST(ROUND(
          SUM("t17"."amount") * (
            POWER(
              10.0,
              (
                -(
                  CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t17"."amount")), 1e-10) / 0.01)) AS BIGINT)
                ) + 7
              )
            )
          ),
          1
        ) AS DOUBLE) / (
          POWER(
            10.0,
            (
              -(
                CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t17"."amount")), 1e-10) / 0.01)) AS BIGINT)
              ) + 7
            )
          )
        )
      ) AS "amount",
      MAX("t17"."buys") AS "bought"
    FROM (
      SELECT
        "t16"."customer_id",
        "t16"."day",
        "t16"."amount",
        "t16"."buys",
        COALESCE(
          MAX(IFF("t16"."buys", "t16"."day", NULL)) OVER (
            PARTITION BY "t16"."customer_id"
            ORDER BY "t16"."day" ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
          ),
          "t16"."day"
        ) AS "purchased_on"
      FROM (
        SELECT
          "t15"."customer_id",
          "t15"."day",
          "t15"."amount",
          "t15"."amount" > 0 AS "buys"
        FROM (
          SELECT
            "t14"."customer_id",
            "t14"."day",
            IFF(
              MAX(ABS("t14"."amount")) >= 0.01,
              CAST(ROUND(SUM("t14"."amount"), 8) AS DOUBLE),
              CAST(ROUND(
                SUM("t14"."amount") * (
                  POWER(
                    10.0,
                    (
                      -(
                        CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t14"."amount")), 1e-10) / 0.01)) AS BIGINT)
                      ) + 7
                    )
                  )
                ),
                1
              ) AS DOUBLE) / (
                POWER(
                  10.0,
                  (
                    -(
                      CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t14"."amount")), 1e-10) / 0.01)) AS BIGINT)
                    ) + 7
                  )
                )
              )
            ) AS "amount"
          FROM (
            SELECT
              "t13".*
              EXCLUDE ("bought_on")
            FROM (
              SELECT
                "t12"."customer_id",
                "t12"."date",
                "t12"."amount",
                "t12"."order_id",
                "t12"."channel",
                "t12"."product",
                "t12"."category",
                "t12"."cost",
                COALESCE("t12"."bought_on", "t12"."day") AS "day",
                "t12"."bought_on",
                "t12"."bought_on" IS NOT NULL AS "by_order"
              FROM (
                SELECT
                  "t11"."customer_id",
                  "t11"."date",
                  "t11"."amount",
                  "t11"."order_id",
                  "t11"."channel",
                  "t11"."product",
                  "t11"."category",
                  "t11"."cost",
                  "t11"."day",
                  IFF(
                    (
                      "t11"."amount" < 0
                    ) AND (
                      "t11"."order_id" IS NOT NULL
                    ),
                    MAX(IFF("t11"."amount" > 0, "t11"."day", NULL)) OVER (
                      PARTITION BY "t11"."customer_id", "t11"."order_id"
                      ORDER BY "t11"."day" ASC, "t11"."amount" DESC NULLS LAST
                      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                    ),
                    CAST(NULL AS DATE)
                  ) AS "bought_on"
                FROM (
                  SELECT
                    "t7"."customer_id",
                    "t7"."date",
                    "t7"."amount",
                    "t7"."order_id",
                    "t7"."channel",
                    "t7"."product",
                    "t7"."category",
                    "t7"."cost",
                    "t7"."day"
                  FROM (
                    SELECT
                      "t1"."customer_id",
                      "t1"."date",
                      "t1"."amount",
                      "t1"."order_id",
                      "t1"."channel",
                      "t1"."product",
                      "t1"."category",
                      "t1"."cost",
                      CAST("t1"."date" AS DATE) AS "day"
                    FROM "transactions" AS "t1"
                    WHERE
                      CAST("t1"."date" AS DATE) <= DATE_FROM_PARTS(2025, 12, 31)
                  ) AS "t7"
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
                              "t0"."customer_id"
                            FROM "kept" AS "t0"
                            WHERE
                              NOT (
                                "t0"."amount" > 0
                              )
                          ) AS "t3"
                          UNION ALL
                          SELECT
                            *
                          FROM (
                            SELECT
                              "t1"."customer_id"
                            FROM "transactions" AS "t1"
                            WHERE
                              CAST("t1"."date" AS DATE) <= DATE_FROM_PARTS(2025, 12, 31)
                              AND "t1"."amount" < 0
                              AND "t1"."order_id" IS NOT NULL
                          ) AS "t4"
                        ) AS "t6"
                      ) AS "t9"
                      WHERE
                        "t7"."customer_id" = "t9"."customer_id"
                    )
                ) AS "t11"
              ) AS "t12"
            ) AS "t13"
          ) AS "t14"
          GROUP BY
            1,
            2
        ) AS "t15"
      ) AS "t16"
    ) AS "t17"
    GROUP BY
      1,
      2
  ) AS "t18"
) AS "t19";
