"""The module Deals: a row per deal; what it links to stands as a long id, and again as a name."""

import pandas as pd

COLUMNS = ["customer_id", "date", "amount", "order_id"]
HEADER = (
    "Record Id,Deal Owner.id,Deal Owner,Amount,Deal Name,Closing Date,Account Name.id,Account Name,Stage,"
    "Contact Name.id,Contact Name,Created Time,Currency"
)
_A, _B = "zcrm_4876876000000654001", "zcrm_4876876000000654002"  # one number, to a float
HABITS = f"""{HEADER}
zcrm_4876876000000700001,zcrm_1,An Owner,1200.5,One,2025-03-01,{_A},Acme,Closed Won,,,2025-01-01 10:00:00,EUR
4876876000000700002,zcrm_1,An Owner,"2,000.00",Two,2025-03-02,{_B},Acme,Closed Won,,,2025-01-01 10:00:00,EUR
4876876000000700003,zcrm_1,An Owner,70,"Three
of three",2025-03-03,,,closed won,zcrm_4876876000000800001,A Name,2025-01-01 10:00:00,EUR
4876876000000700004,zcrm_1,An Owner,70,Four,2025-03-04,{_A},Acme,Closed Lost,,,2025-01-01 10:00:00,EUR
4876876000000700005,zcrm_1,An Owner,70,Five,2025-12-31,{_A},Acme,Negotiation/Review,,,2025-01-01 10:00:00,USD
4876876000000700006,zcrm_1,An Owner,,Six,2025-03-04,{_A},Acme,Closed Won,,,2025-01-01 10:00:00,EUR
"""
EXPECTED = [
    (_A, "2025-03-01", 1200.5, "zcrm_4876876000000700001"),
    (_B, "2025-03-02", 2000.0, "4876876000000700002"),
    ("zcrm_4876876000000800001", "2025-03-03", 70.0, "4876876000000700003"),
]
DROPPED = 3
_BIGIN = """Record Id,Deal Owner,Deal Name,Amount,Stage,Closing Date,Company Name.id,Company Name
4876876000000700001,An Owner,One,10.00,Closed Won,2025-03-01,4876876000000654001,Acme
4876876000000700002,An Owner,Two,10.00,Closed Won,2025-03-02,4876876000000654002,Acme
"""
OTHER = [
    (
        _BIGIN,
        [
            ("4876876000000654001", "2025-03-01", 10.0, "4876876000000700001"),
            ("4876876000000654002", "2025-03-02", 10.0, "4876876000000700002"),
        ],
    )
]


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for row in rows.itertuples():
        deal = f'{row.order_id},zcrm_1,An Owner,"{row.amount:,.2f}",A deal,{row.date:%Y-%m-%d %H:%M:%S}'
        lines.append(f"{deal},{row.customer_id},A firm,Closed Won,,,2025-01-01 10:00:00,EUR")
    return "\n".join(lines) + "\n"
