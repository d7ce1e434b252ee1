"""Small amounts keep what tells them apart, from the file to the CSV and the texts."""

import numpy as np
import pandas as pd
import pytest

from clvlib import show, wording
from clvlib.aggregate import purchases
from clvlib.run import handover
from clvlib.stats import rounded

TEXT = "customer_id,date,amount\n" + "".join(
    f"{name},2025-0{month}-03,{amount}\n"
    for name, amount in (("a", "0.00000005123"), ("b", "0.00000005124"))
    for month in (1, 2, 3)
)


@pytest.fixture
def small(build):
    show.start(build(TEXT.replace("00000005", "00005"))[0])
    yield
    wording.write_for("en_US", "USD")


@pytest.fixture
def coins(build):
    return build(TEXT)[0].rfm_summary()


def test_amounts_of_a_few_billionths_are_told_apart_when_read(coins):
    assert coins["monetary_value"].tolist() == pytest.approx([5.123e-8, 5.124e-8], rel=1e-6)
    assert coins["total_spend"].tolist() == pytest.approx([3 * 5.123e-8, 3 * 5.124e-8], rel=1e-6)


def test_a_purchase_sent_back_leaves_nothing_however_small(build):
    text = "customer_id,date,amount\n" + "a,2025-01-03,0.00000001\na,2025-01-03,0.00000002\na,2025-01-03,-0.00000003\n"
    found, _ = build(text + "b,2025-01-03,0.1\nb,2025-01-03,0.2\nb,2025-01-03,-0.3\nc,2025-01-03,5\n")
    assert purchases.purchase_days(found.transactions, found.as_of).to_pandas()["customer_id"].tolist() == ["c"]


def test_rounding_at_usual_sizes_is_as_it_was():
    frame = pd.DataFrame({"large": [0.1 + 0.2, 1234.123456789], "small": [0.02, 0.010000001234], "none": [np.nan, 0.0]})
    pd.testing.assert_frame_equal(rounded(frame), frame.round(8))


def test_the_csv_keeps_small_amounts_apart(coins):
    written = handover.defuse(coins)
    assert written["monetary_value"].nunique() == 2
    assert written["total_spend"].nunique() == 2
    assert handover.defuse(pd.DataFrame({"x": [12.345678, 0.00002]}))["x"].tolist() == [12.3457, 0.0]


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0.00005, "€0.00005"), (0.0000512, "€0.0000512"), (-0.0031, "-€0.0031"), (0.05, "€0.05"), (1e-17, "€0.00"),
     (0.0, "€0.00"), (50.0, "€50.00"), (49.6, "€49.60")],
)  # fmt: skip
def test_the_text_of_a_small_amount_has_the_digits_that_count(small, amount, text):
    assert wording.money(amount) == text


def test_a_column_of_small_amounts_has_as_many_decimals_as_its_usual_value_needs():
    wording.write_for("en_US", "USD")
    assert wording.column(pd.Series([0.00005, 0.000051, 0.0]), "money") == ["$0.0000500", "$0.0000510", "$0.0000000"]
    assert wording.column(pd.Series([0.00005, 0.000051])) == ["0.0000500", "0.0000510"]
    assert wording.column(pd.Series([0.001, 20.0, 30.0]), "money") == ["$0.00", "$20.00", "$30.00"]


def test_ticks_of_small_amounts_differ(small):
    assert wording.ticks([0.00002], "money") == ["€0.00002"]
    assert wording.ticks([0.00002], None) == ["0.00002"]
    assert wording.ticks([0, 5000, 10000], "money") == ["€0", "€5K", "€10K"]
