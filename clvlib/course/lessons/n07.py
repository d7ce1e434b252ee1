"""Exercises and quiz of notebook 07: fair waits, the NPS, referrals at equal age, the value of the base."""

from typing import Any

import pandas as pd

from clvlib.aggregate import acquisition, journeys
from clvlib.course.assignments import Key, assign, question
from clvlib.dataset import Dataset
from clvlib.errors import NotEnoughData
from clvlib.models import scoring
from clvlib.stats import DAYS_PER_MONTH
from clvlib.value import advocates, kpis
from clvlib.value.equity import Valuation
from clvlib.value.stages import Journey


@assign(
    "07.1",
    unit="percent",
    ask="Whoever was won last week has had no 90 days to come back. Of the customers won 90 days ago or earlier, which "
    "share bought again within 90 days? `waited` holds, for each first-time buyer, `reached` (came back) and `days` "
    "(until then, or until the last day of the data). `ds.rfm_summary()` holds `T`, the days since the first purchase.",
    hint='First the condition for who counts, `ds.rfm_summary()["T"] >= 90`; then, among them, the mean of True and '
    "False: reached, and in 90 days at most.",
    solution="""
    old = ds.rfm_summary()["T"] >= 90
    quick = waited["reached"] & (waited["days"] <= 90)
    quick[old].mean()
    """,
    means="{right} came back within 90 days, of those who have had them. This figure can be compared from month to "
    "month; the share of everybody falls whenever many newcomers arrive.",
)
def _back_within_90(ds: Dataset, waited: pd.DataFrame, journey: Journey) -> Key:
    first, second = journey.dates["activation"], journey.dates["retention"]
    old = first <= journey.as_of - pd.Timedelta(days=90)
    quick = waited["reached"] & (waited["days"] <= 90)
    return Key(
        (second[old] <= first[old] + pd.Timedelta(days=90)).mean(),
        {
            "You divided by all first-time buyers: those who were won less than 90 days ago count as failures, "
            "although they have had no time.": float(quick.mean()),
            "You looked only at those who came back: that says how quick the quick ones were.": float(
                (waited.loc[waited["reached"], "days"] <= 90).mean()
            ),
            "You left the 90 days out: that is the share who came back at any time so far.": float(
                waited["reached"].reindex(old.index[old]).mean()
            ),
        },
    )


@assign(
    "07.2",
    unit="number",
    ask="What is the NPS, in points, over the whole history? `answers` holds every answer in the order of time "
    "(`customer_id`, `date`, `score`); of each customer only the latest one counts.",
    hint='The latest answer of each: `answers.groupby("customer_id")["score"].last()`. Then promoters (9 and 10) less '
    "detractors (0 to 6), in percent of those who answered.",
    solution="""
    last = answers.groupby("customer_id")["score"].last()
    100 * ((last >= 9).mean() - (last <= 6).mean())
    """,
    means="The NPS is {right}. It is a difference of two shares, so that the same score can stand for many loved and "
    "hated shops, or for one that leaves everybody cold.",
)
def _nps_of_all(ds: Dataset, answers: pd.DataFrame) -> Key:
    last = answers.groupby("customer_id")["score"].last()
    return Key(
        kpis.nps(last)["nps"],
        {
            "That is the mean of the scores; the NPS is a share of promoters less a share of detractors.": last.mean(),
            "That is the share of promoters; the detractors have to be taken off.": float(100 * (last >= 9).mean()),
            "The figure is right as a share; the NPS is told in points, from −100 to 100.": float(
                (last >= 9).mean() - (last <= 6).mean()
            ),
            "You counted every answer; of a customer who answered twice only the latest counts.": float(
                kpis.nps(answers["score"])["nps"]
            ),
            "You called 7 and 8 detractors; they are passive and count in neither group.": float(
                100 * ((last >= 9).mean() - (last <= 8).mean())
            ),
        },
    )


@assign(
    "07.3",
    unit="money",
    ask="How much more margin, serving taken off, did a referred customer bring in the first year than another one, on "
    "average? `first_year` holds what each customer brought in it; `ds.customers()` says in `referred_by` who referred "
    "whom (empty: nobody). Of a customer who isn't in `ds.customers()` nobody knows it: leave such customers out.",
    hint="`first_year[first_year.index.isin(ds.customers().index)]` are the customers of whom it is known. Of them, "
    '`ds.customers()["referred_by"].reindex(…).notna()`, with their index in place of the dots, is True for who was '
    "referred: the mean for these, less the mean for the others. It may be negative.",
    solution="""
    listed = first_year[first_year.index.isin(ds.customers().index)]
    referred = ds.customers()["referred_by"].reindex(listed.index).notna()
    listed[referred].mean() - listed[~referred].mean()
    """,
    means="The difference is {right} (with a minus sign, referred customers brought less), all at the same age. "
    "Whether it is beyond chance, the interval below says.",
)
def _referred_more(ds: Dataset, first_year: pd.Series, compared: pd.DataFrame) -> Key:
    equal = advocates.referred_at_equal_age(ds, first_year)["mid"]
    life = compared["lifetime_value"]
    everybody = ds.customers()["referred_by"].reindex(first_year.index).notna()
    listed = first_year[first_year.index.isin(ds.customers().index)]
    referred = everybody[listed.index]
    return Key(
        equal["difference"],
        {
            "You counted who isn't in the customers table as not referred; of them nobody knows it.": float(
                first_year[everybody].mean() - first_year[~everybody].mean()
            ),
            "You compared lifetime values: the two groups have been customers for unlike times, so that the older one "
            "looks better.": life["referred"] - life["not referred"],
            "You compared sums: the larger group wins by its size.": float(
                listed[referred].sum() - listed[~referred].sum()
            ),
            "That is the difference as a share; money is asked for.": equal["referred"] / equal["not referred"] - 1,
            "You compared who was referred with all customers, the referred ones among them.": float(
                listed[referred].mean() - listed.mean()
            ),
        },
    )


@assign(
    "07.4",
    unit="money",
    ask="What is the customer base worth today? `values` holds, for every customer, `so_far` (margin brought until "
    "today, less serving and keeping), `ahead` (expected within the horizon, discounted) and `lifetime_value` (both).",
    hint="A value at a date is what is still to come. Sum one column.",
    solution="""
    values["ahead"].sum()
    """,
    means="The base is worth {right}. What it has brought so far has been paid and spent: nobody would pay for it "
    "again.",
)
def _worth_today(ds: Dataset, values: pd.DataFrame, now: Valuation) -> Key:
    return Key(
        scoring.total(now.ahead, ds.economics).clv,
        {
            "You counted the past too: what customers have brought so far is no longer to be had.": values[
                "lifetime_value"
            ].sum(),
            "That is what customers have brought so far; an asset is worth what is still to come.": values[
                "so_far"
            ].sum(),
            "That is revenue so far: neither ahead, nor margin.": float(now.rfm["total_spend"].sum()),
            "That is the mean of a customer; the base is the sum.": values["ahead"].mean(),
        },
    )


@question(
    "07.1",
    ask="Of the customers won in the last 90 days {young:percent} have bought again, of all first-time buyers "
    "{everybody:percent}. What follows?",
    right=(
        "Nothing yet: the new ones have had less time.",
        "Compare shares at equal age, of those who have been watched that long.",
    ),
    wrong=(
        ("The newest customers are worse.", "They may be; from these two shares it can't be told."),
        ("Retention has fallen.", "The share of newcomers is lower in the best of shops: they have just arrived."),
        ("The shop should win fewer customers.", "The share would rise at once, and nobody would be more loyal."),
    ),
)
def _young(ds: Dataset) -> dict[str, Any]:
    rfm = ds.rfm_summary()
    young = rfm["T"] < 90
    if not young.any() or (rfm["frequency"] > 0)[young].mean() >= (rfm["frequency"] > 0).mean():
        raise NotEnoughData("Nobody was won in the last 90 days, or they came back more often.", "Go on.")
    return {"young": (rfm["frequency"] > 0)[young].mean(), "everybody": (rfm["frequency"] > 0).mean()}


@question(
    "07.2",
    ask="By which day had half of all first-time buyers bought again?",
    right=("Day {half:count}", "Everybody counts, those still waiting too."),
    wrong=(
        ("Day {quick:count}", "That is the median of those who came back: those still waiting are left out."),
        ("Day {mean:count}", "That is the mean of those who came back: survivors only, and long waits pull it."),
    ),
)
def _halfway(ds: Dataset, waits: pd.DataFrame, waited: pd.DataFrame) -> dict[str, Any]:
    half, quick = (float(waits[name]["retention"]) for name in ("median_days", "median_of_reached"))
    if not half >= 0:
        raise NotEnoughData("Fewer than half have bought again.", "Go on.")
    return {"half": half, "quick": quick, "mean": waited.loc[waited["reached"], "days"].mean()}


@question(
    "07.3",
    ask="Of the latest answers, {promoters:percent} are 9 or 10, {passives:percent} 7 or 8, {detractors:percent} 0 to "
    "6. What is the NPS?",
    right=("{nps:number.1}", "Promoters less detractors, in points."),
    wrong=(
        ("{mean:number.1}", "That is the mean score; it tells nothing of how many are at either end."),
        ("{up:number.1}", "Those are the promoters alone; the detractors have to be taken off."),
        ("{both:number.1}", "Passives count in neither group."),
    ),
)
def _nps_by_shares(ds: Dataset) -> dict[str, Any]:
    answers = journeys.survey_answers(ds.table("surveys"), ds.as_of)
    if answers.empty:
        raise NotEnoughData("Nobody answered.", "Go on.")
    last = answers.groupby("customer_id")["score"].last()
    up, down = (last >= 9).mean(), (last <= 6).mean()
    shares = {"promoters": up, "passives": 1 - up - down, "detractors": down}
    return shares | {"nps": 100 * (up - down), "mean": last.mean(), "up": 100 * up, "both": 100 * (1 - 2 * down)}


@question(
    "07.4",
    ask="From one window of {window:days} to the next {stay:percent} of the customers stay. Which constant churn a "
    "month leaves as many?",
    right=("{churn:percent}", "What stays each month multiplies: (1 − churn) to the power of the months is retention."),
    wrong=(
        ("{divided:percent}", "Loss doesn't divide by the months: each month it is taken from fewer customers."),
        ("{whole:percent}", "That is the loss of the whole window."),
        ("{kept:percent}", "That is the retention of a month; churn is what is missing to 100 %."),
    ),
)
def _monthly(ds: Dataset) -> dict[str, Any]:
    window = kpis.window_days(ds.starts, ds.as_of)
    stay = float(kpis.bought_again(ds.transactions, ds.as_of, window).mean())
    months = window / DAYS_PER_MONTH
    kept = stay ** (1 / months)
    values = {"window": window, "stay": stay, "churn": 1 - kept, "divided": (1 - stay) / months}
    return values | {"whole": 1 - stay, "kept": kept}


@question(
    "07.5",
    ask="A referred customer brings {brings:money} in the first year and cost {cost:money} to win. Each referral that "
    "ends in a purchase earns {reward:money}. Which share of these friends must have come because of the reward, for "
    "it to pay within the year?",
    right=("{needed:percent}", "The reward is paid for all; only those who came because of it bring something for it."),
    wrong=(
        ("{gross:percent}", "The cost to win them has been left out."),
        ("{none:percent}", "That is what is left of them after the reward, if all came because of it."),
        ("None: every friend who buys is a gain.", "Those who would have come anyway cost the reward and add nothing."),
    ),
)
def _because_of_reward(ds: Dataset) -> dict[str, Any]:
    year, reward = advocates.first_year(ds), 10.0
    brings = float(advocates.referred_at_equal_age(ds, year)["mid"]["referred"])
    people = ds.customers()
    buyers = ds.rfm_summary().index.intersection(people.index[people["referred_by"].notna()])
    cost = float(acquisition.cost_of(ds, buyers).fillna(0.0).mean())
    if not brings > cost + reward:
        raise NotEnoughData("A referred customer doesn't bring back cost and reward within a year.", "Go on.")
    needed = reward / (brings - cost)
    values = {"brings": brings, "cost": cost, "reward": reward, "needed": needed, "gross": reward / brings}
    return values | {"none": 1 - needed}
