import nbformat
import pytest

from clvlib import language
from clvlib.errors import UsageError
from clvlib.run import parameters

CELL = """dataset: str = "cdnow"  # name or path of a dataset card
months: int = 12  # how far ahead
rate: float = 0.1  # "a" = b # c
quiet: bool = False
limit: float | None = None  # none: no limit
names: list[str] = ["a", "b"]
shares: dict[str, float] = {}
tests: dict[str, str] = {}"""


@pytest.fixture
def knobs():
    cell = nbformat.v4.new_code_cell(CELL, metadata={"tags": ["parameters"]})
    return parameters.schema(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x: int = 1"), cell]))


def test_a_schema_holds_names_types_defaults_and_comments(knobs):
    assert list(knobs) == ["dataset", "months", "rate", "quiet", "limit", "names", "shares", "tests"]
    assert knobs["months"] == parameters.Parameter("months", "int", 12, "how far ahead")
    assert knobs["rate"].comment == '"a" = b # c'
    assert knobs["quiet"].comment == ""
    assert knobs["limit"].annotation == "float | None"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("months", "24", 24),
        ("months", 24, 24),
        ("rate", "0.2", 0.2),
        ("rate", "1", 1.0),
        ("quiet", "yes", True),
        ("quiet", "False", False),
        ("limit", "None", None),
        ("limit", "3", 3.0),
        ("names", '["x"]', ["x"]),
        ("names", "x, y", ["x", "y"]),
        ("names", "", []),
        ("shares", "control=10, e mail=90", {"control": 10.0, "e mail": 90.0}),
        ("shares", "{'control': 10}", {"control": 10.0}),
        ("shares", {"control": 10}, {"control": 10.0}),
        ("shares", "", {}),
        ("tests", "win back=winback", {"win back": "winback"}),
        ("dataset", 'a "quoted" {name}', 'a "quoted" {name}'),
    ],
)
def test_a_text_becomes_a_value_of_the_annotated_type(knobs, name, text, value):
    found = parameters.coerce(knobs[name], text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("months", "1.5"),
        ("months", "soon"),
        ("rate", "nan"),
        ("rate", "inf"),
        ("quiet", "perhaps"),
        ("names", "[1"),
        ("shares", "control 10"),
        ("shares", "control=ten"),
        ("shares", "{10}"),
        ("months", ""),
    ],
)
def test_a_text_of_another_type_is_refused_with_an_example(knobs, name, text):
    with pytest.raises(UsageError, match=f"--set {name}="):
        parameters.coerce(knobs[name], text)


def test_each_notebook_gets_the_settings_that_it_knows(knobs):
    chosen = parameters.choose_settings({"a": knobs, "b": {}}, {"months": "6"})
    assert chosen == {"a": {"months": 6}, "b": {}}


def test_an_unknown_name_is_refused_with_the_nearest_and_all_known_ones(knobs):
    with pytest.raises(UsageError, match=r"Did you mean months\?.*Known parameters: limit, months"):
        parameters.choose_settings({"a": knobs}, {"month": "6"})


def test_the_dataset_is_no_setting(knobs):
    with pytest.raises(UsageError, match="dataset"):
        parameters.choose_settings({"a": knobs}, {"dataset": "x"})


def test_code_in_a_name_never_reaches_a_notebook(knobs):
    with pytest.raises(UsageError):
        parameters.choose_settings({"a": knobs}, {"months = 1\nimport os": "6"})


@pytest.mark.parametrize(
    ("comment", "good", "bad"),
    [
        ("unit of time, one of W, M, Q", ["W", "Q"], ["w", "year", ""]),
        ("share, from 0 to 1: of all", ["0", "0.5", "1"], ["-0.1", "1.01"]),
        ("at least 1 day", ["1", "9"], ["0", "-3"]),
    ],
)
def test_what_a_comment_rules_out_is_refused_before_anything_runs(comment, good, bad):
    kind = "str" if "one of" in comment else "float"
    knob = parameters.Parameter("knob", kind, "W" if kind == "str" else 1.0, comment)
    for text in good:
        parameters.coerce(knob, text)
    for text in bad:
        with pytest.raises(UsageError, match="can't be"):
            parameters.coerce(knob, text)


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        ("unit of time, one of W, M, Q", "les valeurs possibles sont W, M, Q."),
        ("share, from 0.1 to 0.9: of all", "il va de 0.1 à 0.9."),
        ("days (at least 1)", "le minimum est 1."),
    ],
)
def test_limits_of_a_comment_are_said_in_french(monkeypatch, comment, said):
    monkeypatch.setenv(language.ASKED, "fr")
    kind, bad = ("str", "x") if "one of" in comment else ("float", "0")
    with pytest.raises(UsageError) as refused:
        parameters.coerce(parameters.Parameter("knob", kind, "W", comment), bad)
    assert said in str(refused.value)
