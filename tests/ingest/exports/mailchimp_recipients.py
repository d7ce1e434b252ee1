"""Report of a campaign > Opened > Export: who opened it how often, and no date."""

import pandas as pd

OPTIONS = {"fixed": {"channel": "e-mail", "event": "open", "date": "2025-09-01", "campaign": "Autumn"}}
COLUMNS = ["customer_id", "event", "campaign"]
HEADER = '"Email Address","First Name","Last Name",Opens,MEMBER_RATING,LEID'
HABITS = f"""{HEADER}
Anna@Example.com,Anna,"A, the first",3,4,1
b@example.com,,,1,2,2
,,,1,2,3
"""
EXPECTED = [("anna@example.com", "open", "Autumn"), ("b@example.com", "open", "Autumn")]
DROPPED = 1  # nobody's


def written(rows: pd.DataFrame) -> str:
    return "\n".join([HEADER, *(f"{row.customer_id},,,1,2,{i}" for i, row in enumerate(rows.itertuples()))]) + "\n"
