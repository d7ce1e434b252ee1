-- rfm_summary, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  *
FROM (
  SELECT
    "t0"."customer_id",
    SUM(CAST("t0"."bought" AS INT)) AS "purchases",
    MIN(IFF("t0"."bought", "t0"."day", NULL)) AS "first_purchase",
    MAX(IFF("t0"."bought", "t0"."day", NULL)) AS "last_purchase",
    SUM(IFF("t0"."bought", "t0"."amount", NULL)) AS "paid",
    MIN_BY(IFF("t0"."bought", "t0"."amount", NULL), IFF("t0"."bought", "t0"."day", NULL)) AS "first_paid",
    SUM("t0"."amount") AS "total_spend"
  FROM "spent_on_days" AS "t0"
  GROUP BY
    1
) AS "t1"
WHERE
  "t1"."purchases" > 0
ORDER BY
  "t1"."customer_id" ASC;
