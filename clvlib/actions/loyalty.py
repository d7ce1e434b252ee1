"""What customers spent in a year in; loyalty tiers, what their rewards cost and what they must achieve, out.

A reward is paid on all that a tier spends, most of which would have been spent anyway. With margin m and reward r
(shares of revenue) the tier must spend more by r / (m - r) before the programme earns its cost: the break-even uplift.
For the programme as a whole it is higher, because whoever spends more may rise into a tier with a higher reward.
Whether a programme makes anybody spend more is for an experiment to say.
"""

import ibis
import numpy as np
import pandas as pd

from clvlib import aggregate
from clvlib.errors import CannotAnswer, NotEnoughData, UsageError

_FEWEST_CUSTOMERS = 100
_DAYS = 365  # a year
_TIERS = {"Gold": 0.05, "Silver": 0.20}  # share of the year's buyers that each tier and those above it should hold
_REST = "Member"
OF_TOP_REWARD = {"Gold": 1.0, "Silver": 0.5, _REST: 0.0}  # reward of each tier, as a share of the best tier's
_LEAST = 5  # shares that rest on fewer customers are not given
_NEAR = 0.8  # share of a threshold from which the next tier is within reach
_ROUND = np.array([1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0])


def yearly_spend(transactions: ibis.Table, starts: pd.Timestamp, as_of: pd.Timestamp, years_ago: int = 0) -> pd.Series:
    """What each customer spent, net of refunds, in the 365 days that end on `as_of` or so many years before it.

    Raises NotEnoughData where the data begin later than that year.
    """
    end = as_of - pd.Timedelta(days=_DAYS * years_ago)
    first = end - pd.Timedelta(days=_DAYS - 1)
    if starts > first:
        raise NotEnoughData(
            f"The data begin on {starts:%Y-%m-%d}, after the year from {first:%Y-%m-%d}.", "Bring a longer history."
        )
    return aggregate.holdout(transactions, first - pd.Timedelta(days=1), end)["spend"]


def thresholds(spend: pd.Series) -> pd.Series:
    """Yearly spend that each tier asks for: round amounts nearest to the spend of the share of buyers it should hold.

    spend: in a year, by customer (currency); customers with 0 or less are no buyers. By tier, highest first, falling.
    NotEnoughData for fewer than 100 buyers, or so many equal ones that two tiers would ask the same.
    """
    buyers = spend[spend > 0]
    if len(buyers) < _FEWEST_CUSTOMERS:
        raise NotEnoughData(
            f"Only {len(buyers):,} customers bought in the year; tiers need {_FEWEST_CUSTOMERS}.",
            "Bring more customers.",
        )
    found = pd.Series({name: _round(float(buyers.quantile(1 - share))) for name, share in _TIERS.items()})
    if not found.is_monotonic_decreasing or not found.is_unique:
        raise NotEnoughData(
            "Customers spend too much alike in a year for tiers to tell them apart.", "Reward every order instead."
        )
    return found.rename("threshold").rename_axis("tier")


def _round(amount: float) -> float:
    size = 10.0 ** np.floor(np.log10(amount))
    return float(size * _ROUND[np.abs(_ROUND - amount / size).argmin()])


def tier_of(spend: pd.Series, asked: pd.Series) -> pd.Series:
    """The tier of each customer who spent anything, by `thresholds`; index of the buyers."""
    buyers = spend[spend > 0]
    tier = pd.Series(_REST, index=buyers.index, name="tier", dtype=object)
    for name, least in asked.sort_values().items():
        tier = tier.mask(buyers >= least, str(name))
    return tier


def rewards(top_reward: float) -> pd.Series:
    """Reward by tier as a share of spend: `top_reward` for the best, half for the next, none for the rest."""
    return pd.Series(OF_TOP_REWARD, name="reward") * top_reward


def breakeven_uplift(reward: float, margin: float) -> float:
    """How much more (a share) customers must spend before a reward on all of their spend pays for itself.

    Solves (margin - reward) × (1 + uplift) = margin. Raises UsageError for a reward below 0, CannotAnswer for one that
    the margin can't pay.
    """
    if not reward >= 0:
        raise UsageError(f"The reward is {reward}.", "Give a share of spend, 0 or more.")
    if reward >= margin:
        raise CannotAnswer(
            f"A reward of {reward:.1%} of spend can't be paid from a margin of {margin:.1%}.",
            "Choose a reward below the margin.",
        )
    return reward / (margin - reward)


def programme(spend: pd.Series, asked: pd.Series, top_reward: float, margin: float) -> pd.DataFrame:
    """What the tiers hold, cost and must achieve.

    spend: in a year, by customer (currency); asked: from `thresholds`. By tier, best first: `from_spend` (currency a
    year), `customers`, `share_of_customers`, `share_of_revenue`, `reward` (share of spend), `cost` (currency a year, at
    present spend), `breakeven_uplift` (share), `within_reach` (who spend at least 80 % of the next tier's threshold).
    """
    tier = tier_of(spend, asked)
    buyers = spend.reindex(tier.index)
    order = [*asked.index, _REST]
    sums = buyers.groupby(tier).agg(["size", "sum"]).reindex(order, fill_value=0)
    reward = rewards(top_reward).reindex(order)
    frame = pd.DataFrame({"from_spend": asked.reindex(order, fill_value=0.0), "customers": sums["size"].astype(int)})
    frame["share_of_customers"] = sums["size"] / sums["size"].sum()
    frame["share_of_revenue"] = sums["sum"] / sums["sum"].sum()
    frame["reward"] = reward
    frame["cost"] = reward * sums["sum"]
    frame["breakeven_uplift"] = [breakeven_uplift(rate, margin) for rate in reward]
    following = asked.reindex(order).shift(1).to_dict()
    frame["within_reach"] = [int((buyers[tier == name] >= _NEAR * following[name]).sum()) for name in order]
    return frame.rename_axis("tier")


def needed_uplift(table: pd.DataFrame, spend: pd.Series, margin: float) -> dict[str, float]:
    """The uplift from which on the whole programme pays, whoever rises into a higher tier being rewarded as there.

    `table` is from `programme`, for the same `spend` and `margin`. `all`: every customer in a rewarded tier spends so
    much more (a share); `within_reach`: only those just below a threshold do, and pay for the rewards of everybody (NaN
    when there are none); `cost`: the yearly rewards at present spend (currency).
    """
    cost = float(table["cost"].sum())
    if cost == 0:
        return {"cost": 0.0, "all": 0.0, "within_reach": float("nan")}
    asked = table.loc[table["from_spend"] > 0, "from_spend"]
    rewarded = spend >= table.loc[table["reward"] > 0, "from_spend"].min()
    near = pd.concat([(spend >= _NEAR * least) & (spend < least) for least in asked], axis=1).any(axis=1)
    alone = _uplift_that_pays(table, spend[near], cost, margin) if near.any() else float("nan")
    return {"cost": cost, "all": _uplift_that_pays(table, spend[rewarded], cost, margin), "within_reach": alone}


def _uplift_that_pays(table: pd.DataFrame, spend: pd.Series, cost: float, margin: float) -> float:
    """The least u such that at u and any higher uplift of these customers' spend v the margin left is what it was:
    the sum of (m - r(v')) v' with v' = (1 + u) v, less the others' rewards, is the sum of m v.

    Between two moments at which somebody rises, what is left grows with u in a straight line; at each it drops.
    """
    rates = table.loc[table["from_spend"] > 0, ["from_spend", "reward"]].sort_values("from_spend")
    steps = rates["reward"].diff().fillna(rates["reward"])  # what each threshold adds to the reward
    v = spend.to_numpy(dtype=float)
    below = {least: v[v < least] for least in rates["from_spend"]}
    rises = np.concatenate([least / those - 1 for least, those in below.items()])
    added = np.concatenate([step * those for step, those in zip(steps, below.values(), strict=True)])
    order = np.argsort(rises)
    paid = sum(float(step * v[v >= least].sum()) for least, step in zip(rates["from_spend"], steps, strict=True))
    left = margin * v.sum() - paid - np.concatenate([[0.0], np.cumsum(added[order])])  # at u = 0, as if risen
    pays = (margin * v.sum() + cost - paid) / left - 1
    return float(pays[pays >= np.concatenate([[0.0], rises[order]])][-1])


def reward_sensitivity(margin: float, reward: float) -> pd.DataFrame:
    """Break-even uplift (share) by margin (columns, ± a third) and reward (rows, half to twice); NaN: it can't pay.

    Index and columns are shares, rounded to 4 decimals. Raises CannotAnswer where the margin can't pay the reward.
    """
    breakeven_uplift(reward, margin)
    margins = [min(1.0, margin * factor) for factor in np.linspace(2 / 3, 4 / 3, 5)]
    given = [reward * factor for factor in (0.5, 0.8, 1.0, 1.5, 2.0)]
    rows = [[breakeven_uplift(r, m) if r < m else np.nan for m in margins] for r in given]
    index, columns = (
        pd.Index(np.round(values, 4), name=name) for values, name in ((given, "reward"), (margins, "margin"))
    )
    return pd.DataFrame(rows, index=index, columns=columns)


def moved(before: pd.Series, now: pd.Series, asked: pd.Series) -> pd.DataFrame:
    """Tier a year ago (rows) against tier now (columns): `customers`, then shares of the row.

    `before` and `now` are yearly spends by customer, with no programme between them: what customers do by themselves.
    The last column, "none", bought nothing this year. Rows of nobody are left out; shares that rest on 1 to 4 customers
    are NaN.
    """
    was = tier_of(before, asked)
    is_now = tier_of(now, asked).reindex(was.index).fillna("none")
    order = [*asked.index, _REST]
    counts = pd.crosstab(was, is_now).reindex(columns=[*order, "none"], fill_value=0)
    table = counts.div(counts.sum(axis=1), axis=0).where((counts == 0) | (counts >= _LEAST))
    table.insert(0, "customers", counts.sum(axis=1))
    return table.reindex([name for name in order if name in table.index]).rename_axis(index="a year ago", columns=None)
