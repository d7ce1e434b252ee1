import base64
import io
import json
from types import SimpleNamespace

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from clvlib import language, show
from clvlib.errors import DataError, MissingTable, NotEnoughData, UsageError
from clvlib.show import figures


@pytest.fixture
def shown(monkeypatch):
    """What the functions display, as (data, what the report is told)."""
    outputs = []
    monkeypatch.setattr(show.output, "display", lambda data, raw, metadata: outputs.append((data, metadata["clv"])))
    ds = SimpleNamespace(
        locale="en_US",
        currency="USD",
        name="A & B",
        usual_amount=lambda: 1.0,
        speak=lambda: None,
        starts=pd.Timestamp("1997-01-01"),
        as_of=pd.Timestamp("1998-06-30"),
        economics=SimpleNamespace(horizon_months=12),
    )
    show.start(ds)
    return outputs


def last(shown):
    data, about = shown[-1]
    return data.get("text/html", ""), data["text/plain"], about


def as_a_notebook(code):
    """Run code as a cell does: its names are global."""
    exec(compile(code, "cell", "exec"), names)


names: dict = {"show": show, "NotEnoughData": NotEnoughData}


def test_start_says_which_dataset_and_which_dates(shown):
    markup, text, about = last(shown)
    assert text == "A & B · Jan 1, 1997 to Jun 30, 1998 · amounts in USD"
    assert "A &amp; B" in markup
    assert about["kind"] == "dataset"


def test_a_sentence_writes_its_values_for_people(shown):
    show.say(
        "{share:percent} of {n:count} gave {m:money}, {x:number.3}, on {d:date}",
        share=0.5,
        n=2357,
        m=3,
        x=1 / 3,
        d="1998-06-30",
    )
    assert last(shown)[1] == "50% of 2,357 gave $3.00, 0.333, on Jun 30, 1998"


def test_a_value_without_a_spec_follows_its_type(shown):
    show.say("{n} {x} {who}", n=2357, x=0.5, who="Zoé")
    assert last(shown)[1] == "2,357 0.50 Zoé"


def test_a_clients_text_never_becomes_markup(shown):
    evil = "<script>alert(1)</script> & {n:count}"
    show.say("Best: {who} < all", who=evil)
    show.table(pd.DataFrame({evil: [evil]}, index=pd.Index([evil], name=evil)), caption="{name}", name=evil)
    with show.attempt(evil):
        raise NotEnoughData(evil)
    for data, _ in shown[1:]:
        assert "<script" not in data["text/html"]
        assert "&lt;script&gt;" in data["text/html"]
        assert evil.replace("_", " ") in data["text/plain"]


def test_a_sentence_that_lacks_a_value_says_which(shown):
    with pytest.raises(UsageError, match=r"\{n\}"):
        show.say("{n:count} customers")


def test_a_sentence_cant_reach_into_its_values(shown):
    with pytest.raises(UsageError):
        show.say("{who.__class__}", who="x")


def test_a_field_without_a_spec_is_written_as_a_column_of_its_name(shown):
    show.say("{clv} and {share}, {n} of {of:list}, {a:either}", clv=3, share=0.5, n=2357, of=["a", "b"], a=["x", "y"])
    assert last(shown)[1] == "$3.00 and 50%, 2,357 of a and b, x or y"


def test_words_that_depend_on_a_value_stand_in_the_field(shown):
    template = "The effect {sure:differs by {name}|is the same} ({way:up|down|flat} {gap:money})"
    show.say(template, sure=True, name="a|b {c} <i>", way=2, gap=3)
    assert last(shown)[1] == "The effect differs by a|b {c} <i> (flat $3.00)"
    assert "<i>" not in last(shown)[0]
    show.say(template, sure=pd.Series([1.0]).gt(2).any(), name="", way=0, gap=3)
    assert last(shown)[1] == "The effect is the same (up $3.00)"


def test_in_french_a_condition_before_a_figure_is_french_and_nought_is_one(shown, monkeypatch):
    monkeypatch.setenv(language.ASKED, "fr")
    show.agree("If consent is obtained: Net gain of this budget on messages only", 2.0, 2.0)
    assert last(shown)[1].startswith("Si le consentement est obtenu\N{NO-BREAK SPACE}: Gain net de ce budget")
    show.say("{dropped} of {read} rows were dropped ({share}).", dropped=0, read=7, share=0.0)
    assert last(shown)[1].startswith("0 ligne sur 7 a été écartée")


def test_titles_and_captions_are_templates_and_what_holds_for_the_notebook_needs_no_value(shown):
    money = pd.Series({"a": 1.0}, name="revenue")
    show.bars(money, title="{most} leads by {gap:money} ({currency})", x="who", y="revenue", most="a", gap=1, n=[1, 2])
    (drawn, _), (caption, _) = shown[-2:]
    assert drawn["text/plain"].splitlines()[1:4] == ["title: a leads by $1.00 (USD)", "x: who", "y: revenue (USD)"]
    assert caption["text/plain"] == "n = 2 customers, Jan 1, 1997 to Jun 30, 1998"


def test_a_caption_ends_with_its_own_dates_where_they_differ(shown):
    show.table(money := pd.DataFrame({"revenue": [1.0]}), caption="Until {as_of}", n=3, of="orders", dates="1998-01-31")
    assert last(shown)[1].startswith("Until Jun 30, 1998; n = 3 orders, Jan 31, 1998\n")
    show.table(money, caption="Plain")
    assert last(shown)[1].startswith("Plain\n")


def test_a_table_lines_up_its_columns_and_escapes_its_cells(shown):
    frame = pd.DataFrame(
        {"clv": [12.3, 1.0], "n": [1, 2000], "a<b": ["x", None]}, index=pd.Index(["A", "B"], name="seg_ment")
    )
    show.table(frame, "All", {"clv": "money"})
    markup, text, _ = last(shown)
    assert text.splitlines() == [
        "All",
        "seg ment     CLV      n  a<b",
        "A         $12.30      1  x",
        "B          $1.00  2,000  –",
    ]
    assert '<td class="num">2,000</td>' in markup
    assert "a&lt;b" in markup
    assert "<caption>All</caption>" in markup


def test_a_long_table_says_how_much_of_it_is_shown(shown):
    show.table(pd.DataFrame({"x": range(1000)}))
    markup, text, _ = last(shown)
    assert text.endswith("The first 30 of 1,000 rows.")
    assert markup.count("<tr>") == 31


def test_an_id_in_a_table_keeps_its_zeros(shown):
    show.table(pd.DataFrame({"x": [1]}, index=pd.Index(["0007"], name="customer_id")))
    assert "0007" in last(shown)[1]


def test_a_figure_is_a_picture_a_text_and_is_closed(shown):
    drawn, axes = plt.subplots()
    axes.bar(["a", "b"], [1, 2.34567])
    axes.set(title="Found", xlabel="what", ylabel="USD")
    show.figure(axes, caption="n = 2")
    (data, about), (caption, _) = shown[-2:]
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert "Software" not in image.info
    assert about == {"kind": "figure", "title": "Found"}
    assert data["text/plain"].splitlines()[1:] == ["title: Found", "x: what", "y: USD"]
    assert caption["text/plain"] == "n = 2"
    assert not plt.fignum_exists(drawn.number)


def test_the_same_figure_gives_the_same_bytes():
    def draw():
        drawn, axes = plt.subplots(layout="constrained")
        axes.plot([1, 2, 3])
        return drawn

    assert figures.png(draw()) == figures.png(draw())


def test_a_run_for_a_client_draws_at_twice_the_resolution(shown, monkeypatch):
    sizes = []
    for scale in ("1", "2"):
        monkeypatch.setenv(show.FIGURE_SCALE, scale)
        show.figure(plt.subplots()[0])
        sizes.append(Image.open(io.BytesIO(base64.b64decode(shown[-1][0]["image/png"]))).width)
    assert sizes[1] == pytest.approx(2 * sizes[0], abs=1)
    assert shown[-1][0]["text/plain"] == shown[-2][0]["text/plain"]


def test_an_attempt_that_cant_answer_is_left_out_with_its_reason_and_the_rest_goes_on(shown):
    as_a_notebook('with show.attempt("Spend"):\n    raise NotEnoughData("Two customers.", mend="Add some.")')
    _, text, about = last(shown)
    assert text == "Left out: Spend. Two customers. Add some."
    reason = {"reason": "Two customers. Add some.", "what": "Two customers.", "mend": "Add some."}
    assert about == {"kind": "skipped", "section": "Spend", **reason}


def test_what_builds_on_a_failed_attempt_is_left_out_and_says_so(shown):
    as_a_notebook(
        'with show.attempt("Spend"):\n    model = show.no() if 0 else (_ for _ in ()).throw(NotEnoughData("few"))'
    )
    as_a_notebook('with show.attempt("Value"):\n    clv = model * 2')
    as_a_notebook('with show.attempt("Ranks"):\n    ranks = clv + 1')
    assert [about["section"] for _, about in shown[1:]] == ["Spend", "Value", "Ranks"]
    assert "“Spend”" in shown[2][1]["reason"]
    assert "“Value”" in shown[3][1]["reason"]


def test_a_misspelt_name_is_not_hidden(shown):
    as_a_notebook('with show.attempt("Spend"):\n    model = (_ for _ in ()).throw(NotEnoughData("few"))')
    with pytest.raises(NameError, match="modle"):
        as_a_notebook('with show.attempt("Value"):\n    modle')


@pytest.mark.parametrize("error", [DataError("x"), ValueError("x"), KeyError("x")])
def test_any_other_error_is_not_hidden(shown, error):
    with pytest.raises(type(error)), show.attempt("Spend"):
        raise error


@pytest.mark.parametrize(("folder", "told"), [("", None), ("here", "surveys")])
def test_a_run_is_told_which_table_was_missing(monkeypatch, folder, told):
    about = {}
    monkeypatch.setattr(show.output, "display", lambda data, raw, metadata: about.update(metadata["clv"]))
    monkeypatch.setenv(show.RUN_FOLDER, folder)
    with show.attempt("Answers"):
        raise MissingTable("There are no surveys.", "Bring them.", "surveys")
    assert about.get("table") == told


def test_keep_does_nothing_outside_of_a_run(shown, monkeypatch, tmp_path):
    monkeypatch.delenv(show.RUN_FOLDER, raising=False)
    show.keep(pd.DataFrame({"x": [1]}, index=pd.Index(["a"], name="customer_id")))
    assert not list(tmp_path.iterdir())


def test_keep_gathers_the_columns_of_a_notebook_and_the_last_of_a_name_counts(shown, monkeypatch, tmp_path):
    monkeypatch.setenv(show.RUN_FOLDER, str(tmp_path))
    monkeypatch.setenv(show.NOTEBOOK, "03_x")
    customers = pd.Index(["007", "8"], name="customer_id")
    show.keep(pd.DataFrame({"clv": [1.0, 2.0], "p": [0.1, 0.2]}, index=customers))
    show.keep(pd.DataFrame({"clv": [3.0, 4.0]}, index=customers))
    kept = pd.read_parquet(tmp_path / "scores" / "03_x.parquet")
    assert kept.loc["007"].to_dict() == {"p": 0.1, "clv": 3.0}
    assert [file.name for file in (tmp_path / "scores").iterdir()] == ["03_x.parquet"]


def test_keep_refuses_rows_that_are_not_one_customer_each(shown):
    with pytest.raises(UsageError, match="customer_id"):
        show.keep(pd.DataFrame({"x": [1]}))
    with pytest.raises(UsageError, match="doubles"):
        show.keep(pd.DataFrame({"x": [1, 2]}, index=pd.Index(["a", "a"], name="customer_id")))


def test_a_delivered_list_waits_for_the_run_under_its_notebook(shown, monkeypatch, tmp_path):
    monkeypatch.setenv(show.RUN_FOLDER, str(tmp_path))
    monkeypatch.setenv(show.NOTEBOOK, "08_x")
    show.deliver(pd.DataFrame({"how": ["message"]}, index=pd.Index(["007"], name="customer_id")), "action_list")
    assert pd.read_parquet(tmp_path / "lists" / "08_x" / "action_list.parquet").loc["007", "how"] == "message"


@pytest.mark.parametrize("name", ["customers", "columns", "../up", "a b", ""])
def test_a_list_can_have_no_name_that_leads_elsewhere(shown, name):
    with pytest.raises(UsageError, match="can't be called"):
        show.deliver(pd.DataFrame({"x": [1]}), name)


def test_delivering_does_nothing_outside_of_a_run(shown, monkeypatch, tmp_path):
    monkeypatch.delenv(show.RUN_FOLDER, raising=False)
    monkeypatch.chdir(tmp_path)
    show.deliver(pd.DataFrame({"x": [1]}), "action_list")
    assert not list(tmp_path.iterdir())


def test_outputs_reach_a_real_shell(capsys):
    assert not InteractiveShell.initialized()
    show.say("Hello")
    assert "Hello" in capsys.readouterr().out


def test_groups_of_fewer_than_five_are_blanked_but_for_their_count():
    frame = pd.DataFrame({"customers": [4, 5], "value": [10.0, 20.0], "name": ["a", "b"]})
    blanked = show.suppress(frame)
    assert blanked["customers"].tolist() == [4, 5]
    assert blanked["value"].isna().tolist() == [True, False]
    assert blanked["name"].tolist() == ["a", "b"]
    assert frame["value"].notna().all()


def test_a_table_shows_no_figure_of_fewer_than_five_customers_and_all_of_more(shown, monkeypatch, tmp_path):
    monkeypatch.setenv("CLV_RUN_FOLDER", str(tmp_path))
    monkeypatch.setenv("CLV_NOTEBOOK", "07")
    frame = pd.DataFrame({"customers": [4, 5, 0], "revenue": [40.0, 50.0, 0.0], "orders": [7, 8, 0]}, index=list("abc"))
    shown.clear()
    show.table(frame)
    show.table(frame.drop(index="a"))
    few, others = (data["text/plain"].splitlines()[1:] for data, _ in shown)
    assert [line.split() for line in few[:2]] == [["a", "4", "–", "–"], ["b", "5", "$50.00", "8"]]
    assert few[-1] == "Of fewer than 5 customers no figure is shown."
    assert [line.split() for line in others] == [["b", "5", "$50.00", "8"], ["c", "0", "$0.00", "0"]]
    told = json.loads((tmp_path / "tables" / "000.json").read_text())
    assert told["data"][0][-3:] == [4, None, None]
