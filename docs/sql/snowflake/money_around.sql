-- money_around, with days such as 2025-01-01, 2025-06-30, 2025-12-31

WITH "t9" AS (
  SELECT
    "t8"."customer_id",
    "t8"."date",
    "t8"."amount",
    "t8"."order_id",
    "t8"."channel",
    "t8"."product",
    "t8"."category",
    "t8"."cost",
    "t8"."date" AS "day"
  FROM (
    SELECT
      "t7".*
      EXCLUDE ("assigned_on", "day")
    FROM (
      SELECT
        "t6"."customer_id",
        DATEADD(DAY, DATEDIFF(DAY, "t6"."assigned_on", "t6"."day"), DATE_FROM_PARTS(2000, 1, 1)) AS "date",
        "t6"."amount",
        "t6"."order_id",
        "t6"."channel",
        "t6"."product",
        "t6"."category",
        "t6"."cost",
        "t6"."day",
        "t6"."assigned_on"
      FROM (
        SELECT
          "t5".*
          EXCLUDE ("member")
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
            "t4"."day",
            "t2"."member",
            "t2"."assigned_on"
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
          ) AS "t4"
          INNER JOIN "given" AS "t2"
            ON "t4"."customer_id" = "t2"."member"
        ) AS "t5"
      ) AS "t6"
    ) AS "t7"
  ) AS "t8"
  WHERE
    "t8"."date" <= DATE_FROM_PARTS(2000, 3, 1)
)
SELECT
  "t35"."customer_id",
  CAST(FLOOR((
    "t35"."since"
  ) / (
    30
  )) AS BIGINT) AS "step",
  SUM("t35"."amount") AS "revenue",
  SUM(COALESCE("t35"."amount" - "t35"."cost", "t35"."amount" * 0.3)) AS "contribution",
  SUM(CAST("t35"."cost" IS NULL AS INT)) AS "unknown_costs"
FROM (
  SELECT
    "t34"."customer_id",
    "t34"."date",
    "t34"."amount",
    "t34"."order_id",
    "t34"."channel",
    "t34"."product",
    "t34"."category",
    "t34"."cost",
    "t34"."purchased_on",
    DATEDIFF(DAY, DATE_FROM_PARTS(1999, 12, 2), "t34"."purchased_on") AS "since"
  FROM (
    SELECT
      "t33".*
      EXCLUDE ("goes_to")
    FROM (
      SELECT
        *
      FROM (
        SELECT
          "t20".*
          EXCLUDE ("day")
        FROM (
          SELECT
            "t18"."customer_id",
            "t18"."date",
            "t18"."amount",
            "t18"."order_id",
            "t18"."channel",
            "t18"."product",
            "t18"."category",
            "t18"."cost",
            "t18"."day",
            "t18"."day" AS "purchased_on",
            IFF("t18"."amount" < 0, 'what was bought that day', CAST(NULL AS VARCHAR)) AS "goes_to"
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
              "t12"."day"
            FROM "t9" AS "t12"
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
                        "t13"."customer_id"
                      FROM (
                        SELECT
                          "t11"."customer_id",
                          "t11"."day",
                          IFF(
                            MAX(ABS("t11"."amount")) >= 0.01,
                            CAST(ROUND(SUM("t11"."amount"), 8) AS DOUBLE),
                            CAST(ROUND(
                              SUM("t11"."amount") * (
                                POWER(
                                  10.0,
                                  (
                                    -(
                                      CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t11"."amount")), 1e-10) / 0.01)) AS BIGINT)
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
                                    CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t11"."amount")), 1e-10) / 0.01)) AS BIGINT)
                                  ) + 7
                                )
                              )
                            )
                          ) AS "amount"
                        FROM "t9" AS "t11"
                        GROUP BY
                          1,
                          2
                      ) AS "t13"
                      WHERE
                        NOT (
                          "t13"."amount" > 0
                        )
                    ) AS "t14"
                    UNION ALL
                    SELECT
                      *
                    FROM (
                      SELECT
                        "t8"."customer_id"
                      FROM (
                        SELECT
                          "t7".*
                          EXCLUDE ("assigned_on", "day")
                        FROM (
                          SELECT
                            "t6"."customer_id",
                            DATEADD(DAY, DATEDIFF(DAY, "t6"."assigned_on", "t6"."day"), DATE_FROM_PARTS(2000, 1, 1)) AS "date",
                            "t6"."amount",
                            "t6"."order_id",
                            "t6"."channel",
                            "t6"."product",
                            "t6"."category",
                            "t6"."cost",
                            "t6"."day",
                            "t6"."assigned_on"
                          FROM (
                            SELECT
                              "t5".*
                              EXCLUDE ("member")
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
                                "t4"."day",
                                "t2"."member",
                                "t2"."assigned_on"
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
                              ) AS "t4"
                              INNER JOIN "given" AS "t2"
                                ON "t4"."customer_id" = "t2"."member"
                            ) AS "t5"
                          ) AS "t6"
                        ) AS "t7"
                      ) AS "t8"
                      WHERE
                        "t8"."date" <= DATE_FROM_PARTS(2000, 3, 1)
                        AND "t8"."amount" < 0
                        AND "t8"."order_id" IS NOT NULL
                    ) AS "t10"
                  ) AS "t15"
                ) AS "t17"
                WHERE
                  "t12"."customer_id" = "t17"."customer_id"
              )
          ) AS "t18"
        ) AS "t20"
      ) AS "t21"
      UNION ALL
      SELECT
        *
      FROM (
        SELECT
          "t31"."customer_id",
          "t31"."date",
          "t31"."amount",
          "t31"."order_id",
          "t31"."channel",
          "t31"."product",
          "t31"."category",
          "t31"."cost",
          "t31"."purchased_on",
          CASE
            WHEN "t31"."amount" >= 0
            THEN CAST(NULL AS VARCHAR)
            WHEN "t31"."by_order"
            THEN 'their order'
            WHEN "t31"."buys"
            THEN 'what was bought that day'
            WHEN "t31"."purchased_on" < "t31"."day"
            THEN 'the purchase before'
            ELSE 'nothing known'
          END AS "goes_to"
        FROM (
          SELECT
            "t25"."customer_id",
            "t25"."date",
            "t25"."amount",
            "t25"."order_id",
            "t25"."channel",
            "t25"."product",
            "t25"."category",
            "t25"."cost",
            "t25"."day",
            "t25"."by_order",
            "t30"."buys",
            "t30"."purchased_on"
          FROM (
            SELECT
              "t23".*
              EXCLUDE ("bought_on")
            FROM (
              SELECT
                "t22"."customer_id",
                "t22"."date",
                "t22"."amount",
                "t22"."order_id",
                "t22"."channel",
                "t22"."product",
                "t22"."category",
                "t22"."cost",
                COALESCE("t22"."bought_on", "t22"."day") AS "day",
                "t22"."bought_on",
                "t22"."bought_on" IS NOT NULL AS "by_order"
              FROM (
                SELECT
                  "t19"."customer_id",
                  "t19"."date",
                  "t19"."amount",
                  "t19"."order_id",
                  "t19"."channel",
                  "t19"."product",
                  "t19"."category",
                  "t19"."cost",
                  "t19"."day",
                  IFF(
                    (
                      "t19"."amount" < 0
                    ) AND (
                      "t19"."order_id" IS NOT NULL
                    ),
                    MAX(IFF("t19"."amount" > 0, "t19"."day", NULL)) OVER (
                      PARTITION BY "t19"."customer_id", "t19"."order_id"
                      ORDER BY "t19"."day" ASC, "t19"."amount" DESC NULLS LAST
                      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                    ),
                    CAST(NULL AS DATE)
                  ) AS "bought_on"
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
                    "t12"."day"
                  FROM "t9" AS "t12"
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
                              "t13"."customer_id"
                            FROM (
                              SELECT
                                "t11"."customer_id",
                                "t11"."day",
                                IFF(
                                  MAX(ABS("t11"."amount")) >= 0.01,
                                  CAST(ROUND(SUM("t11"."amount"), 8) AS DOUBLE),
                                  CAST(ROUND(
                                    SUM("t11"."amount") * (
                                      POWER(
                                        10.0,
                                        (
                                          -(
                                            CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t11"."amount")), 1e-10) / 0.01)) AS BIGINT)
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
                                          CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t11"."amount")), 1e-10) / 0.01)) AS BIGINT)
                                        ) + 7
                                      )
                                    )
                                  )
                                ) AS "amount"
                              FROM "t9" AS "t11"
                              GROUP BY
                                1,
                                2
                            ) AS "t13"
                            WHERE
                              NOT (
                                "t13"."amount" > 0
                              )
                          ) AS "t14"
                          UNION ALL
                          SELECT
                            *
                          FROM (
                            SELECT
                              "t8"."customer_id"
                            FROM (
                              SELECT
                                "t7".*
                                EXCLUDE ("assigned_on", "day")
                              FROM (
                                SELECT
                                  "t6"."customer_id",
                                  DATEADD(DAY, DATEDIFF(DAY, "t6"."assigned_on", "t6"."day"), DATE_FROM_PARTS(2000, 1, 1)) AS "date",
                                  "t6"."amount",
                                  "t6"."order_id",
                                  "t6"."channel",
                                  "t6"."product",
                                  "t6"."category",
                                  "t6"."cost",
                                  "t6"."day",
                                  "t6"."assigned_on"
                                FROM (
                                  SELECT
                                    "t5".*
                                    EXCLUDE ("member")
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
                                      "t4"."day",
                                      "t2"."member",
                                      "t2"."assigned_on"
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
                                    ) AS "t4"
                                    INNER JOIN "given" AS "t2"
                                      ON "t4"."customer_id" = "t2"."member"
                                  ) AS "t5"
                                ) AS "t6"
                              ) AS "t7"
                            ) AS "t8"
                            WHERE
                              "t8"."date" <= DATE_FROM_PARTS(2000, 3, 1)
                              AND "t8"."amount" < 0
                              AND "t8"."order_id" IS NOT NULL
                          ) AS "t10"
                        ) AS "t15"
                      ) AS "t17"
                      WHERE
                        "t12"."customer_id" = "t17"."customer_id"
                    )
                ) AS "t19"
              ) AS "t22"
            ) AS "t23"
          ) AS "t25"
          INNER JOIN (
            SELECT
              "t28".*
              EXCLUDE ("amount")
            FROM (
              SELECT
                "t27"."customer_id",
                "t27"."day",
                "t27"."amount",
                "t27"."buys",
                COALESCE(
                  MAX(IFF("t27"."buys", "t27"."day", NULL)) OVER (
                    PARTITION BY "t27"."customer_id"
                    ORDER BY "t27"."day" ASC
                    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                  ),
                  "t27"."day"
                ) AS "purchased_on"
              FROM (
                SELECT
                  "t26"."customer_id",
                  "t26"."day",
                  "t26"."amount",
                  "t26"."amount" > 0 AS "buys"
                FROM (
                  SELECT
                    "t24"."customer_id",
                    "t24"."day",
                    IFF(
                      MAX(ABS("t24"."amount")) >= 0.01,
                      CAST(ROUND(SUM("t24"."amount"), 8) AS DOUBLE),
                      CAST(ROUND(
                        SUM("t24"."amount") * (
                          POWER(
                            10.0,
                            (
                              -(
                                CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t24"."amount")), 1e-10) / 0.01)) AS BIGINT)
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
                              CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t24"."amount")), 1e-10) / 0.01)) AS BIGINT)
                            ) + 7
                          )
                        )
                      )
                    ) AS "amount"
                  FROM (
                    SELECT
                      "t23".*
                      EXCLUDE ("bought_on")
                    FROM (
                      SELECT
                        "t22"."customer_id",
                        "t22"."date",
                        "t22"."amount",
                        "t22"."order_id",
                        "t22"."channel",
                        "t22"."product",
                        "t22"."category",
                        "t22"."cost",
                        COALESCE("t22"."bought_on", "t22"."day") AS "day",
                        "t22"."bought_on",
                        "t22"."bought_on" IS NOT NULL AS "by_order"
                      FROM (
                        SELECT
                          "t19"."customer_id",
                          "t19"."date",
                          "t19"."amount",
                          "t19"."order_id",
                          "t19"."channel",
                          "t19"."product",
                          "t19"."category",
                          "t19"."cost",
                          "t19"."day",
                          IFF(
                            (
                              "t19"."amount" < 0
                            ) AND (
                              "t19"."order_id" IS NOT NULL
                            ),
                            MAX(IFF("t19"."amount" > 0, "t19"."day", NULL)) OVER (
                              PARTITION BY "t19"."customer_id", "t19"."order_id"
                              ORDER BY "t19"."day" ASC, "t19"."amount" DESC NULLS LAST
                              ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                            ),
                            CAST(NULL AS DATE)
                          ) AS "bought_on"
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
                            "t12"."day"
                          FROM "t9" AS "t12"
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
                                      "t13"."customer_id"
                                    FROM (
                                      SELECT
                                        "t11"."customer_id",
                                        "t11"."day",
                                        IFF(
                                          MAX(ABS("t11"."amount")) >= 0.01,
                                          CAST(ROUND(SUM("t11"."amount"), 8) AS DOUBLE),
                                          CAST(ROUND(
                                            SUM("t11"."amount") * (
                                              POWER(
                                                10.0,
                                                (
                                                  -(
                                                    CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t11"."amount")), 1e-10) / 0.01)) AS BIGINT)
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
                                                  CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t11"."amount")), 1e-10) / 0.01)) AS BIGINT)
                                                ) + 7
                                              )
                                            )
                                          )
                                        ) AS "amount"
                                      FROM "t9" AS "t11"
                                      GROUP BY
                                        1,
                                        2
                                    ) AS "t13"
                                    WHERE
                                      NOT (
                                        "t13"."amount" > 0
                                      )
                                  ) AS "t14"
                                  UNION ALL
                                  SELECT
                                    *
                                  FROM (
                                    SELECT
                                      "t8"."customer_id"
                                    FROM (
                                      SELECT
                                        "t7".*
                                        EXCLUDE ("assigned_on", "day")
                                      FROM (
                                        SELECT
                                          "t6"."customer_id",
                                          DATEADD(DAY, DATEDIFF(DAY, "t6"."assigned_on", "t6"."day"), DATE_FROM_PARTS(2000, 1, 1)) AS "date",
                                          "t6"."amount",
                                          "t6"."order_id",
                                          "t6"."channel",
                                          "t6"."product",
                                          "t6"."category",
                                          "t6"."cost",
                                          "t6"."day",
                                          "t6"."assigned_on"
                                        FROM (
                                          SELECT
                                            "t5".*
                                            EXCLUDE ("member")
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
                                              "t4"."day",
                                              "t2"."member",
                                              "t2"."assigned_on"
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
                                            ) AS "t4"
                                            INNER JOIN "given" AS "t2"
                                              ON "t4"."customer_id" = "t2"."member"
                                          ) AS "t5"
                                        ) AS "t6"
                                      ) AS "t7"
                                    ) AS "t8"
                                    WHERE
                                      "t8"."date" <= DATE_FROM_PARTS(2000, 3, 1)
                                      AND "t8"."amount" < 0
                                      AND "t8"."order_id" IS NOT NULL
                                  ) AS "t10"
                                ) AS "t15"
                              ) AS "t17"
                              WHERE
                                "t12"."customer_id" = "t17"."customer_id"
                            )
                        ) AS "t19"
                      ) AS "t22"
                    ) AS "t23"
                  ) AS "t24"
                  GROUP BY
                    1,
                    2
                ) AS "t26"
              ) AS "t27"
            ) AS "t28"
          ) AS "t30"
            ON "t25"."customer_id" = "t30"."customer_id" AND "t25"."day" = "t30"."day"
        ) AS "t31"
      ) AS "t32"
    ) AS "t33"
  ) AS "t34"
  WHERE
    DATEDIFF(DAY, DATE_FROM_PARTS(1999, 12, 2), "t34"."purchased_on") >= 0
) AS "t35"
GROUP BY
  1,
  2;
