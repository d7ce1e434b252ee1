"""Export of tickets: the fields that were ticked, those of the contact at the end."""

import pandas as pd

COLUMNS = ["customer_id", "date", "channel", "event"]
HEADER = (
    "Ticket ID,Subject,Status,Priority,Source,Type,Agent,Group,Created time,Due by Time,Resolved time,Closed time,"
    "Last update time,Time tracked,First response time (in hrs),Agent interactions,Customer interactions,Tags,"
    "Survey results,Full name,Email,Contact ID"
)
HABITS = f"""{HEADER}
501,"Where is it, please?",Closed,Low,Email,Question,Agent One,Support,2025-03-01 09:15:00,2025-03-04 09:15:00,2025-03-02 10:00:00,2025-03-02 11:00:00,2025-03-02 11:00:00,00:00:00,01:20:00,1,1,"late,vip",Extremely Satisfied,Ada Sample,ada@example.com,82000000000000001
502,"Called
twice",Open,Urgent,Phone,,No Agent,No Group,2025-03-03 18:05:59,2025-03-04 18:05:59,,,2025-03-03 18:05:59,00:00:00,,0,1,,Not rated,Bo Sample,,82000000000000002
503,Win a prize,Spam,Low,Portal,,No Agent,No Group,2025-03-03 20:00:00,2025-03-04 18:05:59,,,2025-03-03 18:05:59,00:00:00,,0,1,,Not rated,Cy Sample,cy@example.com,82000000000000003
504,Nobody,Open,Low,Portal,,No Agent,No Group,2025-03-05 20:00:00,2025-03-06 18:05:59,,,2025-03-05 18:05:59,00:00:00,,0,1,,Not rated,,,
"""
EXPECTED = [
    ("ada@example.com", "2025-03-01 09:15:00", "Email", "ticket"),
    ("82000000000000002", "2025-03-03 18:05:59", "Phone", "ticket"),
]
DROPPED = 2  # spam, and a ticket of nobody
OTHER = [  # Freshservice: capitals, the requester's e-mail
    (
        "Ticket Id,Source,Created Time,Agent interactions,Customer interactions,Requester Name,Requester Email\n"
        "9,Portal,2025-03-01 09:15,1,2,Ada Sample,ada@example.com\n",
        [("ada@example.com", "2025-03-01 09:15:00", "Portal", "ticket")],
    ),
]


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for i, row in enumerate(rows.itertuples()):
        mail, number = (row.customer_id, 5 + i) if "@" in row.customer_id else ("", row.customer_id)
        head = f"{i},Subject,Open,Low,{row.channel},Question,Agent One,Support,{row.date:%Y-%m-%d %H:%M:%S}"
        lines.append(f"{head},,,,,00:00:00,,1,1,,,Ada Sample,{mail},{number}")
    return "\n".join(lines) + "\n"
