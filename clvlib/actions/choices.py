"""Money at stake in; the actions to choose from, each with its cost, expected gain and what they rest on, out.

An action is a lever (what is to change) and a way of reaching the customer. Its expected gain is

    money at stake (from the data) × share of it that the action brings (its effect),

and no past sales tell the effect: it is an assumption, which may be nothing or twice as much, until an experiment has
measured what the action brings a customer. That amount then takes the place of the product. The ends of every gain are
those of its effect.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clvlib import aggregate
from clvlib.actions.stake import LEVERS
from clvlib.dataset import Dataset, Economics
from clvlib.errors import NotEnoughData, UsageError
from clvlib.language import message, phrase

GAP_CLOSED = 0.05  # assumed: of the distance to the best quarter
NEW_CUSTOMERS = 0.02  # assumed: for each customer asked
WON_BACK = 0.10  # assumed: more than what is still expected
SAVED = ("keep", "second purchase")  # their effect: of those who would buy nothing, the share that buys
COMING_BACK = (*SAVED, "win back")
MESSAGE = message("message")
TREATMENTS = {
    MESSAGE: (1.0, 1.0),
    message("call or letter"): (5.0, 2.0),
    message("in store"): (1.0, 1.0),
}  # times cost, times effect
WITHOUT_CONSENT = "in store"
EFFECT = ["low", "mid", "high", "origin"]
ASSUMED = "assumption: "  # so begins an origin that is none of a test


@dataclass(frozen=True)
class Permission:
    """Who may be reached how: frames of True and False, index customer_id, one column a treatment (see `reachable`).

    `allowed`: by the consent in the data; `if_all`: if everybody had given it. `required`: whether consent must be in
    the data for a message; `known`: whether the data say anything of it.
    """

    allowed: pd.DataFrame
    if_all: pd.DataFrame
    required: bool
    known: bool

    @property
    def only_supposed(self) -> bool:
        """Whether nobody may be reached, so that a plan can only suppose that consent is obtained."""
        return self.required and not self.allowed.to_numpy().any()

    @property
    def used(self) -> pd.DataFrame:
        """What the plan goes by."""
        return self.if_all if self.only_supposed or not self.required else self.allowed

    @property
    def label(self) -> str:
        """What must stand before every figure of the plan: empty when it may be carried out as it is."""
        return message("If consent is obtained: ") if self.only_supposed else ""


def assumed(economics: Economics) -> pd.DataFrame:
    """What each lever brings until it is measured: shares of the money at stake, index `lever`.

    `low`, `mid`, `high` (0 to 1; currency a customer once it is measured, see `with_measured`): nothing, the assumed
    share, twice that; `origin`, the same for levers that rest on one assumption; `tested` (False); `arm` (empty).
    Leaving is prevented at the save rate of the economics; the others are constants of this module.
    """
    middle = message(
        {
            "keep": (economics.save_rate, "assumption: save rate"),
            "second purchase": (economics.save_rate, "assumption: save rate"),
            "win back": (WON_BACK, "assumption: won back"),
            "raise frequency": (GAP_CLOSED, "assumption: gap closed"),
            "raise order value": (GAP_CLOSED, "assumption: gap closed"),
            "referral": (NEW_CUSTOMERS, "assumption: new customers"),
        }
    )
    rows = [(lever, 0.0, mid, min(1.0, 2 * mid), origin) for lever, (mid, origin) in middle.items()]
    return pd.DataFrame(rows, columns=["lever", *EFFECT]).set_index("lever").assign(tested=False, arm="")


def with_measured(effects: pd.DataFrame, lever: str, stakes: pd.DataFrame, arm: pd.Series, test: str) -> pd.DataFrame:
    """Put what the best arm of an experiment brought in the place of an assumption.

    arm: a row of `experiments.measured`. The effect becomes an amount, the same for every customer whom the lever
    applies to today: the test shows a mean, and nothing of who gains more. Taken for granted is that they answer as
    those in the test did. UsageError for a lever that doesn't exist, NotEnoughData for one that applies to nobody.
    """
    if lever not in LEVERS:
        raise UsageError(
            phrase("There is no lever {lever!r}.", lever=lever),
            phrase("Levers are: {names}.", names=", ".join(LEVERS)),
        )
    if not stakes[lever].notna().any():
        raise NotEnoughData(
            phrase("The lever {lever!r} applies to nobody today.", lever=lever), "Leave it out of measured_by."
        )
    amounts = {"low": float(arm["low"]), "mid": float(arm["difference"]), "high": float(arm["high"])}
    known = pd.DataFrame(amounts, index=pd.Index([lever], name="lever"))
    known = known.assign(origin=phrase("test {test}, {arm}", test=test, arm=arm.name), tested=True, arm=str(arm.name))
    return pd.concat([effects.drop(index=lever), known]).reindex(effects.index)


def each(effects: pd.DataFrame, stakes: pd.DataFrame) -> pd.DataFrame:
    """What a message brings a customer, on average over those whom the lever applies to: `low`, `mid`, `high`
    (currency), `origin`, `tested`, by lever; levers that apply to nobody are left out."""
    mean = stakes.mean().dropna()
    found = effects.loc[effects.index.isin(mean.index), [*EFFECT, "tested"]]
    for end in ("low", "mid", "high"):
        found[end] = found[end].where(found["tested"], found[end] * mean)
    return found


def reachable(customers: pd.Index, consent: pd.Series, in_store: pd.Series) -> pd.DataFrame:
    """Which treatments each customer may get: True or False, index customer_id, one column a treatment.

    Messages, calls and letters need consent ("yes"; anything else, or nothing, counts as no). Whoever hasn't given it
    can only be spoken to at the next visit, if the customer buys `in_store`.
    """
    yes = (consent.reindex(customers) == "yes").to_numpy(dtype=bool)
    visits = customers.isin(in_store.index[in_store.fillna(False).astype(bool)])
    allowed = {name: yes if name != WITHOUT_CONSENT else ~yes & visits for name in TREATMENTS}
    return pd.DataFrame(allowed, index=customers.rename("customer_id"))


def permission(ds: Dataset, customers: pd.Index, required: bool, store_channel: str) -> Permission:
    """Who of these customers may be reached, by the consent of the customers table and where they buy most."""
    table = ds.customers() if ds.has("customers") else pd.DataFrame()
    known = "consent" in table
    consent = table["consent"] if known else pd.Series(dtype=object)
    in_store = pd.Series(dtype=bool)
    if "channel" in ds.transactions.columns:
        in_store = aggregate.main_value(ds.transactions, "channel", ds.as_of) == store_channel
    everybody = pd.Series("yes", index=customers)
    return Permission(
        reachable(customers, consent, in_store), reachable(customers, everybody, in_store), required, known
    )


def options(
    stakes: pd.DataFrame, effects: pd.DataFrame, allowed: pd.DataFrame, come_anyway: pd.Series, contact_cost: float
) -> pd.DataFrame:
    """Every action that may be taken: one row per customer, lever and treatment.

    stakes: from `at_stake`. effects: by lever, from `assumed` and `with_measured`: a share of what is at stake or,
    where tested, an amount. allowed: from `reachable`. come_anyway: chance (0 to 1) that the customer buys in the
    window without any action; whoever is spoken to in the store must come by first, so that levers meant to bring
    customers back have no place there. contact_cost: of a message (currency). Treatments cost and work by the multiples
    of `TREATMENTS`, which are assumptions; a lever that an experiment has measured is only offered as it was tested: as
    a message, of the arm that `treatment` then names ("message: voucher").

    Columns `customer_id`, `lever`, `treatment`, `at_stake`, `cost`, `gain`, `gain_low`, `gain_high` (currency, before
    cost; the interval is that of the effect), `origin` (of the effect). Sorted by customer, lever and treatment.
    """
    ids, worth = stakes.index, effects[["low", "mid", "high"]].astype("float64").to_dict("index")
    kinds: list[dict[str, Any]] = []  # of action: what is the same of all customers whom it may be taken with
    rows = []  # of each kind: places of these customers, and their money
    for treatment, (times_cost, times_effect) in TREATMENTS.items():
        may = allowed[treatment].reindex(ids, fill_value=False).to_numpy(dtype=bool)
        chance = come_anyway.reindex(ids).to_numpy(dtype=float) if treatment == WITHOUT_CONSENT else np.ones(len(ids))
        cost = contact_cost * times_cost
        for lever in (name for name in map(str, stakes) if _offered(name, treatment, effects["tested"])):
            effect, at_stake = effects.loc[lever], stakes[lever].to_numpy(dtype=float)
            who = np.flatnonzero(may & ~np.isnan(at_stake))
            part = {"kind": len(kinds), "customer": who, "at_stake": at_stake[who]}
            for gain, end in {"gain": "mid", "gain_low": "low", "gain_high": "high"}.items():
                share = (at_stake * chance)[who] * min(worth[lever][end] * times_effect, 1.0)
                part[gain] = worth[lever][end] if effect["tested"] else share
            rows.append(pd.DataFrame(part))
            named = f"{treatment}: {effect['arm']}" if effect["tested"] else treatment
            kinds.append({"lever": lever, "treatment": named, "origin": effect["origin"], "cost": cost})
    same, found = pd.DataFrame(kinds, columns=["lever", "treatment", "origin", "cost"]), pd.concat(rows)
    place, order = np.argsort(ids.argsort()), same.sort_values(["lever", "treatment"]).index.argsort()
    found = found.iloc[np.argsort(place[found["customer"]] * len(same) + order[found["kind"]])]
    kind = found["kind"].to_numpy()
    found = found.assign(customer_id=ids.take(found["customer"].to_numpy()))
    found = found.assign(**{str(name): values.array.take(kind) for name, values in same.items()})
    columns = ["customer_id", "lever", "treatment", "at_stake", "cost", "gain", "gain_low", "gain_high", "origin"]
    return found[columns].reset_index(drop=True)


def _offered(lever: str, treatment: str, tested: pd.Series) -> bool:
    if treatment == WITHOUT_CONSENT and lever in COMING_BACK:
        return False
    return treatment == MESSAGE or not tested[lever]


def worthwhile(found: pd.DataFrame) -> pd.DataFrame:
    """Hand on the actions (options or a plan). Raises NotEnoughData when none brings more than it costs."""
    if not (found["gain"] > found["cost"]).any():
        raise NotEnoughData(
            "No action brings more than it costs within the budget.",
            "Look at contact_cost and save_rate under [economics] in the dataset card, and at the budget.",
        )
    return found


def best_lever(found: pd.DataFrame) -> pd.DataFrame:
    """Each customer's action of the largest gain less cost, one row a customer (index customer_id).

    Customers without any action that brings more than it costs are left out.
    """
    net = (found["gain"] - found["cost"]).rename("net")
    ordered = found.assign(net=net)[net > 0].sort_values(["customer_id", "net", "lever"], ascending=[True, False, True])
    return ordered.drop_duplicates("customer_id").set_index("customer_id")
