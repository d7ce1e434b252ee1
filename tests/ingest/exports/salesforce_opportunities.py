"""A report of opportunities, exported with its details: won, lost and open ones, and lines of text under them."""

import pandas as pd

COLUMNS = ["customer_id", "date", "amount", "order_id"]
HEADER = (
    '"Opportunity Owner","Account Name","Account ID","Opportunity Name","Opportunity ID","Stage","Amount",'
    '"Probability (%)","Close Date","Next Step"'
)
# An amount in its currency's code and with thousands; ids that differ in case only; an account without an id; an open
# deal in another currency, a lost one, a stage of the account's own; a total; footers, the last in Latin-1.
HABITS = f"""{HEADER}
"An Owner","Acme, Inc.","0015000000AbCdEAAX","Acme renewal","0065000000aaaaa","Closed Won","EUR 1,234.00","100","03/15/2025",""
"An Owner","acme","0015000000aBcDeAAX","Acme again","0065000000aaaab","Closed Won","EUR 20.50","100","04/01/2025","call
again"
"An Owner","Nobody & Sons","","No id","0065000000aaaac","closed won","EUR 300.00","100","04/02/2025",""
"An Owner","Acme, Inc.","0015000000AbCdEAAX","Acme in dollars","0065000000aaaad","Negotiation","USD 9,000.00","60","05/01/2025",""
"An Owner","Acme, Inc.","0015000000AbCdEAAX","Acme lost","0065000000aaaae","Closed Lost","EUR 70.00","0","05/02/2025",""
"An Owner","Acme, Inc.","0015000000AbCdEAAX","No sum","0065000000aaaaf","Closed Won","","100","05/03/2025",""
"Total","","","","","","EUR 1,624.50","","",""

"Grand Totals (6 records)"

"Confidential Information - Do Not Distribute"
"Copyright \N{COPYRIGHT SIGN} 2000-2025 salesforce.com, inc. All rights reserved."
""".encode("latin-1")
EXPECTED = [
    ("0015000000AbCdEAAX", "2025-03-15", 1234.0, "0065000000aaaaa"),
    ("0015000000aBcDeAAX", "2025-04-01", 20.5, "0065000000aaaab"),
    ("Nobody & Sons", "2025-04-02", 300.0, "0065000000aaaac"),
]
DROPPED = 7  # open, lost, without an amount; the total; three lines of text
_GERMAN = """"Opportunity-Inhaber";"Accountname";"Opportunity-Name";"Opportunity-ID";"Phase";"Betrag";"Betrag Währung";"Schlusstermin"
"Wer";"Muster GmbH";"Eins";"006a";"Gewonnen";"1.234,50";"EUR";"15.03.2025"
"Wer";"Muster GmbH";"Zwei";"006b";"Geschlossen und gewonnen";"20,00";"EUR";"16.04.2025"
"Wer";"Muster GmbH";"Drei";"006c";"Verloren";"20,00";"CHF";"16.04.2025"
"""
_OBJECTS = """Id,IsDeleted,AccountId,Name,StageName,Amount,CloseDate,IsWon,CurrencyIsoCode
006a,false,001a,One,Closed Won,10.5,2025-03-15,true,EUR
006b,false,001a,Two,Prospecting,,2025-04-15,false,EUR
"""
OTHER = [  # a report in German; the objects themselves, as a data export writes them
    (_GERMAN, [("Muster GmbH", "2025-03-15", 1234.5, "006a"), ("Muster GmbH", "2025-04-16", 20.0, "006b")]),
    (_OBJECTS, [("001a", "2025-03-15", 10.5, "006a")]),
]


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for row in rows.itertuples():
        deal = f'"{row.order_id}","Closed Won","EUR {row.amount:,.2f}","100","{row.date:%m/%d/%Y %I:%M %p}",""'
        lines.append(f'"An Owner","Of {row.customer_id}","{row.customer_id}","A deal",{deal}')
    return "\n".join(lines) + "\n"
