-- contact_costs, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  "t1"."customer_id",
  CAST(ROUND(SUM(COALESCE("t1"."cost", 0.0)), 8) AS DOUBLE) AS "cost"
FROM (
  SELECT
    "t0"."customer_id",
    "t0"."date",
    "t0"."channel",
    "t0"."campaign",
    "t0"."event",
    "t0"."cost",
    CAST("t0"."date" AS DATE) AS "day"
  FROM "touchpoints" AS "t0"
  WHERE
    CAST("t0"."date" AS DATE) <= DATE_FROM_PARTS(2025, 12, 31)
    AND CAST("t0"."date" AS DATE) >= DATE_FROM_PARTS(2025, 1, 1)
) AS "t1"
GROUP BY
  1;
