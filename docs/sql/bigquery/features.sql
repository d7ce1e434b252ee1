-- features, with days such as 2025-01-01, 2025-06-30, 2025-12-31

SELECT
  *
FROM (
  SELECT
    `t10`.*
    EXCEPT (`customer_id_right`)
  FROM (
    SELECT
      `t9`.`customer_id`,
      `t9`.`purchases_last_30`,
      `t9`.`spend_last_30`,
      `t9`.`purchases_last_90`,
      `t9`.`spend_last_90`,
      `t9`.`purchases_last_180`,
      `t9`.`spend_last_180`,
      `t9`.`purchases_last_365`,
      `t9`.`spend_last_365`,
      `t9`.`purchases_same_months`,
      `t9`.`spend_same_months`,
      `t9`.`sd_log_spend`,
      `t9`.`mean_gap`,
      `t9`.`sd_gap`,
      `t9`.`last_gap`,
      `t9`.`previous_gap`,
      `t9`.`first_spend`,
      `t9`.`last_spend`,
      `t9`.`max_spend`,
      `t6`.`customer_id` AS `customer_id_right`,
      `t6`.`refunds`,
      `t6`.`n_channels`,
      `t6`.`n_categories`
    FROM (
      SELECT
        `t7`.`customer_id`,
        SUM(CAST(`t7`.`day` > DATE(2025, 12, 1) AS INT64)) AS `purchases_last_30`,
        SUM(IF(`t7`.`day` > DATE(2025, 12, 1), `t7`.`amount`, NULL)) AS `spend_last_30`,
        SUM(CAST(`t7`.`day` > DATE(2025, 10, 2) AS INT64)) AS `purchases_last_90`,
        SUM(IF(`t7`.`day` > DATE(2025, 10, 2), `t7`.`amount`, NULL)) AS `spend_last_90`,
        SUM(CAST(`t7`.`day` > DATE(2025, 7, 4) AS INT64)) AS `purchases_last_180`,
        SUM(IF(`t7`.`day` > DATE(2025, 7, 4), `t7`.`amount`, NULL)) AS `spend_last_180`,
        SUM(CAST(`t7`.`day` > DATE(2024, 12, 31) AS INT64)) AS `purchases_last_365`,
        SUM(IF(`t7`.`day` > DATE(2024, 12, 31), `t7`.`amount`, NULL)) AS `spend_last_365`,
        SUM(
          CAST((
            `t7`.`day` > DATE(2024, 12, 31)
          ) AND (
            `t7`.`day` <= DATE(2025, 3, 31)
          ) AS INT64)
        ) AS `purchases_same_months`,
        SUM(
          IF(
            (
              `t7`.`day` > DATE(2024, 12, 31)
            ) AND (
              `t7`.`day` <= DATE(2025, 3, 31)
            ),
            `t7`.`amount`,
            NULL
          )
        ) AS `spend_same_months`,
        STDDEV_SAMP(LN(IF(`t7`.`amount` IS NULL, `t7`.`amount`, GREATEST(0.01, `t7`.`amount`)))) AS `sd_log_spend`,
        AVG(CAST(`t7`.`gap` AS FLOAT64)) AS `mean_gap`,
        STDDEV_SAMP(CAST(`t7`.`gap` AS FLOAT64)) AS `sd_gap`,
        MAX_BY(CAST(`t7`.`gap` AS FLOAT64), `t7`.`day`) AS `last_gap`,
        MAX_BY(CAST(`t7`.`previous_gap` AS FLOAT64), `t7`.`day`) AS `previous_gap`,
        MIN_BY(`t7`.`amount`, `t7`.`day`) AS `first_spend`,
        MAX_BY(`t7`.`amount`, `t7`.`day`) AS `last_spend`,
        MAX(`t7`.`amount`) AS `max_spend`
      FROM (
        SELECT
          `t5`.`customer_id`,
          `t5`.`day`,
          `t5`.`amount`,
          `t5`.`position`,
          DATE_DIFF(
            `t5`.`day`,
            LAG(`t5`.`day`, 1) OVER (PARTITION BY `t5`.`customer_id` ORDER BY `t5`.`day` ASC),
            DAY
          ) AS `gap`,
          DATE_DIFF(
            LAG(`t5`.`day`, 1) OVER (PARTITION BY `t5`.`customer_id` ORDER BY `t5`.`day` ASC),
            LAG(`t5`.`day`, 2) OVER (PARTITION BY `t5`.`customer_id` ORDER BY `t5`.`day` ASC),
            DAY
          ) AS `previous_gap`
        FROM (
          SELECT
            `t2`.`customer_id`,
            `t2`.`day`,
            `t2`.`amount`,
            (
              ROW_NUMBER() OVER (PARTITION BY `t2`.`customer_id` ORDER BY `t2`.`day` ASC) - 1
            ) + 1 AS `position`
          FROM (
            SELECT
              `t1`.`customer_id`,
              `t1`.`day`,
              `t1`.`amount`
            FROM `spent_on_days` AS `t1`
            WHERE
              `t1`.`bought`
          ) AS `t2`
        ) AS `t5`
      ) AS `t7`
      GROUP BY
        1
    ) AS `t9`
    LEFT OUTER JOIN (
      SELECT
        `t3`.`customer_id`,
        SUM(CAST(`t3`.`amount` < 0 AS INT64)) AS `refunds`,
        COUNT(DISTINCT `t3`.`channel`) AS `n_channels`,
        COUNT(DISTINCT `t3`.`category`) AS `n_categories`
      FROM (
        SELECT
          `t0`.`customer_id`,
          `t0`.`date`,
          `t0`.`amount`,
          `t0`.`order_id`,
          `t0`.`channel`,
          `t0`.`product`,
          `t0`.`category`,
          `t0`.`cost`,
          CAST(`t0`.`date` AS DATE) AS `day`
        FROM `transactions` AS `t0`
        WHERE
          CAST(`t0`.`date` AS DATE) <= DATE(2025, 12, 31)
      ) AS `t3`
      GROUP BY
        1
    ) AS `t6`
      ON `t9`.`customer_id` = `t6`.`customer_id`
  ) AS `t10`
) AS `t11`
ORDER BY
  `t11`.`customer_id` ASC NULLS LAST;

SELECT
  *
FROM (
  SELECT
    `t0`.`customer_id`,
    SUM(CAST(`t0`.`bought` AS INT64)) AS `purchases`,
    MIN(IF(`t0`.`bought`, `t0`.`day`, NULL)) AS `first_purchase`,
    MAX(IF(`t0`.`bought`, `t0`.`day`, NULL)) AS `last_purchase`,
    SUM(IF(`t0`.`bought`, `t0`.`amount`, NULL)) AS `paid`,
    MIN_BY(IF(`t0`.`bought`, `t0`.`amount`, NULL), IF(`t0`.`bought`, `t0`.`day`, NULL)) AS `first_paid`,
    SUM(`t0`.`amount`) AS `total_spend`
  FROM `spent_on_days` AS `t0`
  GROUP BY
    1
) AS `t1`
WHERE
  `t1`.`purchases` > 0
ORDER BY
  `t1`.`customer_id` ASC NULLS LAST;
