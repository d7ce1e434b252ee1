"""Rules that every committed notebook keeps, and proof that what is printed in it is what it computes."""

import ast
import json
import re
import subprocess
import sys
from copy import deepcopy

import nbformat
import pandas as pd
import papermill
import pytest

from clvlib import show
from clvlib.files import KEPT
from clvlib.ingest.card import bundled, find_card, read_card
from clvlib.run import dictionary, parameters
from clvlib.run.handover import gather_customers
from clvlib.run.refresh import NOTEBOOKS, clean, compare, execute
from clvlib.run.warm import ALONE

FILES = sorted(NOTEBOOKS.glob("[0-9][0-9]*.ipynb"))
IMPORTS = {"clvlib", "numpy", "pandas", "seaborn", "matplotlib", "ipywidgets"}
BLACK = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="  # one pixel
MOST_LINES, MOST_BYTES = 8, 400_000

each = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def code_cells(file):
    return [cell for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "code"]


def test_there_are_notebooks():
    numbers = [file.stem.split("_")[0] for file in FILES]
    names = ["00", "01", "02", "03", "03b", "04", "04b", "05", "05b", "06", "06b", "07", "07b", "07c", "08", "09"]
    assert numbers == names


@each
def test_parameters_have_a_type_a_default_and_a_comment(file):
    knobs = parameters.schema(nbformat.read(file, as_version=4))
    assert knobs["dataset"].annotation == "str"
    assert all(knob.comment for knob in knobs.values())


@each
def test_papermill_sees_the_same_parameters_as_clv_run(file):
    ours = parameters.schema(nbformat.read(file, as_version=4))
    seen = papermill.inspect_notebook(str(file))
    assert list(seen) == list(ours)
    for name, knob in ours.items():
        assert seen[name]["inferred_type_name"] == knob.annotation
        assert ast.literal_eval(seen[name]["default"]) == knob.default
        assert seen[name]["help"] == knob.comment


@each
def test_every_code_cell_was_executed_in_order(file):
    counts = [cell.execution_count for cell in code_cells(file)]
    assert counts == list(range(1, len(counts) + 1))


@each
def test_no_output_is_an_error_or_a_warning(file):
    outputs = [output for cell in code_cells(file) for output in cell.outputs]
    assert outputs
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]


@each
def test_what_is_computed_in_the_open_is_what_the_package_says(file):
    assert "NOT the same" not in file.read_text("utf-8")


@each
def test_every_picture_has_a_text_form(file):
    data = [output.data for cell in code_cells(file) for output in cell.outputs if "data" in output]
    assert all("title: " in content["text/plain"] for content in data if "image/png" in content)
    assert any("image/png" in content for content in data)


@each
def test_widgets_are_sliders_that_are_observed(file):
    source = "\n".join(cell.source for cell in code_cells(file))
    names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}
    assert not {"interact", "interactive", "interact_manual", "interactive_output", "Output"} & (names | attributes)


@each
def test_imports_are_few(file):
    tree = ast.parse("\n".join(cell.source for cell in code_cells(file)))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= IMPORTS


@each
def test_code_cells_are_short(file):
    long = {cell.id: len([line for line in cell.source.splitlines() if line]) for cell in code_cells(file)}
    assert {name: lines for name, lines in long.items() if lines > MOST_LINES} == {}


def words_only(node):
    """Tell whether an expression is nothing but words: titles, sentences, formats."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    parts = {ast.IfExp: ("body", "orelse"), ast.BinOp: ("left",), ast.Subscript: ("value",)}
    if isinstance(node, ast.Dict):
        return all(map(words_only, node.values))
    return isinstance(node, ast.JoinedStr) or (
        type(node) in parts and all(words_only(getattr(node, part)) for part in parts[type(node)])
    )


def lines_of_words(body):
    """The lines that only word or show: assignments of words, sentences, how a picture is labelled."""
    found = set()
    for node in body:
        inner = [*getattr(node, "body", []), *getattr(node, "orelse", [])]
        lines = range(node.lineno, node.end_lineno + 1)
        if inner:
            found |= lines_of_words(inner)
        elif isinstance(node, ast.Assign | ast.AugAssign) and words_only(node.value):
            found |= {*lines}
        elif isinstance(node, ast.Expr) and ast.unparse(node.value).startswith("show."):
            data = [a for a in node.value.args if not words_only(a)]
            kept = {line for a in data for line in range(a.lineno, a.end_lineno + 1)} | {node.lineno}
            found |= {*lines} - (kept if data else set())
    return found


@each
def test_most_lines_of_cells_are_the_idea(file):
    all_lines = of_words = 0
    for cell in code_cells(file):
        body = ast.parse(cell.source).body
        imports = isinstance(body[0], ast.Import | ast.ImportFrom)
        if imports or "show.start(" in cell.source or "parameters" in cell.metadata.get("tags", []):
            continue
        lines = {line for node in body for line in range(node.lineno, node.end_lineno + 1)}
        all_lines += len(lines)
        of_words += len(lines & lines_of_words(body))
    assert of_words <= 0.4 * all_lines


HARD = (ast.Lambda, ast.NamedExpr)
LOOPS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def hard_to_read(node):
    """Tell whether a beginner would stop at it: lambda, walrus, nested unpacking, loops or choices in each other."""
    inner = [part for part in ast.walk(node) if part is not node]
    if isinstance(node, ast.Tuple | ast.List) and isinstance(node.ctx, ast.Store):
        return any(isinstance(part, ast.Tuple | ast.List | ast.Starred) for part in node.elts)
    if isinstance(node, LOOPS):
        return len(node.generators) > 1 or any(isinstance(part, LOOPS) for part in inner)
    if isinstance(node, ast.IfExp):
        return any(isinstance(part, ast.IfExp) for part in inner)
    return isinstance(node, HARD)


@each
def test_code_cells_hold_nothing_that_a_beginner_cant_read(file):
    for cell in code_cells(file):
        hard = [ast.unparse(node) for node in ast.walk(ast.parse(cell.source)) if hard_to_read(node)]
        assert hard == [], cell.id


@each
def test_sentences_and_titles_are_literals_that_can_be_translated(file):
    for cell in code_cells(file):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.JoinedStr):
                calls = [ast.unparse(part) for part in ast.walk(node) if isinstance(part, ast.Call)]
                assert not [call for call in calls if call.startswith("show.")], cell.id


@each
def test_every_cell_says_its_name_first_so_that_it_can_be_left_out_by_it(file):
    begun = False
    for cell in code_cells(file):
        if begun:
            assert re.match(r"# [A-Z].+\n|(from|import) ", cell.source), cell.source
        begun |= "show.start(ds)" in cell.source


@each
def test_a_notebook_is_small_and_names_no_machine(file):
    assert file.stat().st_size < MOST_BYTES
    text = file.read_text("utf-8")
    assert str(NOTEBOOKS.parent) not in text
    assert "papermill" not in json.loads(text)["metadata"]


@each
def test_outputs_come_from_bundled_data(file):
    knobs = parameters.schema(nbformat.read(file, as_version=4))
    assert knobs["dataset"].default in bundled()
    shown = [o for cell in code_cells(file) for o in cell.outputs if o.metadata.get("clv", {}).get("kind") == "dataset"]
    name = read_card(find_card(knobs["dataset"].default))["name"]
    assert [o.data["text/plain"].startswith(f"{name} · ") for o in shown] == [True]


@each
def test_a_notebook_leads_to_its_neighbours(file):
    text = "\n".join(cell.source for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "markdown")
    place = FILES.index(file)
    for neighbour in FILES[max(place - 1, 0) : place] + FILES[place + 1 : place + 2]:
        assert f"({neighbour.name})" in text


@each
def test_a_notebook_is_kept_as_a_refresh_writes_it(file):
    committed = nbformat.read(file, as_version=4)
    assert compare(committed, clean(deepcopy(committed))) == []
    assert file.read_text("utf-8") == nbformat.writes(committed, indent=1) + "\n"


@pytest.fixture(scope="module")
def handed(tmp_path_factory):
    """A folder in which the checked notebooks leave what they hand to a run."""
    return tmp_path_factory.mktemp("handed")


@pytest.fixture(scope="module")
def checked(quiet, handed, kept):
    return nbval(FILES, quiet | ALONE | {show.RUN_FOLDER: str(handed), KEPT: str(kept)}, warm=len(FILES))


@each
def test_what_is_printed_is_what_is_computed(file, checked):
    outcomes = re.findall(rf"^(PASSED|FAILED|ERROR) \S*{file.name}", checked, re.MULTILINE)
    assert outcomes == ["PASSED"] * len(code_cells(file)), checked[-20_000:]


@pytest.fixture
def tables(checked, handed, demo):
    """The tables that a run of the demo makes of what its notebooks leave, by name."""
    lists = {file.stem: pd.read_parquet(file) for file in handed.glob("lists/*/*.parquet")}
    assert lists.keys() == {"action_list", "crm", "tableau"}, checked[-20_000:]
    return {"customers": gather_customers(demo.rfm_summary(), sorted(handed.glob("scores/*.parquet")))} | lists


def test_every_column_that_a_run_writes_has_an_entry_and_every_entry_is_of_one(tables):
    written = [name for table in tables.values() for name in (*filter(None, table.index.names), *table.columns)]
    assert [name for name in written if not dictionary.entry_of(name)] == []
    assert dictionary.entries().keys() - {"consent_on"} == {dictionary.entry_of(name) for name in written}


def test_who_has_not_agreed_is_on_no_list_but_to_be_spoken_to_in_the_store(tables):
    listed = tables["action_list"]
    assert set(listed.loc[listed["consent"] != "yes", "how"]) <= {"in store"}
    assert set(listed.loc[listed["consent"] == "yes", "how"].str.partition(":")[0]) <= {"message", "call or letter"}


def test_the_list_for_the_crm_says_of_a_customer_what_customers_csv_says(tables):
    asked = ["next_order_if_any", "p_purchase", "clv", "clv_low_80", "clv_high_80"]
    asked += ["mean_order_value", "mean_days_between_orders"]
    customers, crm = tables["customers"], tables["crm"]
    pd.testing.assert_frame_equal(crm[asked], customers.loc[crm.index, asked], check_exact=False, rtol=1e-9)


# Kernels forked from a process that has everything loaded, as those of a run: each would load for seconds, else.
WARM = """
import sys, pytest
from clvlib.run import warm
filters = warm.load_for_kernels()
if warm.may_fork():
    warm.offer_kernels(int(sys.argv[1]), filters)
sys.exit(pytest.main(sys.argv[2:]))
"""


def nbval(files, environment, warm=0):
    """Execute notebooks and compare every text exactly and every picture by its pixels: what nbval prints of it."""
    options = ["--nbval", "-q", "-rA", "--assert=plain", "-p", "no:cacheprovider", "-p", "tests.nbval_pictures"]
    python = ["-c", WARM, str(warm)] if warm else ["-m", "pytest"]
    command = [sys.executable, *python, *options, *map(str, files)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, timeout=1800, cwd=NOTEBOOKS.parent
    ).stdout


def test_another_text_or_picture_is_found(tmp_path, quiet):
    picture = "import seaborn, matplotlib.pyplot as plt\nplt.figure(figsize=(1, 1)); plt.plot([1, 2]); plt.show()"
    sources = ["print(1)", picture, "print(1)", picture]
    book = execute(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in sources]), "a.ipynb")
    for output in book.cells[2].outputs:
        output.text = "2\n"
    for output in book.cells[3].outputs:
        output.data["image/png"] = BLACK
    nbformat.write(book, tmp_path / "a.ipynb")
    found = nbval([tmp_path], quiet)
    outcomes = sorted(re.findall(r"^(PASSED|FAILED) \S*a\.ipynb::Cell (\d)", found, re.MULTILINE), key=lambda o: o[1])
    assert outcomes == [("PASSED", "0"), ("PASSED", "1"), ("FAILED", "2"), ("FAILED", "3")], found
