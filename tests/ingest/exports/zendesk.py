"""Export of tickets: a row a ticket, the account's own time with its zone, e-mails of people who have none blank."""

import pandas as pd

COLUMNS = ["customer_id", "date", "channel", "event"]
HEADER = (
    "Summation column,Id,Requester,Requester id,Requester external id,Requester email,Requester domain,Submitter,Assignee,"
    "Group,Subject,Tags,Status,Priority,Via,Ticket type,Created at,Updated at,Satisfaction Score,Replies,Plan [list]"
)
HABITS = f"""{HEADER}
1,100001,Ada Sample,360000000000000001,,ada@example.com,example.com,Ada Sample,Agent One,Support,"Parcel, late",late vip,Closed,Normal,Web form,Question,2025-03-01 09:15:00 +0100,2025-03-02 10:00:00 +0100,Good,2,gold
1,100002,,360000000000000002,,,,Agent One,Agent One,Support,"A call
of two lines",,Solved,High,Phone,Incident,2025-03-03 18:05:59 +0100,2025-03-03 18:30:00 +0100,Not Offered,0,
1,100003,Bo Sample,360000000000000003,,bo@example.com,example.com,Bo Sample,,,Spam,,Deleted,-,Mail,-,2025-03-04 00:00:00 +0100,2025-03-04 00:00:00 +0100,Offered,0,
1,100004,Ada Sample,360000000000000001,,ada@example.com,example.com,Ada Sample,Agent Two,Support,Again,,Open,Low,Mail,Problem,2025-07-01 07:00:00 +0200,2025-07-01 07:00:00 +0200,Bad,1,gold
"""
EXPECTED = [
    ("ada@example.com", "2025-03-01 09:15:00", "Web form", "ticket"),
    ("360000000000000002", "2025-03-03 18:05:59", "Phone", "ticket"),
    ("ada@example.com", "2025-07-01 07:00:00", "Mail", "ticket"),
]
DROPPED = 1  # the deleted one
OTHER = [  # a view's export: fewer columns, other labels, no zone
    (
        "Id,Requester,Requester ID,Assignee,Status,Via,Type,Created\n"
        "1,Ada Sample,77,Agent One,Open,Chat,Question,2025-03-01 09:15\n",
        [("77", "2025-03-01 09:15:00", "Chat", "ticket")],
    ),
]


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for i, row in enumerate(rows.itertuples()):
        mail, number = (row.customer_id, 5 + i) if "@" in row.customer_id else ("", row.customer_id)
        moment = f"{row.date:%Y-%m-%d %H:%M:%S} +0100"
        head = f"1,{i},Ada Sample,{number},,{mail},,Ada Sample,Agent One,Support,Subject,,Open,Low"
        lines.append(f"{head},{row.channel},Question,{moment},{moment},Good,1,")
    return "\n".join(lines) + "\n"
