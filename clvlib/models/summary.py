"""What a model takes, as a schema: one row per customer, as `aggregate.rfm_summary` gives it."""

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from clvlib.errors import DataError
from clvlib.language import message, phrase, said_together, translated

_number = {"coerce": True}
RFM_SUMMARY = pa.DataFrameSchema(
    {
        "frequency": pa.Column("int64", pa.Check.ge(0), description="repeat purchase days", title="count", **_number),
        "recency": pa.Column(
            "float64", pa.Check.ge(0), description="age at the last purchase", title="time unit", **_number
        ),
        "T": pa.Column(
            "float64",
            pa.Check.ge(0),
            description="age at the end of observation",
            title="time unit",
            **_number,
        ),
        "monetary_value": pa.Column(
            "float64",
            pa.Check.gt(0),
            nullable=True,
            required=False,
            description="mean spend per repeat purchase day; empty for one-time buyers",
            title="currency",
            **_number,
        ),
    },
    checks=[
        pa.Check(lambda f: f["recency"] <= f["T"], name="recency <= T"),
        pa.Check(lambda f: (f["frequency"] > 0) | (f["recency"] == 0), name=message("recency is 0 without a repeat")),
    ],
    index=pa.Index("str", name="customer_id", unique=True, coerce=True),
    name=message("rfm summary"),
)


def require(frame: pd.DataFrame, schema: pa.DataFrameSchema = RFM_SUMMARY) -> pd.DataFrame:
    """Return `frame` as `schema` describes it (columns cast, others left alone).

    Raises DataError that names every column that is missing or wrong, with the count and up to three examples.

    >>> texts = pd.DataFrame({"frequency": ["2", "0"], "recency": ["30", "0"], "T": ["41", "12"]})
    >>> require(texts.set_index(pd.Index(["anna", "ben"], name="customer_id")))
                 frequency  recency     T
    customer_id
    anna                 2     30.0  41.0
    ben                  0      0.0  12.0
    """
    try:
        return schema.validate(frame, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
        missing = cases[cases["check"] == "column_in_dataframe"]
        per_column = cases[cases["schema_context"].isin(["Column", "Index"])]
        per_column = per_column[~per_column["check"].str.startswith("dtype")]
        parts = [phrase("column {column!r} is missing", column=column) for column in missing["failure_case"]]
        for column, group in per_column.groupby("column", sort=False):
            rule = group["check"].iloc[0]
            broken = group[group["check"] == rule]
            examples = ", ".join(str(case) for case in broken["failure_case"].unique()[:3])
            parts.append(
                phrase(
                    "{column}: {n} value(s) break the rule {rule} (for instance {examples})",
                    column=column,
                    n=len(broken),
                    rule=rule,
                    examples=examples,
                )
            )
        if not parts:
            for rule, group in cases.groupby("check", sort=False):
                n = group["index"].nunique()
                parts.append(phrase("{n} customer(s) break the rule {rule!r}", n=n, rule=translated(str(rule))))
        raise DataError(
            phrase(
                "This {table} can't be used: {problems}.",
                table=translated(str(schema.name)),
                problems=said_together(parts),
            ),
            "Build it with aggregate.rfm_summary, or correct these columns.",
        ) from None
