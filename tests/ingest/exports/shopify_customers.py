"""Customers > Export: a row per customer, with what was spent and no date."""

import pandas as pd

COLUMNS = ["customer_id", "consent"]
HEADER = (
    "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,Default Address Address1,"
    "Default Address City,Default Address Zip,Default Address Phone,Phone,Accepts SMS Marketing,Total Spent,"
    "Total Orders,Note,Tax Exempt,Tags"
)
# An id of 18 digits kept as a text; no address, but a phone, or one of the default address; neither; a note of two lines.
HABITS = f"""{HEADER}
'600100000000000001,Anna,A,Anna@Example.com,yes,,1 Main St,Ashford,'00012,,,no,"1,150.00",3,"likes
blue",no,"VIP, Blog"
600100000000000002,,,b@example.com,no,,,,,,'+33199000000,no,0.00,0,,no,
600100000000000003,,,,no,,,,,,'+33199000001,yes,20.00,1,,no,
600100000000000004,,,,yes,,,,,'0033199000002,,yes,20.00,1,,no,
600100000000000005,,,,yes,,,,,,,yes,20.00,1,,no,
600100000000000006,,,f@example.com,,,,,,,,,0.00,0,,no,
"""
EXPECTED = [
    ("anna@example.com", "yes"),
    ("b@example.com", "no"),
    ("+33199000001", "no"),
    ("0033199000002", "yes"),
    ("f@example.com", "no"),
]
DROPPED = 1  # without an address and a phone
_OLDER = """First Name,Last Name,Email,Company,Address1,Address2,City,Province,Province Code,Country,Country Code,Zip,Phone,Accepts Marketing,Total Spent,Total Orders,Tags,Note,Tax Exempt
Anna,A,a@example.com,,,,,,,,,,,no,100,1,,,no
Ben,B,,,,,,,,,,,'+33199000001,yes,100,1,,,no
"""
OTHER = [(_OLDER, [("a@example.com", "no"), ("+33199000001", "yes")])]


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for i, row in enumerate(rows.itertuples()):
        lines.append(f'{6 * 10**17 + i},,,{row.customer_id},{row.consent},,,,,,,no,"1,150.00",3,,no,"VIP, Blog"')
    return "\n".join(lines) + "\n"
