"""What customers spent in a year in; loyalty tiers, what their rewards cost and what they must achieve, out.

A reward is paid on all that a tier spends, most of which would have been spent anyway. With margin m and reward r
(shares of revenue) the tier must spend more by r / (m - r) before the programme earns its cost: the break-even uplift.
For the programme as a whole it is higher, because whoever spends more may rise into a tier with a higher reward.
Whether a programme makes anybody spend more is for an experiment to say.

Status can be given for other things than money. Three ways are compared on the same buyers of a year, with tiers of the
same size and the same yearly budget for each tier, so that they differ in nothing but whom they choose. With the same
rates instead, the way that chooses those who spend least would look cheapest, only because it pays out least.
"""

import ibis
import numpy as np
import pandas as pd

from clvlib import aggregate
from clvlib.errors import CannotAnswer, NotEnoughData, UsageError
from clvlib.language import message, phrase, word
from clvlib.stats import DAYS_PER_YEAR, LEAST
from clvlib.value import comparing

FEWEST_FOR_TIERS = 100
_DAYS = 365  # a year
_TIERS = {
    message("Gold"): 0.05,
    message("Silver"): 0.20,
}  # share of the year's buyers that each tier and those above it should hold
_REST = message("Member")
OF_TOP_REWARD = {"Gold": 1.0, "Silver": 0.5, _REST: 0.0}  # reward of each tier, as a share of the best tier's
ALL_BUYERS = message("all buyers")
_AFTERWARDS = ("revenue", "bought_again")
_NEAR = 0.8  # share of a threshold from which the next tier is within reach
_ROUND = np.array([1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0])


def yearly_spend(transactions: ibis.Table, starts: pd.Timestamp, as_of: pd.Timestamp, years_ago: int = 0) -> pd.Series:
    """What each customer spent, net of refunds, in the 365 days that end on `as_of` or so many years before it.

    Raises NotEnoughData where the data begin later than that year.
    """
    return _year(transactions, starts, as_of - pd.Timedelta(days=_DAYS * years_ago))["spend"]


def _year(transactions: ibis.Table, starts: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    first = end - pd.Timedelta(days=_DAYS - 1)
    if starts > first:
        raise NotEnoughData(
            phrase(
                "The data begin on {starts:%Y-%m-%d}, after the year from {first:%Y-%m-%d}.", starts=starts, first=first
            ),
            "Bring a longer history.",
        )
    return aggregate.holdout(transactions, first - pd.Timedelta(days=1), end)


def thresholds(spend: pd.Series) -> pd.Series:
    """Yearly spend that each tier asks for: round amounts nearest to the spend of the share of buyers it should hold.

    spend: in a year, by customer (currency); customers with 0 or less are no buyers. By tier, highest first, falling.
    NotEnoughData for fewer than 100 buyers, or so many equal ones that two tiers would ask the same.
    """
    buyers = spend[spend > 0]
    if len(buyers) < FEWEST_FOR_TIERS:
        raise NotEnoughData(
            phrase(
                "Only {n:,} customers bought in the year; tiers need {least}.", n=len(buyers), least=FEWEST_FOR_TIERS
            ),
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
        raise UsageError(phrase("The reward is {reward}.", reward=reward), "Give a share of spend, 0 or more.")
    if reward >= margin:
        raise CannotAnswer(
            phrase(
                "A reward of {reward:.1%} of spend can't be paid from a margin of {margin:.1%}.",
                reward=reward,
                margin=margin,
            ),
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
    is_now = tier_of(now, asked).reindex(was.index).fillna(message("none"))
    order = [*asked.index, _REST]
    counts = pd.crosstab(was, is_now).reindex(columns=[*order, "none"], fill_value=0)
    table = counts.div(counts.sum(axis=1), axis=0).where((counts == 0) | (counts >= LEAST))
    table.insert(0, "customers", counts.sum(axis=1))
    return table.reindex([name for name in order if name in table.index]).rename_axis(index="a year ago", columns=None)


def merits(transactions: ibis.Table, starts: pd.Timestamp, as_of: pd.Timestamp, years_ago: int = 0) -> pd.DataFrame:
    """What status could be given for, of each buyer of the year that `yearly_spend` looks at; customer_id → a way each.

    `spend` (currency, net of refunds); `points`: one for every purchase day, whatever was paid; a day of which all was
    sent back has none. `tenure`: years since the first purchase, its day included; whoever bought before the data begin
    looks as if they had come with them. NotEnoughData as there.

    >>> merits(sample.transactions, sample.starts, sample.as_of).round(2).head(2)
                  spend  points  tenure
    customer_id
    0001          41.44       2    1.49
    0006         673.90      10    1.49
    """
    end = as_of - pd.Timedelta(days=_DAYS * years_ago)
    year = _year(transactions, starts, end).rename(columns={"purchases": "points"})
    days = aggregate.rfm_summary(transactions, end)["T"] + 1
    bought = year[year["spend"] > 0]
    return bought.assign(tenure=days.reindex(bought.index) / DAYS_PER_YEAR)[["spend", "points", "tenure"]]


def equal_tiers(merit: pd.DataFrame, asked: pd.Series) -> pd.DataFrame:
    """What each tier asks for, by way (columns, in their units), so that as many reach it as spend at least `asked`.

    merit: from `merits`; asked: from `thresholds`. Customers who have as much as each other get the same tier: all of
    them reach it or none, whichever comes nearer to the number meant (none if both do), so that tiers by points may be
    somewhat smaller or larger. NotEnoughData where two tiers would ask the same, or one hold nobody or everybody.

    >>> merit = pd.DataFrame({"spend": [90.0, 50.0, 40.0, 10.0], "points": [5, 7, 3, 3], "tenure": [1, 2, 3, 4]})
    >>> equal_tiers(merit, pd.Series({"Gold": 80.0, "Silver": 45.0}))
            spend  points  tenure
    tier
    Gold     80.0       7       4
    Silver   45.0       5       3
    """
    found = pd.DataFrame({"spend": asked.rename_axis("tier")})
    meant = [(merit["spend"] >= least).sum() for least in asked]
    for way in merit:
        if way != "spend":
            reach = merit[way].value_counts().sort_index(ascending=False).cumsum()  # how many have at least so much
            found[way] = [(reach - number).abs().idxmin() for number in meant]
        held = {int((merit[way] >= least).sum()) for least in found[way]}
        if len(held | {0, len(merit)}) < len(asked) + 2:
            raise NotEnoughData(
                phrase("Customers are too much alike in {way} for tiers to tell them apart.", way=word(str(way))),
                "Give status another way.",
            )
    return found


def _status(merit: pd.DataFrame, levels: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({way: tier_of(merit[way], levels[way]) for way in levels})


def ways_compared(
    merit: pd.DataFrame, levels: pd.DataFrame, cost: pd.Series, margin: float, p_purchase: pd.Series
) -> pd.DataFrame:
    """Whom each way gives a tier, and what the same budget must achieve there; one row per tier and way.

    levels: from `equal_tiers`; cost: a year's rewards by tier (currency, of `programme`), the same by every way;
    p_purchase: chance of a purchase ahead, by customer. `customers`; `same_by_…` (share of them in the same tier that
    way); `share_of_revenue` (of all buyers); `cost`; `reward` (the cost as a share of what they spent);
    `breakeven_uplift` (share, of their spend; nobody rising; NaN where the margin can't pay it); `p_purchase` (mean).
    """
    status, rows = _status(merit, levels), {}
    for tier in levels.index:
        for way in levels:
            who = status.index[status[way] == tier]
            spent = float(merit["spend"].reindex(who).sum())
            reward = cost[tier] / spent
            rows[tier, way] = {
                "customers": len(who),
                **{f"same_by_{other}": (status[other].reindex(who) == tier).mean() for other in levels},
                "share_of_revenue": spent / merit["spend"].sum(),
                "cost": cost[tier],
                "reward": reward,
                "breakeven_uplift": breakeven_uplift(reward, margin) if reward < margin else np.nan,
                "p_purchase": p_purchase.reindex(who).mean(),
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["tier", "status by"])


def year_after(merit: pd.DataFrame, levels: pd.DataFrame, spend: pd.Series) -> pd.DataFrame:
    """What customers did in the year after status could have been given, by way: how well each way foresees it.

    Nobody had the status, so that this is no effect of it. merit, levels: of the year before; spend: of the year after,
    by customer. Of those in a tier that asks for something, by each way, and of ALL_BUYERS: mean `revenue` (currency)
    and share who `bought_again` (more than they sent back), each with `customers`, `low`, `mid` and `high` (95 %;
    `comparing.by_measure`, and NotEnoughData as there). Indexed by measure and way.
    """
    given = _status(merit, levels).isin(levels.index)
    came = pd.DataFrame({"revenue": spend.reindex(merit.index, fill_value=0.0)})
    came["bought_again"] = (came["revenue"] > 0).astype(float)
    chosen = [pd.Series(way, index=given.index[given[way]]) for way in levels]
    chosen.append(pd.Series(ALL_BUYERS, index=merit.index))
    parts = {name: pd.concat([comparing.by_measure(came, who, name) for who in chosen]) for name in _AFTERWARDS}
    return pd.concat(parts, names=["measure", "status by"])
