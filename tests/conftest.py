"""Files and datasets that several tests need, made in temporary folders."""

import gc
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from clvlib.run.cli import spare_grammar

spare_grammar()

from clvlib import dataset  # noqa: E402
from clvlib.dataset import Dataset  # noqa: E402
from clvlib.files import KEPT  # noqa: E402
from tests.jupyter import browser, lab  # noqa: E402, F401
from tests.postgres import postgres  # noqa: E402, F401
from tests.spark import spark  # noqa: E402, F401

os.environ["CLV_KEY"] = f"{tempfile.mkdtemp()}/key"  # of pseudonyms: not that of whoever runs the tests
gc.freeze()
gc.set_threshold(50_000, 20, 50)  # the modules that are loaded need not be gone through again and again
threadpool_limits(1)  # tests run side by side, and threads would wait for each other's cores
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, as do its children


@pytest.fixture(scope="session")
def quiet() -> dict[str, str]:
    """The environment without what a run of ours would have set in it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CLV_")}


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both workers keep datasets and forecasts for each other, as the notebooks of a run do (`files.once`)."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "kept"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def sharing(kept: Path) -> Iterator[None]:
    """For a file of tests that alter no method: what they make of bundled data is made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEPT, str(kept))
        yield


@pytest.fixture(scope="session")
def demo() -> Dataset:
    return dataset.load("demo")


@pytest.fixture(scope="session")
def cdnow() -> Dataset:
    return dataset.load("cdnow")


@pytest.fixture(scope="session")
def cdnow_sample() -> Dataset:
    return dataset.load("cdnow_sample")


@pytest.fixture
def orders() -> pd.DataFrame:
    """A small shop: three customers, one of them once only, in the canonical columns."""
    rows = [
        ("0007", "2025-01-03", 20.0),
        ("0007", "2025-02-14", 35.5),
        ("0007", "2025-04-30", 12.0),
        ("12", "2025-01-20", 99.0),
        ("12", "2025-06-01", 45.0),
        ("zoé", "2025-03-05", 10.0),
    ]
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount"])


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., tuple[Dataset | None, tuple[Any, ...]]]:
    """Write a text as orders.csv beside a card and read it: `build(text, columns={…}, …)` → dataset, problems."""

    def made(text: str | bytes, name: str = "orders.csv", as_of: Any = None, card: dict | None = None, **options: Any):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        section = {"path": name, **options}
        return dataset.build({**(card or {}), "transactions": section}, tmp_path / "card.toml", as_of)

    return made


LONG = (
    "test_notebooks.py",
    "test_lessons.py",
    "test_runs.py",
    "test_runner.py",
)  # begun first, so that no worker waits for another's


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest; the order within a file stays."""
    items.sort(key=lambda item: [*LONG, item.path.name].index(item.path.name))
