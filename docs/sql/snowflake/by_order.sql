-- by_order, with days such as 2025-01-01, 2025-06-30, 2025-12-31

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
)
SELECT
  "t27"."customer_id",
  "t27"."lines",
  "t27"."amount",
  COALESCE("t27"."order", CAST("t27"."day" AS VARCHAR)) AS "order",
  CAST("t27"."day" AS VARCHAR) AS "day"
FROM (
  SELECT
    "t26"."customer_id",
    "t26"."order_id" AS "order",
    "t26"."purchased_on" AS "day",
    COUNT(*) AS "lines",
    IFF(
      MAX(ABS("t26"."amount")) >= 0.01,
      CAST(ROUND(SUM("t26"."amount"), 8) AS DOUBLE),
      CAST(ROUND(
        SUM("t26"."amount") * (
          POWER(
            10.0,
            (
              -(
                CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t26"."amount")), 1e-10) / 0.01)) AS BIGINT)
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
              CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t26"."amount")), 1e-10) / 0.01)) AS BIGINT)
            ) + 7
          )
        )
      )
    ) AS "amount"
  FROM (
    SELECT
      "t25".*
      EXCLUDE ("goes_to")
    FROM (
      SELECT
        *
      FROM (
        SELECT
          "t12".*
          EXCLUDE ("day")
        FROM (
          SELECT
            "t10"."customer_id",
            "t10"."date",
            "t10"."amount",
            "t10"."order_id",
            "t10"."channel",
            "t10"."product",
            "t10"."category",
            "t10"."cost",
            "t10"."day",
            "t10"."day" AS "purchased_on",
            IFF("t10"."amount" < 0, 'what was bought that day', CAST(NULL AS VARCHAR)) AS "goes_to"
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
                        "t5"."customer_id"
                      FROM (
                        SELECT
                          "t3"."customer_id",
                          "t3"."day",
                          IFF(
                            MAX(ABS("t3"."amount")) >= 0.01,
                            CAST(ROUND(SUM("t3"."amount"), 8) AS DOUBLE),
                            CAST(ROUND(
                              SUM("t3"."amount") * (
                                POWER(
                                  10.0,
                                  (
                                    -(
                                      CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t3"."amount")), 1e-10) / 0.01)) AS BIGINT)
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
                                    CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t3"."amount")), 1e-10) / 0.01)) AS BIGINT)
                                  ) + 7
                                )
                              )
                            )
                          ) AS "amount"
                        FROM "t1" AS "t3"
                        GROUP BY
                          1,
                          2
                      ) AS "t5"
                      WHERE
                        NOT (
                          "t5"."amount" > 0
                        )
                    ) AS "t6"
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
                  ) AS "t7"
                ) AS "t9"
                WHERE
                  "t4"."customer_id" = "t9"."customer_id"
              )
          ) AS "t10"
        ) AS "t12"
      ) AS "t13"
      UNION ALL
      SELECT
        *
      FROM (
        SELECT
          "t23"."customer_id",
          "t23"."date",
          "t23"."amount",
          "t23"."order_id",
          "t23"."channel",
          "t23"."product",
          "t23"."category",
          "t23"."cost",
          "t23"."purchased_on",
          CASE
            WHEN "t23"."amount" >= 0
            THEN CAST(NULL AS VARCHAR)
            WHEN "t23"."by_order"
            THEN 'their order'
            WHEN "t23"."buys"
            THEN 'what was bought that day'
            WHEN "t23"."purchased_on" < "t23"."day"
            THEN 'the purchase before'
            ELSE 'nothing known'
          END AS "goes_to"
        FROM (
          SELECT
            "t17"."customer_id",
            "t17"."date",
            "t17"."amount",
            "t17"."order_id",
            "t17"."channel",
            "t17"."product",
            "t17"."category",
            "t17"."cost",
            "t17"."day",
            "t17"."by_order",
            "t22"."buys",
            "t22"."purchased_on"
          FROM (
            SELECT
              "t15".*
              EXCLUDE ("bought_on")
            FROM (
              SELECT
                "t14"."customer_id",
                "t14"."date",
                "t14"."amount",
                "t14"."order_id",
                "t14"."channel",
                "t14"."product",
                "t14"."category",
                "t14"."cost",
                COALESCE("t14"."bought_on", "t14"."day") AS "day",
                "t14"."bought_on",
                "t14"."bought_on" IS NOT NULL AS "by_order"
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
                              "t5"."customer_id"
                            FROM (
                              SELECT
                                "t3"."customer_id",
                                "t3"."day",
                                IFF(
                                  MAX(ABS("t3"."amount")) >= 0.01,
                                  CAST(ROUND(SUM("t3"."amount"), 8) AS DOUBLE),
                                  CAST(ROUND(
                                    SUM("t3"."amount") * (
                                      POWER(
                                        10.0,
                                        (
                                          -(
                                            CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t3"."amount")), 1e-10) / 0.01)) AS BIGINT)
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
                                          CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t3"."amount")), 1e-10) / 0.01)) AS BIGINT)
                                        ) + 7
                                      )
                                    )
                                  )
                                ) AS "amount"
                              FROM "t1" AS "t3"
                              GROUP BY
                                1,
                                2
                            ) AS "t5"
                            WHERE
                              NOT (
                                "t5"."amount" > 0
                              )
                          ) AS "t6"
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
                        ) AS "t7"
                      ) AS "t9"
                      WHERE
                        "t4"."customer_id" = "t9"."customer_id"
                    )
                ) AS "t11"
              ) AS "t14"
            ) AS "t15"
          ) AS "t17"
          INNER JOIN (
            SELECT
              "t20".*
              EXCLUDE ("amount")
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
                    "t16"."customer_id",
                    "t16"."day",
                    IFF(
                      MAX(ABS("t16"."amount")) >= 0.01,
                      CAST(ROUND(SUM("t16"."amount"), 8) AS DOUBLE),
                      CAST(ROUND(
                        SUM("t16"."amount") * (
                          POWER(
                            10.0,
                            (
                              -(
                                CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t16"."amount")), 1e-10) / 0.01)) AS BIGINT)
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
                              CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t16"."amount")), 1e-10) / 0.01)) AS BIGINT)
                            ) + 7
                          )
                        )
                      )
                    ) AS "amount"
                  FROM (
                    SELECT
                      "t15".*
                      EXCLUDE ("bought_on")
                    FROM (
                      SELECT
                        "t14"."customer_id",
                        "t14"."date",
                        "t14"."amount",
                        "t14"."order_id",
                        "t14"."channel",
                        "t14"."product",
                        "t14"."category",
                        "t14"."cost",
                        COALESCE("t14"."bought_on", "t14"."day") AS "day",
                        "t14"."bought_on",
                        "t14"."bought_on" IS NOT NULL AS "by_order"
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
                                      "t5"."customer_id"
                                    FROM (
                                      SELECT
                                        "t3"."customer_id",
                                        "t3"."day",
                                        IFF(
                                          MAX(ABS("t3"."amount")) >= 0.01,
                                          CAST(ROUND(SUM("t3"."amount"), 8) AS DOUBLE),
                                          CAST(ROUND(
                                            SUM("t3"."amount") * (
                                              POWER(
                                                10.0,
                                                (
                                                  -(
                                                    CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t3"."amount")), 1e-10) / 0.01)) AS BIGINT)
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
                                                  CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t3"."amount")), 1e-10) / 0.01)) AS BIGINT)
                                                ) + 7
                                              )
                                            )
                                          )
                                        ) AS "amount"
                                      FROM "t1" AS "t3"
                                      GROUP BY
                                        1,
                                        2
                                    ) AS "t5"
                                    WHERE
                                      NOT (
                                        "t5"."amount" > 0
                                      )
                                  ) AS "t6"
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
                                ) AS "t7"
                              ) AS "t9"
                              WHERE
                                "t4"."customer_id" = "t9"."customer_id"
                            )
                        ) AS "t11"
                      ) AS "t14"
                    ) AS "t15"
                  ) AS "t16"
                  GROUP BY
                    1,
                    2
                ) AS "t18"
              ) AS "t19"
            ) AS "t20"
          ) AS "t22"
            ON "t17"."customer_id" = "t22"."customer_id" AND "t17"."day" = "t22"."day"
        ) AS "t23"
      ) AS "t24"
    ) AS "t25"
  ) AS "t26"
  GROUP BY
    1,
    2,
    3
) AS "t27";
