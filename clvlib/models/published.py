"""Models fitted on the CDNOW sample go in, a table comes out that sets them beside the numbers printed in the papers.

Sources: Fader, Hardie & Lee 2005 (BG/NBD), Fader & Hardie 2005 (Pareto/NBD), Batislam, Denizel & Filiztekin 2007
(MBG/NBD), Fader & Hardie 2013 (Gamma-Gamma). Times are in weeks; calibration ends on 30 September 1997.
"""

from collections.abc import Iterable

import pandas as pd

from clvlib.models.fitted import FittedModel

CALIBRATION_END = "1997-09-30"
PAPERS: dict[str, dict[str, float]] = {
    "BG/NBD": {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426, "log-likelihood": -9582.4},
    "MBG/NBD": {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614, "log-likelihood": -9582.14},
    "Pareto/NBD": {"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669, "log-likelihood": -9595.0},
    "Gamma-Gamma": {"p": 6.25, "q": 3.74, "v": 15.44, "log-likelihood": -4055.92},
}


def beside_papers(models: Iterable[FittedModel]) -> pd.DataFrame:
    """One row per printed number, indexed by model and quantity: published, here, difference (share of it).

    >>> from clvlib import aggregate
    >>> from clvlib.models.forecast import BetaGeo
    >>> known = aggregate.rfm_summary(sample.transactions, CALIBRATION_END, time_unit="W", free_orders=True)
    >>> beside_papers([BetaGeo("W").fit(known)])[["published", "here"]].round(2)
                           published     here
    model  quantity
    BG/NBD r                    0.24     0.24
           alpha                4.41     4.41
           a                    0.79     0.79
           b                    2.43     2.43
           log-likelihood   -9582.40 -9582.43
    """
    rows = []
    for model in models:
        here = {**model.params_.to_dict(), "log-likelihood": model.log_likelihood_}
        for quantity, printed in PAPERS[model.name].items():
            rows.append((model.name, quantity, printed, here[quantity], here[quantity] / printed - 1))
    columns = ["model", "quantity", "published", "here", "difference"]
    return pd.DataFrame(rows, columns=columns).set_index(["model", "quantity"])
