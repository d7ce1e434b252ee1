"""Events saved flat: microseconds since 1970, other events beside purchases, a purchase sent twice, refunds."""

import pandas as pd

COLUMNS = ["customer_id", "date", "amount", "order_id"]
HEADER = (
    "event_date,event_timestamp,event_name,user_id,user_pseudo_id,platform,ecommerce.transaction_id,"
    "ecommerce.purchase_revenue,ecommerce.refund_value,ecommerce.total_item_quantity"
)
HABITS = f"""{HEADER}
20250513,1747128073123456,page_view,,1326585.1747128000,WEB,,,,
20250513,1747128123000001,purchase,u-1,1326585.1747128000,WEB,T-1,1234.5,,2
20250513,1747128125000001,purchase,u-1,1326585.1747128000,WEB,T-1,1234.5,,2
20250514,1747216800000000,purchase,,1326586.1747216000,WEB,T-2,20.0,0.0,1
20250515,1747303200000000,refund,u-1,1326585.1747128000,WEB,T-1,,34.5,
20250515,1747303260000000,refund,,1326586.1747216000,WEB,T-2,0.0,20.0,
20250516,1747389600000000,purchase,,1326587.1747389000,WEB,(not set),15.0,,1
20250516,1747389660000000,purchase,,1326588.1747389000,WEB,(not set),15.0,,1
20250517,1747476000000000,refund,u-1,1326585.1747128000,WEB,T-9,,,
"""
EXPECTED = [
    ("u-1", "2025-05-13 09:22:03.000001", 1234.5, "T-1"),
    ("1326586.1747216000", "2025-05-14 10:00:00", 20.0, "T-2"),
    ("u-1", "2025-05-15 10:00:00", -34.5, "T-1"),
    ("1326586.1747216000", "2025-05-15 10:01:00", -20.0, "T-2"),
    ("1326587.1747389000", "2025-05-16 10:00:00", 15.0, None),
    ("1326588.1747389000", "2025-05-16 10:01:00", 15.0, None),
]
DROPPED = 3  # the page view, the purchase sent again, a refund that doesn't say how much
MONEY = 2464.5  # 1,234.50 twice, 20 − 34.50 − 20 + 15 + 15
UNDERSCORES = """event_date,event_timestamp,event_name,user_pseudo_id,ecommerce_transaction_id,ecommerce_purchase_revenue
20250513,1747128123000001,purchase,1326585.1747128000,T-1,10.0
20250513,1747128123000002,add_to_cart,1326585.1747128000,,
"""
OTHER = [(UNDERSCORES, [("1326585.1747128000", "2025-05-13 09:22:03.000001", 10.0, "T-1")])]


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for row in rows.itertuples():
        moment = pd.Timestamp(row.date).value // 1000
        lines.append(f"{row.date:%Y%m%d},{moment},purchase,{row.customer_id},0.1,WEB,{row.order_id},{row.amount},,1")
    return "\n".join(lines) + "\n"
