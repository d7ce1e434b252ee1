"""Activity > Download: all that moves money, each line of an account quoted, written as the account's locale does."""

import pandas as pd

COLUMNS = ["customer_id", "date", "amount", "order_id"]
HEADER = (
    '"Date","Time","TimeZone","Name","Type","Status","Currency","Gross","Fee","Net","From Email Address",'
    '"To Email Address","Transaction ID","Item Title","Reference Txn ID","Balance","Balance Impact"'
)


def _line(day: str, zone: str, kind: str, status: str, gross: str, people: str, code: str, rest: str = "Credit") -> str:
    sender, receiver = people.split(">")
    cells = [day, "10:15:00", zone, "A Name", kind, status, "GBP", gross, "-0.50", gross, sender, receiver, code]
    return ",".join(f'"{cell}"' for cell in (*cells, "Mug, blue", "", "1,000.00", rest))


_SHOP = "Shop@example.com"
# British: summer time by its letters; a sale of over a thousand; a full and a partial refund, which go from the shop to
# the customer; what the shop bought itself, what came back of that; all that moves money and is no sale; dollars that a
# conversion made.
HABITS = "\ufeff" + "\r\n".join(
    [
        HEADER,
        _line("31/03/2025", "BST", "Express Checkout Payment", "Completed", "1,234.56", f"a@example.com>{_SHOP}", "T1"),
        _line("01/11/2025", "GMT", "Website Payment", "Completed", "20.00", f"B@Example.com>{_SHOP}", "T2"),
        _line("02/11/2025", "GMT", "Payment Refund", "Completed", "-1,234.56", f"{_SHOP}>a@example.com", "T3", "Debit"),
        _line("03/11/2025", "GMT", "Payment Refund", "Completed", "-5.00", f"{_SHOP}>b@example.com", "T4", "Debit"),
        _line("03/11/2025", "GMT", "Mobile Payment", "Pending", "70.00", f"a@example.com>{_SHOP}", "T5"),
        _line("03/11/2025", "GMT", "General Authorization", "Pending", "70.00", f"a@example.com>{_SHOP}", "T6", "Memo"),
        _line(
            "04/11/2025",
            "GMT",
            "Express Checkout Payment",
            "Completed",
            "-9.99",
            f"{_SHOP}>x@example.com",
            "T7",
            "Debit",
        ),
        _line("05/11/2025", "GMT", "Payment Refund", "Completed", "9.99", f"x@example.com>{_SHOP}", "T8"),
        _line("06/11/2025", "GMT", "General Withdrawal", "Completed", "-15.00", ">", "T9", "Debit"),
        _line(
            "07/11/2025", "GMT", "Hold on Balance for Dispute Investigation", "Completed", "-20.00", ">", "T10", "Debit"
        ),
        _line("08/11/2025", "GMT", "Shopping Cart Item", "Completed", "20.00", f"b@example.com>{_SHOP}", "T2", ""),
        _line("09/11/2025", "GMT", "General Currency Conversion", "Completed", "3.00", ">", "T11").replace(
            "GBP", "USD"
        ),
        _line("09/11/2025", "GMT", "Website Payment", "Refunded", "8.00", f"c@example.com>{_SHOP}", "T12"),
        _line("10/11/2025", "GMT", "Chargeback", "Completed", "-8.00", f"{_SHOP}>c@example.com", "T13", "Debit"),
        "",
    ]
)
EXPECTED = [
    ("a@example.com", "2025-03-31 10:15:00", 1234.56, "T1"),
    ("b@example.com", "2025-11-01 10:15:00", 20.0, "T2"),
    ("a@example.com", "2025-11-02 10:15:00", -1234.56, "T3"),
    ("b@example.com", "2025-11-03 10:15:00", -5.0, "T4"),
    ("c@example.com", "2025-11-09 10:15:00", 8.0, "T12"),
    ("c@example.com", "2025-11-10 10:15:00", -8.0, "T13"),
]
DROPPED = 8
_GERMAN = """\ufeff"Datum","Uhrzeit","Zeitzone","Name","Typ","Status","Währung","Brutto","Gebühr","Netto","Absender E-Mail-Adresse","Empfänger E-Mail-Adresse","Transaktionscode","Auswirkung auf Guthaben"
"01.02.2025","09:00:00","CET","A","PayPal Express-Zahlung","Abgeschlossen","EUR","76,80","-2,42","74,38","a@example.com","shop@example.com","T1","Haben"
"02.02.2025","09:00:00","CET","A","Rückzahlung","Abgeschlossen","EUR","-6,80","0,20","-6,60","shop@example.com","a@example.com","T2","Soll"
"03.02.2025","09:00:00","CET","","Allgemeine Währungsumrechnung","Abgeschlossen","EUR","3,00","0,00","3,00","","","T3","Haben"
"04.02.2025","09:00:00","CET","","Bankgutschrift auf PayPal-Konto","Abgeschlossen","EUR","5,00","0,00","5,00","","","T4","Haben"
"""
_FRENCH = """"Date","Heure","Fuseau horaire","Nom","Type","État","Devise","Avant commission","Commission","Net","De l'adresse email","À l'adresse email","Numéro de transaction"
"01/02/2025","09:00:00","Europe/Paris","A","Paiement Express Checkout","Terminé","EUR","1 076,80","-2,42","1 074,38","a@example.com","shop@example.com","T1"
"02/02/2025","09:00:00","Europe/Paris","A","Remboursement de paiement","Terminé","EUR","-6,80","0,20","-6,60","shop@example.com","a@example.com","T2"
"03/02/2025","09:00:00","Europe/Paris","","Suspension de paiement","Terminé","EUR","-70,00","0,00","-70,00","","","T3"
"04/02/2025","09:00:00","Europe/Paris","A","Paiement Express Checkout","En attente","EUR","70,00","0,00","70,00","a@example.com","shop@example.com","T4"
"""
_STATEMENT = """"Date","Time","Time Zone","Description","Currency","Gross","Fee","Net","Balance","Transaction ID","From Email Address","Name"
"07/12/2026","09:00:00","PDT","General Payment","USD","250.00","-7.55","242.45","242.45","T1","a@example.com","A"
"07/13/2026","09:00:00","PDT","Payment Refund","USD","-50.00","0.55","-49.45","193.00","T2","a@example.com","A"
"07/14/2026","09:00:00","PDT","User Initiated Withdrawal","USD","-193.00","0.00","-193.00","0.00","T3","",""
"""
OTHER = [
    (
        _GERMAN,
        [("a@example.com", "2025-02-01 09:00:00", 76.8, "T1"), ("a@example.com", "2025-02-02 09:00:00", -6.8, "T2")],
    ),
    (
        _FRENCH,
        [("a@example.com", "2025-02-01 09:00:00", 1076.8, "T1"), ("a@example.com", "2025-02-02 09:00:00", -6.8, "T2")],
    ),
    (
        _STATEMENT,
        [("a@example.com", "2026-07-12 09:00:00", 250.0, "T1"), ("a@example.com", "2026-07-13 09:00:00", -50.0, "T2")],
    ),
]


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for row in rows.itertuples():
        sale = "Express Checkout Payment", "Completed", f"{row.amount:,.2f}", f"{row.customer_id}>{_SHOP}"
        lines.append(
            _line(f"{row.date:%d/%m/%Y}", "GMT", *sale, row.order_id).replace("10:15:00", f"{row.date:%H:%M:%S}")
        )
    return "\n".join(lines) + "\n"
