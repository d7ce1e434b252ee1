"""A study of who used another channel → what that changed, the checks that could sink it, and the words it allows."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import t as student

from clvlib import wording
from clvlib.aggregate import journeys
from clvlib.causes import adoption, causal, sensitivity
from clvlib.causes.adoption import DAY, FAMILIES, KNOWN, OUTCOMES, Study
from clvlib.causes.channels import band
from clvlib.causes.sensitivity import ALL_BOUGHT
from clvlib.dataset import Dataset
from clvlib.errors import CannotAnswer, MissingTable, NotEnoughData
from clvlib.language import message, phrase, translated, word

ANSWERS: dict[causal.Target, str] = {
    "all": message("adjusted, everybody"),
    "treated": message("adjusted, those who did"),
}
REDRAWS = 8
_LEAST = 0.05  # what a hidden cause is allowed to explain, however little is known
WINDOW, INDEX = message("any order of the window"), message("the first order of the window")
WHO: dict[causal.Target, str] = {
    "all": message("Had everybody taken the step, each would have"),
    "treated": message("Because they took the step, those who did"),
}
Verdict = Literal["cause", "if", "nothing"]
SENTENCES: dict[Verdict, str] = {
    "cause": message(
        "{who} brought {size:money} {more:more|less} over {days:days} (95 % interval {low:money} to {high:money}), if "
        "the five conditions hold; even with something unrecorded as strong as “{cause}” it is {least:money} to "
        "{most:money}."
    ),
    "if": message(
        "Among customers alike, another channel goes with {size:money} {more:more|less} over {days:days} (95 % "
        "interval {low:money} to {high:money}). Nobody can say that it is the cause: something unrecorded, "
        "{share:percent} as strong as “{cause}”, would do."
    ),
    "nothing": message(
        "Nothing shows that another channel changes anything over {days:days} (95 % interval {low:money} to "
        "{high:money})."
    ),
}


def fits(seen: Study) -> dict[str, causal.CrossFit]:
    """Fit the adjustment for each outcome of a study. Raises NotEnoughData as `causal.cross_fit`.

    >>> {name: round(causal.effect(found).estimate, 1) for name, found in fits(seen).items()}
    {'revenue': 37.4, 'orders': 0.9, 'bought': -0.0}
    """
    return {name: causal.cross_fit(seen.features, seen.added, seen.outcomes[name]) for name in OUTCOMES}


def adjusted_effects(found: Mapping[str, causal.CrossFit]) -> pd.DataFrame:
    """Set the plain difference beside the adjusted effects that can be told.

    Returns mid, low and high (95 %) per customer, indexed by outcome ("net revenue", "purchase days", "share who
    bought") and answer: "plain difference", "adjusted, everybody", "adjusted, those who did"; an answer that the
    customers don't allow has no row (`missing`). Raises NoOverlap as `causal.answers`.

    >>> adjusted_effects({"revenue": fitted}).loc["net revenue"].round(1)
                              mid   low  high
    answer
    plain difference         49.9  45.6  54.1
    adjusted, everybody      37.5  34.4  40.7
    adjusted, those who did  34.9  32.0  37.8
    """
    rows: dict[tuple[str, str], tuple[float, float, float]] = {}
    for name, fitted in found.items():
        given = causal.answers(fitted)
        plain = next(iter(given.values()))
        rows[OUTCOMES[name], message("plain difference")] = (plain.naive, plain.naive_low, plain.naive_high)
        rows |= {(OUTCOMES[name], ANSWERS[target]): (one.estimate, one.low, one.high) for target, one in given.items()}
    index = pd.MultiIndex.from_tuples(rows, names=[message("in the next window"), "answer"])
    return pd.DataFrame(list(rows.values()), index=index, columns=["mid", "low", "high"])


def target(fitted: causal.CrossFit) -> causal.Target:
    """Name whom the headline is about: everybody, or only those who did where everybody can't be told.

    >>> target(fitted)
    'all'
    """
    return next(iter(causal.answers(fitted)))


def benchmarks(seen: Study, fitted: causal.CrossFit) -> pd.DataFrame:
    """`sensitivity.strengths` of the families of a study, and a cause that explains _LEAST of the outcome and the step.

    It comes first where nothing known is stronger: features that tell nothing are no reason to be surer of a cause.

    >>> benchmarks(seen, fitted).head(3).round(2)
                                        outcome  treatment  strength
    known cause
    how often they bought                  0.67       0.11      0.27
    any cause that explains 5% of each     0.05       0.05      0.05
    home channel                           0.25       0.00      0.03
    """
    known = sensitivity.strengths(fitted, seen.features, families(seen), target(fitted))
    known.loc[phrase("any cause that explains {share:.0%} of each", share=_LEAST)] = _LEAST
    return sensitivity.by_harm(known)


def allowing_for_strongest(fitted: causal.CrossFit, known: pd.DataFrame) -> tuple[float, float]:
    """Give the 95 % interval that allows for a hidden cause as strong as the strongest one of `benchmarks`.

    >>> [round(end, 1) for end in allowing_for_strongest(fitted, benchmarks(seen, fitted))]
    [30.0, 43.4]
    """
    strongest = known.iloc[0]
    return sensitivity.allowing(fitted, strongest["outcome"], strongest["treatment"], target(fitted))


def doubted(money: pd.DataFrame, aim: causal.Target, doubt: tuple[float, float], cause: str) -> pd.DataFrame:
    """Add to the answers of `adjusted_effects` the headline's with the interval of `allowing_for_strongest`.

    >>> money = pd.DataFrame([[30.0, 24.0, 36.0]], ["adjusted, everybody"], ["mid", "low", "high"])
    >>> doubted(money, "all", (-2.0, 62.0), "home channel")["low"].to_dict()
    {'adjusted, everybody': 24.0, 'adjusted, everybody, allowing for a cause as strong as “home channel”': -2.0}
    """
    row = pd.DataFrame([(money.loc[ANSWERS[aim], "mid"], *doubt)], columns=list(money))
    label = phrase(
        "{answer}, allowing for a cause as strong as “{cause}”", answer=translated(ANSWERS[aim]), cause=word(cause)
    )
    row.index = pd.Index([label], name=money.index.name)
    return pd.concat([money, row])


def allowed_verdict(found: pd.Series, doubt: tuple[float, float]) -> Verdict:
    """Say which sentence an effect (`found`: mid, low, high) allows, given its interval by `sensitivity.allowing`.

    Returns "cause" when even the wider interval leaves zero out, "if" when only the plain one does (so that a hidden
    cause weaker than a known one would explain it), "nothing" when neither does.

    >>> found = pd.Series({"mid": 30.0, "low": 24.0, "high": 36.0})
    >>> allowed_verdict(found, doubt=(5.0, 55.0)), allowed_verdict(found, doubt=(-2.0, 62.0))
    ('cause', 'if')
    """
    if found["low"] <= 0 <= found["high"]:
        return "nothing"
    return "if" if doubt[0] <= 0 <= doubt[1] else "cause"


def missing(fitted: causal.CrossFit) -> str:
    """Say which answer is missing, and why; "" when none is.

    >>> missing(fitted)
    ''
    """
    try:
        causal.require_overlap(fitted)
    except causal.NoOverlap as error:
        return phrase("An effect on everybody can't be told, that on those who did can. {why}", why=error.what)
    return ""


def families(seen: Study) -> dict[str, list[str]]:
    """Group the features of a study by what they tell, each attribute by itself, and all of the behaviour together.

    >>> list(families(seen))[-2:], families(seen)["age band"]
    (['everything they bought so far', 'age band'], ['age_band'])
    """
    known = {name: list(columns) for name, columns in FAMILIES.items() if set(columns) <= set(seen.features)}
    grouped = {column for columns in known.values() for column in columns}
    others = [str(name) for name in seen.features if name not in grouped]
    return known | {ALL_BOUGHT: list(KNOWN)} | {name.replace("_", " "): [name] for name in others}


def segments(seen: Study, attribute: str) -> dict[str, pd.Series]:
    """Name the groups by which an effect can be split: home channel, purchases before, and `attribute` if known.

    >>> {name: groups.iloc[1] for name, groups in segments(seen, "age_band").items()}
    {'home': 'web', 'purchases': '2', 'age band': '18-24'}
    """
    groups = {message("home"): seen.features["home"], "purchases": band(seen.features["frequency"] + 1)}
    if attribute in seen.features and attribute not in KNOWN:
        groups[attribute.replace("_", " ")] = seen.features[attribute]
    return groups


def effects_by(fitted: causal.CrossFit, groups: Mapping[str, pd.Series]) -> pd.DataFrame:
    """List the effect within each group of each split, as `causal.effect_by`: mid, low, high, customers, treated.

    Index: "split: group". Raises NotEnoughData when no group is large enough.

    >>> effects_by(fitted, {"home": seen.features["home"]}).round(1)
                  mid   low  high  customers  treated
    group
    home: store  21.8  18.8  24.7        200      109
    home: web    53.3  48.8  57.8        200       92
    """
    parts = {name: causal.effect_by(fitted, values) for name, values in groups.items()}
    frame = pd.concat(parts).rename(columns={"estimate": "mid"})
    names = [phrase("{split}: {group}", split=word(split), group=word(str(group))) for split, group in frame.index]
    frame.index = pd.Index(names, name="group")
    if frame["mid"].isna().all():
        raise NotEnoughData(
            phrase(
                "No group has {n} customers who added a channel and as many, alike enough, who did not.",
                n=causal.FEWEST,
            ),
            "Bring more customers.",
        )
    return frame[["mid", "low", "high", "customers", "treated"]]


def unlike(fitted: causal.CrossFit, groups: Mapping[str, pd.Series]) -> dict[str, float]:
    """Give, for each split with two or more groups, the probability of such differences by chance (`causal.differ`).

    >>> unlike(fitted, {"home": seen.features["home"]})["home"] < 0.001
    True
    """
    chances = {name: causal.differ(causal.effect_by(fitted, values)) for name, values in groups.items()}
    return {name: chance for name, chance in chances.items() if chance == chance}


def placebo(seen: Study) -> causal.Effect:
    """Look for an "effect" on what was already spent before the first window, where there can be none.

    The adjustment keeps only what doesn't tell that spend: number of purchases, silence, age, what was spent earlier,
    home channel, attributes. An effect other than zero shows that those who add a channel differ in their spend
    by more than these features tell.

    >>> past = placebo(seen)
    >>> past.low < 0 < past.high, round(past.estimate, 1)
    (True, -0.7)
    """
    money = {*FAMILIES["how much they spent"], "purchases_last_90", "purchases_last_365"}
    features = seen.features.drop(columns=sorted(money))
    features["spend_before"] = seen.features["total_spend"] - seen.placebo
    return next(iter(causal.answers(causal.cross_fit(features, seen.added, seen.placebo)).values()))


def require_sound(past: causal.Effect) -> causal.Effect:
    """Return what `placebo` found, or raise CannotAnswer when that is an "effect" on the past.

    >>> require_sound(placebo(seen)).treated
    201
    """
    if past.low <= 0 <= past.high:
        return past
    raise CannotAnswer(
        phrase(
            "The placebo failed: on what was spent before, the study finds an “effect” of {estimate} ({low} to "
            "{high}), which can't be. Those who used another channel differ by more than the features tell.",
            **{name: wording.money(getattr(past, name)) for name in ("estimate", "low", "high")},
        ),
        "Name more of what was known in known_before, or run an experiment (notebook 06).",
    )


def redrawn(ds: Dataset, seen: Study) -> pd.DataFrame:
    """Let chance pick the channel of every order of the first window, and run both ways of counting on that world.

    Nothing else is changed, so that the true effect is zero; channels come from the mix of that window. Counted is "any
    order of the window" in another channel, as in articles that look forward, or "the first order of the window", the
    index order. Returns, indexed by these two: mid, low and high (currency per customer, mean effect over 8 draws of
    the channels, with its 99 % interval over draws).

    >>> from dataclasses import replace
    >>> some = shop.transactions.filter(shop.transactions["customer_id"] < "C1500")
    >>> few = replace(shop, tables={"transactions": some})
    >>> redrawn(few, adoption.study(few)).round(-1)
                                     mid   low   high
    counted
    any order of the window        100.0  90.0  110.0
    the first order of the window  -20.0 -50.0   10.0
    """
    home = adoption.homes(ds, seen.start, seen.split)
    period = (seen.start, seen.split, seen.shortened)
    nobody = pd.Series(dtype="datetime64[us]")
    named = list(seen.features.columns.difference([*KNOWN, "home", "ordered_after"]))
    window = seen if seen.design == "visits" else adoption.by_visits(ds, home, nobody, period, named)
    index = seen if seen.design == "orders" else adoption.by_orders(ds, home, period, named, "")
    used = journeys.usage(ds.transactions, None, seen.start, seen.split)
    mix = used.groupby("channel")["purchases"].sum() / used["purchases"].sum()
    orders = used.groupby("customer_id")["purchases"].sum().reindex(window.features.index).fillna(0.0)
    same = {study.design: study.features["home"].map(mix).fillna(0.0) for study in (window, index)}
    chances = {WINDOW: 1 - same["visits"] ** orders, INDEX: 1 - same["orders"]}
    random, rows = np.random.default_rng(0), {}
    for (name, chance), study in zip(chances.items(), (window, index), strict=True):
        found = []
        for _ in range(REDRAWS):
            added = pd.Series(random.random(len(chance)) < chance.to_numpy(), chance.index)
            fitted = causal.cross_fit(study.features, added, study.outcomes["revenue"], 1)
            found.append(next(iter(causal.answers(fitted).values())).estimate)
        half = float(student.ppf(0.995, REDRAWS - 1) * np.std(found, ddof=1) / np.sqrt(REDRAWS))
        rows[name] = (np.mean(found), np.mean(found) - half, np.mean(found) + half)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["mid", "low", "high"]).rename_axis("counted")


def null_of(seen: Study, drawn: pd.DataFrame) -> pd.Series:
    """Give what the study's own way of counting finds in the world of `redrawn`: mid, low, high; 0 where it counts no
    orders. Raises CannotAnswer where it finds what can't be.

    >>> null_of(seen, pd.DataFrame()).to_dict()  # it goes by visits
    {'mid': 0.0, 'low': 0.0, 'high': 0.0}
    """
    if seen.design == "visits":
        return pd.Series(0.0, ["mid", "low", "high"])
    mid, low, high = map(float, drawn.loc[INDEX, ["mid", "low", "high"]])
    if low <= 0 <= high:
        return pd.Series({"mid": mid, "low": low, "high": high})
    raise CannotAnswer(
        phrase(
            "In a world in which channels change nothing, this study finds {mid} ({low} to {high}): what it would find "
            "here can't be trusted.",
            mid=wording.money(mid),
            low=wording.money(low),
            high=wording.money(high),
        ),
        "Bring more customers, or run an experiment (notebook 06).",
    )


def calendar(seen: Study) -> pd.DataFrame:
    """List the periods of a study: from and to (dates), and what each is for.

    >>> calendar(seen)[["from", "to"]]
                       from         to
    before              NaT 2024-12-31
    first window 2025-01-01 2025-06-30
    next window  2025-07-01 2026-06-30
    """
    before, after = (seen.start - DAY, seen.split + DAY) if seen.design == "visits" else (seen.split, seen.start + DAY)
    what = {
        "visits": [
            message("what is known of each customer"),
            message("who uses another channel"),
            message("what each brings"),
        ],
        "orders": [
            message("what is known of each customer, to the day before the order"),
            message("in which channel each one's first order is made"),
            phrase("what each brings in the {n:,} days after the order", n=seen.days),
        ],
    }[seen.design]
    rows = {
        message("before"): (pd.NaT, before),
        message("first window"): (seen.start, seen.split),
        message("next window"): (after, seen.end),
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["from", "to"]).assign(**{"what is looked at": what})


def about(seen: Study) -> str:
    """Say how many customers a study has, how many used another channel, and its dates, for a caption.

    >>> about(seen)
    'n = 400 customers of one channel, 201 of them used another channel; next window Jul 1, 2025 to Jun 30, 2026'
    """
    facts = {"n": wording.count(len(seen.added)), "added": wording.count(seen.added.sum())}
    if seen.design == "orders":
        return phrase(
            "n = {n} customers of one channel who ordered from {first} to {last}, {added} of them ordered in another "
            "one; counted are the {days} days after each one's order",
            first=wording.date(seen.start),
            last=wording.date(seen.split),
            days=wording.count(seen.days),
            **facts,
        )
    return phrase(
        "n = {n} customers of one channel, {added} of them used another channel; next window {first} to {last}",
        first=wording.date(seen.split + DAY),
        last=wording.date(seen.end),
        **facts,
    )


def feature_in_words(feature: str) -> str:
    """Write a feature's name for a figure, and the value that it stands for, if it is a text.

    >>> feature_in_words("days_since_last_order"), feature_in_words("home: store")
    ('days since last order', 'home: store')
    """
    name, colon, value = feature.replace("_", " ").partition(": ")
    return phrase("{what}: {found}", what=word(name), found=value) if colon else word(name)


def means_before_and_after(seen: Study) -> pd.DataFrame:
    """Compare those who used another channel with those who did not, before that and after it.

    Index: what (purchases and spend so far, spend of the year before, days since the last order, net revenue
    afterwards); columns: added, others (means per customer).

    >>> means_before_and_after(seen).round(1)
                               added  others
    <BLANKLINE>
    purchases so far             4.8     3.2
    spend so far                 5.1     4.9
    spend of the year before     4.8     5.0
    days since the last order    4.9     5.3
    net revenue afterwards      76.6    26.8
    """
    means = seen.features.assign(revenue=seen.outcomes["revenue"], purchases=seen.features["frequency"] + 1)
    named = {
        "purchases": message("purchases so far"),
        "total_spend": message("spend so far"),
        "spend_last_365": message("spend of the year before"),
        "days_since_last_order": message("days since the last order"),
        "revenue": message("net revenue afterwards"),
    }
    table = means.groupby(seen.added.map({True: "added", False: "others"}))[list(named)].mean().T
    return table.reindex(columns=["added", "others"]).rename(index=named).rename_axis(index="", columns="")


def true_effects(effects: pd.DataFrame, study: Study) -> dict[str, float]:
    """Pick from the truth of a simulated shop the mean effect of a second channel on revenue: all, treated.

    Raises MissingTable when the study goes by orders, or its windows are not those of which the truth is known.

    >>> effects = pd.DataFrame({"topic": "channels", "group": "all", "quantity": ["revenue", "revenue_treated"]})
    >>> true_effects(effects.assign(value=[40.7, 53.5]), seen)
    {'all': 40.7, 'treated': 53.5}
    """
    if study.design == "orders":
        raise MissingTable("The true effect is known of the step that visits show.", "Bring the visits.")
    if ((study.split - study.start).days + 1, (study.end - study.split).days) != (181, 365):
        raise MissingTable(
            "The true effect is known for windows of 181 and 365 days only.", "Set first_days and next_days back."
        )
    rows = effects[(effects["topic"] == "channels") & (effects["group"] == "all")].set_index("quantity")["value"]
    return {"all": float(rows["revenue"]), "treated": float(rows["revenue_treated"])}
