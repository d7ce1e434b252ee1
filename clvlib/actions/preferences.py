"""When and where each customer acts → the channel and the hour at which to reach those who agreed to be reached."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from clvlib.dataset import Dataset
from clvlib.errors import MissingTable, NotEnoughData
from clvlib.language import phrase

KERNEL = {-2: 0.25, -1: 0.5, 0: 1.0, 1: 0.5, 2: 0.25}  # an act at 20 h speaks for 19 h and 21 h too
_PRIOR = 3.0  # acts that everybody's habits count for
FEWEST_ACTS = 100
_Z = float(norm.ppf(0.975))


def _smooth(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    return sum((w * np.roll(counts, step, axis=-1) for step, w in KERNEL.items()), np.zeros_like(counts))


def habits(hours: pd.DataFrame) -> pd.Series:
    """Share of all acts by hour of the day (0 to 23), over all customers.

    `hours`: as `journeys.hours` gives it. Raises NotEnoughData below 100 acts, or when no row has a time of day.
    """
    acts = hours.groupby("hour")[["bought", "reacted"]].sum().sum(axis=1).reindex(range(24), fill_value=0)
    if acts.sum() < FEWEST_ACTS or (acts > 0).sum() < 2:
        raise NotEnoughData(
            phrase("The data know the hour of {n:,} orders or contacts.", n=int(acts[acts.index != 0].sum())),
            phrase("Give dates with a time of day, {least} or more.", least=FEWEST_ACTS),
        )
    return (acts / acts.sum()).rename("share").rename_axis("hour")


def best_hour(hours: pd.DataFrame) -> pd.DataFrame:
    """Choose each customer's best hour: where their own acts, and a little everybody's, lie densest.

    Own acts (orders and reactions) are spread to the hours beside them; everybody's habits count as much as 3 acts, so
    that who acted once or never is near the common hour. Returns, by customer_id: best_hour (0 to 23), acts.
    """
    common = habits(hours)
    own = hours.assign(acts=hours["bought"] + hours["reacted"])
    table = own.pivot_table(index="customer_id", columns="hour", values="acts", aggfunc="sum", fill_value=0)
    counts = table.reindex(columns=range(24), fill_value=0).to_numpy(dtype=float)
    density = _smooth(counts + _PRIOR * common.to_numpy())
    best = density.round(9).argmax(axis=1)
    return pd.DataFrame({"best_hour": best, "acts": counts.sum(axis=1).astype("int64")}, index=table.index)


def hit_rate(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, float]:
    """Test the choice on later acts: the share that fall within an hour of it, against the hour that is best overall.

    `before`, `after`: `journeys.hours` of two windows, one after the other. Returns own, common (shares), gain (own −
    common), low, high (its 95 % interval; customers, not acts, are the draws: a ratio of two means per customer,
    Cochran 1977, section 6.4), acts (later acts of customers known before), hour (the common one). Raises NotEnoughData
    below 100 later acts, or when they are of one customer.
    """
    chosen = best_hour(before)["best_hour"]
    later = after[after["customer_id"].isin(chosen.index)]
    acts = (later["bought"] + later["reacted"]).to_numpy(dtype=float)
    customers = later["customer_id"].nunique()
    if acts.sum() < FEWEST_ACTS or customers < 2:
        raise NotEnoughData(
            phrase(
                "Only {acts:,} later acts of {n:,} customers to test the hour on.", acts=int(acts.sum()), n=customers
            ),
            "Bring a longer history.",
        )
    hour = int(_smooth(habits(before).to_numpy()).round(9).argmax())

    def hits(guess: NDArray[np.int64]) -> NDArray[np.float64]:
        apart = np.abs(later["hour"].to_numpy() - guess)
        return np.where(np.minimum(apart, 24 - apart) <= 1, acts, 0.0)

    own, common = hits(chosen.reindex(later["customer_id"]).to_numpy()), hits(np.full(len(later), hour))
    gain = float((own - common).sum() / acts.sum())
    residual = pd.Series(own - common - gain * acts).groupby(later["customer_id"].to_numpy()).sum()
    se = float(np.sqrt(customers) * residual.std() / acts.sum())
    found = {"gain": gain, "low": gain - _Z * se, "high": gain + _Z * se, "acts": acts.sum(), "hour": hour}
    return {"own": own.sum() / acts.sum(), "common": common.sum() / acts.sum()} | found


def main_channel(hours: pd.DataFrame, acts: str) -> pd.Series:
    """Name the channel in which each customer acted most (`acts`: bought or reacted); equal ones by everybody's choice.

    Customers without such an act are left out. Indexed by customer_id.
    """
    done = hours[hours[acts] > 0].groupby(["customer_id", "channel"])[[acts]].sum().reset_index()
    done["overall"] = done.groupby("channel")[acts].transform("sum")
    best = done.sort_values("channel").sort_values([acts, "overall"], ascending=False, kind="stable")
    return best.drop_duplicates("customer_id").set_index("customer_id")["channel"].sort_index()


def consent(ds: Dataset) -> pd.Series:
    """Read the consent of every customer. Raises MissingTable when the dataset doesn't record it."""
    people = ds.customers()
    if "consent" not in people.columns:
        raise MissingTable(
            "The customers table has no column 'consent', so nobody may be contacted.",
            "Add it: yes for those who agreed; everything else counts as no.",
        )
    return people["consent"]


def contact_sheet(hours: pd.DataFrame, selling: set[str], consent: pd.Series) -> pd.DataFrame:
    """Where and when to reach each customer, for those who agreed.

    Args:
        hours: as `journeys.hours` gives it. selling: channels in which the shop sells. consent: "yes" or anything else,
            by customer_id; unknown is no.

    Returns, by customer_id: may_contact (bool), buys_in (channel of most orders), reacts_in (channel of contact with
    most reactions; empty for none), best_hour (0 to 23), acts (how many it rests on). The last three are empty for
    customers who may not be contacted.
    """
    hour = best_hour(hours)
    contacts = hours[~hours["channel"].isin(selling)]
    frame = pd.DataFrame({"may_contact": consent.reindex(hour.index).eq("yes").fillna(False).astype(bool)})
    frame["buys_in"] = main_channel(hours[hours["channel"].isin(selling)], "bought")
    frame["reacts_in"] = main_channel(contacts, "reacted")
    frame = frame.join(hour)
    frame["reacts_in"] = frame["reacts_in"].where(frame["may_contact"])
    for column in ("best_hour", "acts"):
        frame[column] = frame[column].astype("Int64").where(frame["may_contact"])
    return frame
