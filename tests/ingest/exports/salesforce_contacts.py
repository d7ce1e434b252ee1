"""A report of contacts: chosen columns, and lines of text under them."""

import pandas as pd

COLUMNS = ["customer_id", "acquired_on", "acquisition_channel", "consent"]
HEADER = '"First Name","Last Name","Email","Contact ID","Account Name","Created Date","Lead Source","Email Opt Out"'
# Ids that differ in case only; a contact in the file twice; opted out; a subtotal; footers, the last in Latin-1.
HABITS = f"""{HEADER}
"Anna","A","Anna@Example.com","0035g00000AbCdEAAX","Acme, Inc.","3/14/2025","Web","0"
"Ben","B","b@example.com","0035g00000aBcDeAAX","Acme, Inc.","3/15/2025","","1"
"Cy","C","","0035g00000aBcDf","Nobody & Sons","3/16/2025","Partner
Referral","0"
"Ben","B","b@example.com","0035g00000aBcDeAAX","Acme, Inc.","3/17/2025","","1"
"Total","","","","","","",""

"Grand Totals (4 records)"

"Confidential Information - Do Not Distribute"
"Copyright \N{COPYRIGHT SIGN} 2000-2025 salesforce.com, inc. All rights reserved."
""".encode("latin-1")
EXPECTED = [
    ("0035g00000AbCdEAAX", "2025-03-14", "Web", "yes"),
    ("0035g00000aBcDeAAX", "2025-03-15", None, "no"),
    ("0035g00000aBcDf", "2025-03-16", "Partner\nReferral", "yes"),
]
DROPPED = 5  # the same contact again; the total; three lines of text
KEYS = "0035g000000{:04d}AAX"
_GERMAN = """"Kontakt-ID";"E-Mail";"Accountname";"Erstelldatum"
"0035g00000AbCdEAAX";"a@example.com";"Muster GmbH";"14.03.2025"
"""
OTHER = [(_GERMAN, [("0035g00000AbCdEAAX", "2025-03-14")])]


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for row in rows.itertuples():
        source = "" if pd.isna(row.acquisition_channel) else row.acquisition_channel
        left = "1" if row.consent == "no" else "0"
        lines.append(f'"","","","{row.customer_id}","Acme","{row.acquired_on:%m/%d/%Y}","{source}","{left}"')
    return "\n".join(lines) + "\n"
