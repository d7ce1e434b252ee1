"""An exploration saved as CSV: comments above the names, a grand total, people who are (not set)."""

import pandas as pd

DAYS = True  # no time of day
COLUMNS = ["customer_id", "date", "amount", "order_id"]
PREAMBLE = """# ----------------------------------------
# Purchases
# Free form 1
# 20250501-20250531
# ----------------------------------------

"""
HEADER = "Transaction ID,Date,Effective user ID,Transactions,Purchase revenue"
HABITS = f"""{PREAMBLE}{HEADER}
,Grand total,,5,1309.49
T-1,20250513,900719925474099312,1,1234.5
T-2,20250514,900719925474099312,1,19.99
T-3,20250515,900719925474099313,1,25
T-4,20250516,(not set),1,20
T-5,20250517,,1,10
"""
EXPECTED = [
    ("900719925474099312", "2025-05-13", 1234.5, "T-1"),
    ("900719925474099312", "2025-05-14", 19.99, "T-2"),
    ("900719925474099313", "2025-05-15", 25.0, "T-3"),
]
DROPPED = 3  # the grand total, and two that nobody is known to have made
MONEY = 2618.98  # the file says it twice: as rows and as their grand total
GERMAN = """# ----------------------------------------
# Käufe
# ----------------------------------------
Transaktions-ID,Datum,Nutzer-ID,Artikelname,Kaufumsatz
T-1,20250513,u1,Tasse,"1.234,50"
T-2,20250514,u2,Teller,"10,00"
"""
OTHER = [(GERMAN, [("u1", "2025-05-13", 1234.5, "T-1"), ("u2", "2025-05-14", 10.0, "T-2")])]


def written(rows: pd.DataFrame) -> str:
    lines = [f"{row.order_id},{row.date:%Y%m%d},{row.customer_id},1,{row.amount}" for row in rows.itertuples()]
    total = f",Grand total,,{len(rows)},{rows['amount'].sum():.2f}" if len(rows) > 1000 else ""
    return "\n".join([PREAMBLE + HEADER, *lines, total]).rstrip("\n") + "\n"
