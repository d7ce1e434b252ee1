"""A report of campaigns by day: titles above, totals below; the one for Excel is UTF-16 with tabs."""

import pandas as pd

COLUMNS = ["channel", "period", "cost"]
HEADER = "Day\tCampaign\tCampaign ID\tCurrency code\tCost\tImpr.\tClicks\tCTR"
CARD = {"currency": "CAD"}
_HABITS = f"""Campaign report
September 1, 2025 - September 3, 2025
{HEADER}
2025-09-01\tSpring & Co\t12345678901\tCAD\t12.34\t1,234\t7\t0.57%
2025-09-02\tSpring & Co\t12345678901\tCAD\t1,020.50\t10,500\t88\t0.84%
2025-09-01\tBrand\t22222222222\tCAD\t3.10\t40\t2\t5.00%
2025-09-01\tBrand\t33333333333\tCAD\t3.10\t40\t2\t5.00%
2025-09-03\tBrand\t22222222222\tCAD\t0.00\t0\t0\t --
2025-09-03\tPaused\t44444444444\tCAD\t --\t0\t0\t --
Total: Account\t --\t --\tCAD\t1,039.04\t11,814\t99\t0.84%
Total: Search\t --\t --\tCAD\t1,039.04\t11,814\t99\t0.84%
"""
HABITS = b"\xff\xfe" + _HABITS.encode("utf-16-le")
EXPECTED = [
    ("google ads", "2025-09-01", 12.34),
    ("google ads", "2025-09-02", 1020.5),
    ("google ads", "2025-09-01", 3.1),
    ("google ads", "2025-09-01", 3.1),
    ("google ads", "2025-09-03", 0.0),
]
DROPPED = 3  # no cost; two totals of what stands above
_FRENCH = """Rapport sur les campagnes
"1 sept. 2025 - 2 sept. 2025"
Jour;Campagne;Code de la devise;Coût;Impr.;Clics
2025-09-01;Toitures;CAD;12,34;1 234;7
2025-09-02;Toitures;CAD;1\u202f020,50;10 500;88
Total : compte;--;CAD;1\u202f032,84;11 734;95
"""
_GERMAN = """Kampagnenbericht
"1. September 2025 - 30. September 2025"
Woche,Kampagne,Währungscode,Kosten,Impr.,Klicks
2025-09-01,Dach,CAD,"1.234,56","12.345",120
2025-09-08,Dach,CAD,"99,90",900,9
Gesamt: Konto,--,CAD,"1.334,46","13.245",129
"""
OTHER = [
    (_FRENCH, [("google ads", "2025-09-01", 12.34), ("google ads", "2025-09-02", 1020.5)]),
    (_GERMAN, [("google ads", "2025-09-01", 1234.56), ("google ads", "2025-09-08", 99.9)]),
]


def written(rows: pd.DataFrame) -> bytes:
    lines = ["Campaign report", "September 1, 2025 - September 3, 2025", HEADER]
    for i, row in enumerate(rows.itertuples()):
        lines.append(f"{row.period:%Y-%m-%d}\tBrand\t{i}\tCAD\t{row.cost:,.2f}\t40\t2\t5.00%")
    return b"\xff\xfe" + "\n".join([*lines, ""]).encode("utf-16-le")
