"""Raw rows → frames of one row per customer, cohort or period; nobody else touches raw rows.

In: the canonical tables of a `Dataset` (lazy, Ibis) and the as-of date. Out: pandas frames, indexed by `customer_id`
wherever rows are customers. `rows` holds what every query needs. What a purchase is stands in `purchases`; `customers`
counts them, `contents` says what was in them, `clock` sets them on the clock of an assignment, `journeys` follows
contacts and answers, `acquisition` sets what was spent beside who came, `totals` stands in where a file has no single
purchases; `inspection` finds what to look at before a figure is believed. Whoever needs to know what customers did may
call.
"""

from clvlib.aggregate.customers import (
    DAYS_PER_UNIT,
    LOOK_BACKS,
    UNKNOWN,
    bought_by_age,
    bought_by_day,
    brought,
    calibration_holdout,
    came_back,
    cohorts,
    days_of,
    everybody,
    features,
    first_purchases,
    first_spend,
    followed,
    gaps,
    group_names,
    holdout,
    loyal_revenue,
    main_value,
    purchases_by_period,
    rfm_summary,
)
from clvlib.aggregate.purchases import purchase_days
from clvlib.aggregate.rows import content, in_parts, of_customers, some_customers, some_of

__all__ = [
    "DAYS_PER_UNIT",
    "LOOK_BACKS",
    "UNKNOWN",
    "bought_by_age",
    "bought_by_day",
    "brought",
    "calibration_holdout",
    "came_back",
    "cohorts",
    "content",
    "days_of",
    "everybody",
    "features",
    "first_purchases",
    "first_spend",
    "followed",
    "gaps",
    "group_names",
    "holdout",
    "in_parts",
    "loyal_revenue",
    "main_value",
    "of_customers",
    "purchase_days",
    "purchases_by_period",
    "rfm_summary",
    "some_customers",
    "some_of",
]
