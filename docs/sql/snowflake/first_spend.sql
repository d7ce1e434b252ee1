-- first_spend, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  *
FROM (
  SELECT
    "t1"."customer_id",
    MIN_BY("t1"."amount", "t1"."day") AS "first_spend"
  FROM (
    SELECT
      *
    FROM "spent_on_days" AS "t0"
    WHERE
      "t0"."bought"
  ) AS "t1"
  GROUP BY
    1
) AS "t2"
ORDER BY
  "t2"."customer_id" ASC;
