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
MONEY = 144.0  # what the file says: 30 + 20 − 5 + 99 + 10 − 10
TAXES = ",".join(f"Tax {i} Name,Tax {i} Value" for i in range(1, 6))
HEADER_2021 = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,"
    "Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,"
    "Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,"
    "Billing Name,Billing Street,Billing Address1,Billing Address2,Billing Company,Billing City,Billing Zip,"
    "Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,Shipping Address1,Shipping Address2,"
    "Shipping Company,Shipping City,Shipping Zip,Shipping Province,Shipping Country,Shipping Phone,Notes,Note Attributes,"
    "Cancelled at,Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding Balance,Employee,Location,"
    f"Device ID,Id,Tags,Risk Level,Source,Lineitem discount,{TAXES},Phone,Receipt Number,Duties,Billing Province Name,"
    "Shipping Province Name"
)
HEADER_2025 = f"{HEADER_2021},Payment ID,Payment Terms Name,Next Payment Due At,Payment References"
AT = "2025-05-13 11:01:12 +0200"


def _whole(header: str, *orders: dict[str, str]) -> str:
    """A file of all columns, each row given by those that are filled."""
    names = header.split(",")
    return "\r\n".join([header, *(",".join(order.get(name, "") for name in names) for order in orders)]) + "\r\n"


def _order(name: str, status: str, total: str, **more: str) -> dict[str, str]:
    said = {"Name": name, "Financial Status": status, "Total": total, "Created at": AT, "Currency": "EUR"}
    line = {"Lineitem quantity": "1", "Lineitem name": "Mug", "Lineitem price": total, "Lineitem discount": "0.00"}
    return {"Email": "A@example.com", "Refunded Amount": "0.00", **said, **line, **more}


ORDERS = [
    _order("#1", "paid", "10.00", **{"Id": "820982911946154508", "Notes": '"two\nlines"', "Billing Zip": "'0000"}),
    {"Name": "#1", "Email": "A@example.com", "Created at": AT, "Lineitem quantity": "1", "Lineitem name": "Lid",
     "Lineitem price": "10.00", "Lineitem discount": "0.00"},
    _order("#2", "expired", "11.00"),
    _order("#3", "pending", "12.00", **{"Cancelled at": AT}),
    _order("#4", "refunded", "13.00", **{"Cancelled at": AT, "Refunded Amount": "13.00"}),
    _order("#5", "partially_refunded", "14.00", **{"Refunded Amount": "4.00"}),
    _order("#6", "pending", "15.00", **{"Email": "", "Shipping Phone": "'+33 1 99 00 00 00"}),
    _order("#7", "authorized", "16.00", **{"Email": "a@example.com"}),
]  # fmt: skip
KEPT = [
    ("a@example.com", "2025-05-13 11:01:12", 5.0, "#1", "Mug"),
    ("a@example.com", "2025-05-13 11:01:12", 5.0, "#1", "Lid"),
    ("a@example.com", "2025-05-13 11:01:12", 10.0, "#5", "Mug"),
    ("+33 1 99 00 00 00", "2025-05-13 11:01:12", 15.0, "#6", "Mug"),
    ("a@example.com", "2025-05-13 11:01:12", 16.0, "#7", "Mug"),
]
OTHER = [(_whole(HEADER_2021, *ORDERS), KEPT), (_whole(HEADER_2025, *ORDERS), KEPT)]


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for row in rows.itertuples():
        moment = f"{row.date:%Y-%m-%d %H:%M:%S} +0200"
        refunded = round(row.amount / 3, 2)
        total = round(row.amount + refunded, 2)
        head = f"{row.order_id},{row.customer_id},paid,{moment},EUR,{total},0.00,0.00,{total},{moment}"
        lines.append(f'{head},1,"{row.product}",{total},,,,{refunded},0.00,')
    return "\n".join(lines) + "\n"
