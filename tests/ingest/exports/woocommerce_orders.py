"""Advanced Order Export: an order's columns on each of its lines, the item's columns last."""

import pandas as pd

COLUMNS = ["customer_id", "date", "amount", "order_id", "product", "quantity"]
HEADER = (
    "Order Number,Order Status,Order Date,Customer Note,First Name (Billing),Email (Billing),Phone (Billing),"
    "Payment Method Title,Cart Discount Amount,Order Subtotal Amount,Order Shipping Amount,Order Refund Amount,"
    "Order Total Amount,Order Total Tax Amount,SKU,Item #,Item Name,Quantity (- Refund),Item Cost,Coupon Code"
)
HABITS = f"""\ufeff{HEADER}
1001,Completed,2025-05-13 11:01,"Ring
twice",Ada,Ada@Example.com,0033,Card,0,30.00,5.00,0,35.00,5.59,M1,1,Mug,1,10.00,
1001,Completed,2025-05-13 11:01,"Ring
twice",Ada,Ada@Example.com,0033,Card,0,30.00,5.00,0,35.00,5.59,P1,2,Plate,4,5.00,
1002,Processing,2025-05-14 09:30,,Ada,ada@example.com,0033,Card,0,1500.00,0.00,300.00,1500.00,239.50,L1,1,Lamp,3,500.00,SPRING
1003,Refunded,2025-05-15 09:30,,Bo,bo@example.com,,Card,0,20.00,0.00,20.00,20.00,3.19,M1,1,Mug,0,20.00,
1004,Completed,2025-05-16 09:30,,Cy,,0044,Cash,0,20.00,0.00,0,20.00,3.19,M1,1,Mug,1,20.00,
1005,Pending payment,2025-05-17 09:30,,Bo,bo@example.com,,Card,0,90.00,0.00,0,90.00,14.37,L1,1,Lamp,1,50.00,
1005,Pending payment,2025-05-17 09:30,,Bo,bo@example.com,,Card,0,90.00,0.00,0,90.00,14.37,M1,2,Mug,2,20.00,
1006,On hold,2025-05-17 10:30,,Bo,bo@example.com,,Transfer,0,80.00,0.00,0,80.00,12.77,M1,1,Mug,4,20.00,
1007,Failed,2025-05-17 11:30,,Bo,bo@example.com,,Card,0,60.00,0.00,0,60.00,9.58,M1,1,Mug,3,20.00,
1008,Cancelled,2025-05-17 12:30,,Bo,bo@example.com,,Card,0,40.00,0.00,0,40.00,6.39,M1,1,Mug,2,20.00,
1009,Completed,2025-05-18 09:30,,,,,Card,0,20.00,0.00,0,20.00,3.19,M1,1,Mug,1,20.00,
"""
EXPECTED = [
    ("ada@example.com", "2025-05-13 11:01:00", 11.67, "1001", "Mug", 1),
    ("ada@example.com", "2025-05-13 11:01:00", 23.33, "1001", "Plate", 4),
    ("ada@example.com", "2025-05-14 09:30:00", 1200.0, "1002", "Lamp", 3),
    ("bo@example.com", "2025-05-15 09:30:00", 0.0, "1003", "Mug", 0),
    ("0044", "2025-05-16 09:30:00", 20.0, "1004", "Mug", 1),
]
DROPPED = 6  # two lines that wait for a payment, one on hold, one failed, one cancelled, one without a customer
MONEY = 1545.0  # 35 + 1,500 − 300 + 20 − 20 + 20, and of those left out 90 + 80 + 60 + 40 + 20
FIRST_ROW_ONLY = """Order ID,Order Status,Order Date,Billing Email,Order Total,Refund,Currency,Item Name,Item Cost,Quantity
7,wc-completed,2025-05-13 11:01:09,a@example.com,"1.234,50","34,50",EUR,Mug,"1.000,00",1
7,,,,,,,Plate,"100,00",2
8,wc-on-hold,2025-05-14 11:01:09,a@example.com,"10,00","0,00",EUR,Mug,"10,00",1
"""
NO_COST = """order_number,date,status,order_total,refunded_total,order_currency,billing_email,item_name
9,2025-05-13 11:01:09,completed,30.00,5.00,EUR,a@example.com,Mug
9,2025-05-13 11:01:09,completed,30.00,5.00,EUR,a@example.com,Plate
10,2025-05-14 11:01:09,trash,30.00,0.00,EUR,a@example.com,Plate
"""
OTHER = [
    (
        FIRST_ROW_ONLY,
        [
            ("a@example.com", "2025-05-13 11:01:09", 1000.0, "7", "Mug", 1),
            ("a@example.com", "2025-05-13 11:01:09", 200.0, "7", "Plate", 2),
        ],
    ),
    (NO_COST, [("a@example.com", "2025-05-13 11:01:09", 25.0, "9", "Mug")]),
]


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for row in rows.itertuples():
        refunded = round(row.amount / 4, 2)
        head = f"{row.order_id},Completed,{row.date:%Y-%m-%d %H:%M},,Ada,{row.customer_id},,Card,0,0,0,{refunded}"
        lines.append(f"{head},{row.amount + refunded:.2f},0,S,1,{row.product},{row.quantity},20.00,")
    return "\n".join(lines) + "\n"
