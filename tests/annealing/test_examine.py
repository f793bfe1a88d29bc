"""What the doctor warns of: just beyond its limits, and no sooner."""

from dataclasses import replace

import numpy as np
import pytest

import vaedyn
from vaedyn.annealing.adiabatic import delay
from vaedyn.annealing.examine import examine
from vaedyn.fixedpoints.thresholds import noise_window
from vaedyn.kernels.constants import Constants
from vaedyn.model.schedules import Linear

PLAIN = {"rho": 1.3, "eta": 0.8, "beta": 0.6, "lr": 0.02}


def told(words, **others):
    return any(words in text for text in examine(vaedyn.Params(**{**PLAIN, **others})))


@pytest.mark.parametrize(("share", "warned"), [(0.989, True), (0.9895, True), (0.9905, False)])
def test_a_warm_up_may_lack_one_per_cent_of_its_end(share, warned):
    assert told("warm-up is longer than the run", anneal="linear:300", t_max=300 * share) == warned
    above = f"points:0=1,300={0.6 + 0.6 * (1 - share)},400=0.6"  # beta comes from above
    assert told("warm-up is longer than the run", anneal=above, t_max=300) == warned


def test_where_a_warm_up_stands_at_the_end_of_a_run_is_told():
    (text,) = examine(vaedyn.Params(**PLAIN, anneal="linear:300", t_max=120, points=3))
    assert "at t = 120 beta is 0.24, not 0.6: raise --t-max" in text


@pytest.mark.parametrize(("t_max", "warned"), [(99.0, True), (100.0, False), (110.0, False)])
def test_a_cycle_has_risen_after_its_ratio_of_the_period(t_max, warned):
    """In the next cycle beta is small again, which is no reason to run longer."""
    assert told("longer than the run", anneal="cyclical:250:0.4", t_max=t_max + 0.0) == warned
    assert not told("longer than the run", anneal="cyclical:250:0.4", t_max=260.0)


@pytest.mark.parametrize(("floor", "warned"), [(0.99e-6, True), (1.01e-6, False)])
def test_what_counts_as_no_beta(floor, warned):
    spec = f"points:0={floor},200={floor},201=0.6"
    assert told("beta is below 1e-06", anneal=spec, t_max=1000) == warned


@pytest.mark.parametrize("first", [0.0, 333.0])
@pytest.mark.parametrize(("units", "warned"), [(1.99, False), (2.01, True)])
def test_how_long_beta_may_be_nothing(first, units, warned):
    """In units of 1/tau; the stretch that counts is the longest one of several."""
    end = first + units / PLAIN["lr"]
    rise = "0=0.6,332.99=0.6," if first else ""
    spec = f"points:{rise}{first}=0,{end}=0,{end + 0.01}=0.6,700=0.6,700.1=0,720=0,720.1=0.6"
    assert told("encoder variances D shrink", anneal=spec, t_max=1000) == warned


def test_nothing_is_known_to_be_slow_where_beta_ends_at_zero():
    for anneal in ("linear:100", "tanh:0.1", "points:0=1,90=0"):
        texts = examine(vaedyn.Params(**{**PLAIN, "beta": 0}, anneal=anneal, t_max=150))
        assert not any("slower than the slowest relaxation" in text for text in texts)


@pytest.mark.parametrize("lam", [0.0, 0.1])
def test_the_critical_window_is_one_per_cent_wide_on_both_sides(lam):
    eta, lr = 0.8, 0.02
    low = eta / (1 + lam) - lam / eta
    high = noise_window(Constants(1.0, vaedyn.Params().strengths, eta, lam, lr, 1))[0]
    others = {"latent": 2, "lam": lam}
    for beta, warned in (
        (0.9899 * low, False), (0.9901 * low, True), (1.0099 * high, True), (1.0101 * high, False),
    ):  # fmt: skip
        assert told("critical point", beta=beta, **others) == warned
    assert not told("critical point", beta=low, lam=lam)  # no latent is to spare
    point = "eta = 0.8" if lam == 0 else f"{high:.6g}"
    assert told(f"sits on the critical point {point}: spare", beta=low, **others)


@pytest.mark.parametrize("tol", [1e-2, 1e-3])
def test_a_warm_up_is_slow_beyond_the_time_of_learning_itself(tol):
    """That is ln(1/tol) relaxation times."""
    params = vaedyn.Params(**PLAIN, t_max=5000)
    points = vaedyn.fixed_points(params)
    learning = np.log(1 / tol) * points.relaxation_time[points.reached]
    wait = delay(params, Linear(1000.0), tol) / 1000
    for factor, slow in ((0.995, False), (1.005, True)):
        spec = f"linear:{factor * learning / wait}"
        texts = examine(replace(params, anneal=spec), tol)
        assert any(f"(time {learning / np.log(1 / tol):.4g})" in text for text in texts) == slow
        assert any(f"about t = {factor * learning:.4g}" in text for text in texts) == slow


# --- other ways to train ----------------------------------------------------------------

OTHERS = [
    {"optimiser": "adam"},
    {"optimiser": "adam", "lam": 0.1, "batch": 9},
    {"latents": "sampled", "lr": (0.02, 0.01, 0.05)},
    {"momentum": 0.5, "batch": 3},
    {"noise": "1.2*0.5,0.8*0.5", "eta": 1.0, "latents": "sampled"},
    {"alpha": 3.0, "batch": 2},
]


@pytest.mark.parametrize("model", OTHERS, ids=str)
def test_all_ways_to_train_are_examined(model):
    assert examine(vaedyn.Params(**{**PLAIN, **model})) == []


@pytest.mark.parametrize("model", OTHERS[:4], ids=str)
def test_a_run_that_is_too_short_is_so_however_it_is_trained(model):
    assert told("warm-up is longer than the run", **{**model, "anneal": "linear:3000"})


def test_what_is_lost_when_latents_are_sampled_or_adam_trains():
    """Sampled latents lose a signal earlier, and Adam is known to not learn it beyond s."""
    sampled = {"lr": 0.2, "latents": "sampled"}
    lost = vaedyn.thresholds(**{**PLAIN, **sampled})["collapse"][0]
    assert lost < 2.08
    for beta, warned in ((0.999 * lost, False), (1.001 * lost, True)):
        assert told(f"at or beyond {lost:.6g}, where no signal", **sampled, beta=beta) == warned
    for beta, warned in ((2.099, False), (2.101, True)):
        assert told("beyond 2.1, where no signal", optimiser="adam", beta=beta) == warned
    # decay that is not divided by the root of second moments moves that
    assert not told("beyond", optimiser="adam", beta=2.101, lam=0.01)


def test_how_long_beta_may_be_nothing_hangs_on_the_rate_of_variances():
    spec = "points:0=0.6,100=0,190=0,191=0.6"  # t = 90, 1.8/lr
    assert not told("encoder variances D shrink", anneal=spec, t_max=1000)
    rates = {"lr": (0.02, 0.02, 0.03)}
    assert told("encoder variances D shrink", anneal=spec, t_max=1000, **rates)
    assert not told("encoder variances D shrink", anneal=spec, t_max=1000, optimiser="adam")
