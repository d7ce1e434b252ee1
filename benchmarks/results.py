"""What was measured → whether the targets are met, a table, results.json, the picture and the table in the README.

A row is a dictionary as results.json has it: task, size, data (the size in words), date, ours, peer (None where there
is none), read_once, targets; and then what is made of these: measures, missed. ours, peer and read_once have seconds
(the median of `runs` runs), low, high, peak_gb (the highest) and answer, or failed, the kind of the error.
"""

import json
from collections.abc import Iterable
from math import log
from pathlib import Path
from typing import Any

from benchmarks.shops import short

Row = dict[str, Any]

BASE = 1_000_000  # growth is told from the row of this size
LEAST = {"ratio"}  # these are met from the target on, all others up to it
TARGETS = {
    "ratio": "ratio ≥ {:g}",
    "seconds": "≤ {:g} s",
    "peak_gb": "≤ {:g} GB",
    "loss": "loss not larger",
    "growth": "seconds ≤ n log n",
    "memory_growth": "GB ≤ {:g} × of a million",
}
HEADS = {  # with the width of each column
    "task": 26,
    "size": 20,
    "ours, s": 19,
    "peer": 22,
    "peer, s": 19,
    "ratio": 7,
    "peak GB": 9,
    "of the limit": 14,
    "targets": 40,
}
BEGIN, END = "<!-- written by python -m benchmarks -->", "<!-- end of what is written -->"


def judged(rows: list[Row]) -> list[Row]:
    """The rows with measures (name → number, None where there is nothing to measure) and missed (names of targets).

    What has failed misses all its targets; what can't be measured here misses none.
    """
    bases = {row["task"]: row for row in rows if row["size"] == BASE}
    return [_judged(row, bases.get(row["task"], {"size": 0, "ours": {}})) for row in rows]


def _judged(row: Row, base: Row) -> Row:
    ours, peer, first = row["ours"], row["peer"] or {}, base["ours"]
    longer = row["size"] * log(row["size"]) / (base["size"] * log(base["size"])) if base["size"] else None
    found = {
        "ratio": _over(peer.get("seconds"), ours.get("seconds")),
        "share_of_limit": _over((row["read_once"] or {}).get("seconds"), ours.get("seconds")),
        "seconds": ours.get("seconds"),
        "peak_gb": ours.get("peak_gb"),
        "loss": _above(ours.get("answer"), peer.get("answer")),
        "growth": _over(_over(ours.get("seconds"), first.get("seconds")), longer),
        "memory_growth": _over(ours.get("peak_gb"), first.get("peak_gb")),
    }
    missed = [name for name, target in row["targets"].items() if "failed" in ours or _misses(name, found[name], target)]
    return row | {"measures": found, "missed": missed}


def _over(a: float | None, b: float | None) -> float | None:
    return None if a is None or not b else a / b


def _above(a: float | None, b: float | None) -> float | None:
    """By which share of its size a loss is above another; both may be below 0."""
    return None if a is None or not b else (a - b) / abs(b)


def _misses(name: str, found: float | None, target: float) -> bool:
    return found is not None and (found < target if name in LEAST else found > target)


def cells(row: Row) -> list[str]:
    """The row in words, a cell for each of HEADS."""
    ratio, share, peak = (row["measures"][name] for name in ("ratio", "share_of_limit", "peak_gb"))
    peer = row["peer"]
    return [
        row["task"],
        row["data"],
        _seconds(row["ours"]),
        peer["name"] if peer else "",
        _seconds(peer) if peer else "",
        "" if ratio is None else f"{ratio:.3g}",
        "" if peak is None else f"{peak:.2f}",
        "" if share is None else f"{100 * share:.{'0f' if share >= 0.1 else '2g'}}%",
        ", ".join(f"{TARGETS[name].format(target)} {_verdict(row, name)}" for name, target in row["targets"].items()),
    ]


def _verdict(row: Row, name: str) -> str:
    return "MISSED" if name in row["missed"] else "not measured" if row["measures"][name] is None else "met"


def _seconds(side: dict[str, Any]) -> str:
    if "failed" in side:
        return str(side["failed"])
    digits = max(0, 2 - len(str(int(side["seconds"]))) + 1)
    spread = f" ({side['low']:.{digits}f}–{side['high']:.{digits}f})" if side["runs"] > 1 else ""
    return f"{side['seconds']:.{digits}f}{spread}"


def line(texts: Iterable[str]) -> str:
    """A line of the table as it is printed."""
    return "".join(text.ljust(width) for text, width in zip(texts, HEADS.values(), strict=True)).rstrip()


def read(folder: Path) -> dict[str, Any]:
    """What results.json of a folder holds; nothing where there is none."""
    file = folder / "results.json"
    return json.loads(file.read_text("utf-8")) if file.exists() else {}


def write(folder: Path, told: dict[str, Any]) -> None:
    """Write results.json and the table of the README, if the folder has one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    readme = folder / "README.md"
    if readme.exists():
        before, _, rest = readme.read_text("utf-8").partition(BEGIN)
        readme.write_text(f"{before}{BEGIN}\n{quoted(folder)}{END}{rest.partition(END)[2]}", "utf-8")


def quoted(folder: Path) -> str:
    """What the README says of results.json, in Markdown."""
    told = read(folder)
    if not told:
        return "Not measured yet.\n"
    rows, machine = told["rows"], told["machine"]
    dates = sorted({row["date"] for row in rows})
    versions = ", ".join(f"{name} {version}" for name, version in told["versions"].items())
    table = [list(HEADS), ["---"] * len(HEADS), *map(cells, rows)]
    lines = [
        f"Measured {' to '.join(dict.fromkeys((dates[0], dates[-1])))} on {machine['cores']} cores with "
        f"{machine['memory_gb']} GB ({machine['system']}), {versions}.",
        "",
        *("| " + " | ".join(each) + " |" for each in table),
        "",
        "![How many times as fast, beside the targets](results.png)",
    ]
    return "\n".join(lines) + "\n"


def draw(folder: Path) -> None:
    """Draw results.png: ratios beside their targets, where there are any."""
    from matplotlib.figure import Figure

    rows = [row for row in read(folder)["rows"] if "ratio" in row["targets"] and row["measures"]["ratio"]][::-1]
    if not rows:
        return
    figure = Figure(figsize=(9, 1.2 + 0.32 * len(rows)), layout="constrained")
    axes = figure.subplots()
    ratios = [row["measures"]["ratio"] for row in rows]
    targets = [row["targets"]["ratio"] for row in rows]
    for met, colour in ((True, "#0072B2"), (False, "#D55E00")):
        places = [place for place in range(len(rows)) if (ratios[place] >= targets[place]) == met]
        widths = [ratios[place] - 0.1 for place in places]
        axes.barh(places, widths, left=0.1, height=0.55, color=colour, label="target met" if met else "target missed")
    axes.plot(targets, range(len(rows)), "|", color="black", markersize=16, markeredgewidth=2, label="target")
    for place, ratio in enumerate(ratios):
        axes.text(0.11, place, f"{ratio:.3g}", color="white", weight="bold", va="center")
    names = [f"{row['task']} ({short(row['size'])}), beside {row['peer']['name']}" for row in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set_xscale("log")
    axes.set_xlim(0.1, 2 * max([*ratios, *targets, 1]))
    axes.set_xlabel("times as fast, medians of one run (logarithmic)")
    axes.set_xticks([0.1, 0.5, 1, 2, 5, 10, 20, 50, 100], minor=False)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False)
    figure.savefig(folder / "results.png", dpi=110, metadata={"Software": None})
