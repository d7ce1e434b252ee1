-- in_brief, with days such as 2025-01-01, 2025-06-30, 2025-12-31

CREATE TEMPORARY TABLE kept AS
SELECT
  "t0"."customer_id",
  SUM(CAST("t0"."bought" AS INT)) AS "purchases",
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
FROM "spent_on_days" AS "t0"
GROUP BY
  1;

SELECT
  *
FROM "kept" AS "t0"
ORDER BY
  "t0"."amount" DESC NULLS LAST,
  "t0"."customer_id" ASC
LIMIT 1;

SELECT
  SUM(CAST("t0"."purchases" > 0 AS INT)) AS "customers",
  SUM("t0"."purchases") AS "orders",
  SUM(IFF("t0"."purchases" > 0, "t0"."amount", NULL)) AS "revenue",
  SUM("t0"."amount") AS "paid"
FROM "kept" AS "t0";
