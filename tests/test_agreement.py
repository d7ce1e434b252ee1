"""Two pages of one run never give two values for one name: figures are gathered by name and compared.

Gathered from the text forms of the committed outputs (the first page of the report is made of some of them):

* sentences, titles and captions, by the patterns of NAMED;
* tables: cells, named by row and column. Columns of KEYED mean one thing wherever they stand; so do the assumptions.

Values agree when the finer one, rounded as the coarser one is written, is the coarser one.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path

import nbformat
import pytest

from clvlib.run.refresh import NOTEBOOKS

MONEY = r"(-?€[\d.,]+\d[MK]?)"
# What a figure is called, and the sentences of any notebook that give it. A pattern that finds nothing is no fault: the
# notebook may be another dataset's, or say it otherwise; but a name that no notebook says at all is taken off the list.
NAMED = {
    "customers who ever bought": [
        r"^([\d,]+) customers spent",
        r"Value so far[;,] n = ([\d,]+) customers",
        r"customers on [^,;]+, ([\d,]+) on 30",
        r"over all ([\d,]+) who ever bought",
        r"worth: n = ([\d,]+) customers",
    ],
    "CAC, all channels": [rf"^CAC, the cost to acquire: .* is {MONEY}\."],
    "CLV by the formula": [
        rf"a new customer is worth {MONEY} after the cost to acquire",
        rf"of revenue, {MONEY} is left: the CLV",
        rf"from a CLV of {MONEY};",
        rf"^{MONEY} for a new customer over",
    ],
    "revenue of a life": [rf"= {MONEY} of revenue, before margin", rf"^title: Of {MONEY} of revenue"],
    "customer equity": [rf"oday's customers are worth about {MONEY} in"],
    "margin of the first months of a new customer": [rf"a new customer brings {MONEY} of margin in \d+ months"],
    "revenue forecast for the next 12 months": [
        rf"title: {MONEY} of revenue were forecast for the next 12 months",
        rf"the forecast expects {MONEY} of revenue from today's customers",
    ],
    "revenue that came in those months": [rf"forecast for the next 12 months, {MONEY} came", rf"and {MONEY} will come"],
    "margin": [r"margin (\d[\d.]*%)[ ,)]", r"at a margin of (\d[\d.]*%)"],
    "discount rate": [r"At a discount rate of (\d[\d.]*%)", r"discounted at (\d[\d.]*%) a year"],
    "the plan's net gain": [
        rf"customers is expected to bring {MONEY} net",
        rf"customers are expected to bring {MONEY} net",
    ],
}
# Cells of tables that are one of the figures above: (column label, row label).
CELLS = {
    ("value", "acquisition_cost"): "CAC, all channels",
    ("each", "CLV by the formula"): "CLV by the formula",
    ("each", "Revenue of a life"): "revenue of a life",
    ("total", "CLV ahead"): "customer equity",
    ("each", "Value of a new customer"): "margin of the first months of a new customer",
    ("customers", "CLV ahead"): "customers who ever bought",
}
# Labels that mean one thing for a row of the same name in every table: by acquisition channel, by assumption.
KEYED = {
    "acquisition channel": {"CAC", "CLV", "spent", "new customers", "CLV : CAC", "payback months", "customers"},
    "name": {"value", "origin"},
    "channel": {"CAC", "elasticity"},
    "group": {"CAC ever"},  # of 07, by acquisition channel
}
ALIASES = {"channel": "acquisition channel", "group": "acquisition channel", "CAC ever": "CAC"}
FILES = sorted(NOTEBOOKS.glob("[0-9][0-9]*.ipynb"))


def outputs(file: Path) -> Iterator[tuple[str, str]]:
    """What a notebook shows, as kind (sentence, tile, table, figure …) and text."""
    for cell in nbformat.read(file, as_version=4).cells:
        for output in cell.get("outputs", []):
            text = output.get("data", {}).get("text/plain", "")
            yield output.get("metadata", {}).get("clv", {}).get("kind", ""), text


def cells(text: str) -> Iterator[tuple[str, str, str, str]]:
    """The cells of a table's text form: label of the row's column, row label, column label, what is written."""
    lines = [line for line in text.splitlines() if line.strip()]
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines]
    heads = next((i for i, row in enumerate(rows) if len(row) > 1), None)
    if heads is None:
        return
    labels = rows[heads]
    for row in rows[heads + 1 :]:
        if len(row) == len(labels):
            for column, value in zip(labels[1:], row[1:], strict=True):
                yield labels[0], row[0], column, value


def gathered(files: list[Path] = FILES) -> dict[str, list[tuple[str, str]]]:
    """By name of a figure: where it is said (number of the notebook), and how it is written there."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for file in files:
        page = file.stem.split("_")[0]
        for kind, text in outputs(file):
            for name, patterns in NAMED.items():
                for pattern in patterns:
                    found[name] += [(page, value) for value in re.findall(pattern, text, re.MULTILINE)]
            for key, row, column, value in cells(text) if kind == "table" else ():
                if (column, row) in CELLS:
                    found[CELLS[column, row]].append((page, value))
                if column in KEYED.get(key, ()):
                    found[f"{ALIASES.get(key, key)} {row}: {ALIASES.get(column, column)}"].append((page, value))
    return found


def number(written: str) -> tuple[Decimal, Decimal] | None:
    """A figure as written: its value and the unit of its last digit; None when it is a text."""
    plain = re.fullmatch(r"(-?)[€$]?([\d,]*\d(?:\.\d+)?)([MK%]?)(?: months| days)?", written)
    if not plain:
        return None
    size = {"M": Decimal(10) ** 6, "K": Decimal(10) ** 3, "%": Decimal("0.01"), "": Decimal(1)}[plain[3]]
    value = Decimal(plain[2].replace(",", ""))
    return (-value if plain[1] else value) * size, Decimal(1).scaleb(int(value.as_tuple().exponent)) * size


def agree(one: str, other: str) -> bool:
    """Whether two writings can be of one value: the finer one rounds (either way at a half) to the coarser one."""
    known = number(one), number(other)
    if known[0] is None or known[1] is None:
        return one == other
    (fine, _), (coarse, step) = sorted(known, key=lambda pair: pair[1])
    halves = (fine / step).quantize(1, ROUND_HALF_EVEN), (fine / step).quantize(1, ROUND_HALF_UP)
    return coarse / step in halves


def contradictions(found: dict[str, list[tuple[str, str]]]) -> dict[str, set[tuple[str, str]]]:
    """The names of which two writings don't agree, with where each is said."""
    return {
        name: set(said)
        for name, said in found.items()
        if not all(agree(one, other) for _, one in said for _, other in said)
    }


def test_no_figure_is_contradicted_by_another_page():
    assert contradictions(gathered()) == {}


def test_every_name_is_said_somewhere_and_the_first_page_s_on_two_pages():
    found = gathered()
    assert [name for name in NAMED if not found[name]] == []
    labels = {ALIASES.get(label, label) for shown in KEYED.values() for label in shown}
    assert [label for label in labels if not any(name.endswith(f": {label}") for name in found)] == []
    pages = {name: {page for page, _ in said} for name, said in found.items()}
    first = ("CAC, all channels", "CLV by the formula", "customer equity")
    assert [name for name in first if len(pages[name]) < 2] == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("€1.43M", "€1,432,004", True),
        ("€31.70", "31.6967", True),
        ("€72", "€72.29", True),
        ("€66.63", "€66.94", False),
        ("45%", "0.45", True),
        ("12 months", "12", True),
        ("2.5", "2", True),
        ("4,695", "4,694", False),
        ("card", "default", False),
    ],
)
def test_figures_agree_when_one_rounds_to_the_other(one, other, same):
    assert agree(one, other) is same
    assert agree(other, one) is same


def test_a_contradiction_is_found_in_a_sentence_and_in_a_table(tmp_path):
    def page(name: str, *texts: tuple[str, str]) -> Path:
        shown = [
            nbformat.v4.new_output("display_data", {"text/plain": text}, metadata={"clv": {"kind": kind}})
            for kind, text in texts
        ]
        cell = nbformat.v4.new_code_cell("", outputs=shown)
        path = tmp_path / f"{name}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
        return path

    table = "By channel\nacquisition channel  customers     CAC\nsocial                     865  {}\n"
    said = ("sentence", "Over 5 years a new customer is worth €186 after the cost to acquire, at a margin of 45%.")
    one = page("01_a", ("table", table.format("€66.63")), said)
    two = page(
        "05b_b", ("table", table.format("€66.94")), ("figure", "title: Of €624 of revenue, €183 is left: the CLV")
    )
    found = contradictions(gathered([one, two]))
    assert found == {
        "acquisition channel social: CAC": {("01", "€66.63"), ("05b", "€66.94")},
        "CLV by the formula": {("01", "€186"), ("05b", "€183")},
    }
