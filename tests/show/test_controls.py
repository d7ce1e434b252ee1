"""What can be moved in a notebook: the first case stands there, others take its place."""

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from clvlib import language, show, wording
from clvlib.errors import NotEnoughData, UsageError
from clvlib.show import controls


@pytest.fixture(autouse=True)
def english():
    wording.write_for("en_US", "USD")
    InteractiveShell.instance()
    yield
    InteractiveShell.clear_instance()


class Display:
    """Remembers what is shown, in place of a notebook, and which widgets were made."""

    def __init__(self, monkeypatch):
        self.shown, self.widgets = [], []
        monkeypatch.setattr(controls, "display", self.display)
        monkeypatch.setattr(controls, "_show_widget", lambda widget, told: self.widgets.append((widget, told)))

    def display(self, data, raw, metadata=None, display_id=None):
        place = len(self.shown)
        self.shown.append(data)
        return type("Handle", (), {"update": lambda _, new, raw: self.shown.__setitem__(place, new)})()

    def text(self):
        return "\n".join(data["text/plain"] for data in self.shown if data["text/plain"])


@pytest.fixture
def seen(monkeypatch):
    return Display(monkeypatch)


def draw(group, times, who):
    if group == "few":
        raise NotEnoughData("Too few.", "Bring more.")
    if group == "broken":
        raise ZeroDivisionError("oh")
    show.say("{group} {times:count} {who}", group=group, times=times, who=who)
    if group == "several":
        show.table(pd.DataFrame({"a": [1]}))
        show.bars(pd.Series([1.0, 2.0], index=["x", "y"]), title="Two bars")


def test_the_first_case_is_drawn_and_each_choice_takes_its_place(seen):
    show.explore(draw, group=["one", "several", "few", "broken"], times=(0, 3, 9), who="Ann")
    assert seen.text() == "one 3 Ann"
    box, told = seen.widgets[0]
    group, times, who = box.children
    assert told == "To choose, in JupyterLab: group (one), times (3.0), who (Ann)."
    times.value = 5
    who.value = "Bob"
    assert seen.text() == "one 5 Bob"
    group.value = "several"
    assert "several 5 Bob" in seen.text()
    assert "Two bars" in seen.text()
    assert "<table" in seen.shown[0]["text/html"]
    assert "data:image/png" in seen.shown[0]["text/html"]
    group.value = "one"
    assert seen.text() == "one 5 Bob"
    assert len(seen.shown) == 1


def test_in_french_what_a_slider_begins_at_has_its_comma(seen, monkeypatch):
    monkeypatch.setenv(language.ASKED, "fr")
    show.explore(draw, group=["one"], times=(0, 2.5, 9), who="v.1")
    assert seen.widgets[0][1].endswith("groupe (one), times (2,5), qui (v.1).")


def test_what_cant_be_answered_is_said_and_the_next_choice_works(seen):
    show.explore(draw, group=["one", "few", "broken"], times=(0, 1, 2), who="<b>Ann</b>")
    group = seen.widgets[0][0].children[0]
    group.value = "few"
    assert seen.text() == "Too few. Bring more."
    group.value = "broken"
    assert seen.text() == "ZeroDivisionError: oh"
    group.value = "one"
    assert "<b>Ann" not in seen.shown[0]["text/html"].replace("<strong>", "")


def test_fewer_outputs_leave_nothing_old(seen):
    show.explore(draw, group=["several", "one"], times=(0, 1, 2), who="Ann")
    assert len(seen.shown) == 3
    seen.widgets[0][0].children[0].value = "one"
    assert [data["text/plain"] for data in seen.shown] == ["one 1 Ann", "", ""]


def test_a_first_case_that_cant_be_answered_leaves_the_cell_out(seen):
    with pytest.raises(NotEnoughData):
        show.explore(draw, group=["few", "one"], times=(0, 1, 2), who="Ann")


def test_what_is_printed_is_shown_and_nothing_to_choose_is_said(seen):
    show.explore(lambda word: print("hello", word), word=["you", "them"])
    assert seen.text().strip() == "hello you"
    seen.widgets[0][0].children[0].value = "them"
    assert seen.text().strip() == "hello them"
    with pytest.raises(UsageError, match="nothing to choose"):
        show.explore(draw, group=[])


def test_a_button_acts_when_pressed_and_says_what_went_wrong(seen):
    done = []

    def act(name):
        if not name:
            raise NotEnoughData("No name.", "Write one.")
        done.append(name)
        show.say("{name} is kept", name=name)

    show.press(act, "Keep", field="name")
    assert seen.text() == ""
    assert done == []
    field, row = seen.widgets[0][0].children
    row.children[0].click()
    assert seen.text() == "No name. Write one."
    field.value = "  loyal "
    row.children[0].click()
    assert (done, seen.text()) == (["loyal"], "loyal is kept")


def test_a_browser_holds_every_row_up_to_a_limit_and_knows_the_chosen(seen, monkeypatch):
    monkeypatch.setattr(controls, "MOST_BROWSED", 50)
    people = pd.DataFrame(
        {"clv": [x / 3 for x in range(80)]}, index=pd.Index([f"C{i}" for i in range(80)], name="customer_id")
    )
    with capture_output() as said:
        table = show.browse(people, caption="The first of all", n=people)
    assert len(table.df) == 50
    assert list(table.df) == ["customer id", "CLV"]
    assert table.df["CLV"].iloc[1] == 0.33
    table.selected_rows = [0, 49]
    assert list(people.index[table.selected_rows]) == ["C0", "C49"]
    assert "The first of all; n = 80 customers" in said.outputs[0].data["text/plain"]


def test_of_more_rows_than_a_browser_takes_that_is_said(seen, monkeypatch):
    monkeypatch.setattr(controls, "MOST_BROWSED", 50)
    with capture_output():
        show.browse(pd.DataFrame({"clv": range(80)}), caption="x")
    assert "the first 50 of 80 rows" in seen.widgets[0][1]
