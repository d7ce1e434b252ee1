-- usage, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  *
FROM (
  SELECT
    "t2"."customer_id",
    "t2"."channel",
    SUM(CAST("t2"."bought" AS INT)) AS "purchases",
    SUM("t2"."amount") AS "amount",
    MIN(IFF("t2"."bought", "t2"."day", NULL)) AS "first_used"
  FROM (
    SELECT
      "t1"."customer_id",
      "t1"."channel",
      "t1"."day",
      MAX("t1"."amount" > 0) AS "bought",
      CAST(ROUND(SUM("t1"."amount"), 8) AS DOUBLE) AS "amount"
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
        AND CAST("t0"."date" AS DATE) >= DATE_FROM_PARTS(2025, 1, 1)
        AND "t0"."channel" IS NOT NULL
    ) AS "t1"
    GROUP BY
      1,
      2,
      3
  ) AS "t2"
  GROUP BY
    1,
    2
) AS "t3"
WHERE
  "t3"."purchases" > 0;

SELECT DISTINCT
  "t0"."channel"
FROM "transactions" AS "t0"
WHERE
  "t0"."channel" IS NOT NULL;

SELECT
  "t1"."customer_id",
  "t1"."channel",
  MIN("t1"."day") AS "first_used",
  COUNT(DISTINCT "t1"."day") AS "days"
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
    AND "t0"."event" = 'visit'
    AND "t0"."channel" IN ('app', 'store', 'web')
) AS "t1"
GROUP BY
  1,
  2;
