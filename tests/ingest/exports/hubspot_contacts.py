"""Contacts > Export: a row per contact, in the view's columns."""

import pandas as pd

COLUMNS = ["customer_id", "acquired_on", "acquisition_channel", "consent"]
HEADER = (
    "Record ID,First Name,Last Name,Email,Phone Number,Contact owner,Lifecycle Stage,Create Date,"
    "Became a Customer Date,Original Source,Unsubscribed from all email"
)
# A number of 18 digits; a contact that is no customer yet; one in the file twice; nothing said of leaving; no address.
HABITS = f"""\ufeff{HEADER}
800100000000000001,Anna,"A, the first",Anna@Example.com,,An Owner,Customer,2024-02-01 09:30,2024-03-01 10:00,Organic Search,false
800100000000000002,Ben,B,b@example.com,,,Lead,2024-02-02 09:30,,Paid Social,true
800100000000000003,,,,,,Customer,2024-02-03 09:30,2024-02-03 09:31,,
800100000000000002,Ben,B,b@example.com,,,Lead,2024-02-02 09:31,,Paid Social,true
"""
EXPECTED = [
    ("800100000000000001", "2024-03-01 10:00", "Organic Search", "yes"),
    ("800100000000000002", "2024-02-02 09:30", "Paid Social", "no"),
    ("800100000000000003", "2024-02-03 09:31", None, "yes"),
]
DROPPED = 1  # the same contact again
_OLDER = """Contact ID,First Name,Last Name,Email,Contact Owner,Lifecycle stage,Create date,Original Source Type,Opted out of all email
7,Anna,A,a@example.com,,customer,2024-02-01 09:30,Offline Sources,Yes
"""
OTHER = [(_OLDER, [("7", "2024-02-01 09:30", "Offline Sources", "no")])]


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for row in rows.itertuples():
        source = "" if pd.isna(row.acquisition_channel) else row.acquisition_channel
        left = "true" if row.consent == "no" else ""
        lines.append(f"{row.customer_id},,,a@example.com,,,Lead,{row.acquired_on:%Y-%m-%d %H:%M},,{source},{left}")
    return "\n".join(lines) + "\n"
