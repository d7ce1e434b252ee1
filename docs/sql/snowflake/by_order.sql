-- by_order, with days such as 2025-01-01, 2025-06-30, 2025-12-31

CREATE TEMPORARY TABLE added_up AS
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
) AS "t1"
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
  ) AS "t3"
  UNION ALL
  SELECT
    *
  FROM (
    SELECT
      "t1"."customer_id"
    FROM "transactions" AS "t1"
    WHERE
      "t1"."amount" < 0 AND "t1"."order_id" IS NOT NULL
  ) AS "t2"
) AS "t4";

SELECT
  "t23"."customer_id",
  "t23"."lines",
  "t23"."amount",
  COALESCE("t23"."order", CAST("t23"."day" AS VARCHAR)) AS "order",
  CAST("t23"."day" AS VARCHAR) AS "day"
FROM (
  SELECT
    "t22"."customer_id",
    "t22"."order_id" AS "order",
    "t22"."purchased_on" AS "day",
    COUNT(*) AS "lines",
    IFF(
      MAX(ABS("t22"."amount")) >= 0.01,
      CAST(ROUND(SUM("t22"."amount"), 8) AS DOUBLE),
      CAST(ROUND(
        SUM("t22"."amount") * (
          POWER(
            10.0,
            (
              -(
                CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t22"."amount")), 1e-10) / 0.01)) AS BIGINT)
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
              CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t22"."amount")), 1e-10) / 0.01)) AS BIGINT)
            ) + 7
          )
        )
      )
    ) AS "amount"
  FROM (
    SELECT
      "t21".*
      EXCLUDE ("goes_to")
    FROM (
      SELECT
        *
      FROM (
        SELECT
          "t8".*
          EXCLUDE ("day")
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
            "t6"."purchased_on",
            "t6"."goes_to"
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
              CAST("t0"."date" AS DATE) AS "day",
              CAST("t0"."date" AS DATE) AS "purchased_on",
              IFF("t0"."amount" < 0, 'what was bought that day', CAST(NULL AS VARCHAR)) AS "goes_to"
            FROM "transactions" AS "t0"
            WHERE
              CAST("t0"."date" AS DATE) <= DATE_FROM_PARTS(2025, 12, 31)
          ) AS "t6"
          WHERE
            NOT EXISTS(
              SELECT
                1
              FROM "customers_with_refunds" AS "t2"
              WHERE
                "t6"."customer_id" = "t2"."customer_id"
            )
        ) AS "t8"
      ) AS "t9"
      UNION ALL
      SELECT
        *
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
          "t19"."purchased_on",
          CASE
            WHEN "t19"."amount" >= 0
            THEN CAST(NULL AS VARCHAR)
            WHEN "t19"."by_order"
            THEN 'their order'
            WHEN "t19"."buys"
            THEN 'what was bought that day'
            WHEN "t19"."purchased_on" < "t19"."day"
            THEN 'the purchase before'
            ELSE 'nothing known'
          END AS "goes_to"
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
            "t13"."by_order",
            "t18"."buys",
            "t18"."purchased_on"
          FROM (
            SELECT
              "t11".*
              EXCLUDE ("bought_on")
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
                COALESCE("t10"."bought_on", "t10"."day") AS "day",
                "t10"."bought_on",
                "t10"."bought_on" IS NOT NULL AS "by_order"
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
                  "t7"."day",
                  IFF(
                    (
                      "t7"."amount" < 0
                    ) AND (
                      "t7"."order_id" IS NOT NULL
                    ),
                    MAX(IFF("t7"."amount" > 0, "t7"."day", NULL)) OVER (
                      PARTITION BY "t7"."customer_id", "t7"."order_id"
                      ORDER BY "t7"."day" ASC, "t7"."amount" DESC NULLS LAST
                      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                    ),
                    CAST(NULL AS DATE)
                  ) AS "bought_on"
                FROM (
                  SELECT
                    "t5"."customer_id",
                    "t5"."date",
                    "t5"."amount",
                    "t5"."order_id",
                    "t5"."channel",
                    "t5"."product",
                    "t5"."category",
                    "t5"."cost",
                    "t5"."day"
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
                  ) AS "t5"
                  WHERE
                    EXISTS(
                      SELECT
                        1
                      FROM "customers_with_refunds" AS "t2"
                      WHERE
                        "t5"."customer_id" = "t2"."customer_id"
                    )
                ) AS "t7"
              ) AS "t10"
            ) AS "t11"
          ) AS "t13"
          INNER JOIN (
            SELECT
              "t16".*
              EXCLUDE ("amount")
            FROM (
              SELECT
                "t15"."customer_id",
                "t15"."day",
                "t15"."amount",
                "t15"."buys",
                COALESCE(
                  MAX(IFF("t15"."buys", "t15"."day", NULL)) OVER (
                    PARTITION BY "t15"."customer_id"
                    ORDER BY "t15"."day" ASC
                    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                  ),
                  "t15"."day"
                ) AS "purchased_on"
              FROM (
                SELECT
                  "t14"."customer_id",
                  "t14"."day",
                  "t14"."amount",
                  "t14"."amount" > 0 AS "buys"
                FROM (
                  SELECT
                    "t12"."customer_id",
                    "t12"."day",
                    IFF(
                      MAX(ABS("t12"."amount")) >= 0.01,
                      CAST(ROUND(SUM("t12"."amount"), 8) AS DOUBLE),
                      CAST(ROUND(
                        SUM("t12"."amount") * (
                          POWER(
                            10.0,
                            (
                              -(
                                CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t12"."amount")), 1e-10) / 0.01)) AS BIGINT)
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
                              CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t12"."amount")), 1e-10) / 0.01)) AS BIGINT)
                            ) + 7
                          )
                        )
                      )
                    ) AS "amount"
                  FROM (
                    SELECT
                      "t11".*
                      EXCLUDE ("bought_on")
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
                        COALESCE("t10"."bought_on", "t10"."day") AS "day",
                        "t10"."bought_on",
                        "t10"."bought_on" IS NOT NULL AS "by_order"
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
                          "t7"."day",
                          IFF(
                            (
                              "t7"."amount" < 0
                            ) AND (
                              "t7"."order_id" IS NOT NULL
                            ),
                            MAX(IFF("t7"."amount" > 0, "t7"."day", NULL)) OVER (
                              PARTITION BY "t7"."customer_id", "t7"."order_id"
                              ORDER BY "t7"."day" ASC, "t7"."amount" DESC NULLS LAST
                              ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                            ),
                            CAST(NULL AS DATE)
                          ) AS "bought_on"
                        FROM (
                          SELECT
                            "t5"."customer_id",
                            "t5"."date",
                            "t5"."amount",
                            "t5"."order_id",
                            "t5"."channel",
                            "t5"."product",
                            "t5"."category",
                            "t5"."cost",
                            "t5"."day"
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
                          ) AS "t5"
                          WHERE
                            EXISTS(
                              SELECT
                                1
                              FROM "customers_with_refunds" AS "t2"
                              WHERE
                                "t5"."customer_id" = "t2"."customer_id"
                            )
                        ) AS "t7"
                      ) AS "t10"
                    ) AS "t11"
                  ) AS "t12"
                  GROUP BY
                    1,
                    2
                ) AS "t14"
              ) AS "t15"
            ) AS "t16"
          ) AS "t18"
            ON "t13"."customer_id" = "t18"."customer_id" AND "t13"."day" = "t18"."day"
        ) AS "t19"
      ) AS "t20"
    ) AS "t21"
  ) AS "t22"
  GROUP BY
    1,
    2,
    3
) AS "t23";
