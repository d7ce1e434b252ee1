"""The package's docstrings, and a page of every kind of figure → a site of HTML pages, made without network.

python -m tools.docs [folder]
"""

import html
import pkgutil
import sys
from base64 import b64encode
from pathlib import Path

import numpy as np
import pandas as pd
import pdoc

import clvlib
from clvlib import wording
from clvlib.show import canvas, figures, plots
from clvlib.show.bar_charts import draw_bars, draw_waterfall
from clvlib.show.figures import Picture

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>The theme</title>
<style>body {{font: 16px/1.5 sans-serif; max-width: 760px; margin: 2em auto; padding: 0 1em}} img {{max-width: 100%}}
</style></head><body><h1>The theme</h1>
<p><a href="clvlib.html">The package</a>. Made-up values: what counts is the shape.</p>
{figures}
</body></html>
"""


def write(folder: Path) -> None:
    """Write the site: one page per module, and figures.html."""
    pdoc.render.configure(docformat="google", footer_text="figures.html shows every kind of figure")
    modules = [module.name for module in pkgutil.walk_packages(clvlib.__path__, "clvlib.")]
    pdoc.pdoc("clvlib", *modules, output_directory=folder)
    blocks = [f"<h2>{name}</h2>\n{_image(picture)}" for name, picture in gallery().items()]
    (folder / "figures.html").write_text(_PAGE.format(figures="\n".join(blocks)), encoding="utf-8")


def _image(picture: Picture) -> str:
    data = b64encode(figures.png(picture.figure)).decode("ascii")
    return f'<img src="data:image/png;base64,{data}" alt="{html.escape(picture.text)}">'


def gallery() -> dict[str, Picture]:
    """One picture of each kind, of made-up values."""
    canvas.theme()
    wording.write_for("en_US", "EUR")
    months, steps = pd.date_range("2024-01-01", periods=24, freq="MS"), np.arange(24)
    shares = pd.Series([0.4, 0.3, 0.2, 0.1], index=["champions", "loyal", "at risk", "lost"])
    both = pd.DataFrame({"customers": shares, "value": shares.to_numpy()[::-1]})
    trade = pd.DataFrame({"first purchases": steps + 5, "repeat purchases": 2 * steps}, index=months)
    weeks = pd.DataFrame({"actual": 50 + 20 * np.sin(steps / 3), "expected": 60.0 - steps}, index=months)
    looks = pd.Index(100 * (steps + 1))
    watched = pd.DataFrame({"difference": np.linspace(3, 5, 24)}, index=looks)
    sequence = pd.DataFrame({"low": -4 + steps / 4, "high": 9 - steps / 9}, index=looks)
    grid = pd.DataFrame(0.3 * 0.8 ** (steps[:8, None] / 3 + steps[None, :8]), index=months[:8].strftime("%b %Y"))
    effects = pd.DataFrame({"mid": [3.0, 5.0, -1.0], "low": [1.0, 2.0, -4.0], "high": [5.0, 9.0, 2.0]})
    effects.index = pd.Index(["plain difference", "adjusted, everybody", "adjusted, those who did"])
    bridge = pd.Series({"a year ago": 100.0, "new customers": 40.0, "silence": -60.0, "today": 80.0})
    nps = pd.DataFrame({"nps": 20.0 + steps, "low": 10.0 + steps, "high": 30.0 + steps, "clv": 90.0 + steps}, months)
    panels = [plots.Panel("nps", "NPS", None, 30, "low", "high"), plots.Panel("clv", "CLV", "money")]
    return {
        "bars": draw_bars(shares, "Champions: 40 % of the value", "segment", "share", "percent", accent="champions"),
        "bars, lying": draw_bars(both, "At risk: 20 % of customers, 30 % of value", "share", "", "percent", True),
        "bars, stacked": draw_bars(trade, "Two of three purchases are repeats", "month", "purchases", stacked=True),
        "bars with a level": draw_bars(shares, "Two stay below", "", "share", "percent", levels={"a quarter": 0.25}),
        "lines": plots.draw_lines(
            weeks,
            "The model expected less",
            "month",
            "purchases",
            accent="expected",
            marks={"learned until": months[12]},
        ),
        "lines with bands": plots.draw_lines(
            watched, "The sequence leaves zero out", "customers", "difference (EUR)", "money", bands={"95 %": sequence}
        ),
        "heat map": plots.draw_heatmap(grid, "Retention falls with age", "months since", "first purchase"),
        "intervals": plots.draw_interval(effects, "Of €3, €5 remain", "net revenue per customer (EUR)", unit="money"),
        "bridge": draw_waterfall(bridge, "The base lost €20", y="customer equity (EUR)", unit="money"),
        "panels": plots.draw_panels(nps, "NPS and CLV rise", panels),
    }


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "site"))
