"""Names of columns → how their figures are written and what they are called: known once, so that no table says it.

A spec as `wording.writer` knows it. A name that means different things in different tables (low, total, difference …)
isn't here: its table says it.
"""

import re

from clvlib.language import message, word

_MONEY = """
acquisition_cost actual_revenue after_cost amount at_equal_age at_stake at_stake_each cac cac_ever clv clv_active
clv_forecast clv_high clv_low contact_cost contact_gain cost cost_each cost_in_all cost_of_silence expected_gain
expected_spend from_spend historic lifetime_value margin_per_period marginal_cac marginal_high marginal_low
mean_order_value money net order_value projected retention_cost_per_year revenue service_cost_per_order spend
spend_before spend_high spend_low spend_per_customer spend_per_order spend_since spent value_active value_ahead
value_per_customer value_silent
"""
_PERCENT = """
annual_discount_rate bias bought_again breakeven_save_rate breakeven_uplift came_back change_share churn
churn_probability clv_share confidence control_share customer_share error explained first_churn formula_share hit_rate
loyal_share margin mean_churn miss no_purchase observed p_purchase paths_with_order predicted recall retention
revenue_share reward save_rate share share_of_all share_of_customers share_of_revenue share_of_value silent_share
still_buying support top_tenth value_share within_30 within_365 within_90
"""
_COUNT = """
active answers best_hour buying campaigns customers days_first_to_last_now days_first_to_last_then
days_since_last_order expected_to_buy horizon_months lines median_days median_hour median_of_reached needed
new_customers nps nps_high nps_low payback_ever payback_months purchases_high purchases_low purchases_median rank_early
rank_year reached refunds rows staying watched window_days within_reach
"""
_NUMBER_1 = "clv_to_cac clv_to_cac_ever expected_purchases lift repeat_purchases sees_once"
_NUMBER_2 = "noise standard_error"
_NUMBER_4 = "alpha beta"

_WORDS = """
anything as_of basket by campaigns constant currency customer day days_since_last_order dropped every_run experiments
fall first_spend forgotten frequency kept last_gap last_spend left marketing_costs max_spend mean_gap monetary_value
month n_categories n_channels order ordered_after overdue previous_gap products purchases_last_180 purchases_last_30
purchases_last_365 purchases_last_90 quarter read recency recommend refunds reserved rest rise rising sd_gap shape
spend_last_180 spend_last_30 spend_last_365 spend_last_90 subscriptions surveys total total_spend totals touchpoints
week year
"""
PLAIN_WORDS = _WORDS.split()  # names that tables, pictures and sentences show, and that stand nowhere as a message

UNITS = {
    name: spec
    for spec, names in {
        "money": _MONEY,
        "percent": _PERCENT,
        "count": _COUNT,
        "number.1": _NUMBER_1,
        "number.2": _NUMBER_2,
        "number.4": _NUMBER_4,
        "number": "elasticity",
    }.items()
    for name in names.split()
}

_CALLED = message(
    {
        "clv_to_cac": "CLV : CAC",
        "clv_to_cac_ever": "CLV : CAC ever",
        "clv_share": "share of CLV",
        "customer_share": "share of customers",
        "p_holm": "p, corrected",
        "p_purchase": "chance of a purchase",
        "p_value": "p",
        "revenue_share": "share of revenue",
        "silent_share": "share silent",
        "value_share": "share of value",
    }
)
_LEVELS = message(["50%", "80%", "90%"])  # of ranges: how rows are called that a notebook names by them
_SHORT = re.compile(r"\b(auc|cac|clv|nps|rfm)\b")


def called(name: str) -> str:
    """Name a column for a reader: the words of the code are the field's, its abbreviations in capitals."""
    return word(in_english(name))


def in_english(name: str) -> str:
    """The same, before it is translated."""
    return _CALLED.get(name) or _SHORT.sub(lambda found: found[0].upper(), name.replace("_", " "))
