-- margin_by_costs, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  SUM("t1"."amount" - "t1"."cost") AS "left",
  SUM(IFF("t1"."cost" IS NOT NULL, "t1"."amount", NULL)) AS "of",
  SUM("t1"."amount") AS "all"
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
) AS "t1";
