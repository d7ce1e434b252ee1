"""Contacts > Export: a row per contact, with fields of one's own."""

import pandas as pd

COLUMNS = ["customer_id", "acquired_on", "consent"]
HEADER = "Contact ID,Email,First Name,Last Name,Phone,Account,Date Created,IP,Status,Tags,Favourite colour"
# Capitals, an address twice, tags in one cell, a status that isn't known, none.
HABITS = f"""{HEADER}
1,Anna@Example.com,Anna,A,,,2025-03-16 14:40:47,192.0.2.1,Active,"VIP, Blog",blue
2,b@example.com,,,,,2025-03-17 00:10:00,,Unsubscribed,,
3,c@example.com,,,,,2025-03-18 00:10:00,,Unconfirmed,,
4,d@example.com,,,,,2025-03-19 00:10:00,,Bounced,,"green, or
red"
5,e@example.com,,,,,2025-03-20 00:10:00,,Paused,,
6,f@example.com,,,,,2025-03-21 00:10:00,,,,
7,anna@example.com,,,,,2025-03-22 00:10:00,,Active,,
"""
EXPECTED = [
    ("anna@example.com", "2025-03-16 14:40:47", "yes"),
    ("b@example.com", "2025-03-17 00:10:00", "no"),
    ("c@example.com", "2025-03-18 00:10:00", "no"),
    ("d@example.com", "2025-03-19 00:10:00", "no"),
    ("e@example.com", "2025-03-20 00:10:00", "no"),
    ("f@example.com", "2025-03-21 00:10:00", "no"),
]
DROPPED = 1  # the same address again
OTHER = [
    (
        "Email,First Name,Last Name,Date Created,Contact Status,Tags\na@example.com,,,2025-03-16 14:40:47,1,\n",
        [("a@example.com", "2025-03-16 14:40:47", "yes")],
    )
]


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for i, row in enumerate(rows.itertuples()):
        status = "Active" if row.consent == "yes" else "Unsubscribed"
        lines.append(f'{i},{row.customer_id},,,,,{row.acquired_on:%Y-%m-%d %H:%M:%S},,{status},"VIP, Blog",')
    return "\n".join(lines) + "\n"
