"""A plan that was carried out comes back: the list for the CRM, read as experiments by the dataset of a later day."""

import numpy as np
import pandas as pd
import pytest

from clvlib import dataset
from clvlib.actions import measure, worklist
from clvlib.causes import experiments, trial
from clvlib.run import handover

DAY = pd.Timestamp("2026-03-31")
SHARES = {"keep": 0.2, "win back": 0.5}


def plan(n: int = 200) -> pd.DataFrame:
    """Two levers of n customers each, and one of three, who are too few to be split; ids that look like numbers."""
    sizes = {"keep": n, "win back": n, "referral": 3}
    levers = [lever for lever, size in sizes.items() for _ in range(size)]
    chosen = pd.DataFrame({"customer_id": [f"{i:05}" for i in range(len(levers))], "lever": levers})
    groups = measure.draw(chosen, pd.Series(SHARES))
    known = chosen.set_index("customer_id")["lever"]
    return pd.DataFrame({"group": groups, "action": known.reindex(groups.index)})


@pytest.fixture
def later(tmp_path):
    """The dataset of a later day, whose card names the list; those contacted of “win back” bought ten times as much."""
    listed = plan()
    crm = listed.join(worklist.as_experiments(listed, DAY)).assign(how="message", cost=0.5)
    handover.write_list(crm, tmp_path / "crm.csv")
    won = ((listed["action"] == "win back") & (listed["group"] == measure.CONTACT)).to_numpy()
    rng = np.random.default_rng(1)
    before = pd.DataFrame({"customer_id": listed.index, "date": "2026-01-15", "amount": 20.0})
    after = before.assign(date="2026-05-15", amount=np.where(won, 100.0, 10.0) * rng.uniform(0.5, 1.5, len(won)))
    last = before.head(1).assign(date="2026-06-30")
    pd.concat([before, after, last]).to_csv(tmp_path / "orders.csv", index=False)
    other = pd.DataFrame({"customer_id": listed.index[:60], "experiment": "old", "date": "2026-02-01"})
    other.assign(variant=["control", "mail"] * 30).to_csv(tmp_path / "tests.csv", index=False)

    def read(*files):
        path = files[0] if len(files) == 1 else list(files)
        card = {"currency": "EUR", "transactions": {"path": "orders.csv"}, "experiments": {"path": path}}
        ds, problems = dataset.build(card, tmp_path / "card.toml")
        assert ds is not None, problems
        return ds

    return read


def test_the_list_for_the_crm_is_a_table_of_experiments(later):
    ds, listed = later("crm.csv"), plan()
    rows = ds.table("experiments").to_pandas()
    assert set(rows["customer_id"]) == set(listed.index[listed["action"] != "referral"])
    assert trial.names(rows) == ["keep 2026-03-31", "win back 2026-03-31"]
    assert set(pd.to_datetime(rows["date"])) == {DAY + pd.Timedelta(days=1)}
    tests, refused = trial.prepare_all(rows, starts=ds.starts, as_of=ds.as_of)
    assert refused == {}
    assert tests["keep 2026-03-31"].arms["kept"].to_dict() == {"control": 40, "keep": 160}
    assert tests["win back 2026-03-31"].arms["kept"].to_dict() == {"control": 100, "win back": 100}


def test_shares_that_differ_by_lever_are_told_by_the_arms(later):
    ds = later("crm.csv")
    rows = ds.table("experiments").to_pandas()
    tests, _ = trial.prepare_all(rows, starts=ds.starts, as_of=ds.as_of)
    planned = {"control": 1} | {lever: (1 - share) / share for lever, share in SHARES.items()}
    assert all(ratio.holds for ratio in trial.sample_ratios(tests, rows, planned).values())
    assert not trial.sample_ratios(tests, rows)["keep 2026-03-31"].holds


def test_what_the_contact_brought_is_found_lever_by_lever(later):
    ds = later("crm.csv")
    told = {lever: experiments.measured(ds, f"{lever} 2026-03-31").loc[lever] for lever in SHARES}
    assert told["keep"]["low"] < 0 < told["keep"]["high"]
    assert told["win back"]["low"] < 90 * ds.economics.margin < told["win back"]["high"]
    assert told["win back"]["low"] > 0


def test_it_goes_beside_other_tests(later):
    ds = later("tests.csv", "crm.csv")
    rows = ds.table("experiments").to_pandas()
    assert trial.names(rows) == ["old", "keep 2026-03-31", "win back 2026-03-31"]


def test_a_plan_of_nobody_is_no_experiment():
    assert worklist.as_experiments(plan().head(0), DAY).empty
