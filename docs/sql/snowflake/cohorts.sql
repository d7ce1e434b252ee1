-- cohorts, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  "t3"."cohort",
  "t3"."bought_in",
  COUNT(DISTINCT "t3"."customer_id") AS "active",
  COUNT(*) AS "purchases",
  SUM("t3"."amount") AS "revenue"
FROM (
  SELECT
    "t2"."customer_id",
    "t2"."day",
    "t2"."amount",
    "t2"."position",
    DATE_TRUNC(
      'MONTH',
      MIN("t2"."day") OVER (
        PARTITION BY "t2"."customer_id"
        ORDER BY NULL ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      )
    ) AS "cohort",
    DATE_TRUNC('MONTH', "t2"."day") AS "bought_in"
  FROM (
    SELECT
      "t1"."customer_id",
      "t1"."day",
      "t1"."amount",
      (
        ROW_NUMBER() OVER (PARTITION BY "t1"."customer_id" ORDER BY "t1"."day" ASC) - 1
      ) + 1 AS "position"
    FROM (
      SELECT
        "t0"."customer_id",
        "t0"."day",
        "t0"."amount"
      FROM "spent_on_days" AS "t0"
      WHERE
        "t0"."bought"
    ) AS "t1"
  ) AS "t2"
) AS "t3"
GROUP BY
  1,
  2;
