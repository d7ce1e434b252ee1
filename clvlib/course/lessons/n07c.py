"""Exercises and quiz of notebook 07c: claims of articles, and how each was counted."""

from typing import Any

from clvlib.course.assignments import Key, assign, question
from clvlib.dataset import Dataset
from clvlib.errors import NotEnoughData
from clvlib.value import claims


@assign(
    "07c.1",
    unit="percent",
    ask="From one window to the next, the share `stay` of the customers stays here. An article promises retention "
    "“15% higher”, and by its example means 15 points. By which share would retention rise here?",
    hint="Points are added: `stay + 0.15`. A rise is measured by what was there before.",
    solution="""
    higher = stay + 0.15
    higher / stay - 1
    """,
    means="15 points more are {right} more here: the lower retention is, the more the same points are in percent. "
    "Ask of every “+15%” which of the two it is.",
)
def _points(ds: Dataset, stay: float) -> Key:
    measured = float(claims.retention_here(ds)["figure"]["kept_80"])
    if not 0 < measured <= 1 - claims.POINTS_MORE:
        raise NotEnoughData("Nobody stayed, or 15 points more would be over 100%.", "Go on.")
    return Key(
        claims.POINTS_MORE / measured,
        {
            "Those are the points; by which share retention rises depends on where it starts.": claims.POINTS_MORE,
            "You took 15% of retention: that is how many points a rise of 15% would be.": claims.POINTS_MORE * stay,
            "That is retention afterwards; how much more is it than before?": stay + claims.POINTS_MORE,
            "You measured by what came out; a rise is measured by what was there before.": claims.POINTS_MORE
            / (stay + claims.POINTS_MORE),
        },
    )


@assign(
    "07c.2",
    unit="percent",
    ask="Of the customers won 365 days ago or earlier, which share bought on one day only? `ds.rfm_summary()` holds "
    "`T` (days since the first purchase) and `frequency` (purchases after the first).",
    hint='First keep who has had a year, `rfm[rfm["T"] >= 365]`; then the share whose `frequency` is 0.',
    solution="""
    rfm = ds.rfm_summary()
    old = rfm[rfm["T"] >= 365]
    (old["frequency"] == 0).mean()
    """,
    means="{right} bought once and not again, all of them watched for a year at least. An article that tells “one in "
    "four never comes back” says neither how long it waited, nor for whom.",
)
def _once(ds: Dataset) -> Key:
    rfm = ds.rfm_summary()
    old = rfm["T"] >= claims.MATURE_DAYS
    once = rfm["frequency"] == 0
    return Key(
        claims.bought_once(ds)[0],
        {
            "You counted everybody: who was won last week has had no time to come back.": float(once.mean()),
            "You took 1 for one purchase: `frequency` counts those after the first, so that it is 0.": float(
                (rfm["frequency"][old] == 1).mean()
            ),
            "You divided by purchases, not by customers.": float(once[old].sum() / (rfm["frequency"][old] + 1).sum()),
            "You kept those won within the year, who have had less time.": float(once[~old].mean()),
        },
    )


@assign(
    "07c.3",
    unit="number",
    ask="Suppose that 15 points more of the customers stayed, and that keeping cost the same in all. Winning one "
    "customer would then cost how many times as much as keeping one for a year? `keeping` holds `cac`, "
    "`base` (cost of a year per customer who was to be kept) and `kept` (the share of them who stayed).",
    hint='What keeping costs per customer who stays is `keeping["base"]` over the share who stay, here '
    '`keeping["kept"] + 0.15`. The ratio is `keeping["cac"]` over that.',
    solution="""
    per_kept = keeping["base"] / (keeping["kept"] + 0.15)
    keeping["cac"] / per_kept
    """,
    means="The ratio would be {right}, although winning costs what it did: a “five times” moves with retention, and "
    "with what is booked as keeping.",
)
def _times(ds: Dataset, keeping: dict[str, float]) -> Key:
    kept, times = keeping["kept"], keeping["times"]
    if kept + claims.POINTS_MORE > 1:
        raise NotEnoughData("15 points more would be over 100%.", "Go on.")
    return Key(
        times * (kept + claims.POINTS_MORE) / kept,
        {
            "That is the ratio as it is; 15 points more stay.": times,
            "You took 15% more of retention; points are added.": times * 1.15,
            "You divided by the cost of everybody who was to be kept; a part of them leaves all the same.": (
                keeping["cac"] / keeping["base"]
            ),
            "That is what keeping one would cost; divide the cost to win by it.": keeping["base"]
            / (kept + claims.POINTS_MORE),
        },
    )


@question(
    "07c.1",
    ask="“Retention from 60 to 75%”: how much higher is it?",
    right=("15 points, which is 25%", "75 over 60 is 1.25."),
    wrong=(
        ("15%", "15% more than 60 would be 69."),
        ("15 points, which is 20%", "20% is measured by what came out, 75."),
        ("25 points", "Those are percent of what was there before; the difference of two shares is in points."),
    ),
)
def _which_unit(ds: Dataset) -> dict[str, Any]:
    return {}


@question(
    "07c.2",
    ask="Of 305 firms, the 61 with the best results keep 89% of their customers, the others 33%. What follows for a "
    "firm that adds channels?",
    right=(
        "Nothing yet: the best were chosen by results.",
        "Whoever is chosen by a figure is good in it; whatever else they do comes along.",
    ),
    wrong=(
        ("Its retention will rise towards 89%.", "Firms that keep customers for other reasons add channels, too."),
        ("Channels are worth 56 points.", "That is the gap between firms chosen apart, not what channels do."),
        ("305 firms are too few to tell anything.", "More of them, chosen alike, would say the same."),
    ),
)
def _chosen(ds: Dataset) -> dict[str, Any]:
    return {}


@question(
    "07c.3",
    ask="“Recommendations make baskets 15% larger.” Which comparison would tell?",
    right=(
        "Visitors who are shown recommendations by lot, and others who aren't",
        "All who were assigned count, whether they clicked or not.",
    ),
    wrong=(
        (
            "Baskets with a recommended product, and baskets without",
            "A basket with one product more is larger by itself.",
        ),
        ("Visitors who clicked a recommendation, and others", "Who clicks was about to buy more."),
        ("Baskets before they were introduced, and after", "Season, prices and customers changed too."),
    ),
)
def _which_comparison(ds: Dataset) -> dict[str, Any]:
    return {}


@question(
    "07c.4",
    ask="Of {old:count} customers won a year ago or earlier, {once:count} bought on one day only. Which limits "
    "go with that share (95% interval)?",
    right=("{low:percent} to {high:percent}", "The interval of a share of that many customers (Wilson)."),
    wrong=(
        ("0% to {double:percent}", "So wide is it only for a handful of customers."),
        ("{share:percent}, exactly", "These customers are a sample of those whom the shop might have won."),
        ("{back_low:percent} to {back_high:percent}", "That is the share who came back."),
    ),
)
def _limits(ds: Dataset) -> dict[str, Any]:
    rfm = ds.rfm_summary()
    old = rfm["T"] >= claims.MATURE_DAYS
    share, low, high = claims.bought_once(ds)
    if not 0 < share < 1:
        raise NotEnoughData("Everybody came back, or nobody did.", "Go on.")
    values = {"old": int(old.sum()), "once": int((rfm["frequency"][old] == 0).sum()), "share": share}
    ends = {"low": low, "high": high, "back_low": 1 - high, "back_high": 1 - low, "double": min(2 * share, 1.0)}
    return values | ends


@question(
    "07c.5",
    ask="A service says that its recommendations save a billion a year. What would show it?",
    right=(
        "Members drawn by lot who get none, and how many of them cancel",
        "The saving is what is lost without them, among members who differ in nothing else.",
    ),
    wrong=(
        ("That most of what is watched was recommended", "They would have watched something else."),
        ("That members who follow recommendations stay longer", "Who watches much does both."),
        ("That revenue has risen since they were introduced", "So have prices, countries and the catalogue."),
    ),
)
def _a_billion(ds: Dataset) -> dict[str, Any]:
    return {}
