"""Export of answers: names, questions in the account's language with line breaks, a row of JSON, codes."""

import pandas as pd

COLUMNS = ["customer_id", "date", "score", "question"]
OPTIONS = {"columns": {"score": "Q2"}}
ASKED = "How likely are you to recommend us, all in all?"
NAMES = [
    "StartDate", "EndDate", "Status", "IPAddress", "Progress", "Duration (in seconds)", "Finished", "RecordedDate",
    "ResponseId", "RecipientLastName", "RecipientFirstName", "RecipientEmail", "ExternalReference", "LocationLatitude",
    "LocationLongitude", "DistributionChannel", "UserLanguage", "Q1", "Q2_NPS_GROUP", "Q2", "Q3",
]  # fmt: skip
QUESTIONS = [
    "Anfangsdatum", "Enddatum", "Antworttyp", "IP-Adresse", "Aktueller Stand", "Dauer (in Sekunden)", "Beendet",
    "Erfassungsdatum", "Antwort-ID", "Nachname", "Vorname", "E-Mail", "Externe Datenreferenz", "Breitengrad", "Längengrad",
    "Verteilungskanal", "Benutzersprache", "Which shop?", "Group", '"How likely are you to <b>recommend</b> us,\nall in all?"',
    "Why, in your own words?",
]  # fmt: skip
_IDS = ",".join(f'"{{""ImportId"":""{name}"",""timeZone"":""Europe/Paris""}}"' for name in NAMES)
HEADER = f"{','.join(NAMES)}\n{','.join(QUESTIONS)}\n{_IDS}"
HABITS = f"""{HEADER}
2025-03-01 09:00:00,2025-03-01 09:05:00,0,192.0.2.1,100,300,1,2025-03-01 09:05:01,R_1,Sample,Ada,ada@example.com,c-1,47.0,7.0,email,EN,2,1,10,"Quick, kind"
2025-03-01 10:00:00,2025-03-01 10:05:00,1,192.0.2.1,100,300,1,2025-03-01 10:05:01,R_2,,,,c-1,47.0,7.0,preview,EN,1,3,0,a preview
2025-03-02 10:00:00,2025-03-02 10:05:00,0,192.0.2.1,40,300,0,2025-03-09 10:05:01,R_3,,,,c-2,47.0,7.0,email,EN,1,,,
2025-03-03 10:00:00,2025-03-03 10:05:00,4,192.0.2.1,100,300,1,2025-03-03 10:05:01,R_4,Sample,Bo,bo@example.com,,47.0,7.0,email,EN,3,2,7,"Late
twice"
2025-03-04 10:00:00,2025-03-04 10:05:00,0,192.0.2.1,100,300,1,2025-03-04 10:05:01,R_5,,,,,47.0,7.0,anonymous,EN,3,2,8,nobody
2025-03-05 10:00:00,2025-03-05 10:05:00,8,192.0.2.1,100,300,1,2025-03-05 10:05:01,R_6,,,,c-3,47.0,7.0,anonymous,EN,3,2,8,buy now
2025-03-06 10:00:00,2025-03-06 10:05:00,0,192.0.2.1,100,300,1,2025-03-06 10:05:01,R_7,,,,c-4,47.0,7.0,email,EN,3,,,no score
"""
EXPECTED = [
    ("c-1", "2025-03-01 09:05:01", 10.0, ASKED),
    ("bo@example.com", "2025-03-03 10:05:01", 7.0, ASKED),
]
DROPPED = 5  # a preview, an unfinished one, spam, one of nobody, one without a score
_LEGACY = ["ResponseID", "ResponseSet", "Name", "ExternalDataReference", "EmailAddress", "IPAddress", "Status"]
_LEGACY += ["StartDate", "EndDate", "Finished", '"How likely are you to recommend us, all in all?"', "Why?"]
OTHER = [
    (  # legacy: a mark of the encoding, V1, V2, … above the names, a comma too many
        "\ufeffV1,V2,V3,V4,V5,V6,V7,V8,V9,V10,Q2,Q3,\n" + ",".join(_LEGACY) + ",\n"
        "R_1,Default,Ada,c-1,ada@example.com,192.0.2.1,0,2014-03-01 09:00:00,2014-03-01 09:05:00,1,9,Kind,\n"
        "R_2,Default,Bo,,bo@example.com,192.0.2.1,0,2014-03-02 09:00:00,2014-03-02 09:05:00,1,3,Late,\n"
        "R_3,Default,Cy,,cy@example.com,192.0.2.1,1,2014-03-03 09:00:00,2014-03-03 09:05:00,1,3,Test,\n"
        "R_4,Default,Di,,di@example.com,192.0.2.1,0,2014-03-03 09:00:00,2014-03-03 09:05:00,0,,,\n",
        [("c-1", "2014-03-01 09:05:00", 9.0, ASKED), ("bo@example.com", "2014-03-02 09:05:00", 3.0, ASKED)],
    ),
    (  # labels in place of codes, words beside the numbers
        "StartDate,EndDate,Status,Finished,RecordedDate,ResponseId,ExternalReference,Q2\n"
        f'Start,End,Type,Finished,Recorded,ID,Reference,"{ASKED}"\n'
        + ",".join(f'"{{""ImportId"":""{i}""}}"' for i in range(8))
        + "\n2025-03-01 09:00,2025-03-01 09:05,IP Address,True,2025-03-01 09:06,R_1,c-1,10 - Extremely likely\n"
        "2025-03-02 09:00,2025-03-02 09:05,IP Address,True,2025-03-02 09:06,R_2,c-2,9\n"
        "2025-03-03 09:00,2025-03-03 09:05,Survey Preview,True,2025-03-03 09:06,R_3,c-3,0 - Not at all likely\n",
        [("c-1", "2025-03-01 09:06:00", 10.0, ASKED), ("c-2", "2025-03-02 09:06:00", 9.0, ASKED)],
    ),
]


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for i, row in enumerate(rows.itertuples()):
        mail, reference = (row.customer_id, "") if "@" in row.customer_id else ("", row.customer_id)
        moment = f"{row.date:%Y-%m-%d %H:%M:%S}"
        head = f"{moment},{moment},0,192.0.2.1,100,60,1,{moment},R_{i},Sample,Ada,{mail},{reference}"
        lines.append(f"{head},47.0,7.0,email,EN,1,1,{row.score:.0f},fine")
    return "\n".join(lines) + "\n"
