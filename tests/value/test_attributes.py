import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvlib.errors import CannotAnswer
from clvlib.value import attributes, cohort_grid, segments

PEOPLE = pd.Index([f"c{i}" for i in range(200)], name="customer_id")
N = np.arange(200)


def known(values):
    """What is kept of customers is text."""
    return pd.Series([None if value is None else str(value) for value in values], index=PEOPLE)


def counted(values):
    return attributes.groups_of(known(values), PEOPLE).value_counts(sort=False).to_dict()


def test_numbers_kept_as_text_are_cut_into_bands_at_round_numbers():
    ages = [None if n < 20 else 18 + n % 60 for n in N]
    assert counted(ages) == {"under 33": 45, "33 to 47": 45, "48 to 61": 42, "62 and more": 48, "(unknown)": 20}
    found = counted([556.79 + 97.3 * n for n in N])
    assert list(found) == ["under 5000", "5000 to under 10000", "10000 to under 15000", "15000 and more"]
    assert list(found.values()) == [46, 52, 51, 51]
    assert list(counted(-N)) == ["under -150", "-150 to -101", "-100 to -51", "-50 and more"]
    assert sum(counted([-(10**90), *range(199)]).values()) == 200


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1e90, 1e90) | st.integers(-50, 50) | st.sampled_from([0.0, 1e-300]), min_size=200, max_size=200)
)
def test_every_customer_is_in_the_band_whose_name_holds_the_value(values):
    groups = attributes.groups_of(known(values), PEOPLE)
    numbers = segments.as_numbers(known(values)).astype(float)
    assert groups.notna().all()
    ends = numbers.groupby(groups, observed=True).agg(["min", "max"])
    if numbers.nunique() > 10:
        assert len(ends) <= 4
        assert (ends["max"].to_numpy()[:-1] < ends["min"].to_numpy()[1:]).all()
        assert groups.cat.categories[0].startswith("under ") or " and more" in groups.cat.categories[-1]


def test_few_numbers_are_groups_in_their_order():
    assert list(counted([(10, 9, 0, None)[n % 4] for n in N])) == ["0", "9", "10", "(unknown)"]


def test_small_numbers_have_the_digits_that_tell_bands_apart():
    cuts = ["under 0.00005", "0.00005 to under 0.00010", "0.00010 to under 0.00015", "0.00015 and more"]
    assert list(counted(N / 1e6)) == cuts
    bands = segments.criterion(pd.Series(N / 1e6, index=PEOPLE), PEOPLE).cat.categories
    assert list(bands[:2]) == ["0 to 0.000049", "0.000050 to 0.000099"]


def test_where_most_customers_have_one_number_the_others_are_parted():
    assert counted([0 if n < 170 else n for n in N])["under 176"] == 176
    assert segments.criterion(pd.Series(np.where(N < 150, 0, N), index=PEOPLE), PEOPLE).value_counts()["0"] == 150


def test_a_column_is_a_number_only_if_all_of_it_is_finite_and_no_code():
    for values in (
        ["1", "2", "x"],
        ["1", "inf"],
        ["1", "nan"],
        ["1", "1e999"],
        ["01000", "2"],
        ["1_000", "2"],
        ["", None],
    ):
        column = pd.Series(values)
        assert segments.as_numbers(column) is column, values
    assert segments.as_numbers(pd.Series([" 1.5 ", "", "-2e1", "+.5"])).tolist()[::2] == [1.5, -20.0]


def test_of_many_values_the_largest_are_groups_and_the_others_are_counted():
    towns = [["Paris", "Lyon", "Nice"][n % 3] if n < 150 else f"village {n % 25}" for n in N]
    assert counted(towns) == {"Lyon": 50, "Nice": 50, "Paris": 50, "all others (25 values)": 50}
    assert len(counted([n % 30 for n in N][:0] + [f"t{n % 30}" for n in N])) == 11


def test_bands_that_are_texts_stand_in_their_order():
    assert list(counted([("30-44", "100+", "5-29")[n % 3] for n in N])) == ["5-29", "30-44", "100+"]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("E-Mail", ["a"] * 100 + ["b"] * 100),
        ("contact", [f"someone{n % 5}@example.com" for n in N]),
        ("who", [f"Person {n}" for n in N]),
        ("who", [f"Person {n}" if n % 3 else None for n in N]),
        ("who", ["unknown"] * 120 + [f"Person {n}" for n in N[:80]]),
        ("household", [f"H{n * 7 // 10}" for n in N]),
        ("tel", [33612345678 + 7 * n for n in N]),
        ("tel", [f"+33 6 39 98 {n:04d}" for n in N]),
        ("card", [10**17 + n for n in N]),
        ("number", N + 1),
        ("number", [f"{n + 1}.0" for n in N]),
    ],
)
def test_what_points_at_a_person_is_never_a_group(name, values):
    assert attributes.why_no_groups(name, known(values)) == attributes.IDENTIFIES


@pytest.mark.parametrize(
    "written",
    ["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%y", "%Y-%m-%dT%H:%M:%SZ", "%Y%m%d", "%Y-%m", "%b %d, %Y", "%d %B %Y"],
)
def test_dates_are_no_groups(written):
    days = [day.strftime(written) for day in pd.date_range("1960-01-15", periods=199, freq="70D")]
    assert attributes.why_no_groups("born", known([*days, "?"])) == attributes.DATES
    assert attributes.why_no_groups("born", pd.Series(pd.to_datetime(["2024-01-01"] * 200), index=PEOPLE))


def test_measured_numbers_ages_towns_and_bands_may_part_customers():
    spent = np.random.default_rng(1).gamma(2, 900, 200).round(2)
    towns = [f"town {n % 60}" for n in N]
    for values in (spent, 18 + N % 70, towns, [("18-29", "30-44")[n % 2] for n in N], [1950 + n % 50 for n in N]):
        assert attributes.why_no_groups("x", known(values)) == ""


@pytest.mark.parametrize("values", [[None] * 200, [""] * 200, ["  "] * 199 + ["x"]])
def test_what_is_empty_or_the_same_of_everybody_parts_nobody(values):
    assert attributes.why_no_groups("x", known(values)) == attributes.ONE_VALUE


def test_long_and_hostile_texts_stay_texts_of_one_line_and_groups_stay_apart():
    evil = "</script><script>alert(1)</script>"
    values = [(evil, "x" * 90 + "1", "x" * 90 + "2", "__proto__", "a\n b")[n % 5] for n in N]
    found = counted(values)
    assert {evil, "__proto__", "a b", "x" * 59 + "…", "x" * 59 + "… (other)"} == set(found)
    assert set(found.values()) == {40}


@pytest.fixture
def people():
    """Of each of 200 customers who bought once or twice in the same quarter."""
    columns = {"age": 18 + N % 60, "town": [f"town {n % 4}" if n % 8 else f"village {n}" for n in N]}
    columns |= {"full_name": [f"Person {n}" for n in N], "born": pd.date_range("1960-01-15", periods=200).astype(str)}
    columns |= {"rare": ["no"] * 197 + ["yes"] * 3, "nothing": "", "all customers": [("x", "y")[n % 2] for n in N]}
    return pd.DataFrame(columns, index=PEOPLE)


@pytest.fixture
def read(build, tmp_path):
    """A shop of which so much is known of its customers."""

    def made(people):
        people.to_csv(tmp_path / "customers.csv")
        orders = pd.DataFrame({"customer_id": PEOPLE, "date": "2025-01-15", "amount": 10.0 + N})
        last = pd.DataFrame({"customer_id": ["c0"], "date": ["2025-12-31"], "amount": [5.0]})
        card = {"customers": {"path": "customers.csv"}}
        return build(pd.concat([orders, last]).to_csv(index=False), card=card)[0]

    return made


def test_the_page_is_offered_numbers_towns_and_nobodys_name(people, read):
    grids, why_not = cohort_grid.cohort_grids(read(people))
    assert list(grids) == ["all customers", "first basket", "age", "town", "all customers (other)"]
    assert list(grids["age"]) == ["under 30", "30 to 43", "44 to 60", "61 and more"]
    assert list(grids["town"])[-1] == "all others (25 values)"
    assert why_not == {  # a column that names people isn't even read
        "born": attributes.DATES,
        "rare": cohort_grid.TOO_SMALL,
        "nothing": attributes.ONE_VALUE,
    }
    text = json.dumps(grids)
    assert "Person" not in text
    assert "village" not in text
    assert "yes" not in text
    assert all(row["customers"] >= 5 for by in grids.values() for group in by.values() for row in group["rows"])


def test_the_page_holds_so_many_attributes_and_figures_and_what_it_does_not_hold_is_said(people, read, monkeypatch):
    many = people[[]].assign(**{f"a{k}": (N // (k + 1)) % 3 for k in range(40)})
    ds = read(many)
    grids, why_not = cohort_grid.cohort_grids(ds)
    assert len(grids) == 13
    assert set(why_not.values()) == {cohort_grid.TOO_MUCH}
    assert len(grids) + len(why_not) == 42
    monkeypatch.setattr(cohort_grid, "_MOST_FIGURES", 100)
    grids, why_not = cohort_grid.cohort_grids(ds)
    assert list(grids)[:2] == ["all customers", "first basket"]
    assert sum(len(row["values"]) for by in grids.values() for group in by.values() for row in group["rows"]) <= 100


def test_a_dataset_whose_attributes_are_all_hostile_is_no_error(read):
    odd = pd.DataFrame({"<b>": "=1+1", "a_b": "x", "a b": "y", "1": [f"{n % 3}" for n in N]}, index=PEOPLE)
    try:
        grids, why_not = cohort_grid.cohort_grids(read(odd))
    except CannotAnswer:
        pytest.fail("the others can still be told")
    assert "1" in grids
    assert {"<b>", "a b", "a b (other)"} == set(why_not)
