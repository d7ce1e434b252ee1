"""Account > Export, granular_activity: a file per campaign of each open, or each click."""

import io
import zipfile

import pandas as pd

FILE = "opens.zip"
COLUMNS = ["customer_id", "date", "campaign", "event", "channel"]


def zipped(files: dict[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"granular_activity/opens/{name}.csv", content)
    return made.getvalue()


# An address in two cases; the same person again; a line written twice; a campaign that nobody opened.
HABITS = zipped(
    {
        "101_spring": """Timestamp,IP,Email
2025-03-16 14:40:47,192.0.2.1,Anna@Example.com
2025-03-16 18:00:00,192.0.2.1,anna@example.com
2025-03-16 18:00:00,192.0.2.1,anna@example.com
2025-03-17 00:10:00,,b@example.com
""",
        "102_summer": "Timestamp,IP,Email\n2025-03-17 00:10:00,,b@example.com\n",
        "103_nobody": "Timestamp,IP,Email\n",
    }
)
_SPRING, _SUMMER = (f"granular_activity/opens/{name}.csv" for name in ("101_spring", "102_summer"))
EXPECTED = [
    ("anna@example.com", "2025-03-16 14:40:47", _SPRING, "open", "e-mail"),
    ("anna@example.com", "2025-03-16 18:00:00", _SPRING, "open", "e-mail"),
    ("b@example.com", "2025-03-17 00:10:00", _SPRING, "open", "e-mail"),
    ("b@example.com", "2025-03-17 00:10:00", _SUMMER, "open", "e-mail"),
]
DROPPED = 1  # the line written twice


def written(rows: pd.DataFrame) -> bytes:
    files = {"101_spring": ["Timestamp,IP,Email"], "102_summer": ["Timestamp,IP,Email"]}
    for row in rows.itertuples():
        name = row.campaign.rpartition("/")[2].removesuffix(".csv")
        files[name].append(f"{row.date:%Y-%m-%d %H:%M:%S},,{row.customer_id}")
    return zipped({name: "\n".join(lines) + "\n" for name, lines in files.items()})
