"""Exercises and quiz of notebook 04: silences and their window, rankings, lift, money at stake, whom to contact."""

from typing import Any

import pandas as pd

from clvlib import aggregate
from clvlib.course.assignments import Key, assign, question
from clvlib.dataset import Dataset
from clvlib.errors import CannotAnswer
from clvlib.language import phrase
from clvlib.models import ranking, silence
from clvlib.models.churn import Snapshot
from clvlib.models.silence import Plan

_DAYS = 60  # of silence, that exercise 04.1 asks about


@assign(
    "04.1",
    unit="percent",
    ask="Which share of all silences lasts longer than 60 days? Take it from `endings`, which has a row for each day "
    "of silence: `returns` counts the silences that ended on that day, `at_risk` all that had lasted until then.",
    hint="Of the silences that lasted until a day, the share 1 − `returns` / `at_risk` goes on. Multiply these shares "
    "for the days 0 to 60: `.loc[:60]` takes those days, `.prod()` multiplies.",
    solution="""
    goes_on = 1 - endings["returns"] / endings["at_risk"]
    goes_on.loc[:60].prod()
    """,
    means="{right} of the silences last longer than 60 days, those counted fairly that are still going on.",
)
def _lasts_longer(ds: Dataset, endings: pd.DataFrame) -> Key:
    if len(endings) <= _DAYS + 1:
        what = phrase("No silence in it lasts longer than {days} days.", days=_DAYS)
        raise CannotAnswer(what, "Bring a longer history.")
    gaps = aggregate.gaps(ds.transactions, ds.as_of)
    still = ds.rfm_summary()["days_since_last_order"].astype(int)
    fair = silence.silence_curve(gaps, still)["still_silent"]
    ended = gaps[gaps.index > _DAYS].sum() / gaps.sum()
    return Key(
        float(fair.loc[_DAYS]),
        {
            "You left out the silences that are still going on: those that ended are the survivors, who came back. Use "
            "`at_risk`, which holds them all.": float(ended),
            "You counted every silence that is still going on as over: one that began last week may yet get long. "
            "Multiply the shares that go on, day by day.": float(
                endings["at_risk"].loc[_DAYS + 1] / endings["at_risk"].iloc[0]
            ),
            "You counted customers, and only how long each is silent now. Every purchase starts a silence.": float(
                (still > _DAYS).mean()
            ),
        },
    )


@assign(
    "04.2",
    unit="percent",
    ask="Of all customers of `tested` who bought nothing in the window, which share had already been silent for "
    "longer than the window when it began? `tested.churned` is True for who bought nothing; `tested_active` holds, in "
    "the same form, only those who had not been silent for so long.",
    hint="Count who bought nothing among all, and among the active: the others had been silent before.",
    solution="""
    silent_before = tested.churned.sum() - tested_active.churned.sum()
    silent_before / tested.churned.sum()
    """,
    means="{right} of those who bought nothing were no news. A model that finds them looks good and helps nobody; "
    "judge it among the active.",
)
def _no_news(ds: Dataset, tested: Snapshot, tested_active: Snapshot) -> Key:
    before = tested.features["days_since_last_order"] > tested.window_days
    return Key(
        float(before[tested.churned].mean()),
        {
            "That is the other way round: of those silent before, the share that bought nothing. Asked is, of those "
            "who bought nothing, the share that had been silent before.": float(tested.churned[before].mean()),
            "That is the share of all customers who had been silent before. Look only at who bought nothing.": float(
                before.mean()
            ),
            "That is the share of all customers who bought nothing: the base rate of everybody.": float(
                tested.churned.mean()
            ),
            "That is the share of the active who bought nothing: the base rate among them.": float(
                tested_active.churned.mean()
            ),
        },
    )


@assign(
    "04.3",
    unit="number",
    ask="What is the lift of the fifth of the active customers at highest risk, by the ranking that is used? `ours` "
    "holds, by percent of the customers contacted, the share of those who bought nothing that is among them.",
    hint="A ranking by chance would find 20 % of them in a fifth of the customers. How many times as much is found?",
    solution="""
    ours[20] / 0.20
    """,
    means="The fifth at highest risk holds {right} times as many who bought nothing as a fifth drawn at random.",
)
def _lift_of_a_fifth(
    ds: Dataset, tested_active: Snapshot, rankings: pd.DataFrame, contest: pd.DataFrame, ours: pd.Series
) -> Key:
    best = ranking.best(contest)
    fifth = ranking.lift(tested_active.churned, rankings.loc[tested_active.churned.index, best], parts=5).iloc[0]
    silent = ranking.lift(tested_active.churned, tested_active.features["days_since_last_order"], parts=5).iloc[0]
    return Key(
        float(ranking.gains(tested_active.churned, rankings[[best]])[best][20]) / 0.2,
        {
            "That is the share that is found. Divide it by the share that chance would find.": float(ours[20]),
            "That is how much more than chance is found, in points. Lift is a ratio: divide, don't subtract.": float(
                ours[20] - 0.2
            ),
            "You divided by what plain silence finds. Lift compares with chance.": float(ours[20] / silent["captured"]),
            "That is the share of the fifth that bought nothing. Divide it by the base rate of the active.": float(
                fifth["churn_rate"]
            ),
        },
    )


@assign(
    "04.4",
    unit="money",
    ask="What would it bring, net of its cost, to contact every customer of `campaign`, at the save rate and the cost "
    "that are assumed? `campaign` has a row for each active customer who may be contacted: `contact_gain` is what the "
    "contact is expected to bring before its cost, which is `ds.economics.contact_cost` each.",
    hint="Add up what all contacts bring, and take off what as many contacts cost.",
    solution="""
    gain = campaign["contact_gain"].sum()
    gain - len(campaign) * ds.economics.contact_cost
    """,
    means="To contact everybody would bring {right}. To stop where a contact no longer pays for itself brings most.",
)
def _contact_all(ds: Dataset, campaign: pd.DataFrame, two_values: pd.DataFrame) -> Key:
    if campaign.empty:
        raise CannotAnswer("Nobody may be contacted.", "Set consent_required to False in the notebook's parameters.")
    economics = ds.economics
    cost = len(campaign) * economics.contact_cost
    all_lost = (
        campaign["churn_probability"] * two_values["value_if_buying"].reindex(campaign.index) * economics.save_rate
    )
    return Key(
        float(campaign["net"].sum()),
        {
            "You forgot what the contacts cost.": float(campaign["contact_gain"].sum()),
            "You took only those who are worth a contact. Asked is about everybody in `campaign`.": float(
                campaign.loc[campaign["contact"], "net"].sum()
            ),
            "You counted as lost all that a customer brings who buys. Who skips a window still buys later: what a "
            "silence costs is the difference.": float(all_lost.sum() - cost),
            "You counted revenue, not margin: `contact_gain` has the margin in it already.": float(
                campaign["contact_gain"].sum() / economics.margin - cost
            ),
            "You took all that is at stake: a contact saves only as many as the save rate says.": float(
                campaign["at_stake"].sum() - cost
            ),
        },
    )


@question(
    "04.1",
    ask="The window is {window:days}. {outlast:percent} of all silences last longer. Which share of those ends with a "
    "purchase after all, as far as this history shows?",
    right=("{back:percent}", "Silent is not lost: that is the price of the definition, and no window makes it zero."),
    wrong=(
        ("{none:percent}", "That takes silent for lost. The window is a convention; customers don't know it."),
        (
            "{late:percent}",
            "That is the share of the returns that come after the window. Asked is the share of the long silences that "
            "end with a return.",
        ),
        ("{outlast:percent}", "That is how many silences outlast the window, not what becomes of them."),
    ),
)
def _come_back_later(ds: Dataset, endings: pd.DataFrame, window_plan: Plan) -> dict[str, Any]:
    return {
        "window": window_plan.window_days,
        "outlast": float(endings["still_silent"].loc[window_plan.window_days]),
        "back": float(silence.chance_to_return(endings).loc[window_plan.window_days]),
        "late": 1 - window_plan.covered,
        "none": 0.0,
    }


@question(
    "04.2",
    ask="Among {n:count} active customers, {base:percent} bought nothing in the window. Somebody foretells of each of "
    "them: will buy. In how many of 100 cases is that right, and what is it good for?",
    right=(
        "In {hit:count} of 100, and for nothing: it finds none of those who buy nothing.",
        "Being right often is no merit where most buy anyway. Lift and AUC see that it tells nobody from anybody.",
    ),
    wrong=(
        (
            "In {hit:count} of 100: a good model.",
            "It is right that often, and tells nobody from anybody: it finds none of those who buy nothing.",
        ),
        (
            "In {miss:count} of 100, and for little.",
            "That is how often it is wrong: so many of 100 bought nothing.",
        ),
        ("In 50 of 100, like a coin.", "A coin guesses each one; this always says what is more frequent."),
    ),
)
def _often_right(ds: Dataset, tested_active: Snapshot) -> dict[str, Any]:
    base = float(tested_active.churned.mean())
    if round(100 * base) >= 50:
        raise CannotAnswer("Half of the active customers or more bought nothing in the window.", "Go on.")
    return {"n": len(tested_active.churned), "base": base, "hit": round(100 * (1 - base)), "miss": round(100 * base)}


@question(
    "04.3",
    ask="Of the active customers, {base:percent} bought nothing. The 10 % at highest risk have a lift of "
    "{lift:number.2}. How many of 100 of them bought nothing?",
    right=("{found:count}", "Lift times the base rate: {lift:number.2} × {base:percent}."),
    wrong=(
        ("{tenth:count}", "That is 10 % times the lift: the share of all who bought nothing that is found there."),
        ("{as_all:count}", "That is the base rate: as many as among 100 drawn at random."),
        ("{points:count}", "Lift is a ratio: multiply the base rate by it, don't add."),
    ),
)
def _what_lift_means(ds: Dataset, tested_active: Snapshot, contest: pd.DataFrame) -> dict[str, Any]:
    base, lift = float(tested_active.churned.mean()), float(contest["lift_top_10"][ranking.best(contest)])
    return {
        "base": base,
        "lift": lift,
        "found": round(100 * base * lift),
        "tenth": round(10 * lift),
        "as_all": round(100 * base),
        "points": round(100 * base + lift),
    }


@question(
    "04.4",
    ask="A customer's chance of no purchase is {risk:percent}. Who buys in the window is worth {buys:money} in margin, "
    "who doesn't {silent:money}. The save rate is {rate:percent}. What does a contact bring, before its cost?",
    right=("{gain:money}", "Chance of no purchase × (value if buying − value if silent) × save rate."),
    wrong=(
        ("{all_lost:money}", "That takes the silent customer for lost: who skips a window is still worth something."),
        ("{sure:money}", "That takes it for sure that nothing is bought; who buys anyway needs no contact."),
        ("{at_stake:money}", "That is the money at stake: it would take a contact that always works."),
    ),
)
def _what_a_contact_brings(ds: Dataset, campaign: pd.DataFrame, two_values: pd.DataFrame) -> dict[str, Any]:
    if campaign.empty:
        raise CannotAnswer("Nobody may be contacted.", "Set consent_required to False in the notebook's parameters.")
    risk, rate = float(campaign["churn_probability"].iloc[0]), ds.economics.save_rate
    buys, silent = (float(two_values.loc[campaign.index[0], name]) for name in ("value_if_buying", "value_if_silent"))
    return {
        "risk": risk,
        "buys": buys,
        "silent": silent,
        "rate": rate,
        "gain": risk * (buys - silent) * rate,
        "all_lost": risk * buys * rate,
        "sure": (buys - silent) * rate,
        "at_stake": risk * (buys - silent),
    }


@question(
    "04.5",
    ask="Which sentence is right?",
    right=(
        "Customers at the highest risk need not be the ones to contact first.",
        "Many of them are worth little, and some have left and won't be moved. Sort by money at stake, and test.",
    ),
    wrong=(
        (
            "Whoever has been silent for longer than the window has left.",
            "The window is a convention. Some silences that outlast it end with a purchase, and some who have left "
            "are not yet silent for so long.",
        ),
        (
            "A model that is tested on customers drawn at random from the days it learned from will do as well in the "
            "next window.",
            "It has seen the season and the campaigns that it is asked to foresee. Test it on a later day.",
        ),
        (
            "If most of those contacted buy within the window, the campaign has paid for itself.",
            "Most of them would have bought anyway. Only a group that was left alone tells how many.",
        ),
    ),
)
def _whom_first(ds: Dataset) -> dict[str, Any]:
    return {}
