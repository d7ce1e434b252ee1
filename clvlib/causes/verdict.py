"""A study of who used another channel → what that changed, the checks that could sink it, and the words it allows."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import t as student

from clvlib.causes import adoption, causal, sensitivity
from clvlib.causes.adoption import DAY, FAMILIES, KNOWN, OUTCOMES, STEP, Study
from clvlib.causes.channels import band
from clvlib.causes.sensitivity import ALL_BOUGHT
from clvlib.dataset import Dataset
from clvlib.errors import CannotAnswer, MissingTable, NotEnoughData
from clvlib.show import wording

ANSWERS: dict[causal.Target, str] = {"all": "adjusted, everybody", "treated": "adjusted, those who did"}
REDRAWS = 8
_LEAST = 0.05  # what a hidden cause is allowed to explain, however little is known
WINDOW, INDEX = "any order of the window", "the first order of the window"
WHO: dict[causal.Target, str] = {
    "all": "Had everybody taken the step, each would have",
    "treated": "Because they took the step, those who did",
}
Verdict = Literal["cause", "if", "nothing"]
_SPAN = "over {days:days} (95 % interval {low:money} to {high:money})"
SENTENCES: dict[Verdict, str] = {
    "cause": "{who} brought {size:money} {than} " + _SPAN + ", if the five conditions hold; even with something "
    "unrecorded as strong as “{cause}” it is {least:money} to {most:money}.",
    "if": "Among customers alike, another channel goes with {size:money} {than} "
    + _SPAN
    + ". Nobody can say that it is "
    "the cause: something unrecorded, {share:percent} as strong as “{cause}”, would do.",
    "nothing": "Nothing shows that another channel changes anything " + _SPAN + ".",
}


def fits(seen: Study) -> dict[str, causal.CrossFit]:
    """Fit the adjustment for each outcome of a study. Raises NotEnoughData as `causal.cross_fit`.

    >>> bought = np.arange(400) % 7
    >>> added = pd.Series(np.arange(400) % 10 < 2 + bought)
    >>> spent = 10.0 * bought + 25 * added + np.arange(400) % 11
    >>> after = pd.DataFrame({"revenue": spent, "orders": bought // 2 + added, "bought": bought > 2})
    >>> known, days = pd.DataFrame({"bought": bought}), pd.date_range("2025-01-01", periods=3, freq="180D")
    >>> found = fits(Study("visits", "", *days, False, known, added, after * 1.0, placebo=spent))
    >>> {name: round(causal.effect(fitted).estimate, 1) for name, fitted in found.items()}
    {'revenue': 26.8, 'orders': 1.1, 'bought': 0.0}
    """
    return {name: causal.cross_fit(seen.features, seen.added, seen.outcomes[name]) for name in OUTCOMES}


def adjusted_effects(found: Mapping[str, causal.CrossFit]) -> pd.DataFrame:
    """Set the plain difference beside the adjusted effects that can be told.

    Returns mid, low and high (95 %) per customer, indexed by outcome ("net revenue", "purchase days", "share who
    bought") and answer: "plain difference", "adjusted, everybody", "adjusted, those who did"; an answer that the
    customers don't allow has no row (`missing`). Raises NoOverlap as `causal.answers`.

    >>> bought = np.arange(400) % 7
    >>> added = pd.Series(np.arange(400) % 10 < 2 + bought)
    >>> spent = 10.0 * bought + 25 * added + np.arange(400) % 11
    >>> fitted = causal.cross_fit(pd.DataFrame({"bought": bought}), added, spent, splits=1)
    >>> adjusted_effects({"revenue": fitted}).loc["net revenue"].round(1)
                              mid   low  high
    answer
    plain difference         41.1  37.5  44.8
    adjusted, everybody      26.8  25.0  28.6
    adjusted, those who did  26.5  24.9  28.2
    """
    rows: dict[tuple[str, str], tuple[float, float, float]] = {}
    for name, fitted in found.items():
        given = causal.answers(fitted)
        plain = next(iter(given.values()))
        rows[OUTCOMES[name], "plain difference"] = (plain.naive, plain.naive_low, plain.naive_high)
        rows |= {(OUTCOMES[name], ANSWERS[target]): (one.estimate, one.low, one.high) for target, one in given.items()}
    index = pd.MultiIndex.from_tuples(rows, names=["in the next window", "answer"])
    return pd.DataFrame(list(rows.values()), index=index, columns=["mid", "low", "high"])


def target(fitted: causal.CrossFit) -> causal.Target:
    """Name whom the headline is about: everybody, or only those who did where everybody can't be told.

    >>> bought = np.arange(400) % 7
    >>> added = pd.Series(np.arange(400) % 10 < 2 + bought)
    >>> spent = 10.0 * bought + 25 * added + np.arange(400) % 11
    >>> fitted = causal.cross_fit(pd.DataFrame({"bought": bought}), added, spent, splits=1)
    >>> target(fitted)
    'all'
    """
    return next(iter(causal.answers(fitted)))


def benchmarks(seen: Study, fitted: causal.CrossFit) -> pd.DataFrame:
    """`sensitivity.strengths` of the families of a study, and a cause that explains _LEAST of the outcome and the step.

    It comes first where nothing known is stronger: features that tell nothing are no reason to be surer of a cause.

    >>> chance = np.random.default_rng(0)
    >>> known = pd.DataFrame(chance.poisson(5, (400, 10)), columns=[*KNOWN]).assign(home=["store", "web"] * 200)
    >>> added = pd.Series(12 * chance.random(400) < known["frequency"])
    >>> after = pd.DataFrame({"revenue": 10.0 * known["frequency"] + 25 * added + chance.normal(0, 10, 400)})
    >>> days = pd.date_range("2025-01-01", periods=3, freq="180D")
    >>> seen = Study("visits", "", *days, False, known, added, after, placebo=known["spend_last_365"] * 10.0)
    >>> fitted = causal.cross_fit(known, added, after["revenue"], splits=1)
    >>> benchmarks(seen, fitted).head(2).round(2)
                                        outcome  treatment  strength
    known cause
    how often they bought                  0.76       0.07      0.24
    any cause that explains 5% of each     0.05       0.05      0.05
    """
    known = sensitivity.strengths(fitted, seen.features, families(seen), target(fitted))
    known.loc[f"any cause that explains {_LEAST:.0%} of each"] = _LEAST
    return sensitivity.by_harm(known)


def allowing_for_strongest(fitted: causal.CrossFit, known: pd.DataFrame) -> tuple[float, float]:
    """Give the 95 % interval that allows for a hidden cause as strong as the strongest one of `benchmarks`.

    >>> bought = np.arange(400) % 7
    >>> added = pd.Series(np.arange(400) % 10 < 2 + bought)
    >>> spent = 10.0 * bought + 25 * added + np.arange(400) % 11
    >>> fitted = causal.cross_fit(pd.DataFrame({"bought": bought}), added, spent, splits=1)
    >>> known = pd.DataFrame({"outcome": [0.1], "treatment": [0.1]}, ["how often they bought"])
    >>> [round(end, 1) for end in allowing_for_strongest(fitted, known)]
    [23.6, 30.0]
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
    row.index = pd.Index([f"{ANSWERS[aim]}, allowing for a cause as strong as “{cause}”"], name=money.index.name)
    return pd.concat([money, row])


def allowed_verdict(found: pd.Series, doubt: tuple[float, float]) -> Verdict:
    """Say which sentence an effect allows.

    Args:
        found: mid, low and high of the effect. doubt: its interval as `allowing` gives it.

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

    >>> home = pd.Series(["web", "store", "store", "store"] * 500)
    >>> added = pd.Series((home == "web") & (np.arange(2000) % 8 < 4))
    >>> fitted = causal.cross_fit(home.to_frame("home"), added, added * 25.0, splits=1)
    >>> missing(fitted)[:64]
    "An effect on everybody can't be told, that on those who did can."
    """
    try:
        causal.require_overlap(fitted)
    except causal.NoOverlap as error:
        return f"An effect on everybody can't be told, that on those who did can. {error.what}"
    return ""


def families(seen: Study) -> dict[str, list[str]]:
    """Group the features of a study by what they tell, each attribute by itself, and all of the behaviour together.

    >>> known = pd.DataFrame({"T": [90.0, 400.0], "home": ["web", "store"], "age_band": ["18-24", "25-34"]})
    >>> days = pd.to_datetime(["2025-01-01", "2025-06-30", "2026-06-30"])
    >>> seen = Study("visits", "", *days, False, known, known["T"] > 90, known[["T"]], known["T"])
    >>> [name for name in families(seen)]
    ['how long they are customers', 'home channel', 'everything they bought so far', 'age band']
    >>> families(seen)["age band"]
    ['age_band']
    """
    known = {name: list(columns) for name, columns in FAMILIES.items() if set(columns) <= set(seen.features)}
    grouped = {column for columns in known.values() for column in columns}
    others = [str(name) for name in seen.features if name not in grouped]
    return known | {ALL_BOUGHT: list(KNOWN)} | {name.replace("_", " "): [name] for name in others}


def segments(seen: Study, attribute: str) -> dict[str, pd.Series]:
    """Name the groups by which an effect can be split: home channel, purchases before, and `attribute` if known.

    >>> known = pd.DataFrame({"frequency": [0, 5], "home": ["web", "store"], "age_band": ["18-24", "25-34"]})
    >>> days = pd.to_datetime(["2025-01-01", "2025-06-30", "2026-06-30"])
    >>> seen = Study("visits", "", *days, False, known, known["frequency"] > 1, known, known["frequency"])
    >>> {name: groups.tolist() for name, groups in segments(seen, "age_band").items()}
    {'home': ['web', 'store'], 'purchases': ['1', '5-9'], 'age band': ['18-24', '25-34']}
    """
    groups = {"home": seen.features["home"], "purchases": band(seen.features["frequency"] + 1)}
    if attribute in seen.features and attribute not in KNOWN:
        groups[attribute.replace("_", " ")] = seen.features[attribute]
    return groups


def effects_by(fitted: causal.CrossFit, groups: Mapping[str, pd.Series]) -> pd.DataFrame:
    """List the effect within each group of each split, as `causal.effect_by`: mid, low, high, customers, treated.

    Index: "split: group". Raises NotEnoughData when no group is large enough.

    >>> home = pd.Series(["store", "web"] * 200)
    >>> bought, added = np.arange(400) % 7, pd.Series(np.arange(400) % 5 < 2)
    >>> spent = 10.0 * bought + added * np.where(home == "web", 50, 20)
    >>> fitted = causal.cross_fit(pd.DataFrame({"bought": bought}), added, spent, splits=1)
    >>> effects_by(fitted, {"home": home})[["mid", "customers", "treated"]].round(1)
                  mid  customers  treated
    group
    home: store  19.9        200       80
    home: web    50.4        200       80
    """
    parts = [causal.effect_by(fitted, values).rename(index=f"{name}: {{}}".format) for name, values in groups.items()]
    frame = pd.concat(parts).rename(columns={"estimate": "mid"}).rename_axis("group")
    if frame["mid"].isna().all():
        raise NotEnoughData(
            f"No group has {causal.FEWEST} customers who added a channel and as many, alike enough, who did not.",
            "Bring more customers.",
        )
    return frame[["mid", "low", "high", "customers", "treated"]]


def unlike(fitted: causal.CrossFit, groups: Mapping[str, pd.Series]) -> dict[str, float]:
    """Give, for each split with two or more groups, the probability of such differences by chance (`causal.differ`).

    >>> home = pd.Series(["store", "web"] * 200)
    >>> bought, added = np.arange(400) % 7, pd.Series(np.arange(400) % 5 < 2)
    >>> spent = 10.0 * bought + added * np.where(home == "web", 24, 20) + np.arange(400) % 11
    >>> fitted = causal.cross_fit(pd.DataFrame({"bought": bought}), added, spent, splits=1)
    >>> {name: round(chance, 4) for name, chance in unlike(fitted, {"home": home}).items()}
    {'home': 0.0019}
    """
    chances = {name: causal.differ(causal.effect_by(fitted, values)) for name, values in groups.items()}
    return {name: chance for name, chance in chances.items() if chance == chance}


def placebo(seen: Study) -> causal.Effect:
    """Look for an "effect" on what was already spent before the first window, where there can be none.

    The adjustment keeps only what doesn't tell that spend: number of purchases, silence, age, what was spent earlier,
    home channel, attributes. An effect other than zero shows that those who add a channel differ in their spend
    by more than these features tell.

    >>> chance = np.random.default_rng(0)
    >>> known = pd.DataFrame(chance.poisson(5, (400, 10)), columns=[*KNOWN]).assign(home=["store", "web"] * 200)
    >>> added = pd.Series(12 * chance.random(400) < known["frequency"])
    >>> after = pd.DataFrame({"revenue": 10.0 * known["frequency"] + 25 * added + chance.normal(0, 10, 400)})
    >>> days = pd.date_range("2025-01-01", periods=3, freq="180D")
    >>> seen = Study("visits", "", *days, False, known, added, after, placebo=known["spend_last_365"] * 10.0)
    >>> past = placebo(seen)
    >>> past.low < 0 < past.high, round(past.estimate, 1)
    (True, 0.8)
    """
    money = {*FAMILIES["how much they spent"], "purchases_last_90", "purchases_last_365"}
    features = seen.features.drop(columns=sorted(money))
    features["spend_before"] = seen.features["total_spend"] - seen.placebo
    return next(iter(causal.answers(causal.cross_fit(features, seen.added, seen.placebo)).values()))


def require_sound(past: causal.Effect) -> causal.Effect:
    """Refuse when the placebo finds an "effect" on the past: whoever differs by it differs by more than the features
    tell. Returns what it was given. Raises CannotAnswer.

    >>> past = causal.Effect(1.0, 2.0, -2.9, 4.9, 50.0, 10.0, 5.0, 15.0, customers=400, treated=100)
    >>> require_sound(past).estimate
    1.0
    """
    if past.low <= 0 <= past.high:
        return past
    raise CannotAnswer(
        f"The placebo failed: on what was spent before, the study finds an “effect” of {wording.money(past.estimate)} "
        f"({wording.money(past.low)} to {wording.money(past.high)}), which can't be. Those who used another channel "
        "differ by more than the features tell.",
        "Name more of what was known in known_before, or run an experiment (notebook 06).",
    )


def redrawn(ds: Dataset, seen: Study) -> pd.DataFrame:
    """Let chance pick the channel of every order of the first window, and run both ways of counting on that world.

    Nothing else is changed, so that the true effect is zero; channels come from the mix of that window. Counted is "any
    order of the window" in another channel, as in articles that look forward, or "the first order of the window", the
    index order.

    Returns, indexed by these two: mid, low and high (currency per customer, mean effect over 8 draws of the channels,
    with its 99 % interval over draws).

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
    used = adoption.channels_bought(ds, seen.start, seen.split)
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

    >>> days = pd.to_datetime(["2025-01-01", "2025-06-30", "2026-06-30"])
    >>> none = pd.DataFrame()
    >>> seen = Study("orders", "", *days, False, none, none, none, none)
    >>> drawn = pd.DataFrame({"mid": [35.0, 1.0], "low": [30.0, -4.0], "high": [40.0, 6.0]}, [WINDOW, INDEX])
    >>> null_of(seen, drawn).to_dict()
    {'mid': 1.0, 'low': -4.0, 'high': 6.0}
    """
    if seen.design == "visits":
        return pd.Series(0.0, ["mid", "low", "high"])
    mid, low, high = map(float, drawn.loc[INDEX, ["mid", "low", "high"]])
    if low <= 0 <= high:
        return pd.Series({"mid": mid, "low": low, "high": high})
    raise CannotAnswer(
        f"In a world in which channels change nothing, this study finds {wording.money(mid)} "
        f"({wording.money(low)} to {wording.money(high)}): what it would find here can't be trusted.",
        "Bring more customers, or run an experiment (notebook 06).",
    )


def calendar(seen: Study) -> pd.DataFrame:
    """List the periods of a study: from and to (dates), and what each is for.

    >>> days = pd.to_datetime(["2025-01-01", "2025-06-30", "2026-06-30"])
    >>> none = pd.DataFrame()
    >>> calendar(Study("visits", "", *days, False, none, none, none, none))[["from", "to"]]
                       from         to
    before              NaT 2024-12-31
    first window 2025-01-01 2025-06-30
    next window  2025-07-01 2026-06-30
    """
    before, after = (seen.start - DAY, seen.split + DAY) if seen.design == "visits" else (seen.split, seen.start + DAY)
    what = {
        "visits": ["what is known of each customer", "who uses another channel", "what each brings"],
        "orders": [
            "what is known of each customer, to the day before the order",
            "in which channel each one's first order is made",
            f"what each brings in the {seen.days:,} days after the order",
        ],
    }[seen.design]
    rows = {"before": (pd.NaT, before), "first window": (seen.start, seen.split), "next window": (after, seen.end)}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["from", "to"]).assign(**{"what is looked at": what})


def about(seen: Study) -> str:
    """Say how many customers a study has, how many used another channel, and its dates, for a caption.

    >>> days = pd.to_datetime(["2025-01-01", "2025-06-30", "2026-06-30"])
    >>> added, none = pd.Series([True, False, False]), pd.DataFrame()
    >>> about(Study("visits", "", *days, False, none, added, none, none)).split("; ")[0]
    'n = 3 customers of one channel, 1 of them used another channel'
    """
    n, added = wording.count(len(seen.added)), f"{wording.count(seen.added.sum())} of them {STEP[seen.design]}"
    first, last = wording.date(seen.start), wording.date(seen.split)
    if seen.design == "orders":
        after = f"counted are the {wording.count(seen.days)} days after each one's order"
        return f"n = {n} customers of one channel who ordered from {first} to {last}, {added}; {after}"
    dates = f"{wording.date(seen.split + DAY)} to {wording.date(seen.end)}"
    return f"n = {n} customers of one channel, {added}; next window {dates}"


def feature_in_words(feature: str) -> str:
    """Write a feature's name for a figure.

    >>> feature_in_words("days_since_last_order")
    'days since last order'
    """
    return feature.replace("_", " ")


def means_before_and_after(seen: Study) -> pd.DataFrame:
    """Compare those who used another channel with those who did not, before that and after it.

    Index: what (purchases and spend so far, spend of the year before, days since the last order, net revenue
    afterwards); columns: added, others (means per customer).

    >>> known = pd.DataFrame({"frequency": [4, 0, 2], "total_spend": [150.0, 20.0, 60.0]})
    >>> known = known.assign(spend_last_365=[90.0, 20.0, 0.0], days_since_last_order=[10, 200, 400])
    >>> days = pd.to_datetime(["2025-01-01", "2025-06-30", "2026-06-30"])
    >>> added, after = pd.Series([True, False, False]), pd.DataFrame({"revenue": [80.0, 20.0, 50.0]})
    >>> means_before_and_after(Study("visits", "", *days, False, known, added, after, known["frequency"])).round(1)
                               added  others
    <BLANKLINE>
    purchases so far             5.0     2.0
    spend so far               150.0    40.0
    spend of the year before    90.0    10.0
    days since the last order   10.0   300.0
    net revenue afterwards      80.0    35.0
    """
    means = seen.features.assign(revenue=seen.outcomes["revenue"], purchases=seen.features["frequency"] + 1)
    named = {
        "purchases": "purchases so far",
        "total_spend": "spend so far",
        "spend_last_365": "spend of the year before",
        "days_since_last_order": "days since the last order",
        "revenue": "net revenue afterwards",
    }
    table = means.groupby(seen.added.map({True: "added", False: "others"}))[list(named)].mean().T
    return table.reindex(columns=["added", "others"]).rename(index=named).rename_axis(index="", columns="")


def true_effects(effects: pd.DataFrame, study: Study) -> dict[str, float]:
    """Pick from the truth of a simulated shop the mean effect of a second channel on revenue: all, treated.

    Raises MissingTable when the study goes by orders, or its windows are not those of which the truth is known.

    >>> effects = pd.DataFrame({"topic": "channels", "group": "all", "quantity": ["revenue", "revenue_treated"]})
    >>> days = pd.to_datetime(["2025-01-01", "2025-06-30", "2026-06-30"])
    >>> none = pd.DataFrame()
    >>> true_effects(effects.assign(value=[40.7, 53.5]), Study("visits", "", *days, False, none, none, none, none))
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
