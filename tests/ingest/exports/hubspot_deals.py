"""Deals > Export: a row per deal, with the ids of its contacts and companies in one cell each."""

import pandas as pd

COLUMNS = ["customer_id", "date", "amount", "order_id"]
HEADER = (
    "Record ID,Deal Name,Deal Stage,Amount,Close Date,Deal owner,Pipeline,Create Date,Amount in company currency,"
    "Currency in company currency,Currency,Associated Company,Associated Company IDs,Associated Contact IDs"
)
# Several contacts; none, so that the company stands for them; dollars, converted; the pipeline behind the stage; open,
# lost and worthless deals; a name with a line break.
HABITS = f"""{HEADER}
101,Ann & Co,Closed won,100.00,2024-02-01 09:30,An Owner,Sales Pipeline,2024-01-01 08:00,100.00,EUR,EUR,Ann & Co,901,8001;8002
102,"Two
lines",Closed Won (Sales Pipeline),"1,200.00",2024-03-13 10:00,An Owner,Sales Pipeline,2024-01-01 08:00,"1,100.00",EUR,USD,Bee,902;903,
103,Sea,Appointment scheduled,50.00,2024-04-01 10:00,An Owner,Sales Pipeline,2024-01-01 08:00,50.00,EUR,EUR,Sea,904,8003
104,Sea again,Closed lost,60.00,2024-04-02 10:00,An Owner,Sales Pipeline,2024-01-01 08:00,,,USD,Sea,904,8003
105,No sum,Closed won,,2024-04-03 10:00,An Owner,Sales Pipeline,2024-01-01 08:00,,,EUR,Sea,904,8003
106,No ids,Closed won,5.00,2024-04-03 10:00,An Owner,Sales Pipeline,2024-01-01 08:00,5.00,EUR,EUR,Dee,,
"""
EXPECTED = [
    ("8001", "2024-02-01 09:30:00", 100.0, "101"),
    ("902", "2024-03-13 10:00:00", 1100.0, "102"),
    ("Dee", "2024-04-03 10:00:00", 5.0, "106"),
]
DROPPED = 3
_CAPITALS = """Record ID,Deal name,Deal stage,Amount,Close date,Deal Owner,Associated Contact IDs,Is Closed Won
101,One,Signed,100.00,2024-02-01 09:30,An Owner,8001,true
102,Two,Closed won,90.00,2024-02-02 09:30,An Owner,8002,true
103,Three,Offer,80.00,2024-02-03 09:30,An Owner,8002,false
"""
_FRENCH = """ID de fiche d'informations,Nom de la transaction,Phase de la transaction,Montant,Date de fermeture,Associated Company IDs (Primary)
101,Une,Fermé gagné,100.00,2024-02-01 09:30,901
102,Deux,Fermé perdu,90.00,2024-02-02 09:30,901
"""
OTHER = [  # whose capitals are others, and that says itself what is won; in French
    (_CAPITALS, [("8001", "2024-02-01 09:30:00", 100.0, "101"), ("8002", "2024-02-02 09:30:00", 90.0, "102")]),
    (_FRENCH, [("901", "2024-02-01 09:30:00", 100.0, "101")]),
]


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for row in rows.itertuples():
        deal = f'{row.order_id},A deal,Closed won,"{row.amount:,.2f}",{row.date:%Y-%m-%d %H:%M},An Owner,Sales Pipeline'
        lines.append(f"{deal},2024-01-01 08:00,,,EUR,A firm,999,{row.customer_id};1")
    return "\n".join(lines) + "\n"
