"""Surveys: which question is the one from 0 to 10 is found by its answers, or asked; words beside numbers are read."""

import tomllib

import duckdb
import openpyxl
import pytest

from clvlib import dataset
from clvlib.errors import DataError
from clvlib.ingest import answers, propose, sources
from clvlib.ingest.card import read_card
from clvlib.ingest.options import options_of

ORDERS = "customer_id,date,amount\nc1,2025-01-01,1\nc1,2026-06-01,1\nc2,2025-01-01,2\n"
IDS = "Respondent ID,Collector ID,Start Date,End Date,Email Address,Custom Data 1"


def survey(folder, questions, under, rows):
    """A SurveyMonkey export with these columns behind those of the tool; the card that is proposed for it."""
    lines = [f"{IDS},{','.join(questions)}", f",,,,,,{','.join(under)}"]
    for i, cells in enumerate(rows, 1):
        lines.append(f"{i},7,2025-03-0{i} 09:00,2025-03-0{i} 09:05,,c{i},{','.join(cells)}")
    (folder / "answers.csv").write_text("\n".join(lines) + "\n")
    (folder / "orders.csv").write_text(ORDERS)
    text = propose.propose_card(folder / "answers.csv")
    (folder / "card.toml").write_text(text + '\n[transactions]\npath = "orders.csv"\n')
    return tomllib.loads(text)["surveys"], text


def test_the_one_question_answered_up_to_ten_is_proposed_with_the_others(tmp_path):
    section, text = survey(
        tmp_path, ["Stars", "Recommend?", "Why?"], ["Response"] * 3, [("4", "9", "kind"), ("2", "0", "late")]
    )
    assert section["columns"] == {"score": "Recommend?"}
    assert "other whole numbers: Stars (2 to 4: Stars)" in text
    assert "surveys.columns.score" in read_card(tmp_path / "card.toml")["to_confirm"]


def test_where_several_questions_fit_the_card_names_them_and_asks(tmp_path):
    section, text = survey(
        tmp_path, ["Recommend?", "Friendly?"], ["Response"] * 2, [("9", "10"), ("8", "3"), ("", "1")]
    )
    assert "columns" not in section
    assert "which question? candidates, by their answers: Recommend? (8 to 9" in text
    assert "Friendly? (1 to 10" in text


def test_a_scale_that_is_never_high_is_asked_about(tmp_path):
    section, text = survey(tmp_path, ["Stars"], ["Response"], [("4",), ("5",), ("1",)])
    assert "columns" not in section
    assert "though none has an answer of 8 or more: Stars (1 to 5" in text


def test_answers_in_words_alone_are_named_and_the_card_says_what_they_stand_for(tmp_path):
    section, text = survey(
        tmp_path, ["Recommend?", "Why?"], ["Response"] * 2, [("Likely", "x"), ("Very likely", "y"), ("Likely", "z")]
    )
    assert "columns" not in section
    assert "in words: Recommend?. Say which" in text
    _, text = survey(tmp_path, ["Why?"], ["Response"], [("so",), ("because",), ("no idea",)])
    assert "no column is answered in whole numbers" in text
    card = {
        "surveys": {
            "path": "answers.csv",
            "format": "surveymonkey",
            "columns": {"score": "Why?"},
            "values": {"score": {"so": "10", "because": "7", "no idea": "0"}},
        },
        "transactions": {"path": "orders.csv"},
    }
    found, _ = dataset.build(card, tmp_path / "card.toml")
    assert found.table("surveys").to_pandas()["score"].tolist() == [10, 7, 0]


@pytest.mark.parametrize("words", [False, True])
def test_a_column_for_each_choice_is_one_question(tmp_path, words):
    choices = [str(i) for i in range(11)]
    if words:
        choices[0], choices[10] = "Not at all likely - 0", "Extremely likely - 10"
    rows = [["x", *(choice if i == chosen else "" for i, choice in enumerate(choices))] for chosen in (10, 0, 7)]
    questions = ["Shop", "<b>Recommend</b> us?", *[""] * 10]
    section, text = survey(tmp_path, questions, ["Response", *choices], rows)
    assert section["columns"]["score"] == ["<b>Recommend</b> us?", *choices[1:]]
    assert "“Recommend us?”" in text
    found, _ = dataset.build(read_card(tmp_path / "card.toml"), tmp_path / "card.toml")
    surveys = found.table("surveys").to_pandas()
    assert surveys["score"].tolist() == [10, 0, 7]
    assert set(surveys["question"]) == {"Recommend us?"}


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("9 - very likely", "9"),
        ("10: sure", "10"),
        ("Extremely likely (10)", "10"),
        ("Not at all likely - 0", "0"),
        ("0 = jamais", "0"),
        ("7", "7"),
        ("5 stars", "5 stars"),
        ("11 - more than all", "11 - more than all"),
        ("1 - 2 times", "1 - 2 times"),
        ("yes", "yes"),
        ("-3", "-3"),
    ],
)
def test_a_number_beside_words_is_read_and_nothing_else_is(said, read):
    sql = answers.without_words("answer")
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {sql} FROM (SELECT ? AS answer)", [said]).fetchall()
    assert found == [(read,)]


def test_a_workbook_with_several_lines_of_names_says_what_was_asked(tmp_path):
    book = openpyxl.Workbook()
    for row in (
        [*IDS.split(","), "Which?", None, "How likely?"],
        [*[None] * 6, "Mug", "Plate", "Response"],
        [1, 7, "2025-03-01 09:00", "2025-03-01 09:05", None, "c1", "Mug", None, 9],
        [2, 7, "2025-03-02 09:00", "2025-03-02 09:05", None, "c2", None, "Plate", 3],
    ):
        book.active.append(row)
    book.save(tmp_path / "answers.xlsx")
    raw = sources.read(duckdb.connect(), tmp_path / "answers.xlsx", "raw", {})
    assert raw.rows == 2
    assert raw.lines["Plate"] == ("Which?", "Plate")
    assert 'score = "How likely?"' in propose.propose_card(tmp_path / "answers.xlsx")


def test_a_first_row_with_gaps_is_no_line_of_names(tmp_path):
    (tmp_path / "a.csv").write_text("id,a,b,c,d,note\n,,,,,first\nx1,1,2,3,4,\nx2,1,2,3,4,\n,1,2,3,4,\n")
    assert sources.read(duckdb.connect(), tmp_path / "a.csv", "raw", {}).rows == 4


@pytest.mark.parametrize("source", [{"heading": 0, "of": "score"}, {"heading": 1}, {"row": False}, {"other": 1}])
def test_a_way_to_make_a_column_that_is_none_is_refused(tmp_path, source):
    with pytest.raises(DataError, match="not a text"):
        options_of("surveys", {"path": "a.csv", "columns": {"question": source}})
