"""Ads Manager > Export: a row per campaign and day, the total in the first row without a campaign."""

import pandas as pd

COLUMNS = ["channel", "period", "cost"]
CARD = {"currency": "USD"}
HEADER = "Reporting starts,Reporting ends,Campaign name,Campaign delivery,Results,Reach,Impressions,Amount spent (USD)"
HABITS = f"""\ufeff{HEADER}
2025-08-01,2025-08-31,,,,9000,20000,1357.40
2025-08-01,2025-08-31,"Autumn, new",active,12,4000,9000,1234.50
2025-08-01,2025-08-31,Autumn,inactive,,100,200,
2025-08-02,2025-08-31,Brand,active,3,4900,10800,122.90
"""
EXPECTED = [("meta ads", "2025-08-01", 1234.5), ("meta ads", "2025-08-02", 122.9)]
DROPPED = 2  # the total of the others; nothing spent
_FRENCH = """Jour;Nom de la campagne;Montant dépensé (USD)
2025-08-01;;1 334,40
2025-08-01;Automne;1 234,50
2025-08-02;Automne;99,90
"""
_GERMAN = """Tag,Kampagnenname,Ausgegebener Betrag (USD),Auswertungsstart
2025-08-01,Herbst,"1.234,50",2025-08-01
"""
_ACCOUNTS = """Account name,Day,Currency,Amount spent (USD),Reporting starts,Reporting ends
,2025-08-01,,30.5,2025-08-01,2025-08-01
One,2025-08-01,VND,10.5,2025-08-01,2025-08-01
Two,2025-08-01,USD,20,2025-08-01,2025-08-01
"""
OTHER = [
    (_FRENCH, [("meta ads", "2025-08-01", 1234.5), ("meta ads", "2025-08-02", 99.9)]),
    (_GERMAN, [("meta ads", "2025-08-01", 1234.5)]),
    (_ACCOUNTS, [("meta ads", "2025-08-01", 10.5), ("meta ads", "2025-08-01", 20.0)]),
]


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for i, row in enumerate(rows.itertuples()):
        lines.append(f"{row.period:%Y-%m-%d},{row.period:%Y-%m-%d},Of {i},active,1,2,3,{row.cost:.2f}")
    return "\n".join(lines) + "\n"
