"""Fixed points under Adam against the written drift of vectors, and known numbers."""

import numpy as np
import pytest

import vaedyn
from tests.shared import reference
from vaedyn.fixedpoints.groups import Unit
from vaedyn.fixedpoints.under_adam import Adam, Found
from vaedyn.kernels.constants import Constants
from vaedyn.learning.theory import integrate
from vaedyn.model.quantities import ACTIVE
from vaedyn.model.schedules import Constant
from vaedyn.model.state import pack, places, unpack

BETA2, EPSILON = 0.93, 1e-4
BASE = {
    "rho": 1.7, "eta": 0.6, "beta": 0.9, "dim": 23, "optimiser": "adam", "batch": 5,
    "adam_betas": (0.9, BETA2), "adam_epsilon": EPSILON, "lr": (0.3, 0.2, 0.5), "t_max": 100.0,
}  # fmt: skip
SAMPLED, AVERAGED = {"latents": "sampled"}, {"latents": "averaged"}
# tau/sqrt(b), and where a latent of s = 2 eta is lost, on a grid of 0.01
LOST = {
    "sampled": {0.01: 1.99, 0.05: 1.97, 0.1: 1.94, 0.2: 1.90, 0.4: 1.78, 0.8: 1.48},
    "averaged": {0.01: 1.99, 0.05: 1.99, 0.1: 1.98, 0.2: 1.97, 0.4: 1.90, 0.8: 1.66},
}


def drift(params, whole):
    """Return dy/dt of order parameters, second moments and correction, of weight vectors."""
    tau, encoder, variances = params.lr
    return reference.adam_drift(
        whole, params.beta, params.strengths, params.eta, 0.0, tau, params.latent, params.dim,
        beta2=BETA2, epsilon=EPSILON, encoder=encoder, variances=variances, batch=params.batch,
        sampled=params.sampled,
    )  # fmt: skip


def at_rest(params, y):
    """Return a state with its second moments where they rest, for weight vectors."""
    weights = reference.weights_of(y, params.latent, params.signal, params.dim)
    v = reference.adam_squares(
        *weights, params.beta, params.strengths, params.eta, batch=params.batch,
        sampled=params.sampled,
    )  # fmt: skip
    return np.concatenate([y, *v, [1.0]])


@pytest.fixture(scope="module", params=["sampled", "averaged"])
def points(request):
    model = {**BASE, "rho": (1.7, 0.9), "latent": 2, "signal": 2}
    return vaedyn.fixed_points(**model, latents=request.param)


def test_they_are_fixed_points_of_weight_vectors(points):
    params = points.params
    assert len(points.residual) == 4
    for y in points.states:
        change = drift(params, at_rest(params, y))
        moving = np.ones(len(y), bool)
        # gradients of log D vanish where latents are averaged over: their root makes 0/0 of it
        moving[places(2, 2)["D"]] = params.sampled
        assert np.abs(change[: len(y)][moving]).max() < 1e-10
        parts = unpack(y, 2, 2)
        D = params.beta / (np.diag(parts["Q"]) + params.beta)
        np.testing.assert_allclose(parts["D"], D, rtol=1e-12)


def test_small_deviations_grow_or_decay_as_is_listed(points):
    params = points.params
    for i in range(len(points.residual)):
        whole = at_rest(params, points.states[i])
        kept = np.ones(len(whole), bool)
        if not params.sampled:  # second moments of log D are 0, where their root has no slope
            kept[-3:-1] = False
            whole[-3:-1] = 0
        shifts = 1e-6 * np.maximum(np.abs(whole), 1e-3)
        J = [
            (drift(params, whole + step) - drift(params, whole - step)) / (2 * size)
            for step, size in zip(np.diag(shifts)[kept], shifts[kept], strict=True)
        ]
        values = np.linalg.eigvals(np.transpose(J)[kept])
        listed = points.eigenvalues_re[i] + 1j * points.eigenvalues_im[i]
        assert len(values) == len(listed) + 2 + 1  # Q and E not symmetric, and the correction
        assert np.abs(listed[:, None] - values).min(axis=1).max() < 1e-4


def test_averaged_latents_leave_as_is_listed():
    """The growth of a small overlap in time, by the ODE."""
    params = vaedyn.Params(**{**BASE, "dim": 500}, **AVERAGED)
    adam = Adam(params)
    found = Found(adam, 1)
    i = len(found.states) - 1
    assert found.configurations[i] == (Unit(1, (), 1), Unit(0, (1.7,)))
    growth = adam.spectrum(adam.model, found.states[i])[0].real
    y = found.states[i] + 1e-9 * np.array([1, 1, 0, 0, 0, 0])
    times = np.array([0.0, 10.0, 14.0]) / growth
    course = integrate(params, y, times, Constant(), rtol=1e-9, atol=1e-16)[0][:, 0]
    assert np.log(course[2] / course[1]) == pytest.approx(4, rel=2e-2)


def test_the_ode_ends_in_the_one_that_is_reached():
    for latents in (SAMPLED, AVERAGED):
        params = vaedyn.Params(**{**BASE, "dim": 300, "t_max": 200}, **latents)
        points = vaedyn.fixed_points(params)
        i = points.reached
        assert (points.types[i], points.labels[i]) == ("signal 1", "learned")
        assert points.stable.tolist() == [True, False]
        end = vaedyn.theory(params)
        np.testing.assert_allclose(end.states[-1], points.states[i], atol=2e-4)


@pytest.mark.parametrize("latents", ["sampled", "averaged"])
def test_learning_is_lost_at_known_values_of_beta(latents):
    """Known from another program: the last of a grid, in steps of 0.01, at which it was learned."""
    for scale, known in LOST[latents].items():
        found = vaedyn.thresholds(
            optimiser="adam", latents=latents, batch=16, lr=4 * scale, dim=10**7, t_max=1
        )
        (limit,) = found["collapse"]
        assert 0 <= limit - known < 0.016
        if scale == 0.2:  # just there the whole Jacobian turns
            for factor, sign in ((0.998, 1), (1.002, -1)):
                params = vaedyn.Params(
                    optimiser="adam", latents=latents, batch=16, lr=0.8, dim=10**4, t_max=1,
                    beta=factor * limit,
                )  # fmt: skip
                listed = Found(Adam(params), 1)
                adam = Adam(params)
                on_noise = next(
                    y for y, each in zip(listed.states, listed.configurations, strict=True)
                    if each[0].noise
                )  # fmt: skip
                growth = adam.spectrum(adam.model, on_noise)[0].real
                assert np.sign(growth) == sign
                assert (len(listed.states) == 2) == (sign == 1)


def test_a_latent_without_a_signal_keeps_a_floor():
    """0.12 tau/sqrt(b) nats of sampled latents at beta = 2 eta, at small tau/sqrt(b)."""
    for scale in (0.01, 0.03):
        adam = Adam(vaedyn.Params(
            optimiser="adam", latents="sampled", batch=9, lr=3 * scale, dim=10**6, beta=2, t_max=1
        ))  # fmt: skip
        _, E, _, D = adam.rest(Unit(1, (), 1))
        kl = 0.5 * (E + D - np.log(D) - 1)
        assert kl / scale == pytest.approx(0.12, abs=0.006)


def test_adam_with_sampled_latents_is_sgd_of_another_rate_at_the_floor():
    """Rates are tau/sqrt(v): SGD with these rates, and no memory, has the same fixed point."""
    params = vaedyn.Params(**{**BASE, "dim": 10**6, "lr": 0.2, "adam_epsilon": 0}, **SAMPLED)
    adam, unit = Adam(params), Unit(1, (), 1)
    y = adam.rest(unit)
    v_W, v_V, _ = adam.moments(adam.alone(unit), y)
    rates = 0.2 / np.sqrt([v_W, v_V])
    full = pack([[0.0]], [[0.0]], *(x.reshape(1, -1) for x in np.split(y, 4)))
    change = reference.drift(
        full.ravel(), params.beta, np.array([1.7]), 0.6, 0.0, rates[0], 1, encoder=rates[1],
        batch=5, sampled=True,
    )  # fmt: skip
    assert np.abs(change).max() < 1e-6
    assert rates[0] == pytest.approx(0.2 * np.sqrt(5 / (0.6 * (0.6 * y[1] + y[3]))), rel=1e-4)


def test_what_is_not_derived_is_refused_and_said():
    with pytest.raises(vaedyn.ParameterError, match="^lam: .*adam"):
        vaedyn.fixed_points(**BASE, lam=0.1)
    with pytest.raises(vaedyn.ParameterError, match="^lam: .*adam"):
        vaedyn.thresholds(**BASE, lam=0.1)
    for function in (vaedyn.branches, vaedyn.phase_diagram):
        with pytest.raises(vaedyn.ParameterError, match="^optimiser: adam is not derived"):
            function(**BASE)
    adam = Adam(vaedyn.Params(**BASE, latent=2))
    assert "not derived" in Found(adam, 2).partial
    assert Found(adam, 1).partial == ""


def test_an_epsilon_under_which_collapse_is_exact_is_refused():
    model = vaedyn.Params(optimiser="adam", dim=100, lr=0.1, batch=16, beta=2.5, t_max=200)
    assert 0 < vaedyn.theory(model, adam_epsilon=1.0).Q[-1, 0, 0] < 1e-6  # and on, without an end
    with pytest.raises(vaedyn.ParameterError, match="^adam_epsilon: is so large that latents"):
        vaedyn.fixed_points(model, adam_epsilon=1.0)
    # with gradients that are noise at any size there is no such state
    assert not Adam(model.replace(adam_epsilon=1.0, latents="sampled")).vanishes(
        Constants.of(model)._replace(sampled=1.0)
    )
    assert not Adam(model).vanishes(Constants.of(model))


def test_labels_count_nats():
    for beta, label in ((0.35, "noise"), (1.9, "collapsed")):
        params = vaedyn.Params(**{**BASE, "lr": 0.05, "beta": beta, "dim": 1000, "latent": 2},
                               **SAMPLED)  # fmt: skip
        points = vaedyn.fixed_points(params)
        i = points.types.index(f"signal 1, {label}")
        small = points.kl_per_latent[i].min()
        assert (small > ACTIVE) == (label == "noise")
        assert points.labels[i] == ("noise-fitting" if label == "noise" else "learned")
        assert (points.thresholds["noise"] > beta) == (label == "noise")
