"""The adjusted effect of a further channel beside DoubleML's, on the same data.

    pip install -e ".[peers]"
    python -m benchmarks.peers_causal            # five shops like the demo shop; half a minute

Both sides get the same customers, the same columns, the same learners and the same folds, so that what could differ is
the formulas alone: mean effect on all and on the treated, standard error, robustness value. Exit code 1 when estimates
or standard errors differ by more than 1 %, or robustness values by more than a percentage point.
"""

import argparse
import sys
import warnings

import doubleml
import pandas as pd
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import StratifiedKFold

from benchmarks.worlds.channels import shop_dataset
from clvlib.causes import adoption, causal, sensitivity
from tools.demo_shop import world

SCORES: dict[causal.Target, str] = {"all": "ATE", "treated": "ATTE"}
CLOSE, CLOSE_SHARE = 0.01, 0.01


def ours(seen: adoption.Study, target: causal.Target) -> dict[str, float]:
    """Our estimate on one split into folds."""
    fitted = causal.cross_fit(seen.features, seen.added, seen.outcomes["revenue"], splits=1)
    found = causal.effect(fitted, target)
    strength = sensitivity.robustness(fitted, target)
    return {"estimate": found.estimate, "se": found.se, "rv": strength["estimate"], "rv interval": strength["interval"]}


def theirs(seen: adoption.Study, target: causal.Target) -> dict[str, float]:
    """DoubleML's estimate (interactive regression model) with the same columns, learners, folds and clipping."""
    index = seen.features.index.sort_values()
    inputs = causal.design(seen.features.loc[index])
    treated = seen.added.loc[index].to_numpy(dtype=float)
    outcome = seen.outcomes["revenue"].loc[index].to_numpy()
    data = doubleml.DoubleMLData.from_arrays(inputs, outcome, treated)
    chance = LogisticRegression(C=1.0, solver="newton-cholesky", max_iter=200)
    clipping = doubleml.utils.PSProcessorConfig(clipping_threshold=causal.EDGE)
    model = doubleml.DoubleMLIRM(
        data,
        ml_g=RidgeCV(causal.RIDGE),
        ml_m=chance,
        score=SCORES[target],
        draw_sample_splitting=False,
        ps_processor_config=clipping,
    )
    folds = list(StratifiedKFold(causal.FOLDS, shuffle=True, random_state=0).split(inputs, treated.astype(bool)))
    model.set_sample_splitting([folds])
    model.fit()
    model.sensitivity_analysis(level=0.975)  # one-sided, as the lower end of a 95 % interval is
    params = model.sensitivity_params
    strength = {"rv": float(params["rv"][0]), "rv interval": float(params["rva"][0])}
    return {"estimate": float(model.coef[0]), "se": float(model.se[0]), **strength}


def main() -> int:
    """Print both sides; exit code 1 when they disagree."""
    parser = argparse.ArgumentParser(description="Agreement with DoubleML on the same simulated shops.")
    parser.add_argument("--shops", type=int, default=5)
    warnings.filterwarnings("ignore", module="doubleml|ibis")
    agree, rows = True, []
    for seed in range(parser.parse_args().shops):
        seen = adoption.study(shop_dataset(world.world(seed)), known_before=["age_band"])
        for target in SCORES:
            a, b = ours(seen, target), theirs(seen, target)
            near = all(abs(a[name] / b[name] - 1) <= CLOSE for name in ("estimate", "se"))
            near &= all(abs(a[name] - b[name]) <= CLOSE_SHARE for name in ("rv", "rv interval"))
            agree &= near
            for side, values in (("clvlib", a), ("DoubleML", b)):
                rows.append({"shop": seed, "target": target, "side": side, **values})
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.4f}".format, na_rep=""))
    print("they agree" if agree else "they disagree")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
