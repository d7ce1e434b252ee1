"""Export of responses: a question over its first column only, "Response" or the choice under it, answers in words."""

import pandas as pd

COLUMNS = ["customer_id", "date", "score", "question"]
ASKED = "How likely is it that you would recommend us to a friend?"
HTML = "<p>How likely is it that you would <strong>recommend us</strong> to a&nbsp;friend?</p>"
OPTIONS = {"columns": {"score": HTML}}
NAMES = [
    "Respondent ID", "Collector ID", "Start Date", "End Date", "IP Address", "Email Address", "First Name", "Last Name",
    "Custom Data 1", HTML, "What did you buy?", "", "", "How was the delivery?", "", "Anything else?",
]  # fmt: skip
UNDER = [*[""] * 9, "Response", "Mug", "Plate", "Other", "Speed", "Other", "Open-Ended Response"]
HEADER = f"{','.join(NAMES)}\n{','.join(UNDER)}"
HABITS = f"""{HEADER}
114600000001,431800001,06/11/2025 09:00:00 AM,06/11/2025 09:05:00 AM,192.0.2.1,ada@example.com,Ada,Sample,c-1,Extremely likely - 10,Mug,,,Good,,"Quick, kind"
114600000002,431800001,06/12/2025 01:00:00 PM,06/12/2025 01:05:10 PM,192.0.2.2,bo@example.com,Bo,Sample,,7,,Plate,,Slow,,"Late
twice"
114600000003,431800001,06/13/2025 12:00:00 AM,06/13/2025 12:05:00 AM,192.0.2.3,,,,,9,,Plate,,Slow,,anonymous
114600000004,431800001,06/14/2025 09:00:00 AM,06/14/2025 09:00:10 AM,192.0.2.4,cy@example.com,,,,,,,,,,
114600000005,431800001,06/15/2025 09:00:00 AM,06/15/2025 09:05:00 AM,192.0.2.5,Di@example.com,,,,Not at all likely - 0,Mug,Plate,,Bad,,
"""
EXPECTED = [
    ("c-1", "2025-06-11 09:05:00", 10.0, ASKED),
    ("bo@example.com", "2025-06-12 13:05:10", 7.0, ASKED),
    ("Di@example.com", "2025-06-15 09:05:00", 0.0, ASKED),
]
DROPPED = 2  # one of nobody, one that was left before the question
OTHER = [
    (  # older names, all questions of one column
        f"RespondentID,CollectorID,StartDate,EndDate,IP Address,Email Address,First Name,LastName,Custom Data,{HTML}\n"
        ",,,,,,,,,Response\n"
        "1,4,2014-03-01 09:00:00,2014-03-01 09:05:00,192.0.2.1,ada@example.com,Ada,Sample,c-1,9 - very likely\n"
        "2,4,2014-03-02 09:00:00,2014-03-02 09:05:00,192.0.2.1,bo@example.com,Bo,Sample,,Likely (8)\n"
        "3,4,2014-03-02 19:00:00,2014-03-02 19:05:00,192.0.2.1,,Cy,Sample,c-3,3\n",
        [
            ("c-1", "2014-03-01 09:05:00", 9.0, ASKED),
            ("bo@example.com", "2014-03-02 09:05:00", 8.0, ASKED),
            ("c-3", "2014-03-02 19:05:00", 3.0, ASKED),
        ],
    ),
]


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for i, row in enumerate(rows.itertuples()):
        mail, own = (row.customer_id, "") if "@" in row.customer_id else ("", row.customer_id)
        score = {0: "Not at all likely - 0", 10: "Extremely likely - 10"}.get(int(row.score), f"{row.score:.0f}")
        moment = f"{row.date:%m/%d/%Y %I:%M:%S %p}"
        lines.append(f"{i + 1},4,{moment},{moment},192.0.2.1,{mail},Ada,Sample,{own},{score},Mug,,,Good,,fine")
    return "\n".join(lines) + "\n"
