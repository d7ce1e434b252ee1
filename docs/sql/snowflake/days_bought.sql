-- days_bought, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  "t7"."customer_id",
  COUNT(DISTINCT "t7"."day") AS "days"
FROM (
  SELECT
    *
  FROM (
    SELECT
      "t5".*
      EXCLUDE ("member")
    FROM (
      SELECT
        "t4"."customer_id",
        "t4"."date",
        "t4"."amount",
        "t4"."order_id",
        "t4"."channel",
        "t4"."product",
        "t4"."category",
        "t4"."cost",
        "t4"."day",
        "t2"."member",
        "t2"."ends"
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
          CAST("t0"."date" AS DATE) <= DATE_FROM_PARTS(2025, 7, 30)
          AND CAST("t0"."date" AS DATE) >= DATE_FROM_PARTS(2025, 1, 1)
          AND "t0"."amount" > 0
      ) AS "t4"
      INNER JOIN "given" AS "t2"
        ON "t4"."customer_id" = "t2"."member"
    ) AS "t5"
  ) AS "t6"
  WHERE
    "t6"."day" < CAST("t6"."ends" AS DATE)
) AS "t7"
GROUP BY
  1;
