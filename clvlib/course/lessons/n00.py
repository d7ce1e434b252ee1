"""Exercises and quiz of notebook 00: who buys, who comes back, what is dropped."""

from typing import Any

from clvlib.course.assignments import Key, assign, question
from clvlib.dataset import Dataset


@assign(
    "00.1",
    unit="percent",
    ask="Which share of the customers bought on more than one day? Take it from `ds.rfm_summary()`, whose column "
    "`frequency` counts the purchases after the first.",
    hint="`frequency > 0` is True for those who came back; the mean of True and False is a share.",
    solution="""
    rfm = ds.rfm_summary()
    (rfm["frequency"] > 0).mean()
    """,
    means="{right} of the customers came back; all others bought on one day only.",
)
def _came_back(ds: Dataset) -> Key:
    rfm = ds.rfm_summary()
    back = rfm["frequency"] > 0
    return Key(
        back.mean(),
        {
            "You counted purchases, not customers: that is the share of all purchases that are not first ones.": float(
                rfm["frequency"].sum() / (rfm["frequency"] + 1).sum()
            ),
            "You counted the first purchase as a repeat: `frequency` is 0, not 1, for who bought once.": float(
                (rfm["frequency"] > 1).mean()
            ),
            "That is how many came back; divide by how many there are.": float(back.sum()),
        },
    )


@question(
    "00.1",
    ask="{customers} customers bought, {back:count} of them on more than one day. How often did a customer come back, "
    "on average?",
    right=("{repeat:number.1} times", "All purchases but the first ones, over all customers."),
    wrong=(
        ("{days:number.1} times", "That counts the first purchase too: one who buys once hasn't come back."),
        ("{loyal:number.1} times", "That is the mean of those who came back only; the others count as well."),
    ),
)
def _how_often(ds: Dataset) -> dict[str, Any]:
    times = ds.rfm_summary()["frequency"]
    back = times > 0
    return {
        "customers": len(times),
        "back": back.sum(),
        "repeat": times.mean(),
        "days": times.mean() + 1,
        "loyal": times[back].mean(),
    }
