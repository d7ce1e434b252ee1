-- sent_back, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  COUNT(*) AS "days",
  IFF(
    MAX(ABS("t8"."amount")) >= 0.01,
    CAST(ROUND(SUM("t8"."amount"), 8) AS DOUBLE),
    CAST(ROUND(
      SUM("t8"."amount") * (
        POWER(
          10.0,
          (
            -(
              CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t8"."amount")), 1e-10) / 0.01)) AS BIGINT)
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
            CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t8"."amount")), 1e-10) / 0.01)) AS BIGINT)
          ) + 7
        )
      )
    )
  ) AS "amount"
FROM (
  SELECT
    "t7"."customer_id",
    "t7"."day",
    "t7"."amount"
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
        CAST("t0"."date" AS DATE) <= DATE_FROM_PARTS(2025, 12, 31) AND "t0"."amount" > 0
    ) AS "t3"
    GROUP BY
      1,
      2
  ) AS "t7"
  WHERE
    NOT EXISTS(
      SELECT
        1
      FROM (
        SELECT
          "t2"."customer_id",
          "t2"."day",
          "t2"."amount",
          (
            ROW_NUMBER() OVER (PARTITION BY "t2"."customer_id" ORDER BY "t2"."day" ASC) - 1
          ) + 1 AS "position"
        FROM (
          SELECT
            "t1"."customer_id",
            "t1"."day",
            "t1"."amount"
          FROM "spent_on_days" AS "t1"
          WHERE
            "t1"."bought"
        ) AS "t2"
      ) AS "t5"
      WHERE
        "t7"."customer_id" = "t5"."customer_id" AND "t7"."day" = "t5"."day"
    )
) AS "t8";
