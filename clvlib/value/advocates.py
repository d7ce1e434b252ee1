"""Surveys and referrals → what promoters do afterwards, as seen and as adjusted; what referrals are worth.

A score is an opinion and a referral is a deed. Neither comes by chance: promoters tend to have bought more already, so
that the plain comparison mixes the two. The adjusted one compares customers of like behaviour up to the *cut*, the day
from which purchases are counted (the answer came in the window before it); what it leaves is an association, still no
proof that raising a score raises purchases.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.stats import norm

from clvlib import aggregate
from clvlib.aggregate import acquisition, clock, journeys
from clvlib.errors import MissingTable, NotEnoughData
from clvlib.language import message, phrase
from clvlib.stats import LEAST
from clvlib.value.kpis import DETRACTOR, PROMOTER, latest

if TYPE_CHECKING:
    from clvlib.dataset import Dataset

GROUPS = message(("detractor", "passive", "promoter"))
NO_ANSWER = message("no answer in the window")
LEAST_COMPARED = 25
EQUAL_AGE_DAYS = 365  # of customers who are compared by what they have brought since their first purchase


def group_of(scores: pd.Series) -> pd.Series:
    """Detractor (0–6), passive (7–8) or promoter (9–10) for each score.

    >>> group_of(pd.Series([3, 7, 10])).tolist()
    ['detractor', 'passive', 'promoter']
    """
    return pd.cut(scores, [-np.inf, DETRACTOR, PROMOTER - 1, np.inf], labels=list(GROUPS)).astype(str)


def before_and_after(ds: "Dataset", window: int) -> pd.DataFrame:
    """Customers known `window` days before the as-of date: their score by then, what they did before and after.

    Indexed by customer_id: group (detractor, passive, promoter by the latest answer of the window before, or none in
    it), purchases_before, spend_before (over all the past) and silence (days), as known on that day, not on that of the
    answer, T (age, days), and purchases, spend (after it, up to the as-of date; days with a purchase, currency).

    Raises MissingTable without surveys, NotEnoughData when nobody was known by that day.

    >>> seen = before_and_after(shop, 365)
    >>> seen.loc["C0006", ["group", "purchases_before", "purchases"]].to_dict()
    {'group': 'promoter', 'purchases_before': 24, 'purchases': 22.0}
    """
    said = journeys.survey_answers(ds.table("surveys"), ds.as_of)
    cut = ds.as_of - pd.Timedelta(days=window)
    if cut < ds.starts:
        raise NotEnoughData("The history holds no window to look at after an answer.", "Bring a longer history.")
    rfm = aggregate.rfm_summary(ds.transactions, cut)
    scores = latest(said, cut - pd.Timedelta(days=window), cut).reindex(rfm.index)
    after = aggregate.holdout(ds.transactions, cut, ds.as_of).reindex(rfm.index).fillna(0.0)
    return pd.DataFrame(
        {
            "group": group_of(scores.dropna()).reindex(rfm.index).fillna(NO_ANSWER),
            "purchases_before": rfm["frequency"] + 1,
            "spend_before": rfm["total_spend"],
            "silence": rfm["days_since_last_order"],
            "T": rfm["T"],
            "purchases": after["purchases"],
            "spend": after["spend"],
        }
    )


def by_answer(seen: pd.DataFrame) -> pd.DataFrame:
    """By group: customers, and means per customer of what they did before and after; came_back (share who bought).

    >>> seen = before_and_after(shop, 365)
    >>> by_answer(seen)[["customers", "purchases_before", "purchases", "came_back"]].round(2)
                             customers  purchases_before  purchases  came_back
    group
    detractor                      186              8.31       4.71       0.63
    passive                        356             10.78       7.16       0.72
    promoter                       309             11.62       9.02       0.83
    no answer in the window       3281              3.69       2.85       0.47
    """
    parts = seen.groupby("group")
    frame = parts[["purchases_before", "spend_before", "silence", "purchases", "spend"]].mean()
    frame.insert(0, "customers", parts.size())
    frame["came_back"] = (seen["purchases"] > 0).groupby(seen["group"]).mean()
    return frame.reindex([name for name in (*GROUPS, NO_ANSWER) if name in frame.index])


def ratios(seen: pd.DataFrame) -> pd.DataFrame:
    """Purchases after the cut, of promoters and passives over those of detractors: as seen, and adjusted.

    Poisson regression with a log link and robust standard errors (Huber-White) on the customers who answered; adjusted
    for the logarithms of purchases, mean spend, silence and age at the cut. Indexed by reading ("as seen",
    "adjusted") and group; columns mid, low, high (ratio, 95 %).

    Raises NotEnoughData when fewer than 25 detractors or promoters answered, or bought nothing at all afterwards.

    >>> ratios(before_and_after(shop, 365)).round(2)
                        mid   low  high
    reading  group
    as seen  passive   1.52  1.20  1.93
             promoter  1.92  1.52  2.41
    adjusted passive   1.29  1.07  1.56
             promoter  1.56  1.30  1.88
    """
    known = seen[seen["group"] != NO_ANSWER]
    sizes = known["group"].value_counts().reindex(list(GROUPS), fill_value=0)
    bought = known.groupby("group")["purchases"].sum().reindex(list(GROUPS), fill_value=0)
    ends = ["detractor", "promoter"]
    if sizes[ends].min() < LEAST_COMPARED or bought[ends].min() == 0:
        raise NotEnoughData(
            phrase(
                "{below} detractors and {above} promoters answered before the last window: too few to compare what "
                "they did after it.",
                below=sizes["detractor"],
                above=sizes["promoter"],
            ),
            phrase("It takes {least} of each, and purchases of both.", least=LEAST_COMPARED),
        )
    others = [name for name in GROUPS[1:] if bought[name] > 0]
    dummies = pd.DataFrame({name: (known["group"] == name).astype(float) for name in others})
    usual = pd.DataFrame(
        {
            "purchases_before": np.log(known["purchases_before"].astype(float)),
            "mean_spend": np.log((known["spend_before"] / known["purchases_before"]).clip(lower=0.01)),
            "silence": np.log1p(known["silence"]),
            "age": np.log1p(known["T"]),
        }
    )
    usual = usual.loc[:, usual.std() > 0]
    known = known[known["group"].isin(["detractor", *others])]
    rows = {}
    for reading, inputs in {message("as seen"): dummies, message("adjusted"): dummies.join(usual)}.items():
        design = sm.add_constant(inputs.loc[known.index])
        fitted = sm.GLM(known["purchases"].astype(float), design, family=sm.families.Poisson()).fit(cov_type="HC1")
        limits = np.exp(fitted.conf_int())
        for name in others:
            rows[reading, name] = (np.exp(fitted.params[name]), limits.loc[name, 0], limits.loc[name, 1])
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["mid", "low", "high"])
    frame.index = pd.MultiIndex.from_tuples(list(rows), names=["reading", "group"])
    return frame.astype(float)


def referrals(ds: "Dataset", values: pd.DataFrame) -> pd.DataFrame:
    """What each customer's referrals are worth; one row per customer who referred somebody, most valuable first.

    values: `kpis.lifetime_value` (currency, by customer who bought). Columns: referred (people who name the customer
    as referrer), referred_buyers (of them, those who bought), referral_value (lifetime value of those buyers, less what
    winning them cost where known, see `acquisition.cost_of`) and own_value (the referrer's own lifetime value; 0
    without a purchase). Referrals of referrals are not counted, so that nobody's value is counted twice in the column.

    Raises MissingTable without referred_by.

    >>> brought = shop.customers().query("referred_by == 'C0777'").index
    >>> values = pd.DataFrame({"lifetime_value": [100.0, 60.0]}, index=brought[:2])  # the other two bought nothing
    >>> referrals(shop, values).loc["C0777"].round(1).to_dict()
    {'referred': 4.0, 'referred_buyers': 2.0, 'referral_value': 121.4, 'own_value': 0.0}
    """
    people = _with_referrer(ds)
    brought = people.loc[people["referred_by"].notna()]
    worth = values["lifetime_value"].reindex(brought.index)
    cost = acquisition.cost_of(ds, worth.dropna().index).reindex(brought.index).fillna(0.0)
    rows = pd.DataFrame(
        {
            "by": brought["referred_by"],
            "referred": 1,
            "referred_buyers": worth.notna().astype("int64"),
            "referral_value": worth.fillna(0.0) - cost,
        }
    )
    frame = rows.groupby("by").sum()
    frame["own_value"] = values["lifetime_value"].reindex(frame.index).fillna(0.0)
    frame = frame.rename_axis("customer_id").sort_index()
    return frame.sort_values("referral_value", ascending=False, kind="stable")


def referred_against_others(ds: "Dataset", values: pd.DataFrame, rfm: pd.DataFrame) -> pd.DataFrame:
    """People who were referred beside those who were not: people, buyers, bought (share of people),
    repeat_purchases, lifetime_value and cac (currency), means per buyer; cac as `acquisition.cost_of` tells it.

    Each is NaN where it rests on fewer than 5.

    >>> bought = shop.rfm_summary()
    >>> spent = bought[["total_spend"]].set_axis(["lifetime_value"], axis=1)  # for short; take kpis.lifetime_value
    >>> referred_against_others(shop, spent, bought)[["people", "buyers", "bought", "cac"]].round(2)
                  people  buyers  bought    cac
    group
    referred         629     490    0.78  19.29
    not referred    5571    4205    0.75  32.77
    """
    people = _with_referrer(ds)
    kind = people["referred_by"].notna().map({True: message("referred"), False: message("not referred")})
    buyer = pd.Series(people.index.isin(values.index), index=people.index)
    frame = pd.DataFrame({"people": kind.value_counts(), "buyers": buyer.groupby(kind).sum()})
    frame["bought"] = (frame["buyers"] / frame["people"]).where(frame["people"] >= LEAST)
    inside = kind[buyer]
    by_buyer = {"repeat_purchases": rfm["frequency"], "lifetime_value": values["lifetime_value"]}
    by_buyer["cac"] = acquisition.cost_of(ds, inside.index)
    for name, each in by_buyer.items():
        found = each.reindex(inside.index).groupby(inside)
        frame[name] = found.mean().where(found.count() >= LEAST)
    return frame.rename_axis("group").sort_index(ascending=False)


def first_year(ds: "Dataset") -> pd.Series:
    """What each customer brought in the first 365 days from the first purchase on (currency), serving orders taken off.

    Only customers whose first year is observed to its end, as known at that end, so that all are compared at equal age.
    By customer_id. Raises NotEnoughData when there is none.

    >>> first_year(shop).head(2).round(2).to_dict()
    {'C0001': 9.95, 'C0002': 59.76}
    """
    since = ds.rfm_summary()["first_purchase"]
    old = since[since <= ds.as_of - pd.Timedelta(days=EQUAL_AGE_DAYS - 1)]
    if old.empty:
        raise NotEnoughData("No customer's first year is over: nobody can be compared at equal age.", message("Wait."))
    clocked = clock.on_one_clock(ds.transactions, old, ds.as_of)
    left = clock.money_around(clocked, 0, EQUAL_AGE_DAYS - 1, ds.economics.margin)["contribution"]
    orders = clock.purchases(clocked, EQUAL_AGE_DAYS).groupby("customer_id").size()
    served = orders.reindex(old.index).fillna(0.0) * ds.economics.service_cost_per_order
    return (left.reindex(old.index).fillna(0.0) - served).rename("first_year")


def referred_at_equal_age(ds: "Dataset", year: pd.Series) -> pd.DataFrame:
    """What customers who were referred brought in their first year, beside the others, and the difference between them.

    year: `first_year`. Indexed by group (referred, not referred, difference): customers, mid (mean, currency), low and
    high (95 %; of the difference, unequal variances). They came in unlike ways: this is no effect of a programme.
    Raises MissingTable without referred_by, NotEnoughData below 25 of each.

    >>> referred_at_equal_age(shop, first_year(shop)).round(1)
                  customers   mid   low  high
    group
    referred            427  77.4  68.1  86.7
    not referred       3705  85.4  81.5  89.3
    difference         4132  -8.0 -18.0   2.1
    """
    kind = _with_referrer(ds)["referred_by"].notna().reindex(year.index)
    parts = {"referred": year[kind.eq(True)], "not referred": year[kind.eq(False)]}
    if min(map(len, parts.values())) < LEAST_COMPARED:
        raise NotEnoughData(
            phrase(
                "{referred} customers who were referred, and {others} others, have been watched for a year: too few to "
                "compare.",
                referred=len(parts["referred"]),
                others=len(parts["not referred"]),
            ),
            phrase("It takes {least} of each.", least=LEAST_COMPARED),
        )
    means = pd.DataFrame({name: (len(part), part.mean(), part.sem()) for name, part in parts.items()})
    one, two = means["referred"], means["not referred"]
    means[message("difference")] = (one[0] + two[0], one[1] - two[1], np.hypot(one[2], two[2]))
    sizes, mid, error = means.to_numpy()
    reach = float(norm.ppf(0.975)) * error
    frame = pd.DataFrame({"customers": sizes, "mid": mid, "low": mid - reach, "high": mid + reach}, means.columns)
    return frame.astype({"customers": "int64"}).rename_axis("group")


def _with_referrer(ds: "Dataset") -> pd.DataFrame:
    people = ds.customers()
    if "referred_by" not in people or people["referred_by"].isna().all():
        raise MissingTable(
            "The customers table does not say who was referred by whom.",
            "Add a column referred_by: the customer_id of the customer who brought this one.",
        )
    return people
