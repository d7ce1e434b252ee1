"""What is run: the folder of its data goes in, the seconds of the work come out. Ours, then the peers'.

Each gets ready, and then takes the time of the work alone. It is called in a process of its own, in which nothing is
warm and whose peak of memory is its own; so each imports for itself what it needs.
"""

import json
import os
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from benchmarks import shops
from benchmarks.shops import AS_OF

CLV = "from clvlib.run import cli; cli.main()"
DISCOUNT = 0.10  # a year


class Measured(NamedTuple):
    """Seconds of the work, peak memory in GB (None where the system doesn't tell), and a number that it came to."""

    seconds: float
    peak_gb: float | None
    answer: float | None = None


def hush() -> None:
    """Whatever a package prints or warns of from now on isn't seen."""
    sys.stdout = StringIO()
    warnings.simplefilter("ignore")


def timed(work: Callable[[], Any], answer: Callable[[Any], float] | None = None) -> Measured:
    """The work is called here, and what it gives is asked for the answer afterwards."""
    begun = time.perf_counter()
    found = work()
    seconds = time.perf_counter() - begun
    return Measured(seconds, peak_gb(), float(answer(found)) if answer else None)


def peak_gb() -> float | None:
    """Peak memory of this process; None on Windows."""
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def read_once(folder: Path) -> Measured:
    """The limit: DuckDB reads every cell of the data once, and keeps none."""
    import duckdb

    [file] = [*folder.glob("*.parquet"), *folder.glob("*.csv")]
    source = f"read_csv('{file}', all_varchar = true)" if file.suffix == ".csv" else f"'{file}'"
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    described = connection.execute(f"DESCRIBE FROM {source}").fetchall()
    each = {"VARCHAR": "sum(strlen({}))", "TIMESTAMP": "max(epoch_us({}))"}
    cells = ", ".join(each.get(kind, "sum({})").format(f'"{name}"') for name, kind, *_ in described)
    return timed(lambda: connection.execute(f"SELECT {cells} FROM {source}").fetchall())


# Our commands, as a person types them.


def typed(place: str, *commands: list[str]) -> Measured:
    """Run one `clv` command after the other in a folder; the memory is that of all their processes together."""
    begun, peak = time.perf_counter(), 0.0
    for words in commands:
        command = [sys.executable, "-c", CLV, *words]
        environment = os.environ | {"CLV_KEY": f"{place}/key"}
        with subprocess.Popen(command, cwd=place, env=environment, stdout=subprocess.DEVNULL) as started:
            while started.poll() is None:
                peak = max(peak, _held(started.pid))
                with suppress(subprocess.TimeoutExpired):
                    started.wait(0.2)
        if started.returncode:
            raise RuntimeError(f"clv {words[0]} ended with {started.returncode}")
    return Measured(time.perf_counter() - begun, peak)


def _held(pid: int) -> float:
    """Memory of a process and all that it started, in GB; what forked ones share counts once, where Linux tells it."""
    import psutil

    held = 0
    with suppress(psutil.NoSuchProcess):
        started = psutil.Process(pid)
        for each in [started, *started.children(recursive=True)]:
            with suppress(psutil.Error):
                told = each.memory_full_info()
                held += getattr(told, "pss", told.uss)
    return held / 1e9


def command(name: str, folder: Path) -> Measured:
    with TemporaryDirectory() as place:
        return typed(place, [name, str(folder / "shop.toml")])


def slowest_notebook(folder: Path) -> Measured:
    """`clv run cdnow`, and of it the seconds of the notebook that took longest."""
    with TemporaryDirectory() as place:
        whole = typed(place, ["run", "cdnow"])
        [manifest] = Path(place).rglob("manifest.json")
        return whole._replace(seconds=max(each["seconds"] for each in json.loads(manifest.read_text())["notebooks"]))


def make_demo(folder: Path) -> Measured:
    """The commands of `make demo`, as the Makefile has them."""
    makefile = Path(__file__).parents[1] / "Makefile"
    with TemporaryDirectory() as place:
        return typed(place, *map(str.split, re.findall(r"^\t\$\(BIN\)/clv (run .*)$", makefile.read_text(), re.M)))


# Our methods.


def aggregated(name: str, given: tuple[Any, ...], folder: Path) -> Measured:
    from clvlib import aggregate

    table = _purchases(folder)
    return timed(lambda: getattr(aggregate, name)(table, *given))


def scored(folder: Path) -> Measured:
    """Chance, purchases, spend and CLV with its range of every customer; what is forecast by was learned before."""
    from clvlib.models import outlook, scoring

    ds = _dataset(folder)
    ahead = outlook.foresee(ds)
    known = ahead.window.known
    return timed(lambda: scoring.score(ahead.of(known), ds.economics), lambda scores: scores["clv"].sum())


def scores_written(folder: Path) -> Measured:
    """What `clv score` does, of purchases in Parquet: windows, fits and scores, from one file into another."""
    from clvlib.models import streamed

    ds = _dataset(folder)
    with TemporaryDirectory() as place:
        target = Path(place) / "scores.parquet"
        return timed(lambda: streamed.write_scores(ds, target), lambda written: written.total.clv)


def _dataset(folder: Path) -> Any:
    import pandas as pd

    from clvlib.dataset import Dataset, Economics

    tables = {"transactions": _purchases(folder)}
    as_of, economics, empty = pd.Timestamp(AS_OF), Economics(annual_discount_rate=DISCOUNT), pd.DataFrame()
    starts = as_of - pd.Timedelta(days=shops.DAYS)
    return Dataset("bench", "EUR", "en", starts, as_of, economics, empty, empty, (), tables, ())


def _purchases(folder: Path) -> Any:
    """The rows, in a database with as much memory as a dataset of such a file gets."""
    from clvlib.ingest import reading

    file = folder / "purchases.parquet"
    return reading.database(reading.bytes_of_text(file)).read_parquet(file)


def fitted(package: str, model: str, folder: Path) -> Measured:
    """A fit by lifetimes, or by ours that is called as theirs; its answer is the loss."""
    import pandas as pd

    known = pd.read_parquet(folder / "histories.parquet")
    given = ["frequency", "recency", "T"]
    if model == "GammaGamma":
        known, given = known[known["frequency"] > 0], ["frequency", "monetary_value"]
    fitter = getattr(import_module(package), f"{model}Fitter")
    return timed(lambda: fitter().fit(*(known[name] for name in given)), lambda fit: fit._negative_log_likelihood_)


# The peers', as their documentation does it.


def fitted_by_pymc(model: str, folder: Path) -> Measured:
    """The most likely parameters, not a sample of them."""
    import pandas as pd
    from pymc_marketing import clv

    known = pd.read_parquet(folder / "histories.parquet").rename_axis("customer_id").reset_index()
    if model == "GammaGamma":
        known = known[known["frequency"] > 0]
    return timed(lambda: getattr(clv, f"{model}Model")(known).fit(method="map", progressbar=False))


def summary_of_lifetimes(folder: Path) -> Measured:
    import pandas as pd
    from lifetimes.utils import summary_data_from_transaction_data

    names = {"monetary_value_col": "amount", "observation_period_end": AS_OF}
    file = folder / "purchases.parquet"
    return timed(lambda: summary_data_from_transaction_data(pd.read_parquet(file), "customer_id", "date", **names))


def clv_of_lifetimes(folder: Path) -> Measured:
    """CLV of every customer; the summary is there, and the fits are of a few customers who are as the models assume."""
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    from clvlib import aggregate

    rfm = aggregate.rfm_summary(_purchases(folder), AS_OF)
    few = shops.known(10_000)
    back = few[few["frequency"] > 0]
    history = ["frequency", "recency", "T"]
    model = BetaGeoFitter().fit(*(few[name] for name in history))
    spend = GammaGammaFitter().fit(back["frequency"], back["monetary_value"])
    given = [rfm[name] for name in (*history, "monetary_value")]
    monthly = (1 + DISCOUNT) ** (1 / 12) - 1
    return timed(
        lambda: spend.customer_lifetime_value(model, *given, time=12, discount_rate=monthly), lambda clv: clv.sum()
    )
