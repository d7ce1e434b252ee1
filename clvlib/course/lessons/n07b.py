"""Exercises and quiz of notebook 07b: renewals, mixed customers, what one churn for all hides."""

from typing import Any

import pandas as pd

from clvlib.course.assignments import Key, assign, question
from clvlib.dataset import Dataset
from clvlib.models import subscriptions

_HALVES, _CHURNS, _RENEWALS = [0.5, 0.5], [0.4, 0.1], 12  # the made-up firm of section 2


@assign(
    "07b.1",
    unit="percent",
    ask="Of the regular contract's customers who came to the third renewal, which share renewed? `survivors` holds in "
    'its column `"Regular"` how many were left after each renewal (row 0: the start).',
    hint="Who comes to the third renewal has made the second: divide what is left after the third by what was left "
    "after the second.",
    solution="""
    regular = survivors["Regular"]
    regular[3] / regular[2]
    """,
    means="{right} renewed: retention counts those who came to this renewal, survival those who started.",
)
def _third_renewal(ds: Dataset, survivors: pd.DataFrame) -> Key:
    life = subscriptions.cohort_table(survivors["Regular"])
    renewed = 1 - life["lost"] / life["at_risk"]
    left = survivors["Regular"] / survivors["Regular"][0]
    return Key(
        renewed[3],
        {
            "You divided by all who started: that is survival, the share of the start who are left.": left[3],
            "That is the second renewal; the third is from row 2 to row 3.": renewed[2],
            "That is the fourth renewal; the third is from row 2 to row 3.": renewed[4],
            "That is the mean of the first three renewals; only the third is asked for.": renewed[:3].mean(),
        },
    )


@assign(
    "07b.2",
    unit="percent",
    ask="In the made-up firm one half of the customers leaves with a chance of 40% at every renewal, the other half "
    "with 10%. Which share of all who started is left after 12 renewals?",
    hint="Follow each half by itself: who leaves with 40% stays with 0.6, twelve times over, `0.6 ** 12`. Then take "
    "half of each, and add.",
    solution="""
    fickle, steady = 0.6 ** 12, 0.9 ** 12
    0.5 * fickle + 0.5 * steady
    """,
    means="{right} are left, nearly all of them steady. The mean churn of the start says far too little, since those "
    "who leave early no longer count later.",
)
def _two_kinds(ds: Dataset) -> Key:
    mixed = subscriptions.mixture(_HALVES, _CHURNS, _RENEWALS)
    mean = sum(share * churn for share, churn in zip(_HALVES, _CHURNS, strict=True))
    return Key(
        mixed["retention"].cumprod().iloc[-1],
        {
            "You took one churn for all, the mean of the two at the start; but the fickle go first.": (1 - mean)
            ** _RENEWALS,
            "That is the steady half alone, of its own start; of all customers it is one half.": (1 - _CHURNS[1])
            ** _RENEWALS,
            "You raised to 11: there are twelve renewals.": mixed["retention"].cumprod().iloc[-2],
            "That is the share who renew at the twelfth renewal, of those who came to it.": mixed["retention"].iloc[-1],
        },
    )


@assign(
    "07b.3",
    unit="number",
    ask="A customer pays at the start and at every renewal that is made. How many times did a regular customer pay "
    "on average in the first 7 years, renewals 1 to 6 included? (`survivors` counts who is left after each renewal.)",
    hint='Those left after a renewal have just paid: add up `survivors["Regular"]` from row 0 to row 6, and divide by '
    "the customers who started.",
    solution="""
    regular = survivors["Regular"]
    regular.loc[0:6].sum() / regular[0]
    """,
    means="On average {right} payments were made in 7 years. One over the churn of the first years gives another "
    "figure: it assumes that everybody leaves at one rate, for ever.",
)
def _payments(ds: Dataset, survivors: pd.DataFrame) -> Key:
    regular = survivors["Regular"]
    paid = subscriptions.cohort_table(regular.loc[:7])["at_risk"]
    first = subscriptions.cohort_table(regular.loc[: subscriptions.PUBLISHED_YEARS])
    return Key(
        paid.sum() / paid.iloc[0],
        {
            "You took 1 over a churn for all: a lifetime without end, of customers who are all alike.": 1
            / subscriptions.constant_churn(first),
            "You took 1 over the churn of the first renewal: the fickle are still among them.": 1
            / float(first["lost"].iloc[0] / first["at_risk"].iloc[0]),
            "You left the payment at the start out: row 0 counts too.": float(regular.loc[1:6].sum() / regular[0]),
            "You counted row 7 too: that payment opens the eighth year.": float(regular.loc[0:7].sum() / regular[0]),
            "That is a number of payments of all customers; divide by those who started.": float(
                regular.loc[0:6].sum()
            ),
        },
    )


@assign(
    "07b.4",
    unit="percent",
    ask="A regular customer has paid five times. One churn for all values what is still to come lower than the model "
    "does: by which share of the model's value? `regular` holds both, `by_model` and `by_constant_churn`, "
    "by years paid.",
    hint='`regular.loc[5, "by_model"]` is what the model expects; how much of it does the other one miss?',
    solution="""
    model, same = regular.loc[5, "by_model"], regular.loc[5, "by_constant_churn"]
    (model - same) / model
    """,
    means="One churn for all misses {right} of it: having renewed five times is news, which it ignores.",
)
def _too_low(ds: Dataset, regular: pd.DataFrame) -> Key:
    share = regular["by_constant_churn"] / regular["by_model"]
    return Key(
        1 - share[5],
        {
            "That is by how much the model's value is larger, measured by the other one; measure by the model's.": 1
            / share[5]
            - 1,
            "That is for one who has paid once (a minus: valued too high); five times is asked for.": 1 - share[1],
            "That is money; divide by the model's value.": float(
                regular["by_model"][5] - regular["by_constant_churn"][5]
            ),
        },
    )


@question(
    "07b.1",
    ask="A firm's retention rises from renewal to renewal: {first:percent} at the first, {last:percent} at the "
    "twelfth. What may it report?",
    right=(
        "The later the renewal, the larger the share who renew.",
        "That is what was seen. It says nothing of why.",
    ),
    wrong=(
        ("Our customers become more loyal with time.", "Sorting alone gives this curve: the fickle have left."),
        ("The loyalty programme works.", "That takes a test; the curve rises in firms without one."),
        ("Each customer is likelier to renew the longer we wait.", "In a mix of customers nobody need change at all."),
    ),
)
def _rises(ds: Dataset) -> dict[str, Any]:
    life = subscriptions.cohort_table(subscriptions.PUBLISHED["Regular"])
    renewed = 1 - life["lost"] / life["at_risk"]
    return {"first": renewed[1], "last": renewed[12]}


@question(
    "07b.2",
    ask="One half of the customers leaves with a chance of 40% at every renewal, the other with 10%. Which share of "
    "those who come to the second renewal renews?",
    right=("{second:percent}", "After the first renewal there are fewer of the fickle."),
    wrong=(
        ("{first:percent}", "That is the first renewal, when the halves are still equal."),
        ("{steady:percent}", "That is the steady half alone."),
        ("{left:percent}", "That is the share of the start who are left after two renewals: survival."),
    ),
)
def _second_of_two(ds: Dataset) -> dict[str, Any]:
    renewed = subscriptions.mixture(_HALVES, _CHURNS, 2)["retention"]
    return {"first": renewed[1], "second": renewed[2], "steady": 1 - _CHURNS[1], "left": renewed.prod()}


@question(
    "07b.3",
    ask="In the first {years} years of the regular contract, {churn:percent} left per renewal, all renewals together. "
    "Planned with this one churn for all, which share is left after year 12?",
    right=("{flat:percent}", "What stays each year multiplies. It is far below what was observed, {observed:percent}."),
    wrong=(
        ("{observed:percent}", "That was observed; one churn for all doesn't see that the fickle leave first."),
        ("{short:percent}", "That is after the first years; year 12 is asked for."),
        ("{kept:percent}", "That is the share who renew once."),
    ),
)
def _planned(ds: Dataset) -> dict[str, Any]:
    regular, years = subscriptions.PUBLISHED["Regular"], subscriptions.PUBLISHED_YEARS
    churn = subscriptions.constant_churn(subscriptions.cohort_table(regular.loc[:years]))
    values = {"years": years, "churn": churn, "flat": (1 - churn) ** 12, "short": (1 - churn) ** years}
    return values | {"kept": 1 - churn, "observed": regular[12] / regular[0]}


@question(
    "07b.4",
    ask="A subscriber pays at the start and leaves with a chance of {churn:percent} at every renewal, the same for "
    "ever. How often does such a subscriber pay on average?",
    right=("{times:number.1} times", "1 over churn, where it is the same for all and for ever."),
    wrong=(
        ("{upside:number.1} times", "That is 1 over retention; it would fall if more renewed."),
        ("{later:number.1} times", "Those are the renewals; the payment at the start counts too."),
        ("{share:number.1} times", "That is the churn of a hundred renewals, not the renewals of one customer."),
    ),
)
def _lifetime(ds: Dataset) -> dict[str, Any]:
    life = subscriptions.cohort_table(subscriptions.PUBLISHED["High-End"])
    churn = subscriptions.constant_churn(life)
    times = 1 / churn
    return {"churn": churn, "times": times, "upside": 1 / (1 - churn), "later": times - 1, "share": 100 * churn}


@question(
    "07b.5",
    ask="A billing system exports the base of June, and who of it left in June. How is it to be read (`left = …`)?",
    right=(
        '`"last"`: everybody counts at one renewal only',
        "Who left before June isn't in it, so that earlier renewals would seem to have been made by all.",
    ),
    wrong=(
        ('`"ever"`: everybody counts at all renewals made', "That would be a file of all who ever subscribed."),
        ("It makes no difference", "The two readings can differ by a factor."),
        ("As the fit turns out better", "Nothing in the file tells; ask whoever made it."),
    ),
)
def _who_is_in_it(ds: Dataset) -> dict[str, Any]:
    return {}
