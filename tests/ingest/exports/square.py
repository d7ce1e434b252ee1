"""Item sales, detail: money as text, rows of a till without a customer, refunds below 0."""

import pandas as pd

COLUMNS = ["customer_id", "date", "amount", "order_id", "product", "category", "quantity"]
HEADER = (
    "Date,Time,Time Zone,Category,Item,Qty,Price Point Name,SKU,Modifiers Applied,Gross Sales,Discounts,Net Sales,Tax,"
    "Transaction ID,Payment ID,Device Name,Notes,Details,Event Type,Location,Dining Option,Customer ID,Customer Name"
)
ZONE = "Eastern Time (US & Canada)"
HABITS = f"""{HEADER}
2025-05-13,10:02:11,{ZONE},Cups,Mug,2.0,Regular,M1,,"$1,236.00",-$2.00,"$1,234.00",$98.72,T1,P1,Till,,,Payment,Main,,C1,Ada
2025-05-13,10:02:11,{ZONE},Cups,Cup,1.0,Regular,C1,"Blue, Large",$5.50,$0.00,$5.50,$0.44,T1,P1,Till,,,Payment,Main,,C1,Ada
2025-05-13,10:02:11,{ZONE},Cups,Cup,1.0,Regular,C1,"Blue, Large",$5.50,$0.00,$5.50,$0.44,T1,P1,Till,,,Payment,Main,,C1,Ada
2025-05-14,11:40:00,{ZONE},Cups,Mug,1.0,Regular,M1,,$18.00,$0.00,$18.00,$1.44,T2,P2,Till,,,Payment,Main,,,
2025-05-20,09:00:00,{ZONE},Cups,Cup,-1.0,Regular,C1,,-$5.50,$0.00,-$5.50,-$0.44,T1,P3,Till,"one
broken",,Refund,Main,,C1,Ada
"""
EXPECTED = [
    ("C1", "2025-05-13 10:02:11", 1234.0, "T1", "Mug", "Cups", 2),
    ("C1", "2025-05-13 10:02:11", 5.5, "T1", "Cup", "Cups", 1),
    ("C1", "2025-05-13 10:02:11", 5.5, "T1", "Cup", "Cups", 1),
    ("C1", "2025-05-20 09:00:00", -5.5, "T1", "Cup", "Cups", -1),
]
DROPPED = 1  # who bought the mug of T2, nobody wrote down
MONEY = 1257.5
OF_2024 = """Date,Category,Item,Qty,Price Point Name,SKU,Modifiers Applied,Product Sales,Discounts,Net Sales,Tax,Gross Sales,Location,Customer ID
13/05/2025,Cups,Mug,1,Regular,M1,,£11.00,£1.00,£10.00,£2.00,£12.00,Main,C1
"""
OTHER = [(OF_2024, [("C1", "2025-05-13", 10.0)])]


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for row in rows.itertuples():
        net = f'"${row.amount:,.2f}"'
        head = f"{row.date:%Y-%m-%d,%H:%M:%S},{ZONE},{row.category},{row.product},{row.quantity:.1f},Regular,S,"
        lines.append(f"{head},{net},$0.00,{net},$0.00,{row.order_id},P,Till,,,Payment,Main,,{row.customer_id},Ada")
    return "\n".join(lines) + "\n"
