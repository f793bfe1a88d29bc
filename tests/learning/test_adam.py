"""Theory of Adam: against scipy on weight vectors, and training; and what it leaves out."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import vaedyn
from tests.shared import reference
from vaedyn.kernels import adam
from vaedyn.kernels.constants import Constants
from vaedyn.learning import solve
from vaedyn.learning.cautions import cautions
from vaedyn.model.quantities import NAMES
from vaedyn.model.state import pack

ONE = {"rho": 2.1, "init": "m=0.3,d=0.25,Q=1,E=0.9,R=0.1,D=1.1"}
TWO = {
    "latent": 2, "signal": 2, "rho": (3.0, 1.5),
    "init": {
        "m": [[0.4, 0.1], [-0.1, 0.3]], "d": [[0.3, 0.1], [0, 0.3]], "Q": [[1, 0.1], [0.1, 0.8]],
        "E": [[0.8, 0.05], [0.05, 1]], "R": [[0.2, 0], [0.1, 0.2]], "D": [0.9, 0.8],
    },
}  # fmt: skip
MODEL = {"optimiser": "adam", "eta": 0.8, "beta": 0.7, "lam": 0.02, "points": 6}
SAMPLED = {"latents": "sampled"}
SMALL = {"dim": 13, "adam_betas": (0.9, 0.97), "lr": (0.3, 0.2, 0.5), "t_max": 12}
ON_VECTORS = {
    "averaged": {**ONE, "batch": 4},
    "sampled": {**TWO, **SAMPLED, "batch": 3, "adam_epsilon": 0.01},
    "M=2, averaged": {**TWO},
    "through beta = 0": {**ONE, "anneal": "points:0=0.5,4=0,7=0.7"},
    "jumps": {**ONE, **SAMPLED, "anneal": "cyclical:4.5:0.7", "t_max": 12},
}


def flat(result):
    return pack(*(getattr(result, name) for name in NAMES))


@pytest.mark.parametrize("case", ON_VECTORS.values(), ids=ON_VECTORS)
def test_theory_is_what_scipy_finds_on_vectors(case):
    params = vaedyn.Params(**{**MODEL, **SMALL, **case})
    M, (one, two, three) = params.latent, params.rates

    def slope(t, y):
        beta = float(params.schedule(np.array(t), params.beta))
        return reference.adam_drift(
            y, beta, params.strengths, params.eta, params.lam, one, M, params.dim, encoder=two,
            variances=three, beta2=params.adam_betas[1], epsilon=params.adam_epsilon,
            batch=params.batch, sampled=params.sampled,
        )  # fmt: skip

    start = pack(**params.overlaps())
    W, V, D, teacher = reference.weights_of(start, M, params.signal, params.dim)
    first = 1 - params.adam_betas[1]
    squares = reference.adam_squares(
        W, V, D, teacher, float(params.schedule(np.array(0.0), params.beta)), params.strengths,
        params.eta, batch=params.batch, sampled=params.sampled,
    )  # fmt: skip
    y = np.concatenate([start, first * np.concatenate(squares), [first]])
    times = [0.0, *params.schedule.kinks(params.t_max), params.t_max]
    for span in pairwise(times):
        inside = (span[0] * (1 + 1e-12), span[1] * (1 - 1e-12))  # where beta does not jump
        y = solve_ivp(slope, inside, y, method="LSODA", rtol=1e-9, atol=1e-11).y[:, -1]
    found = flat(vaedyn.theory(params))[-1]
    assert np.abs(found - y[: len(start)]).max() < 1e-6
    assert np.abs(found - start).max() > 0.1


# --- training ---------------------------------------------------------------------------

LARGE = {"dim": 2000, "t_max": 2.0, "lr": (0.15, 0.1, 0.3)}
BATCHES = {"batch": 16, "lr": (0.06, 0.05, 0.1), "t_max": 1.0}
TRAINED = {  # runs, the bound, and what the comparison notices the lack of
    "averaged": ({**LARGE, **ONE}, 6, 0.01, ["memory"]),
    "sampled, M=2": ({**LARGE, **TWO, **SAMPLED, **BATCHES}, 3, 0.01, ["memory"]),
    "PyTorch's": (
        {
            **ONE, **SAMPLED, "dim": 784, "batch": 128, "lr": 0.784, "eta": 1.0,
            "beta": 1.0, "lam": 0.0, "t_max": 0.6, "points": 3,
        }, 6, 0.02, ["mean", "memory"],
    ),
}  # fmt: skip


def without(params, what):
    """Return the states of theory without the memory of moments, or mean gradients in them."""
    c = Constants.of(params)
    work = adam.workspace(
        params.latent, params.signal, params.dim, params.adam_betas[1], params.adam_epsilon
    )
    y = pack(**params.overlaps())
    drift = adam.settled
    if what == "mean":
        work, drift = (*work[:2], 1e12, *work[3:]), adam.drift
        y = np.append(y, np.zeros(3 * params.latent + 1))
        adam.begin(y, c, work)
        y[-1 - 3 * params.latent :] /= y[-1]

    def slope(_, y):
        out = np.empty_like(y)
        drift(y, c, work, out)
        return out

    times = params.times()
    return solve_ivp(slope, (0, times[-1]), y, "LSODA", times, rtol=1e-7, atol=1e-9).y.T


@pytest.mark.parametrize("case", TRAINED.values(), ids=TRAINED)
def test_training_follows_theory(case):
    """In the mean over a few runs, all order parameters at all times, beyond four errors.

    Not so without the memory of moments, or the squares of mean gradients in batches. It misses
    what moves means by less than the bound, and about 0.01, or 0.04 for large batches, more.
    """
    model, runs, bound, needed = case
    params = vaedyn.Params(**{**MODEL, **model})
    trained = flat(vaedyn.simulate(params, runs=runs))
    mean, error = trained.mean(axis=0), trained.std(axis=0, ddof=1).max() / np.sqrt(runs)

    def off(states):
        return np.abs(mean - states).max() - 4 * error

    assert off(flat(vaedyn.theory(params))) < bound
    for what in needed:
        assert off(without(params, what)[:, : mean.shape[1]]) > bound, what


# --- how it is integrated ---------------------------------------------------------------

STIFF = {
    "one": {"dim": 10_000, "lr": 0.1, "t_max": 40},
    "kinks": {"dim": 10_000, "lr": 0.1, "t_max": 40, "anneal": "cyclical:30:0.1"},
}


@pytest.mark.parametrize("case", STIFF.values(), ids=STIFF)
def test_where_variances_are_stiff_the_method_changes_and_not_the_numbers(case, monkeypatch):
    params = vaedyn.Params(**{**MODEL, **ONE, **case})
    fast = vaedyn.theory(params)
    monkeypatch.setattr(solve, "MOSTLY", 2.0)  # never
    usual = vaedyn.theory(params)
    assert np.abs(flat(fast) - flat(usual)).max() < 1e-5
    counts = [each.info["solver"]["evaluations"] for each in (fast, usual)]
    assert counts[0] < 0.7 * counts[1]


def test_latents_that_are_averaged_over_cost_no_more_in_many_dimensions():
    counts = []
    for dim in (10**5, 10**9):
        params = vaedyn.Params(**{**MODEL, **ONE, "dim": dim, "lr": 0.1, "t_max": 40})
        result = vaedyn.theory(params, rtol=1e-6)
        counts.append(result.info["solver"]["evaluations"])
        # D has long come to rest beside Q
        D = params.beta / (result.Q[-1, 0, 0] + params.beta)
        assert result.D[-1, 0] == pytest.approx(D, abs=1e-4)
    assert max(counts) < 1e6


def test_weights_that_have_all_but_vanished_grow_again():
    # v remembers 1/kappa = 5, gradients shrink faster: rates rise until noise wins again. Vector
    # Adam does the same, by 30 powers of ten (three runs: Q = 1.0e-17 at t = 30 as here)
    params = vaedyn.Params(
        optimiser="adam", dim=200, beta=2.5, lr=0.1, batch=16, t_max=100, points=11,
        init="m=0.1,d=0.02,Q=1,E=1,R=0.05,D=1",
    )  # fmt: skip
    usual = vaedyn.theory(params)
    finer = vaedyn.theory(params, rtol=1e-10, atol=1e-40)
    np.testing.assert_allclose(usual.Q[:, 0, 0], finer.Q[:, 0, 0], rtol=1e-3)
    assert usual.Q.min() < 1e-16
    assert (usual.Q > 0).all()
    # the fixed point, which it ends in
    assert usual.kl[-1] == pytest.approx(7.5e-5, rel=0.05)


def test_beta_of_zero_lets_variances_shrink_without_an_end():
    result = vaedyn.theory(**{**MODEL, **ONE, "beta": 0.0}, lr=0.05, t_max=100)
    assert 0 < result.D[-1, 0] < 0.05
    assert (np.diff(result.D[:, 0]) < 0).all()


@pytest.mark.parametrize("name", ["noise", "alpha"])
def test_it_is_derived_for_fresh_data_in_white_noise(name):
    model = {"noise": {"noise": "1.2*0.5,0.8*0.5"}, "alpha": {"alpha": 3.0}}[name]
    with pytest.raises(vaedyn.ParameterError, match=f"^optimiser: adam is not .* with {name}$"):
        vaedyn.theory(optimiser="adam", **model)


def test_steps_that_are_too_large_are_named():
    with pytest.raises(vaedyn.DivergenceError, match="lower --lr"):
        vaedyn.theory(**{**MODEL, **ONE}, lr=1e6)


def test_momentum_is_named_where_the_ode_diverges():
    with pytest.raises(vaedyn.DivergenceError, match="rate 0.01 and momentum 0.9999: lower --lr$"):
        vaedyn.theory(momentum=0.9999)


# --- what it warns of -------------------------------------------------------------------

USUAL = {"optimiser": "adam", "dim": 784, "lr": 0.784, "t_max": 10, "points": 2, **SAMPLED}


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({**USUAL, "batch": 128}, None),
        ({**USUAL, "batch": 128, "init": "torch"}, "dominated by mean gradients"),
        ({**USUAL, "batch": 1, "init": "torch", "dim": 50}, None),
        ({**USUAL, "adam_betas": (0.9, 0.95)}, None),
        ({**USUAL, "adam_betas": (0.9, 0.94)}, "means over 16.7 steps only"),
        ({**USUAL, "adam_betas": (0.999, 0.9995)}, "first moment remembers the last t = 1.28,"),
        ({**USUAL, "adam_betas": (0.999, 0.9995), "lr": 1e-5}, None),
        ({"momentum": 0.9, "dim": 1000}, None),
        ({"momentum": 0.9, "dim": 10}, "momentum remembers the last t = 1,"),
        ({"momentum": 0.9, "dim": 10, "lr": 0.001}, None),
        ({"lr": 5.0}, None),
        ({"optimiser": "adam", "init": "m=0,d=0,Q=0,E=0,R=0,D=1"}, None),
    ],
)
def test_what_theory_leaves_out_is_said_where_it_matters(model, words):
    found = cautions(vaedyn.Params(**model))
    assert len(found) == (words is not None)
    assert words is None or words in found[0]


def test_a_warning_is_logged(caplog):
    vaedyn.theory(momentum=0.9, dim=10, t_max=10, points=5)
    assert "momentum remembers" in caplog.text
