-- unusual, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  MEDIAN("t1"."amount") AS "value"
FROM (
  SELECT
    *
  FROM "by_order" AS "t0"
  WHERE
    "t0"."amount" > 0
) AS "t1";

CREATE TEMPORARY TABLE kept AS
SELECT
  "t2"."customer_id",
  MAX("t2"."orders") AS "at_once",
  SUM("t2"."orders") AS "orders",
  SUM("t2"."amount") AS "amount",
  SUM("t2"."few") AS "few",
  SUM("t2"."little") AS "little"
FROM (
  SELECT
    "t1"."customer_id",
    "t1"."day",
    COUNT(*) AS "orders",
    SUM("t1"."amount") AS "amount",
    SUM(CAST("t1"."tiny" AS INT)) AS "few",
    SUM(IFF("t1"."tiny", "t1"."amount", NULL)) AS "little"
  FROM (
    SELECT
      "t0"."customer_id",
      "t0"."lines",
      "t0"."amount",
      "t0"."order",
      "t0"."day",
      (
        "t0"."amount" * 100
      ) <= 33.63 AS "tiny"
    FROM "by_order" AS "t0"
    WHERE
      "t0"."amount" > 0
  ) AS "t1"
  GROUP BY
    1,
    2
) AS "t2"
GROUP BY
  1;

SELECT
  PERCENTILE_CONT(0.99) WITHIN GROUP (ORDER BY
    CAST("t0"."orders" AS DOUBLE)) AS "value"
FROM "kept" AS "t0";

SELECT
  COUNT(*) AS "customers",
  SUM("t1"."orders") AS "orders",
  SUM("t1"."amount") AS "amount"
FROM (
  SELECT
    *
  FROM "kept" AS "t0"
  WHERE
    "t0"."orders" >= 20 AND "t0"."orders" > 60.49999999999969
) AS "t1";

SELECT
  COUNT(*) AS "customers",
  SUM("t1"."orders") AS "orders",
  SUM("t1"."amount") AS "amount"
FROM (
  SELECT
    *
  FROM "kept" AS "t0"
  WHERE
    "t0"."orders" >= 2 AND "t0"."amount" >= (
      "t0"."orders" * 336.3
    )
) AS "t1";

SELECT
  COUNT(*) AS "customers",
  SUM("t1"."orders") AS "orders",
  SUM("t1"."amount") AS "amount"
FROM (
  SELECT
    *
  FROM "kept" AS "t0"
  WHERE
    "t0"."at_once" >= 10
) AS "t1";

SELECT
  *
FROM "kept" AS "t0"
WHERE
  "t0"."at_once" >= 10
ORDER BY
  "t0"."amount" DESC NULLS LAST,
  "t0"."customer_id" ASC
LIMIT 3;

SELECT
  COUNT(*) AS "customers",
  SUM("t1"."orders") AS "orders",
  SUM("t1"."amount") AS "amount"
FROM (
  SELECT
    "t0"."customer_id",
    "t0"."at_once",
    "t0"."few" AS "orders",
    "t0"."little" AS "amount",
    "t0"."few",
    "t0"."little"
  FROM "kept" AS "t0"
  WHERE
    "t0"."few" > 0
) AS "t1";

SELECT
  "t0"."customer_id",
  "t0"."at_once",
  "t0"."few" AS "orders",
  "t0"."little" AS "amount",
  "t0"."few",
  "t0"."little"
FROM "kept" AS "t0"
WHERE
  "t0"."few" > 0
ORDER BY
  "t0"."little" DESC NULLS LAST,
  "t0"."customer_id" ASC
LIMIT 3;
