-- latest_baskets, with days such as 2025-01-01, 2025-06-30, 2025-12-31

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
SELECT DISTINCT
  *
FROM (
  SELECT
    "t3"."basket",
    "t3"."item"
  FROM "t1" AS "t3"
  WHERE
    EXISTS(
      SELECT
        1
      FROM (
        SELECT
          *
        FROM (
          SELECT DISTINCT
            "t2"."day",
            "t2"."basket"
          FROM "t1" AS "t2"
        ) AS "t4"
        ORDER BY
          "t4"."day" DESC NULLS LAST,
          "t4"."basket" ASC
        LIMIT 20
      ) AS "t7"
      WHERE
        "t3"."day" = "t7"."day" AND "t3"."basket" = "t7"."basket"
    )
) AS "t8";
