"""Orders > Export: a row a line item, what belongs to the order on its first row only."""

import pandas as pd

COLUMNS = ["customer_id", "date", "amount", "order_id", "product"]
HEADER = (
    "Name,Email,Financial Status,Paid at,Currency,Subtotal,Shipping,Taxes,Total,Created at,Lineitem quantity,"
    "Lineitem name,Lineitem price,Billing Phone,Notes,Cancelled at,Refunded Amount,Lineitem discount,Phone"
)
HABITS = f"""{HEADER}
#1,a@example.com,paid,2025-05-13 11:01:13 +0200,EUR,25.00,5.00,4.79,30.00,2025-05-13 11:01:12 +0200,1,Mug,10.00,,,,0.00,0.00,
#1,a@example.com,,,,,,,,2025-05-13 11:01:12 +0200,3,Plate,5.00,,,,,0.00,
#2,,pending,,EUR,20.00,0.00,3.19,20.00,2025-05-14 09:00:00 +0200,1,Mug,20.00,'0033,"two
lines",,5.00,0.00,
#3,c@example.com,voided,,EUR,99.00,0.00,0.00,99.00,2025-05-14 11:01:13 +0200,1,Mug,99.00,,,2025-05-15 08:00:00 +0200,0.00,0.00,
#3,c@example.com,,,,,,,,2025-05-14 11:01:13 +0200,1,Plate,0.00,,,,,0.00,
#4,d@example.com,partially_refunded,2025-05-15 10:00:00 +0200,EUR,10.00,0.00,0.00,10.00,2025-05-15 10:00:00 +0200,1,Mug,5.00,,,,10.00,0.00,
#4,d@example.com,,,,,,,,2025-05-15 10:00:00 +0200,1,Plate,5.00,,,,,5.00,
"""
EXPECTED = [
    ("a@example.com", "2025-05-13 11:01:12", 12.0, "#1", "Mug"),
    ("a@example.com", "2025-05-13 11:01:12", 18.0, "#1", "Plate"),
    ("0033", "2025-05-14 09:00:00", 15.0, "#2", "Mug"),
    ("d@example.com", "2025-05-15 10:00:00", 0.0, "#4", "Mug"),
    ("d@example.com", "2025-05-15 10:00:00", 0.0, "#4", "Plate"),
]
DROPPED = 2  # both lines of the voided order


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for row in rows.itertuples():
        moment = f"{row.date:%Y-%m-%d %H:%M:%S} +0200"
        refunded = round(row.amount / 3, 2)
        total = round(row.amount + refunded, 2)
        head = f"{row.order_id},{row.customer_id},paid,{moment},EUR,{total},0.00,0.00,{total},{moment}"
        lines.append(f'{head},1,"{row.product}",{total},,,,{refunded},0.00,')
    return "\n".join(lines) + "\n"
