"""Silences between purchases in; how long a silence means gone, and the dates to test it at, out.

Nobody resigns from a shop: a customer who left looks like one who takes a break. What the data can say is
how long breaks last that end, and how many have not ended yet.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from clvlib.errors import NotEnoughData
from clvlib.language import phrase

SHORTEST_WINDOW = 7


def silence_curve(gaps: pd.Series, open_silences: pd.Series) -> pd.DataFrame:
    """How silences end, day by day.

    Silences that still last at the end of observation count as "not ended yet", not as departures: the
    product-limit estimate of Kaplan & Meier (1958). Silences are pooled over customers: every purchase
    starts one, so frequent buyers weigh more than others, and one limit holds for all.

    Args:
        gaps: index = days of silence before a repeat purchase, value = how many (`aggregate.gaps`).
        open_silences: one value a customer, days since the last order at the end of observation.

    Returns:
        Index `days`, 0 to the longest silence. `returns`: purchases after a silence of that many days;
        `at_risk`: silences that lasted at least as long; `still_silent`: estimated share of silences longer
        than that; `returns_within`: share of the returns seen over the whole history that came within that
        many days.

    Raises:
        NotEnoughData: nobody ever came back.

    >>> gaps = pd.Series({1: 6, 2: 3, 3: 1})  # six came back after one day, three after two, one after three
    >>> silence_curve(gaps, open_silences=pd.Series([2, 4])).round(2)
          returns  at_risk  still_silent  returns_within
    days
    0           0       12          1.00            0.00
    1           6       12          0.50            0.57
    2           3        6          0.25            0.86
    3           1        2          0.12            1.00
    4           0        1          0.12            1.00
    """
    if gaps.sum() == 0:
        raise NotEnoughData(
            phrase(
                "None of the {n:,} customers came back after a first purchase, so the data can't tell a pause from a "
                "departure.",
                n=len(open_silences),
            ),
            mend="Bring a longer history.",
        )
    days = pd.RangeIndex(int(max(gaps.index.max(), open_silences.max())) + 1, name="days")
    returns = gaps.reindex(days, fill_value=0)
    ended = returns + open_silences.value_counts().reindex(days, fill_value=0)
    at_risk = ended[::-1].cumsum()[::-1]
    still_silent = (1 - returns / at_risk.clip(lower=1)).cumprod()
    returns_within = (1 - still_silent) / (1 - still_silent.iloc[-1])
    return pd.DataFrame(
        {
            "returns": returns,
            "at_risk": at_risk,
            "still_silent": still_silent,
            "returns_within": returns_within,
        }
    )


def chance_to_return(curve: pd.DataFrame) -> pd.Series:
    """Chance that a silence of so many days ends with a purchase no later than the longest silence observed.

    Returns after the end of observation can't be seen, so this is the least that the chance can be, and it
    falls to 0 at the longest silence whatever the truth: read it well before the end. Index `days` as in
    `silence_curve`; NaN once nobody is left.

    >>> curve = silence_curve(pd.Series({1: 6, 2: 3, 3: 1}), open_silences=pd.Series([2, 4]))
    >>> chance_to_return(curve).round(2).to_dict()
    {0: 0.88, 1: 0.75, 2: 0.5, 3: 0.0, 4: 0.0}
    """
    still_silent = curve["still_silent"].where(curve["still_silent"] > 0)
    return (1 - curve["still_silent"].iloc[-1] / still_silent).rename("chance_to_return")


def window_for(curve: pd.DataFrame, share: float) -> int:
    """Fewest days within which a share (0 to 1) of the returns came.

    >>> curve = silence_curve(pd.Series({1: 6, 2: 3, 3: 1}), open_silences=pd.Series([2, 4]))
    >>> window_for(curve, share=0.5), window_for(curve, share=0.8)
    (1, 2)
    """
    return int((curve["returns_within"] < min(share, 1.0) - 1e-12).sum())


def other_windows(curve: pd.DataFrame, shares: tuple[float, ...] = (0.7, 0.8, 0.85, 0.9, 0.95)) -> pd.DataFrame:
    """What another choice would change: one row a share of returns to wait for.

    Columns: `share_of_returns`, `window_days`, `outlast_window` (share of all silences that outlast the
    window), `come_back_later` (of those, the share that is followed by a purchase after all, within the
    longest silence observed).

    >>> curve = silence_curve(pd.Series({1: 6, 2: 3, 3: 1}), open_silences=pd.Series([2, 4]))
    >>> other_windows(curve, shares=(0.5, 0.8, 0.9)).round(2)
       share_of_returns  window_days  outlast_window  come_back_later
    0               0.5            1            0.50             0.75
    1               0.8            2            0.25             0.50
    2               0.9            3            0.12             0.00
    """
    days = [window_for(curve, share) for share in shares]
    return pd.DataFrame(
        {
            "share_of_returns": shares,
            "window_days": days,
            "outlast_window": curve["still_silent"].loc[days].to_numpy(),
            "come_back_later": chance_to_return(curve).loc[days].to_numpy(),
        }
    )


@dataclass(frozen=True)
class Plan:
    """When to look back from, so that no answer leaks into a question.

    Learn at `train_as_of` what happened until `test_as_of`; test at `test_as_of` on what happened until
    `as_of`; then score at `as_of`. `wanted_days` is the window asked for, `window_days` the one that the
    history allows, `covered` the share of returns that come within it.

    >>> curve = silence_curve(pd.Series({10: 8, 40: 2}), open_silences=pd.Series([50, 60]))
    >>> plan = plan_window(curve, pd.Timestamp("2024-01-01"), pd.Timestamp("2024-03-31"))
    >>> plan.window_days, plan.wanted_days, plan.shortened
    (30, 40, True)
    """

    window_days: int
    wanted_days: int
    covered: float
    train_as_of: pd.Timestamp
    test_as_of: pd.Timestamp
    as_of: pd.Timestamp

    @property
    def shortened(self) -> bool:
        return self.window_days < self.wanted_days


def longest_window(starts: pd.Timestamp, as_of: pd.Timestamp) -> int:
    """A third of the history (days): the longest window. Raises NotEnoughData where that is less than a week.

    >>> longest_window(pd.Timestamp("2024-01-01"), pd.Timestamp("2024-03-31"))
    30
    """
    longest = (as_of - starts).days // 3
    if longest < SHORTEST_WINDOW:
        raise NotEnoughData(
            phrase(
                "The history from {starts:%Y-%m-%d} to {as_of:%Y-%m-%d} is too short to learn from one period and test "
                "on the next.",
                starts=starts,
                as_of=as_of,
            ),
            mend=phrase("Bring at least {n} days; a year or more is better.", n=3 * SHORTEST_WINDOW),
        )
    return longest


def plan_window(curve: pd.DataFrame, starts: pd.Timestamp, as_of: pd.Timestamp, share: float = 0.9) -> Plan:
    """Window and dates for learning and testing, from the data.

    The window is the shortest that covers `share` of the returns, but at least a week, and at most a third of
    the history: one third to know the customers, one to learn from, one to test on. Its length is the only
    thing that the curve, and so the test period, tells to the models.

    Args:
        curve: from `silence_curve`.
        starts, as_of: first and last day of observation.
        share: share of returns that the window should cover, 0 to 1.

    Raises:
        NotEnoughData: a third of the history is shorter than a week.

    >>> curve = silence_curve(pd.Series({10: 9, 40: 1}), open_silences=pd.Series([50, 60]))
    >>> plan = plan_window(curve, pd.Timestamp("2024-01-01"), pd.Timestamp("2024-03-31"))
    >>> plan.window_days, f"{plan.train_as_of:%d %B} → {plan.test_as_of:%d %B} → {plan.as_of:%d %B}"
    (10, '11 March → 21 March → 31 March')
    """
    longest = longest_window(starts, as_of)
    wanted = max(window_for(curve, share), SHORTEST_WINDOW)
    window = min(wanted, longest)
    covered = curve["returns_within"].iloc[min(window, len(curve) - 1)]
    step = pd.Timedelta(days=window)
    return Plan(window, wanted, float(np.round(covered, 12)), as_of - 2 * step, as_of - step, as_of)
