-- buyers, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  COUNT(*) AS "all",
  SUM(CAST("t2"."days" > 0 AS INT)) AS "bought",
  SUM(CAST("t2"."days" > 1 AS INT)) AS "repeated"
FROM (
  SELECT
    "t1"."customer_id",
    SUM(CAST("t1"."amount" > 0 AS INT)) AS "days"
  FROM (
    SELECT
      "t0"."customer_id",
      "t0"."day",
      IFF(
        MAX(ABS("t0"."amount")) >= 0.01,
        CAST(ROUND(SUM("t0"."amount"), 8) AS DOUBLE),
        CAST(ROUND(
          SUM("t0"."amount") * (
            POWER(
              10.0,
              (
                -(
                  CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t0"."amount")), 1e-10) / 0.01)) AS BIGINT)
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
                CAST(FLOOR(LOG(10, GREATEST(MAX(ABS("t0"."amount")), 1e-10) / 0.01)) AS BIGINT)
              ) + 7
            )
          )
        )
      ) AS "amount"
    FROM "by_order" AS "t0"
    GROUP BY
      1,
      2
  ) AS "t1"
  GROUP BY
    1
) AS "t2";
