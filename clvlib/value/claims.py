"""Figures that articles quote → who says so and how it was counted, and the same figure of this dataset.

A claim is quoted, not believed. Beside each stands what this dataset gives when it is counted alike, with an interval
where one holds, or why it can't be told: a firm's opinion is in no table, and what a measure *does* takes a test.
Figures about several channels come from `causes.multichannel`; `claims_beside` takes them in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from clvlib import wording
from clvlib.aggregate import acquisition, journeys
from clvlib.errors import CannotAnswer, MissingTable, NotEnoughData
from clvlib.language import message, phrase
from clvlib.stats import DAYS_PER_YEAR, LEAST, present_value
from clvlib.value import kpis

if TYPE_CHECKING:
    from clvlib.dataset import Dataset

_LEVEL = 0.95
_YEAR = 365  # days: keeping is paid by the year, so that who was kept is counted over one
MATURE_DAYS = 365  # since the first purchase, of customers of whom it is asked whether they came back
POINTS_MORE = 0.15  # by which the quoted example raises retention
FIGURES = ["figure", "low", "high", "why"]
_BY_RETENTION = ("kept_80", "churn_2_8", "omnichannel_89", "clv_40")


@dataclass(frozen=True)
class Claim:
    """What is quoted, who says so, how it was counted, the unit of the figure here, what that figure tells, where.

    needs: what is lacking where no shop's purchases can tell it. quoted: the figure, of claims about one share or a
    change.

    >>> CLAIMS["kept_80"].claim, CLAIMS["kept_80"].judged_in
    ('Good firms keep 80% of their customers', '07, section 4')
    """

    claim: str
    who: str
    counted: str
    unit: str = ""
    tells: str = ""
    judged_in: str = ""
    needs: str = ""
    quoted: float = np.nan


_HBR = "Sopadjieva, Dholakia & Benjamin (2017), Harvard Business Review"
_SHOPPERS = message(
    "46,000 shoppers of one retailer asked and followed for 14 months; they call it no proof of a cause"
)
_UNTRACED = message("articles, “after the Harvard Business Review”, where it isn't")
_NO_SOURCE = message("articles, without a source")

CLAIMS = {
    "five_times": Claim(
        "Winning a customer costs five times as much as keeping one",
        "articles for thirty years; “5 to 25 times” in Gallo (2014), Harvard Business Review",
        "not said: whose costs, and kept for how long",
        "times",
        "CAC over what a year of keeping costs per customer kept (of the buyers of one year, those who bought in the "
        "next), as far as booked; the interval carries the error of that share only; that keeping is cheap doesn't say "
        "that more of it keeps anybody",
        "01, 05b",
        quoted=5,
    ),
    "wasted_80": Claim(
        "Poor retention can cost 80% of what is spent to acquire",
        _NO_SOURCE,
        "not said; “can” is no measure",
        "share",
        "what was paid to win those who bought on one day only, of all paid for customers won a year ago or earlier; "
        "at most: a first purchase may have paid its cost",
        "07, section 1",
        quoted=0.8,
    ),
    "kept_80": Claim(
        "Good firms keep 80% of their customers",
        _NO_SOURCE,
        "not said: which trade, which period, contract or not",
        "share",
        "retention of one window; one's own trend tells more",
        "07, section 4",
        quoted=0.8,
    ),
    "churn_2_8": Claim(
        "Churn is 2 to 8% a period; aim below 5%",
        _NO_SOURCE,
        "not said: which period; with subscriptions, a month",
        "share",
        "the same retention as a constant loss a month",
        "07, section 4",
    ),
    "omnichannel_89": Claim(
        "Firms with strong omnichannel engagement keep 89% of their customers, weak ones 33%",
        "Aberdeen Group (2013), Omni-Channel Customer Care",
        "305 firms answered; the best 61, chosen by their results, beside the rest: chosen by it, they differ in it",
        "share",
        "retention of one shop; what channels do to it compares firms, or customers (below)",
        "05",
        quoted=0.89,
    ),
    "once_25": Claim(
        "A quarter of users open an app once and never again",
        "Localytics (2015; 23% in 2016)",
        "sessions of the users of some 37,000 apps that it measures",
        "share",
        "bought on one day only, of customers won a year ago or earlier; a purchase is no session",
        "07, section 2",
        quoted=0.25,
    ),
    "clv_40": Claim(
        "Retention up from 60 to 75% (“+15%”) lifts CLV from 500 to 700 euros (+40%)",
        "an example that articles tell",
        "not said; 60 to 75 is 15 points, which is 25%",
        "change",
        "CLV by the formula with retention 15 points higher, all else equal: arithmetic; that a measure moves "
        "retention takes a test",
        "01",
        quoted=0.4,
    ),
    "many_value": Claim(
        "Customers of many channels are 30% more valuable", _UNTRACED, "not said", "change", "", "05", quoted=0.3
    ),
    "many_again": Claim("… 6% more likely to buy again", _UNTRACED, "not said", "change", "", "05", quoted=0.06),
    "many_loyal": Claim(
        "… 9% more loyal", _UNTRACED, "not said; here: bought in the last year", "change", "", "05", quoted=0.09
    ),
    "several_trips": Claim(
        "Within six months, 23% more repeat trips to the stores", _HBR, _SHOPPERS, "change", "", "05", quoted=0.23
    ),
    "several_store": Claim(
        "Several channels: 4% more per purchase in the store", _HBR, _SHOPPERS, "change", "", "05", quoted=0.04
    ),
    "several_online": Claim("… 10% more per purchase online", _HBR, _SHOPPERS, "change", "", "05", quoted=0.1),
    "many_store": Claim(
        "Four channels or more: 9% more in the store", _HBR, _SHOPPERS, "change", "", "05", quoted=0.09
    ),
    "subscription_30": Claim(
        "Loyalty programmes make subscriptions last 30% longer",
        _NO_SOURCE,
        "not said; members chose to join",
        judged_in="06, 07b",
        needs="it takes a test (06): subscribers offered a programme by lot, and followed",
    ),
    "basket_15": Claim(
        "Recommendations: baskets 15% larger, purchases 20% more frequent",
        _NO_SOURCE,
        "not said; who clicks one is about to buy",
        judged_in="06, 08",
        needs="it takes a test (06): visitors shown recommendations by lot",
    ),
    "support_25": Claim(
        "Proactive support lowers churn by 25%",
        _NO_SOURCE,
        "not said: points, or of what",
        judged_in="04, 06",
        needs="it takes a test (06): customers called first by lot; in tables, who has a ticket has a problem",
    ),
    "personal_15": Claim(
        "Personalisation raises conversion by 15%",
        _NO_SOURCE,
        "not said; conversion of whom, for how long",
        judged_in="06",
        needs="it takes a test (06): visitors shown a personal page by lot, judged on value too",
    ),
    "essential_94": Claim(
        "94% of firms call personalisation essential; 93% saw conversion rise with it",
        "Econsultancy (surveys of firms)",
        "what firms say of themselves; who answers is interested",
        judged_in="06",
        needs="no shop's data can tell it: opinions of other firms",
    ),
}


def retention_here(ds: "Dataset") -> pd.DataFrame:
    """Retention of the longest window that the history holds twice, and what follows from it, each with its interval.

    Indexed by claim (kept_80, churn_2_8, omnichannel_89, clv_40): figure, low, high (Wilson's, 95 %). clv_40: by how
    much CLV by the formula, (1 + d) / (1 + d − r) periods, grows with 15 points more, d being the discount of a window.
    NaN where retention would pass 100 %. Raises NotEnoughData for a short history or fewer than 5 buyers.

    >>> retention_here(sample).round(2)
                    figure   low  high
    kept_80           0.52  0.48  0.56
    churn_2_8         0.10  0.12  0.09
    omnichannel_89    0.52  0.48  0.56
    clv_40            0.40  0.36  0.44
    """
    window = kpis.window_days(ds.starts, ds.as_of)
    back = kpis.bought_again(ds.transactions, ds.as_of, window)
    kept = pd.Series(share_with_interval(int(back.sum()), len(back)), ["figure", "low", "high"])
    discount = 1 / float(present_value([1.0], ds.economics.annual_discount_rate, [window / DAYS_PER_YEAR]))
    more = ((discount - kept) / (discount - kept - POINTS_MORE) - 1).where(kept + POINTS_MORE <= 1)
    rows = {"kept_80": kept, "churn_2_8": kpis.monthly_churn(kept, window), "omnichannel_89": kept, "clv_40": more}
    return pd.DataFrame(rows).T


def share_with_interval(done: int, of: int) -> tuple[float, float, float]:
    """A share and its 95 % interval (Wilson 1927). Raises NotEnoughData when it rests on fewer than 5.

    >>> [round(end, 3) for end in share_with_interval(8, 10)]
    [0.8, 0.49, 0.943]
    """
    if of < LEAST:
        raise NotEnoughData(
            phrase("There are only {of} customers to look at.", of=of), phrase("A share takes {least}.", least=LEAST)
        )
    low, high = proportion_confint(done, of, alpha=1 - _LEVEL, method="wilson")
    return done / of, float(low), float(high)


def bought_once(ds: "Dataset") -> tuple[float, float, float]:
    """Of the customers won a year ago or earlier, the share who bought on one day only, with its 95 % interval.

    >>> [round(end, 3) for end in bought_once(sample)]
    [0.515, 0.495, 0.535]
    """
    old = _mature(ds)
    return share_with_interval(int((old["frequency"] == 0).sum()), len(old))


def _mature(ds: "Dataset") -> pd.DataFrame:
    rfm = ds.rfm_summary()
    return rfm[rfm["T"] >= MATURE_DAYS]


def cost_of_once(ds: "Dataset") -> tuple[float, float, float]:
    """Of what winning customers cost a year ago or earlier, the share paid for those who bought on one day only.

    Its 95 % interval: Wilson's, for as many customers as unlike costs are worth, (sum of costs)² / sum of costs² (Kish
    1965). Raises MissingTable when no cost is known, NotEnoughData below 5 customers with a cost.

    >>> [round(end, 3) for end in cost_of_once(shop)]
    [0.191, 0.177, 0.206]
    """
    old = _mature(ds)
    cost = acquisition.cost_of(ds, old.index).fillna(0.0)
    cost = cost[cost > 0]
    if cost.empty:
        raise MissingTable("What winning customers cost isn't known.", "Add the table marketing_costs.")
    if len(cost) < LEAST:
        raise NotEnoughData(
            phrase("The cost of only {n} customers is known.", n=len(cost)), phrase("It takes {least}.", least=LEAST)
        )
    once = old["frequency"].reindex(cost.index) == 0
    share = float(cost[once].sum() / cost.sum())
    worth = float(cost.sum() ** 2 / (cost**2).sum())
    low, high = proportion_confint(share * worth, worth, alpha=1 - _LEVEL, method="wilson")
    return share, min(float(low), share), max(float(high), share)


def keeping_cost(ds: "Dataset") -> dict[str, float]:
    """What a year of keeping costs per customer kept, as far as it is known, beside the cost to win one.

    The buyers of the year before the last: what the card says that keeping them costs, and what contacts with them
    cost in the last year (touchpoints), over those of them who bought in it. Gives cac, base (cost a customer and
    year), kept (share), kept_low, kept_high (95 %), per_kept (= base / kept), and times (= cac / per_kept).

    Raises NotEnoughData when the history holds no two years, the cost to win or to keep isn't known or is 0, or nobody
    was kept.

    >>> {name: round(value, 2) for name, value in keeping_cost(shop).items()}
    {'cac': 31.69, 'base': 3.59, 'kept': 0.62, 'kept_low': 0.6, 'kept_high': 0.63, 'per_kept': 5.81, 'times': 5.46}
    """
    cac = ds.economics.acquisition_cost
    if not cac:
        raise NotEnoughData("What winning a customer costs isn't known.", "Add the table marketing_costs.")
    known = (ds.as_of - ds.starts).days + 1
    if known < 2 * _YEAR:
        raise NotEnoughData(
            phrase(
                "What a year of keeping keeps takes two years to see, and the history has {days:,} days.", days=known
            ),
            "Bring a longer history.",
        )
    back = kpis.bought_again(ds.transactions, ds.as_of, _YEAR)
    kept, low, high = share_with_interval(int(back.sum()), len(back))
    since = ds.as_of - pd.Timedelta(days=_YEAR - 1)
    contacts = 0.0
    if ds.has("touchpoints") and "cost" in ds.table("touchpoints").columns:
        spent = journeys.contact_costs(ds.table("touchpoints"), since, ds.as_of)
        contacts = float(spent.reindex(back.index).fillna(0.0).mean()) * DAYS_PER_YEAR / _YEAR
    base = ds.economics.retention_cost_per_year + contacts
    if base <= 0 or kept <= 0:
        raise NotEnoughData("What keeping a customer costs isn't known.", "State retention_cost_per_year in the card.")
    found = {"cac": cac, "base": base, "kept": kept, "kept_low": low, "kept_high": high, "per_kept": base / kept}
    return found | {"times": cac / (base / kept)}


def _five_times(ds: "Dataset") -> tuple[float, float, float]:
    known = keeping_cost(ds)
    each = known["cac"] / known["base"]
    return known["times"], each * known["kept_low"], each * known["kept_high"]


def of_base(ds: "Dataset") -> pd.DataFrame:
    """The claims that purchases, costs and the card can tell: figure, low, high (95 %), and why one can't be told.

    Indexed by the keys of CLAIMS. Never raises for a lack of data: `why` says it, and the figure is NaN.

    >>> told = of_base(sample)
    >>> f"{told['figure']['once_25']:.2f}", told["why"]["five_times"]
    ('0.52', "What winning a customer costs isn't known.")
    """
    singles: dict[str, Callable[[Dataset], tuple[float, float, float]]] = {
        "five_times": _five_times,
        "wasted_80": cost_of_once,
        "once_25": bought_once,
    }
    rows: dict[str, tuple[float, float, float, str]] = {}
    for name, measure in singles.items():
        try:
            figure, low, high = measure(ds)
            rows[name] = (figure, low, high, "")
        except CannotAnswer as error:
            rows[name] = (np.nan, np.nan, np.nan, error.what)
    try:
        told = retention_here(ds)
        for name in told.index.astype(str):
            figure, low, high = (float(told[end][name]) for end in FIGURES[:3])
            rows[name] = (figure, low, high, "" if figure == figure else message("15 points more would be over 100%."))
    except CannotAnswer as error:
        rows |= dict.fromkeys(_BY_RETENTION, (np.nan, np.nan, np.nan, error.what))
    return pd.DataFrame.from_dict(rows, orient="index", columns=FIGURES)


def claims_beside(*found: pd.DataFrame) -> pd.DataFrame:
    """Every claim beside its figure here, as text, in the order of CLAIMS.

    found: frames as `of_base` gives them, those of other rooms also with a column `tells`. Indexed by claim; columns
    who_says_it, how_it_was_counted, here (figure and 95 % interval, or "can't be told"), what_that_tells, judged_in.

    >>> told = claims_beside(of_base(sample))
    >>> told.loc["A quarter of users open an app once and never again", "here"]
    '51.5% (49.5% to 53.5%)'
    """
    known = pd.concat(found)
    rows = {}
    for name, claim in CLAIMS.items():
        figure, why, tells = message("can't be told"), claim.needs, ""
        if name in known.index:
            row = known.loc[[name]].iloc[0]
            why = str(row["why"])
            more = row.get("tells", "")
            tells = more if isinstance(more, str) and more else claim.tells
            if row["figure"] == row["figure"]:
                figure = in_words(row, claim.unit)
        rows[claim.claim] = (claim.who, claim.counted, figure, why or tells, claim.judged_in)
    columns = ["who_says_it", "how_it_was_counted", "here", "what_that_tells", "judged_in"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("claim")


def quoted_and_here(*found: pd.DataFrame, unit: str = "share") -> pd.DataFrame:
    """The quoted figure beside the one here, of the claims of one unit that both have: quoted, here. Indexed by claim.

    found: as of `claims_beside`. Raises NotEnoughData when there is none.

    >>> quoted_and_here(of_base(sample)).round(2).iloc[0].to_dict()
    {'quoted': 0.8, 'here': 0.52}
    """
    figures = pd.concat(found)["figure"].dropna()
    chosen = {name: claim for name, claim in CLAIMS.items() if claim.unit == unit and claim.quoted == claim.quoted}
    rows = {claim.claim: (claim.quoted, figures[name]) for name, claim in chosen.items() if name in figures.index}
    if not rows:
        raise NotEnoughData("None of these claims can be told from these data.", "Bring a longer history.")
    return pd.DataFrame.from_dict(rows, orient="index", columns=["quoted", "here"]).rename_axis("claim")


def in_words(row: pd.Series, unit: str) -> str:
    """A figure and its interval as text. unit: share, change (with its sign) or times.

    >>> in_words(pd.Series({"figure": 0.25, "low": 0.1, "high": 0.4}), "change")
    '+25% (+10% to +40%)'
    """
    ends = sorted(row[["low", "high"]].dropna())

    def write(value: float) -> str:
        if unit == "times":
            return phrase("{n} times", n=wording.number(value, 1))
        return ("+" if unit == "change" and value > 0 else "") + wording.percent(value)

    figure, *interval = map(write, [row["figure"], *ends])
    if len(interval) < 2:
        return figure
    return phrase("{figure} ({low} to {high})", figure=figure, low=interval[0], high=interval[1])
