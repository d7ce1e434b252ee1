"""Payments > Export: a row per charge, also those that failed; amounts in what was charged, and converted."""

import pandas as pd

COLUMNS = ["customer_id", "date", "amount", "order_id"]
HEADER = (
    "id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Converted Amount,Converted Amount Refunded,"
    "Converted Currency,Description,Fee,Mode,Status,Customer ID,Customer Email,Dispute Status,order_id (metadata)"
)
# A refund at another rate, of a guest; thousands; a failed charge without a conversion; a lost dispute, and one that
# was won; an authorisation that nobody captured; a test; a description with a line break.
HABITS = f"""{HEADER}
ch_1,2026-06-05 20:38:34,"3,125.00",0.00,eur,true,"3,125.00",0.00,eur,Order 17,45.56,Live,Paid,cus_AbC1,a@example.com,,17
ch_2,2026-06-06 09:00,100.00,25.00,usd,true,86.50,21.50,eur,"two
lines",3.10,Live,Paid,,B@Example.com,,18
ch_3,2026-06-07 10:00:00,50.00,50.00,usd,true,43.20,44.10,eur,,1.50,Live,Refunded,,b@example.com,,19
ch_4,2026-06-07 10:05:00,50.00,0.00,usd,false,,,,,0.00,Live,Failed,cus_AbC1,a@example.com,,20
ch_5,2026-06-08 11:00:00,70.00,0.00,eur,true,70.00,0.00,eur,,2.00,Live,Paid,cus_aBc1,c@example.com,lost,21
ch_6,2026-06-08 12:00:00,80.00,0.00,eur,true,80.00,0.00,eur,,2.00,Live,Paid,cus_aBc1,c@example.com,won,22
ch_7,2026-06-08 13:00:00,9.00,0.00,eur,false,9.00,0.00,eur,,0.00,Live,Paid,cus_aBc1,c@example.com,,23
ch_8,2026-06-08 14:00:00,1.00,0.00,eur,true,1.00,0.00,eur,,0.00,Test,Paid,cus_aBc1,c@example.com,,24
ch_9,2026-06-09 14:00:00,30.00,0.00,eur,true,30.00,0.00,eur,,0.00,Live,Pending,cus_aBc1,c@example.com,,25
"""
EXPECTED = [
    ("cus_AbC1", "2026-06-05 20:38:34", 3125.0, "ch_1"),
    ("b@example.com", "2026-06-06 09:00:00", 65.0, "ch_2"),
    ("b@example.com", "2026-06-07 10:00:00", -0.9, "ch_3"),
    ("cus_aBc1", "2026-06-08 12:00:00", 80.0, "ch_6"),
]
DROPPED = 5
_OLD = """id,Description,Seller Message,Created (UTC),Amount,Amount Refunded,Currency,Fee,Mode,Status,Customer Email,Captured
ch_1,,Payment complete.,2019-02-03 04:05,12.50,0.00,usd,0.66,Live,Paid,a@example.com,true
ch_2,,Payment complete.,2019-02-04 04:05,20.00,5.00,usd,0.88,Live,Paid,a@example.com,true
ch_3,,The bank declined.,2019-02-05 04:05,20.00,0.00,usd,0.00,Live,Failed,b@example.com,false
"""
OTHER = [  # before 2025, from an account that converts nothing
    (
        _OLD,
        [
            ("a@example.com", "2019-02-03 04:05:00", 12.5, "ch_1"),
            ("a@example.com", "2019-02-04 04:05:00", 15.0, "ch_2"),
        ],
    )
]


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for row in rows.itertuples():
        back = round(row.amount / 3, 2)
        paid = f'"{row.amount + back:,.2f}",{back},eur'
        who = f",{row.customer_id}" if "@" in row.customer_id else f"{row.customer_id},"
        captured = f'{paid},true,{paid},"of {row.order_id}",1.00,Live,Paid'
        lines.append(f"{row.order_id},{row.date:%Y-%m-%d %H:%M:%S},{captured},{who},,")
    return "\n".join(lines) + "\n"
