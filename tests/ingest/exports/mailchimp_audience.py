"""Audience > Export: a zip of who is subscribed, who left and whose address failed."""

import io
import zipfile

import pandas as pd

FILE = "audience_export.zip"
COLUMNS = ["customer_id", "acquired_on", "consent"]
_START = (
    '"Email Address","First Name","Last Name",UNSUB_REASON,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP'
)
_END = "LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES"
SUBSCRIBED = f"{_START},{_END},TAGS"
UNSUBSCRIBED = f"{_START},{_END},UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER,TAGS"
CLEANED = f"{_START},{_END},CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID,TAGS"
_PLACE = ',47.6,-122.3,-8,-7,America/Los_Angeles,US,WA,"2025-03-17 08:00:00"'


def zipped(**files: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{name}_email_audience_export_1a2b3c.csv", content)
        archive.writestr("__MACOSX/._subscribed", "of the system")
    return made.getvalue()


# A field of the list's own called as one of the tool's; an address in capitals; tags in quotes in a field; who never
# confirmed; who is in two files; who only bought.
HABITS = zipped(
    subscribed=f'''{SUBSCRIBED}
Anna@Example.com,Anna,A,,2,"2025-03-16 14:40:47",192.0.2.1,"2025-03-16 14:42:00",192.0.2.1{_PLACE},1,aa,"a note, of
two lines","""VIP"",""Blog"""
b@example.com,,,,3,,,"2025-03-17 00:10:00",,,,,,,,,"2025-03-17 00:10:00",2,bb,,
c@example.com,,,,1,"2025-04-01 10:00:00",,,,,,,,,,,"2025-04-01 10:00:00",3,cc,,
''',
    unsubscribed=f"""{UNSUBSCRIBED}
d@example.com,,,of their own,2,,,"2025-01-05 09:00:00",{_PLACE},4,dd,,"2025-05-01 12:00:00",Spring,x1,NORMAL,,
anna@example.com,,,,2,,,"2024-01-05 09:00:00",{_PLACE},5,ee,,"2024-05-01 12:00:00",Spring,x1,OTHER,"too many",
""",
    cleaned=f"""{CLEANED}
e@example.com,,,,1,"2025-02-01 08:00:00",,"2025-02-01 08:05:00",{_PLACE},6,ff,,"2025-02-10 08:00:00",Hello,x2,
""",
    nonsubscribed=f"""{SUBSCRIBED}
f@example.com,,,,1,,,"2025-02-01 08:05:00",{_PLACE},7,gg,,
""",
)
EXPECTED = [
    ("anna@example.com", "2025-03-16 14:40:47", "yes"),
    ("b@example.com", "2025-03-17 00:10:00", "yes"),
    ("c@example.com", "2025-04-01 10:00:00", "no"),
    ("d@example.com", "2025-01-05 09:00:00", "no"),
    ("e@example.com", "2025-02-01 08:00:00", "no"),
    ("f@example.com", "2025-02-01 08:05:00", "no"),
]
DROPPED = 1  # the older row of who came back


def written(rows: pd.DataFrame) -> bytes:
    files = {"subscribed": [SUBSCRIBED], "unsubscribed": [UNSUBSCRIBED]}
    for i, row in enumerate(rows.itertuples()):
        moment = f'"{row.acquired_on:%Y-%m-%d %H:%M:%S}"'
        line = f"{row.customer_id},,,,2,,,{moment},{_PLACE},{i},e{i},"
        if row.consent == "yes":
            files["subscribed"].append(f"{line},")
        else:
            files["unsubscribed"].append(f'{line},{moment},Spring,x1,NORMAL,,"""VIP"""')
    return zipped(**{name: "\n".join(lines) + "\n" for name, lines in files.items()})
