"""The project's own files agree with each other: dependencies, lock, environment, data dictionary, README."""

import ast
import re
import subprocess
import tomllib
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from PIL import Image

from clvlib.ingest.card import wrong_entries
from clvlib.ingest.options import OPTIONS, OWN, options_of
from clvlib.ingest.tables import LOOKUPS, TABLES
from clvlib.run import dictionary, imports
from clvlib.show.units import UNITS
from tests.traces import traces
from tools import picture

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
PICTURES = re.findall(r"!\[.*?\]\((.*?)\)", (ROOT / "README.md").read_text("utf-8"))
PINS = {canonicalize_name(name): Version(version) for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", LOCK, re.M)}


def test_the_lock_satisfies_every_dependency():
    for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]:
        requirement = Requirement(text)
        assert PINS[canonicalize_name(requirement.name)] in requirement.specifier, text


def test_every_dependency_has_its_reason_beside_it():
    lines = (ROOT / "pyproject.toml").read_text("utf-8").partition("[tool.")[0].splitlines()
    stated = [line for line in lines if re.match(r'  "[\w-]+.*",', line)]
    assert len(stated) == len(PROJECT["dependencies"]) + sum(map(len, PROJECT["optional-dependencies"].values()))
    assert all(re.search(r'",\s+# \w', line) for line in stated)


def test_every_pin_of_the_lock_has_hashes_and_no_address():
    blocks = re.split(r"\n(?=[a-z0-9])", LOCK)
    assert len(blocks) == len(PINS)
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in LOCK
    assert "--index" not in LOCK


def test_the_lock_has_one_version_of_each_package_and_covers_windows_and_macos():
    names = re.findall(r"^([\w.-]+)==", LOCK, re.M)
    assert len(names) == len(set(names))
    assert "sys_platform == 'win32'" in LOCK
    assert "sys_platform == 'darwin'" in LOCK


def test_conda_installs_the_same_versions_and_the_package():
    environment = (ROOT / "environment.yml").read_text("utf-8")
    pins = {canonicalize_name(n): Version(v) for n, v in re.findall(r'- "([\w.-]+)==([\w.]+)', environment)}
    assert pins == PINS
    assert "--editable ." in environment
    assert f"python{PROJECT['requires-python']}" in environment


def test_the_data_dictionary_describes_every_column():
    text = (ROOT / "data/README.md").read_text("utf-8")
    for table, columns in TABLES.items():
        section = re.search(rf"## {table}\n(.*?)(?=\n## |\Z)", text, re.S)
        assert section, table
        listed = re.findall(r"^\| (\w+) \| (\w+) \| (\w*) *\|", section[1], re.M)[1:]
        assert listed == [(c.name, c.kind, "yes" if c.required else "") for c in columns], table


def test_the_data_dictionary_shows_every_column_that_a_run_writes_as_the_run_describes_it():
    section = (ROOT / "data/README.md").read_text("utf-8").partition("\n## What a run writes")[2]
    listed = [tuple(line.strip("| ").split(" | ")) for line in section.splitlines() if line.startswith("| ")][1:]
    assert listed == [(name, *entry) for name, entry in dictionary.entries().items()]


def test_a_column_has_the_unit_that_tables_give_it():
    units = {"money": {"money"}, "percent": {"share"}}
    told = {name: (units.get(UNITS.get(name)), entry.unit) for name, entry in dictionary.entries().items()}
    assert {name: unit for name, (known, unit) in told.items() if known and unit not in known} == {}


def test_no_file_of_the_project_leads_to_somebody_or_to_a_computer():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    found = {}
    for name in filter(None, listed.split("\0")):
        with suppress(FileNotFoundError):  # deleted, and not committed yet
            data = (ROOT / name).read_bytes()
            if name.endswith(".png"):  # what is compressed may read like anything
                data = re.sub(rb"(?s)IDAT.*(?=IEND)", b"", data)
            found[name] = traces(data.decode("utf-8", "ignore"))
    assert len(found) > 400
    assert {name: led for name, led in found.items() if led} == {}


def test_what_leads_to_somebody_is_found_and_what_is_kept_for_fiction_is_not():
    at = "@"
    real = [f"jo{at}mail.fr", f"jo.e{at}a.example.co", "+33 6 " + "12 34 56 78", "+1-212-" + "555-2368"]
    real += ["06" + "12345678", "/home/" + "jo", "/tmp/" + "pytest", "C:" + r"\Users\jo"]
    for one in real:
        assert traces(f'x "{one}", y'), one
    kept = "a@example.com B@Shop.Example.ORG a@x.test +33 6 39 98 12 34 0639981234 +1-555-0100"
    kept += " 2026-03-04 03/04/2026 00123456 1,234.50 0.0612345678 06.11.2025 0000-00-00"
    assert traces(f"{kept} https://example.org/home/x ../work/shop") == []


@pytest.mark.parametrize("target", ["demo", "test", "lab", "lock", "bench", "refresh"])
def test_each_make_target_works_alone(target):
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(rf"^{target}: \$\(INSTALLED\)$", makefile, re.M)


def test_the_readme_names_every_notebook_and_every_command():
    text = (ROOT / "README.md").read_text("utf-8")
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        assert notebook.name in text
    for command in ("make demo", "make test", "make lab", "clv run", "clv check", "clv init", "clv doctor"):
        assert command in text
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (ROOT / link).exists(), link


def test_the_picture_of_the_readme_is_of_the_board_that_the_committed_notebooks_give(tmp_path):
    assert [ROOT / name for name in PICTURES] == [picture.PICTURE]
    assert picture.PICTURE.stat().st_size < 300_000
    with Image.open(picture.PICTURE) as taken:
        assert taken.width == 1280
    picture.report_as_committed(tmp_path / "report.html")
    said = picture.board_says((tmp_path / "report.html").read_text("utf-8"))
    assert len(said.splitlines()) == 1 + 8 + 3
    assert picture.picture_says(picture.PICTURE) == said, "take it again: make refresh"


def test_the_readme_says_what_every_room_is_for():
    text = (ROOT / "README.md").read_text("utf-8").split("## The package")[1].split("\n## ")[0]
    rooms = {
        path.stem for path in (ROOT / "clvlib").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    named = re.findall(r"^\| (`.*?`) \|", text, re.M)
    assert rooms - {"__init__"} == set(re.findall(r"`(\w+)`", " ".join(named)))


def test_a_public_name_means_one_thing():
    homes = defaultdict(list)
    for file in sorted((ROOT / "clvlib").rglob("*.py")):
        if file.name in ("__init__.py", "commands.py"):  # what a room passes on; the words of the command line
            continue
        for node in ast.parse(file.read_text("utf-8")).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            parts = [part for target in targets for part in getattr(target, "elts", [target])]
            names = [part.id for part in parts if isinstance(part, ast.Name)]
            names += [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
            for name in names:
                homes[name] += [] if name.startswith("_") or name == "main" else [file.stem]
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}


def test_the_wheel_carries_every_room_the_data_and_the_notebooks():
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    rooms = {".".join(file.parent.relative_to(ROOT).parts) for file in (ROOT / "clvlib").rglob("*/__init__.py")}
    assert {*packages} == {"clvlib", "clvlib.bundled.data", "clvlib.bundled.notebooks", *rooms}


@pytest.fixture
def entries() -> tuple[str, str]:
    """What the data dictionary says of a card: of entries above its sections, and of options of a table."""
    text = (ROOT / "data/README.md").read_text("utf-8").partition("\n## What a card may say")[2]
    above, _, options = text.partition("\n## ")[0].partition("\nThen a section a table")
    return above, options


def test_the_data_dictionary_lists_every_entry_that_a_card_may_have(entries):
    above, options = (re.findall(r"^\| (\w+) \| `", part, re.M) for part in entries)
    assert sorted(options) == sorted({*OPTIONS, *(name for own in OWN.values() for name in own)})
    unknown = next(one for one in wrong_entries({"transactions": {}, "no entry": 1}) if "no entry" in one.what)
    sections = {*TABLES, *LOOKUPS, "economics", "truth"} - {"totals"}
    assert set(above) == set(unknown.mend.removeprefix("Known: ").rstrip(".").split(", ")) - sections


def test_every_example_of_a_tables_option_is_one_that_a_card_may_have(entries):
    for name, example in re.findall(r"^\| (\w+) \| `(.+?)` \| ", entries[1], re.M):
        table = next((table for table, own in OWN.items() if name in own), "transactions")
        beside = {"url": {"table": "t"}}.get(name, {} if name == "path" else {"path": "p"})
        given = tomllib.loads(f"{name} = {example}")
        assert options_of(table, beside | given)[name] == given[name]


def test_the_data_dictionary_shows_what_other_tools_get():
    section = (
        (ROOT / "data/README.md").read_text("utf-8").partition("\n## Lists for other tools")[2].partition("\n## ")[0]
    )
    listed = [tuple(line.strip("| ").split(" | ")) for line in section.splitlines() if line.startswith("| ")]
    fields = [row for row in listed if row[-1].endswith("__c")]
    assert fields == [(column, *names) for column, names in imports.known()["fields"].items()]
    assert [row[0] for row in listed[1:5]] == list(imports.known()["tools"])
