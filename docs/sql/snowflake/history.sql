-- history, with days such as 2025-01-01, 2025-06-30, 2025-12-31

WITH "t1" AS (
  SELECT DISTINCT
    "t0"."customer_id",
    CAST("t0"."date" AS DATE) AS "day",
    "t0"."product" AS "item",
    COALESCE(
      "t0"."order_id",
      CONCAT(CONCAT("t0"."customer_id", ' '), CAST(CAST("t0"."date" AS DATE) AS VARCHAR))
    ) AS "basket"
  FROM "transactions" AS "t0"
  WHERE
    CAST("t0"."date" AS DATE) <= DATE_FROM_PARTS(2025, 12, 31)
    AND "t0"."amount" > 0
    AND "t0"."product" IS NOT NULL
)
SELECT
  "t8"."customer_id",
  "t8"."item",
  COUNT(DISTINCT "t8"."basket") AS "baskets"
FROM (
  SELECT
    "t3"."customer_id",
    "t3"."day",
    "t3"."item",
    "t3"."basket"
  FROM "t1" AS "t3"
  WHERE
    EXISTS(
      SELECT
        1
      FROM (
        SELECT
          *
        FROM (
          SELECT
            "t2"."item",
            COUNT(*) AS "n"
          FROM "t1" AS "t2"
          GROUP BY
            1
        ) AS "t4"
        ORDER BY
          "t4"."n" DESC NULLS LAST,
          "t4"."item" ASC
        LIMIT 500
      ) AS "t7"
      WHERE
        "t3"."item" = "t7"."item"
    )
) AS "t8"
GROUP BY
  1,
  2;
