-- money_around, with days such as 2025-01-01, 2025-06-30, 2025-12-31

CREATE TEMPORARY TABLE added_up AS
SELECT
  "t9"."customer_id",
  "t9"."day",
  IFF(
    MAX(ABS("t9"."amount")) >= 0.01,
    CAST(ROUND(SUM("t9"."amount"), 8) AS DOUBLE),
    CAST(ROUND(
      SUM("t9"."amount") * (
        POWER(
          10.0,
          (
            -(
              CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t9"."amount")), 1e-10) / 0.01)) AS BIGINT)
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
            CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t9"."amount")), 1e-10) / 0.01)) AS BIGINT)
          ) + 7
        )
      )
    )
  ) AS "amount"
FROM (
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
) AS "t9"
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
      "t0"."customer_id"
    FROM "added_up" AS "t0"
    WHERE
      NOT (
        "t0"."amount" > 0
      )
  ) AS "t4"
  UNION ALL
  SELECT
    *
  FROM (
    SELECT
      "t10"."customer_id"
    FROM (
      SELECT
        "t9".*
        EXCLUDE ("assigned_on", "day")
      FROM (
        SELECT
          "t8"."customer_id",
          DATEADD(DAY, DATEDIFF(DAY, "t8"."assigned_on", "t8"."day"), DATE_FROM_PARTS(2000, 1, 1)) AS "date",
          "t8"."amount",
          "t8"."order_id",
          "t8"."channel",
          "t8"."product",
          "t8"."category",
          "t8"."cost",
          "t8"."day",
          "t8"."assigned_on"
        FROM (
          SELECT
            "t7".*
            EXCLUDE ("member")
          FROM (
            SELECT
              "t6"."customer_id",
              "t6"."date",
              "t6"."amount",
              "t6"."order_id",
              "t6"."channel",
              "t6"."product",
              "t6"."category",
              "t6"."cost",
              "t6"."day",
              "t3"."member",
              "t3"."assigned_on"
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
            ) AS "t6"
            INNER JOIN "given" AS "t3"
              ON "t6"."customer_id" = "t3"."member"
          ) AS "t7"
        ) AS "t8"
      ) AS "t9"
    ) AS "t10"
    WHERE
      "t10"."amount" < 0 AND "t10"."order_id" IS NOT NULL
  ) AS "t11"
) AS "t12";

SELECT
  "t31"."customer_id",
  CAST(FLOOR((
    "t31"."since"
  ) / (
    30
  )) AS BIGINT) AS "step",
  SUM("t31"."amount") AS "revenue",
  SUM(COALESCE("t31"."amount" - "t31"."cost", "t31"."amount" * 0.3)) AS "contribution",
  SUM(CAST("t31"."cost" IS NULL AS INT)) AS "unknown_costs"
FROM (
  SELECT
    "t30"."customer_id",
    "t30"."date",
    "t30"."amount",
    "t30"."order_id",
    "t30"."channel",
    "t30"."product",
    "t30"."category",
    "t30"."cost",
    "t30"."purchased_on",
    DATEDIFF(DAY, DATE_FROM_PARTS(1999, 12, 2), "t30"."purchased_on") AS "since"
  FROM (
    SELECT
      "t29".*
      EXCLUDE ("goes_to")
    FROM (
      SELECT
        *
      FROM (
        SELECT
          "t16".*
          EXCLUDE ("day")
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
            "t14"."day",
            "t14"."purchased_on",
            "t14"."goes_to"
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
              "t10"."date" AS "day",
              "t10"."date" AS "purchased_on",
              IFF("t10"."amount" < 0, 'what was bought that day', CAST(NULL AS VARCHAR)) AS "goes_to"
            FROM (
              SELECT
                "t9".*
                EXCLUDE ("assigned_on", "day")
              FROM (
                SELECT
                  "t8"."customer_id",
                  DATEADD(DAY, DATEDIFF(DAY, "t8"."assigned_on", "t8"."day"), DATE_FROM_PARTS(2000, 1, 1)) AS "date",
                  "t8"."amount",
                  "t8"."order_id",
                  "t8"."channel",
                  "t8"."product",
                  "t8"."category",
                  "t8"."cost",
                  "t8"."day",
                  "t8"."assigned_on"
                FROM (
                  SELECT
                    "t7".*
                    EXCLUDE ("member")
                  FROM (
                    SELECT
                      "t6"."customer_id",
                      "t6"."date",
                      "t6"."amount",
                      "t6"."order_id",
                      "t6"."channel",
                      "t6"."product",
                      "t6"."category",
                      "t6"."cost",
                      "t6"."day",
                      "t4"."member",
                      "t4"."assigned_on"
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
                    ) AS "t6"
                    INNER JOIN "given" AS "t4"
                      ON "t6"."customer_id" = "t4"."member"
                  ) AS "t7"
                ) AS "t8"
              ) AS "t9"
            ) AS "t10"
            WHERE
              "t10"."date" <= DATE_FROM_PARTS(2000, 3, 1)
          ) AS "t14"
          WHERE
            NOT EXISTS(
              SELECT
                1
              FROM "customers_with_refunds" AS "t3"
              WHERE
                "t14"."customer_id" = "t3"."customer_id"
            )
        ) AS "t16"
      ) AS "t17"
      UNION ALL
      SELECT
        *
      FROM (
        SELECT
          "t27"."customer_id",
          "t27"."date",
          "t27"."amount",
          "t27"."order_id",
          "t27"."channel",
          "t27"."product",
          "t27"."category",
          "t27"."cost",
          "t27"."purchased_on",
          CASE
            WHEN "t27"."amount" >= 0
            THEN CAST(NULL AS VARCHAR)
            WHEN "t27"."by_order"
            THEN 'their order'
            WHEN "t27"."buys"
            THEN 'what was bought that day'
            WHEN "t27"."purchased_on" < "t27"."day"
            THEN 'the purchase before'
            ELSE 'nothing known'
          END AS "goes_to"
        FROM (
          SELECT
            "t21"."customer_id",
            "t21"."date",
            "t21"."amount",
            "t21"."order_id",
            "t21"."channel",
            "t21"."product",
            "t21"."category",
            "t21"."cost",
            "t21"."day",
            "t21"."by_order",
            "t26"."buys",
            "t26"."purchased_on"
          FROM (
            SELECT
              "t19".*
              EXCLUDE ("bought_on")
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
                COALESCE("t18"."bought_on", "t18"."day") AS "day",
                "t18"."bought_on",
                "t18"."bought_on" IS NOT NULL AS "by_order"
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
                  "t15"."day",
                  IFF(
                    (
                      "t15"."amount" < 0
                    ) AND (
                      "t15"."order_id" IS NOT NULL
                    ),
                    MAX(IFF("t15"."amount" > 0, "t15"."day", NULL)) OVER (
                      PARTITION BY "t15"."customer_id", "t15"."order_id"
                      ORDER BY "t15"."day" ASC, "t15"."amount" DESC NULLS LAST
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
                      "t10"."date" AS "day"
                    FROM (
                      SELECT
                        "t9".*
                        EXCLUDE ("assigned_on", "day")
                      FROM (
                        SELECT
                          "t8"."customer_id",
                          DATEADD(DAY, DATEDIFF(DAY, "t8"."assigned_on", "t8"."day"), DATE_FROM_PARTS(2000, 1, 1)) AS "date",
                          "t8"."amount",
                          "t8"."order_id",
                          "t8"."channel",
                          "t8"."product",
                          "t8"."category",
                          "t8"."cost",
                          "t8"."day",
                          "t8"."assigned_on"
                        FROM (
                          SELECT
                            "t7".*
                            EXCLUDE ("member")
                          FROM (
                            SELECT
                              "t6"."customer_id",
                              "t6"."date",
                              "t6"."amount",
                              "t6"."order_id",
                              "t6"."channel",
                              "t6"."product",
                              "t6"."category",
                              "t6"."cost",
                              "t6"."day",
                              "t4"."member",
                              "t4"."assigned_on"
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
                            ) AS "t6"
                            INNER JOIN "given" AS "t4"
                              ON "t6"."customer_id" = "t4"."member"
                          ) AS "t7"
                        ) AS "t8"
                      ) AS "t9"
                    ) AS "t10"
                    WHERE
                      "t10"."date" <= DATE_FROM_PARTS(2000, 3, 1)
                  ) AS "t12"
                  WHERE
                    EXISTS(
                      SELECT
                        1
                      FROM "customers_with_refunds" AS "t3"
                      WHERE
                        "t12"."customer_id" = "t3"."customer_id"
                    )
                ) AS "t15"
              ) AS "t18"
            ) AS "t19"
          ) AS "t21"
          INNER JOIN (
            SELECT
              "t24".*
              EXCLUDE ("amount")
            FROM (
              SELECT
                "t23"."customer_id",
                "t23"."day",
                "t23"."amount",
                "t23"."buys",
                COALESCE(
                  MAX(IFF("t23"."buys", "t23"."day", NULL)) OVER (
                    PARTITION BY "t23"."customer_id"
                    ORDER BY "t23"."day" ASC
                    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                  ),
                  "t23"."day"
                ) AS "purchased_on"
              FROM (
                SELECT
                  "t22"."customer_id",
                  "t22"."day",
                  "t22"."amount",
                  "t22"."amount" > 0 AS "buys"
                FROM (
                  SELECT
                    "t20"."customer_id",
                    "t20"."day",
                    IFF(
                      MAX(ABS("t20"."amount")) >= 0.01,
                      CAST(ROUND(SUM("t20"."amount"), 8) AS DOUBLE),
                      CAST(ROUND(
                        SUM("t20"."amount") * (
                          POWER(
                            10.0,
                            (
                              -(
                                CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t20"."amount")), 1e-10) / 0.01)) AS BIGINT)
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
                              CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t20"."amount")), 1e-10) / 0.01)) AS BIGINT)
                            ) + 7
                          )
                        )
                      )
                    ) AS "amount"
                  FROM (
                    SELECT
                      "t19".*
                      EXCLUDE ("bought_on")
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
                        COALESCE("t18"."bought_on", "t18"."day") AS "day",
                        "t18"."bought_on",
                        "t18"."bought_on" IS NOT NULL AS "by_order"
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
                          "t15"."day",
                          IFF(
                            (
                              "t15"."amount" < 0
                            ) AND (
                              "t15"."order_id" IS NOT NULL
                            ),
                            MAX(IFF("t15"."amount" > 0, "t15"."day", NULL)) OVER (
                              PARTITION BY "t15"."customer_id", "t15"."order_id"
                              ORDER BY "t15"."day" ASC, "t15"."amount" DESC NULLS LAST
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
                              "t10"."date" AS "day"
                            FROM (
                              SELECT
                                "t9".*
                                EXCLUDE ("assigned_on", "day")
                              FROM (
                                SELECT
                                  "t8"."customer_id",
                                  DATEADD(DAY, DATEDIFF(DAY, "t8"."assigned_on", "t8"."day"), DATE_FROM_PARTS(2000, 1, 1)) AS "date",
                                  "t8"."amount",
                                  "t8"."order_id",
                                  "t8"."channel",
                                  "t8"."product",
                                  "t8"."category",
                                  "t8"."cost",
                                  "t8"."day",
                                  "t8"."assigned_on"
                                FROM (
                                  SELECT
                                    "t7".*
                                    EXCLUDE ("member")
                                  FROM (
                                    SELECT
                                      "t6"."customer_id",
                                      "t6"."date",
                                      "t6"."amount",
                                      "t6"."order_id",
                                      "t6"."channel",
                                      "t6"."product",
                                      "t6"."category",
                                      "t6"."cost",
                                      "t6"."day",
                                      "t4"."member",
                                      "t4"."assigned_on"
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
                                    ) AS "t6"
                                    INNER JOIN "given" AS "t4"
                                      ON "t6"."customer_id" = "t4"."member"
                                  ) AS "t7"
                                ) AS "t8"
                              ) AS "t9"
                            ) AS "t10"
                            WHERE
                              "t10"."date" <= DATE_FROM_PARTS(2000, 3, 1)
                          ) AS "t12"
                          WHERE
                            EXISTS(
                              SELECT
                                1
                              FROM "customers_with_refunds" AS "t3"
                              WHERE
                                "t12"."customer_id" = "t3"."customer_id"
                            )
                        ) AS "t15"
                      ) AS "t18"
                    ) AS "t19"
                  ) AS "t20"
                  GROUP BY
                    1,
                    2
                ) AS "t22"
              ) AS "t23"
            ) AS "t24"
          ) AS "t26"
            ON "t21"."customer_id" = "t26"."customer_id" AND "t21"."day" = "t26"."day"
        ) AS "t27"
      ) AS "t28"
    ) AS "t29"
  ) AS "t30"
  WHERE
    DATEDIFF(DAY, DATE_FROM_PARTS(1999, 12, 2), "t30"."purchased_on") >= 0
) AS "t31"
GROUP BY
  1,
  2;
