"""The fitters that take the place of those of `lifetimes`: the same answers where these are right, an optimum or an
error where they are not, and everything else of `lifetimes` at work on top.
"""

import contextlib
import warnings
from functools import partial

import lifetimes
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from lifetimes.datasets import load_cdnow_summary_data_with_monetary_value, load_donations
from lifetimes.plotting import plot_period_transactions, plot_probability_alive_matrix
from lifetimes.utils import ConvergenceError as LifetimesConvergenceError
from scipy.optimize import minimize

from clvlib.errors import DataError, UsageError
from clvlib.models import bg_nbd, drop_in, gamma_gamma, pareto_nbd
from clvlib.models.drop_in import EndOfModel, NoMaximum
from clvlib.models.likelihood import mean_loss_of, unique_rows
from tools.demo_shop import simulate

GEOMETRIC = ["BetaGeoFitter", "ModifiedBetaGeoFitter"]
PURCHASES = [*GEOMETRIC, "ParetoNBDFitter"]
FORMULAS = {
    "BetaGeoFitter": partial(bg_nbd.geometric_log_likelihood, at_once=0),
    "ModifiedBetaGeoFitter": partial(bg_nbd.geometric_log_likelihood, at_once=1),
    "ParetoNBDFitter": pareto_nbd.log_likelihood,
    "GammaGammaFitter": gamma_gamma.spend_log_likelihood,
}


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    return load_cdnow_summary_data_with_monetary_value()


def history(rfm):
    return rfm["frequency"], rfm["recency"], rfm["T"]


def spends(rfm):
    back = rfm[rfm["frequency"] > 0]
    return back["frequency"], back["monetary_value"]


def donations():
    rows = load_donations()
    return (rows["frequency"], rows["recency"], rows["periods"]), rows["weights"]


# The same answers


@pytest.mark.parametrize("penalty", [0.0, 0.01, 1.0])
@pytest.mark.parametrize("name", [*GEOMETRIC, "GammaGammaFitter"])
def test_parameters_and_their_precision_are_those_of_lifetimes_and_the_likelihood_is_not_lower(cdnow, name, penalty):
    data = spends(cdnow) if name == "GammaGammaFitter" else history(cdnow)
    ours, theirs = (getattr(package, name)(penalty).fit(*data) for package in (drop_in, lifetimes))
    np.testing.assert_allclose(ours.params_, theirs.params_, rtol=1e-4)
    np.testing.assert_allclose(ours.variance_matrix_, theirs.variance_matrix_, rtol=1e-3)
    np.testing.assert_allclose(ours.summary, theirs.summary, rtol=1e-3)
    assert ours._negative_log_likelihood_ <= theirs._negative_log_likelihood_ + 1e-12
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("penalty", [0.0, 0.5])
def test_paretonbd_is_fitted_as_lifetimes_would_with_the_patience_for_it(cdnow, penalty):
    some = cdnow.iloc[::4]
    ours = drop_in.ParetoNBDFitter(penalty).fit(*history(some))
    theirs = lifetimes.ParetoNBDFitter(penalty).fit(*history(some), tol=1e-9)
    np.testing.assert_allclose(ours.params_, theirs.params_, rtol=1e-4)
    assert ours._negative_log_likelihood_ <= theirs._negative_log_likelihood_ + 1e-9


def test_where_hardly_anybody_leaves_the_likelihood_is_higher_and_the_fit_says_what_is_not_determined():
    """Of the donors 1 of 200 leaves at the first repeat, nobody later: a and b go to 0, and only a / b is known."""
    data, weights = donations()
    with pytest.warns(EndOfModel, match=r"11,104 customers: the data don't determine a, b, which"):
        ours = drop_in.BetaGeoFitter().fit(*data, weights)
    starts = [0.1, 0.1, 0.1, 0.1], [0.9, 1.0, -5.0, 0.0], [0.1, 0.1, -3.0, 2.0]
    for start in starts:  # from the first, their own, they end nowhere on some processors
        with contextlib.suppress(lifetimes.utils.ConvergenceError), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # their standard errors are roots of what is below 0
            theirs = lifetimes.BetaGeoFitter().fit(*data, weights, initial_params=start)
            break
    np.testing.assert_allclose(ours.params_[["r", "alpha"]], theirs.params_[["r", "alpha"]], rtol=3e-3)
    assert ours._negative_log_likelihood_ < theirs._negative_log_likelihood_ - 0.3 / weights.sum()
    assert ours.params_["a"] / ours.params_["b"] == pytest.approx(0.0051, abs=1e-4)
    assert ours.summary["se(coef)"].isna().to_dict() == {"r": False, "alpha": False, "a": True, "b": True}
    assert ours.conditional_probability_alive(3, 4, 6) == pytest.approx(1)


def test_donations_have_a_maximum_by_paretonbd_that_lifetimes_misses():
    data, weights = donations()
    ours = drop_in.ParetoNBDFitter().fit(*data, weights)
    rows = [np.asarray(each, dtype=float) for each in (*data, weights)]
    reached = mean_loss_of(pareto_nbd.log_likelihood, *rows)
    at = np.log(ours.params_.to_numpy())
    others = [np.log([3.5269, 8.0939, 0.0091, 1e-9]), np.log([1.4, 3.8, 0.01, 10.0])]  # the first is where it stops
    assert all(reached(at)[0] < reached(other)[0] - 1e-3 for other in others)


def test_weights_are_the_same_as_repeated_rows(cdnow):
    few, times = cdnow.iloc[:300], np.arange(300) % 3 + 1
    repeated = few.loc[few.index.repeat(times)]
    for name in PURCHASES:
        fitter = getattr(drop_in, name)
        np.testing.assert_allclose(
            fitter().fit(*history(few), times).params_, fitter().fit(*history(repeated)).params_, rtol=1e-7
        )


@pytest.mark.parametrize("values", [5, 70_000])  # of the latter in four columns there are more rows than int64 counts
def test_distinct_rows_are_sorted_and_each_row_is_found_among_them(values):
    drawn = np.random.default_rng(0).integers(0, values, (2 * values, 4))
    rows = np.concatenate([drawn, drawn[:: values // 5]]).astype(float)
    columns, code = unique_rows(pd.DataFrame(rows), range(4))
    assert np.array_equal(np.column_stack(columns), np.unique(rows, axis=0))
    assert np.array_equal(np.column_stack(columns)[code], rows)


def test_a_start_far_away_leads_to_the_same_place(cdnow):
    for name in PURCHASES:
        near = getattr(drop_in, name)().fit(*history(cdnow))
        far = getattr(drop_in, name)().fit(*history(cdnow), initial_params=[8.0, 0.1, 5.0, 0.2])
        np.testing.assert_allclose(far.params_, near.params_, rtol=1e-7)


# Everything else of lifetimes goes on


def test_forecasts_plots_and_files_are_those_of_lifetimes(cdnow, tmp_path):
    ours, theirs = (package.BetaGeoFitter().fit(*history(cdnow)) for package in (drop_in, lifetimes))
    np.testing.assert_allclose(ours.predict(39, *history(cdnow)), theirs.predict(39, *history(cdnow)), rtol=1e-4)
    spend = drop_in.GammaGammaFitter().fit(*spends(cdnow))
    assert spend.customer_lifetime_value(ours, *history(cdnow), cdnow["monetary_value"]).gt(0).all()
    for plot in (plot_probability_alive_matrix, plot_period_transactions):
        assert plot(ours).get_title(plt.rcParams["axes.titlelocation"])
        plt.close()
    assert len(ours.generate_new_data(size=10)) == 10
    ours.save_model(tmp_path / "model.pkl")
    again = drop_in.BetaGeoFitter()
    again.load_model(tmp_path / "model.pkl")
    assert again.params_.equals(ours.params_)
    assert list(drop_in.BetaGeoFitter().fit(*history(cdnow), index=cdnow.index[::-1]).data.index) == [
        *cdnow.index[::-1]
    ]


def test_a_fit_says_what_it_found_when_it_is_asked_to(cdnow, capsys):
    loss = drop_in.BetaGeoFitter().fit(*history(cdnow), verbose=True)._negative_log_likelihood_
    different = len(cdnow[["frequency", "recency", "T"]].drop_duplicates())
    assert capsys.readouterr().out == (
        f"BG/NBD on 2,357 customers, {different:,} different histories: lowest mean loss {loss:.6f}\n"
    )


@pytest.mark.parametrize(
    ("name", "seed", "ends"),
    [
        ("BetaGeoFitter", 86, "a, b"),  # some leave at once, the others never: only a / b is known
        ("BetaGeoFitter", 7, "a, b"),  # everybody leaves with one probability
        ("ParetoNBDFitter", 86, "s, beta"),  # everybody leaves at one rate
        ("ModifiedBetaGeoFitter", 33, "r, alpha"),  # all buy at one rate
        ("BetaGeoFitter", 135, "r, alpha, a, b"),  # nobody came back
    ],
)
def test_two_parameters_that_go_to_an_end_together_are_both_not_determined(name, seed, ends):
    with pytest.warns(EndOfModel, match=rf"determine {ends}, which"):
        getattr(drop_in, name)().fit(*history(a_shop(seed)))


def test_forecasts_have_a_number_where_those_of_lifetimes_overflow():
    """Customers who all buy at one rate, 1 in 10 days, and of whom a share p leaves at each purchase."""
    age, p = pd.Series([50.0, 100.0], index=["some", "one"]), 0.2
    for name, left in (("BetaGeoFitter", 0.0), ("ModifiedBetaGeoFitter", p)):
        fitter = getattr(drop_in, name)()
        fitter.params_ = pd.Series({"r": 1e6, "alpha": 1e7, "a": p * 1e6, "b": (1 - p) * 1e6})
        with np.errstate(all="ignore"):
            assert np.isnan(getattr(lifetimes, name).probability_of_n_purchases_up_to_time(fitter, 10.0, 1))
        # Who buys leaves with p: without, one purchase in 10 days has the chance e^-1, none after it
        once = np.exp(-1) * (1 - p) + p * (1 - np.exp(-1))
        assert fitter.probability_of_n_purchases_up_to_time(10.0, 1) == pytest.approx((1 - left) * once, rel=1e-4)
        assert fitter.probability_of_n_purchases_up_to_time(10.0, 0) == pytest.approx(
            left + (1 - left) * np.exp(-1), rel=1e-4
        )
        soon = fitter.expected_number_of_purchases_up_to_time(10.0)
        assert soon == pytest.approx((1 - left) * (1 - np.exp(-p)) / p, rel=1e-4)
        alive = fitter.conditional_probability_alive(1, age, age)
        later = fitter.conditional_expected_number_of_purchases_up_to_time(10.0, 1, age, age)
        np.testing.assert_allclose(later, alive * (1 - np.exp(-p)) / p, rtol=1e-4)
        assert list(later.index) == ["some", "one"]
    pareto = drop_in.ParetoNBDFitter()
    pareto.params_ = pd.Series({"r": 1e6, "alpha": 1e7, "s": 1e6, "beta": 1e8})  # and who all leave at one rate, 0.01
    x, days = pd.Series([3, 9], index=age.index), 30.0
    with np.errstate(all="ignore"):
        assert np.isnan(lifetimes.ParetoNBDFitter.conditional_probability_alive(pareto, x, age, age + 50)).all()
    alive = pareto.conditional_probability_alive(x, age, age + 50)
    rate = 0.1 + 0.01  # of whatever comes first
    gone = 0.01 / rate * (1 - np.exp(-rate * 50))
    np.testing.assert_allclose(alive, np.exp(-rate * 50) / (np.exp(-rate * 50) + gone), rtol=1e-4)
    expected = pareto.conditional_expected_number_of_purchases_up_to_time(days, x, age, age + 50)
    np.testing.assert_allclose(expected, alive * 0.1 * (1 - np.exp(-0.01 * days)) / 0.01, rtol=1e-4)
    never = pareto.conditional_probability_of_n_purchases_up_to_time(0, days, x, age, age + 50)
    stays = np.exp(-rate * days) + 0.01 / rate * (1 - np.exp(-rate * days))
    np.testing.assert_allclose(never, 1 - alive * (1 - stays), rtol=1e-4)


# What can't be honoured is said


@pytest.mark.parametrize(
    ("name", "option", "words"),
    [
        ("BetaGeoFitter", {"maxiter": 10}, "1 option.*another optimiser.*maxiter"),
        ("ParetoNBDFitter", {"fit_method": "BFGS", "maxiter": 10}, "2 option.*fit_method, maxiter"),
        ("ParetoNBDFitter", {"iterative_fitting": 0}, "iterative_fitting is 0"),
        ("BetaGeoFitter", {"initial_params": [1.0, 2.0]}, "Give 4 logarithms"),
        ("ParetoNBDFitter", {"initial_params": [1.0, 2.0, -1.0, 1.0]}, "Give 4 parameters above 0"),
    ],
)
def test_an_argument_that_would_be_ignored_is_refused(cdnow, name, option, words):
    with pytest.raises(UsageError, match=words):
        getattr(drop_in, name)().fit(*history(cdnow), **option)


def test_missing_times_and_negative_weights_are_no_data(cdnow):
    x, t_x, T = history(cdnow[cdnow["frequency"] > 0].iloc[:50])
    with pytest.raises(DataError, match=r"recency: 1 of 50 value\(s\) are missing"):
        drop_in.BetaGeoFitter().fit(x, t_x.where(np.arange(50) != 3), T)
    with pytest.raises(DataError, match=r"weights: 2 of 50"):
        drop_in.ParetoNBDFitter().fit(x, t_x, T, weights=np.where(np.arange(50) < 2, -1, 1))


def test_q_held_at_1_leaves_no_mean_spend_and_raises_what_code_for_lifetimes_catches(cdnow):
    with (
        pytest.warns(EndOfModel, match="determine q"),
        pytest.raises(LifetimesConvergenceError, match="has no mean spend") as error,
    ):
        drop_in.GammaGammaFitter(penalizer_coef=0.01).fit(*spends(cdnow), q_constraint=True)
    assert isinstance(error.value, NoMaximum)


# Whatever the shop and wherever the search starts


def a_shop(seed: int) -> pd.DataFrame:
    """200 to 2,000 customers by BG/NBD, MBG/NBD or Pareto/NBD; every second shop is of an odd kind."""
    rng = np.random.default_rng(seed)
    n, age = int(np.exp(rng.uniform(np.log(200), np.log(2000)))), np.exp(rng.uniform(3, 7))
    T = rng.uniform(age / 20, age, n).round() + 1
    r, alpha, a, b = np.exp(rng.uniform([-2.5, 0, -2.5, -1.5], [2, 6, 2, 3]))
    match seed % 12:
        case 1:
            a, b = 1e-9, 1.0  # nobody leaves
        case 3:
            alpha = 1e6 * r  # hardly anybody returns
        case 5:
            r, alpha = 20.0, 20 / np.exp(rng.uniform(-5, -1))  # everybody returns
        case 7:
            a, b = 5.0, 0.05  # everybody leaves soon
        case 9:
            r, alpha = 1e6, 1e6 * np.exp(rng.uniform(2, 5))  # all buy at one rate
        case 11:
            return pd.DataFrame({"frequency": 12, "recency": T - 1, "T": T})  # like clockwork
    if seed % 3 < 2:
        return simulate.bg_nbd(n, (r, alpha, a, b), T, seed=seed, modified=seed % 3 == 1).customers
    return simulate.pareto_nbd(n, (r, alpha, a, b * age / 20), T, seed=seed).customers


def some_spends(seed: int) -> pd.DataFrame:
    """Mean spends in cents of 100 to 2,000 customers who came back; every second shop is of an odd kind."""
    rng = np.random.default_rng(seed)
    n = int(np.exp(rng.uniform(np.log(100), np.log(2000))))
    p, q, v = np.exp(rng.uniform([-0.5, 0.2, 1], [3, 3, 5]))
    x = rng.geometric(rng.uniform(0.1, 0.9), n)
    match seed % 12:
        case 1:
            q, v = 1e6, 1e6 * v  # all are alike
        case 3:
            p, v = 1e5, 1e-5 * v  # everybody spends the same each time
        case 5:
            q = 0.7  # no mean
        case 7:
            x = np.ones(n, dtype=int)  # p and q can hardly be told apart
    paid = simulate.gamma_gamma(x, (p, q, v), seed)["monetary_value"].round(2).clip(lower=0.01)
    if seed % 12 == 9:
        paid[0] = 1e5 * paid.max()
    if seed % 12 == 11:
        paid = paid.median() * rng.choice([1.0, 2.0], n)  # two prices
    return pd.DataFrame({"frequency": x, "monetary_value": paid})


def judged(name: str, seed: int, searches: int = 4) -> str:
    """How a fit from a random start ended; "lower" where one of other searches finds a higher likelihood."""
    rng = np.random.default_rng(seed + 10_000)
    if name == "GammaGammaFitter":
        data = spends(some_spends(seed))
        (x, m), code = unique_rows(pd.concat(data, axis=1), ["frequency", "monetary_value"])
        rows, middle = (x, m), np.log(np.median(m))  # the loss takes log p, log q and the log of the level p v / q
        box = [(gamma_gamma.SMALLEST, gamma_gamma.NO_LIMIT)] * 2 + [(middle - 30, middle + 30)]
    else:
        data = history(a_shop(seed))
        (x, t_x, T), code = unique_rows(pd.concat(data, axis=1), ["frequency", "recency", "T"])
        rows, box = (x, t_x / T.max(), T / T.max()), [(-30.0, 15.0)] * 4
    loss = mean_loss_of(FORMULAS[name], *rows, np.bincount(code).astype(float))
    start = rng.uniform(-4, 4, len(box))
    with warnings.catch_warnings(record=True) as said, np.errstate(all="ignore"):
        warnings.simplefilter("always", EndOfModel)
        try:
            asked = np.exp(start) if name == "ParetoNBDFitter" else start
            fit = getattr(drop_in, name)().fit(*data, initial_params=asked)
        except NoMaximum:
            return "error"
        reached = fit._negative_log_likelihood_ / (len(data[0]) if name == "ParetoNBDFitter" else 1)
        for other in [np.full(len(box), 0.1), start, *rng.uniform(-4, 4, (2, len(box)))][:searches]:
            options = {"ftol": 1e-13, "gtol": 1e-9, "maxiter": 300}
            found = minimize(lambda at: loss(at)[:2], other, jac=True, method="L-BFGS-B", bounds=box, options=options)
            if not reached <= found.fun + 1e-6 * abs(found.fun) + 1e-9:
                return "lower"
    return "end" if said else "maximum"


def test_where_all_buy_at_one_rate_the_fit_looks_there_too():
    assert judged("ModifiedBetaGeoFitter", 444) == "end"


@pytest.mark.parametrize(("name", "end"), [*((name, 1) for name in PURCHASES), ("GammaGammaFitter", 13)])
def test_from_any_start_a_fit_ends_at_the_optimum(name, end):
    ended = [judged(name, seed, searches=1) for seed in (end, 4, 5, 10)]
    assert ended == ["end", "maximum", "maximum", "maximum"]  # in the first shop, nobody leaves, or all spend alike


@pytest.mark.proof
@pytest.mark.parametrize("hundred", range(10))
@pytest.mark.parametrize("name", [*PURCHASES, "GammaGammaFitter"])
def test_from_any_start_in_a_thousand_shops_a_fit_ends_at_the_optimum_or_says_that_it_did_not(name, hundred):
    ended = pd.Series([judged(name, seed) for seed in range(100 * hundred, 100 * hundred + 100)]).value_counts()
    print(name, hundred, ended.to_dict())
    assert "lower" not in ended
    assert ended.get("error", 0) <= 1


@pytest.mark.proof
@pytest.mark.parametrize("name", PURCHASES)
def test_of_200_shops_with_random_parameters_no_fit_of_lifetimes_has_a_higher_likelihood(name):
    """Where the likelihoods are the same, so are the parameters: to 1e-4, and to a flat direction of the likelihood."""
    compared = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        params = np.exp(rng.uniform([-1, 1, -1.5, 0], [1, 4, 0.5, 2]))
        T = rng.uniform(50, 400, 600).round()
        if name == "ParetoNBDFitter":
            rfm = simulate.pareto_nbd(600, params * [1, 1, 1, 20], T, seed=seed).customers
        else:
            rfm = simulate.bg_nbd(600, params, T, seed=seed, modified=name != "BetaGeoFitter").customers
        rows = (rfm["frequency"], rfm["recency"], rfm["T"], np.ones(len(rfm)))
        loss = mean_loss_of(FORMULAS[name], *(np.asarray(row, dtype=float) for row in rows))
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            ours = getattr(drop_in, name)().fit(*history(rfm))
            try:
                options = {"tol": 1e-9, "maxiter": 5000} if name == "ParetoNBDFitter" else {}
                theirs = getattr(lifetimes, name)().fit(*history(rfm), **options)
            except LifetimesConvergenceError:
                continue
            at, there = (loss(np.log(model.params_.to_numpy()))[0] for model in (ours, theirs))
        assert at <= there * (1 + 1e-12), seed
        known = getattr(ours, "standard_errors_", ours.params_).notna().all()  # those of Pareto/NBD say none
        if known and there - at < 1e-12 * abs(at):
            np.testing.assert_allclose(ours.params_, theirs.params_, rtol=1e-4, err_msg=str(seed))
            compared += 1
    print(name, compared)
    assert compared > 100
