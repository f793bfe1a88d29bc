"""Batches, momentum, three rates, sampled latents: fixed points against the written drift."""

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import vaedyn
from tests.shared import reference
from vaedyn.fixedpoints.attractors import (
    COLLAPSED,
    NOISE,
    UNDECIDED,
    Modes,
    attractors,
    cross_jacobian,
    kl_of,
    own_jacobian,
)
from vaedyn.fixedpoints.branches import branches
from vaedyn.fixedpoints.configurations import configurations, fitting, state
from vaedyn.fixedpoints.groups import Unit, Units
from vaedyn.fixedpoints.phase_diagram import phase_diagram
from vaedyn.fixedpoints.single import Latent, on_noise
from vaedyn.fixedpoints.thresholds import collapse, noise_window, sampled_window
from vaedyn.kernels.constants import Constants
from vaedyn.model.quantities import ACTIVE
from vaedyn.model.state import observables, pack, places, unpack

BASE: dict[str, Any] = {"rho": 1.7, "eta": 0.6, "beta": 0.9, "lam": 0.03}


def drift(c, y):
    """Return dy/dt / tau from the written equations."""
    rates = {"encoder": c.lr * c.encoder, "variances": c.lr * c.variances}
    given = (y, c.beta, c.rho, c.eta, c.lam, c.lr, c.latent)
    return reference.drift(*given, **rates, batch=c.batch, sampled=bool(c.sampled)) / c.lr


def slopes(c, y):
    """Return the Jacobian of `drift` by central differences."""
    return np.transpose(
        [(drift(c, y + step) - drift(c, y - step)) / 2e-6 for step in 1e-6 * np.eye(len(y))]
    )


def models(seed, count, sampled=None):
    random = np.random.default_rng(seed)
    for _ in range(count):
        latent, signal = (int(n) for n in random.integers(1, 4, 2))
        rho = -np.sort(-(10 ** random.uniform(-1, 0.7, signal)))
        eta, beta = 10 ** random.uniform(-1, 0.5), 10 ** random.uniform(-1, 0.8)
        lam = random.integers(2) * 10 ** random.uniform(-3, 0)
        encoder, variances = 10 ** random.uniform(-1, 0.7, 2)
        drawn = float(random.integers(2) if sampled is None else sampled)
        lr, batch = 10 ** random.uniform(-3, -1.2), float(random.integers(1, 5))
        yield Constants(beta, rho, eta, lam, lr, latent, encoder, variances, batch, drawn)


@pytest.mark.parametrize("drawn", [0.0, 1.0])
def test_linearisations_of_single_latents_are_slopes_of_the_drift(drawn):
    rho = np.array([1.7, 0.8])
    c = Constants(0.7, rho, 0.6, 0.13, 0.21, 2, 1.7, 0.4, 3.0, drawn)
    m, d, Q, E, R, D = np.random.default_rng(1).uniform(0.2, 1, (6, 2))
    y, at = pack(*(np.diag(x) for x in (m, d, Q, E, R)), D), places(2, 2)
    J = slopes(c, y)
    first, second = (
        Latent(*(np.array([x[i]]) for x in (rho, m, d, Q, E, R, D))) for i in (0, 1)
    )  # fmt: skip
    own = [*(at[name][0, 0] for name in "mdQER"), at["D"][0]]
    np.testing.assert_allclose(own_jacobian(first, c.many())[0], J[np.ix_(own, own)], atol=1e-8)
    shared = [at["m"][0, 1], at["d"][0, 1], at["m"][1, 0], at["d"][1, 0]]
    shared += [at["Q"][0, 1], at["E"][0, 1], at["R"][0, 1], at["R"][1, 0]]
    both = J[np.ix_(shared, shared)]
    for column, name in ((4, "Q"), (5, "E")):  # which stay symmetric
        both[:, column] += J[shared, at[name][1, 0]]
    found = cross_jacobian(first, second, c.many())[0]
    np.testing.assert_allclose(found, both, atol=1e-8)


def test_rates_of_single_latents_are_those_of_the_whole_jacobian():
    """Of units, too, whose own Jacobians come from the compiled drift."""
    sampled = 0
    for c in models(3, 16):
        units, modes, row = Units(c), Modes(c.many()), np.array([0])
        spare = Unit(1, (), 1) if c.sampled else Unit(1)
        kinds = {k: Unit(1, (rho,)) for k, rho in enumerate(c.rho.tolist())}
        kinds |= {modes.COLLAPSED: spare} | ({} if c.sampled else {modes.NOISE: Unit(1, (), 1)})
        there = [k for k in kinds if not np.isnan(modes.kinds[k].Q[0])]
        assert {k for k in kinds if units.state(kinds[k]) is not None} == {*there}
        for a in there:
            exact = pytest.approx(np.nanmax(units.modes(kinds[a]).real), rel=1e-6, abs=1e-9)
            assert modes._own(a, row)[0] == exact
            for b in (b for b in there if a != b or a < 0):
                exact = np.nanmax(units.modes(kinds[a], kinds[b]).real)
                assert modes._between(a, b, row)[0] == pytest.approx(exact, rel=1e-6, abs=1e-9)
            for k in (k for k in range(c.signal) if k != a):
                exact = np.nanmax(units.modes(kinds[a], Unit(0, (c.rho[k].item(),))).real)
                assert modes._towards(a, k, row)[0] == pytest.approx(exact, rel=1e-6, abs=1e-9)
        sampled += bool(c.sampled)
    assert 4 < sampled < 12


def test_what_attracts_is_the_stable_state_of_lowest_loss_of_single_latents():
    seen = set()
    for c in models(4, 24):
        units, best = Units(c), None
        for configuration in configurations(units, 1):
            y = state(units, configuration)
            assert np.abs(drift(c, y)).max() < 1e-11 * max(1, np.abs(y).max())
            growth = units.growth(configuration)
            if growth > 1e-8 * c.lr:
                continue
            parts = unpack(y, c.latent, c.signal)
            read = observables(parts, c.rho, c.eta)
            loss = read["distortion"] + c.beta * read["kl"]
            loss += 0.5 * c.lam * np.trace(parts["Q"] + parts["E"])
            if best is None or loss < best[0]:
                best = (loss, growth, read["eps_g"], int(fitting(c, parts).sum()))
        got = {name: values[0] for name, values in attractors(c.many()).items()}
        assert (best is None) == (got["phase"] == UNDECIDED)
        seen.add((bool(c.sampled), int(got["phase"])))
        if best:
            assert got["growth"] == pytest.approx(best[1], rel=1e-6, abs=1e-7 * c.lr)
            assert got["eps_g"] == pytest.approx(best[2], abs=1e-8)
            assert got["active"] == best[3]
    assert {(kind, phase) for kind in (False, True) for phase in (COLLAPSED, NOISE)} <= seen


@pytest.mark.usefixtures("no_thresholds")
def test_the_jacobian_has_the_eigenvalues_that_are_listed():
    for change in ({"latents": "sampled", "batch": 3}, {}):
        points = vaedyn.fixed_points(
            latent=2, signal=2, **{**BASE, "rho": (2.3, 1.1)}, lr=(0.2, 0.05, 0.5), **change
        )
        c = Constants.of(points.params)
        i = points.reached
        values = np.linalg.eigvals(slopes(c, points.states[i])) * c.lr
        listed = points.eigenvalues_re[i] + 1j * points.eigenvalues_im[i]
        assert points.stable[i]
        # those that are left belong to Q and E that are not symmetric
        assert len(values) == len(listed) + 2
        assert np.abs(listed[:, None] - values).min(axis=1).max() < 1e-7
        for y in points.states:
            assert np.abs(drift(c, y)).max() < 1e-11


def test_batches_and_momentum_are_a_rate_of_less_noise():
    """At tau/(1 - p)/b the fixed points are the same; rates of decay are those of tau/(1 - p)."""
    plain = vaedyn.fixed_points(**BASE, latent=2, lr=0.05)
    other = vaedyn.fixed_points(**BASE, latent=2, lr=0.04, momentum=0.8, batch=4)
    np.testing.assert_allclose(other.states, plain.states, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(other.eigenvalues_re, 4 * plain.eigenvalues_re, rtol=1e-6)
    for name in ("collapse", "noise", "noise_upper"):
        assert other.thresholds[name] == pytest.approx(plain.thresholds[name], rel=1e-12)
    factor = 0.2 * 4  # of lr itself
    most = factor * plain.thresholds["max_lr"]
    assert other.thresholds["max_lr"] == pytest.approx(most, rel=1e-8)


@pytest.mark.usefixtures("no_thresholds")
def test_small_rates_have_the_same_fixed_points_in_any_ratio():
    states = [
        vaedyn.fixed_points(**BASE, latent=2, lr=lr, t_max=1e8).states
        for lr in (1e-7, (1e-7, 4e-7, 2e-8))
    ]
    np.testing.assert_allclose(*states, atol=2e-6)


def growth(c, y, names="mdQERD"):
    """Return the largest growth rate at `y` of one latent, by differences of the drift."""
    at = places(c.latent, c.signal)
    chosen = np.concatenate([at[name].ravel() for name in names])
    return np.linalg.eigvals(slopes(c, y)[np.ix_(chosen, chosen)]).real.max()


def test_the_window_of_noise_at_three_rates_is_where_the_drift_does_not_grow():
    windows = 0
    for c in models(7, 24, sampled=0):
        at = c._replace(latent=1, rho=c.rho[:1], lr=8 * c.lr)
        window = noise_window(at)
        y = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
        betas = np.geomspace(1e-3, 1e3, 25)
        stable = [growth(at._replace(beta=beta), y, "QER") < 0 for beta in betas]
        if window is None:
            assert not any(stable)
            continue
        windows += 1
        np.testing.assert_array_equal(stable, (betas > window[0]) & (betas < window[1]))
    assert windows > 12


def test_thresholds_of_small_rates_and_noise_underflow_to_their_limit():
    """Beta, too, may be as large as 1/h, where the encoder's noise drives itself."""
    for encoder, lam in ((0.2, 0.0), (5.0, 0.3)):
        c = Constants(1.0, np.ones(1), 1e-9, lam, 0.05, 1, encoder)
        low, high = noise_window(c)
        exact = noise_window(c._replace(eta=1e-4))
        assert high * c.h == pytest.approx(exact[1] * 1e5 * c.h, rel=1e-6)
        assert low == (0.0 if lam else c.eta)


def spare_state(c):
    """Return the state of one sampled latent without a signal, from the ODE by scipy."""
    y = pack(np.zeros((1, 1)), np.zeros((1, 1)), [[0.4]], [[0.2]], [[0.05]], [0.7])
    flow = solve_ivp(lambda _, y: drift(c, y), (0, 400), y, method="LSODA", rtol=1e-11, atol=1e-13)
    return flow.y[:, -1]


@pytest.mark.parametrize("encoder", [1.0, 0.4])
def test_a_collapsed_sampled_latent_keeps_what_the_long_ode_leaves(encoder):
    c = Constants(1.3, np.array([1.7]), 0.6, 0.04, 0.2, 1, encoder, 0.7, 2.0, 1.0)
    y = spare_state(c)
    one = on_noise(c.many())
    found = [values[0] for values in one[3:]]
    np.testing.assert_allclose(found, y[2:], rtol=1e-6)
    assert found[0] == pytest.approx(c.h / (2 * (1 + c.lam)), rel=0.5)
    tiny = c._replace(lr=2e-6, beta=40.0)
    floor = on_noise(tiny.many()).Q[0]
    assert floor == pytest.approx(tiny.h / (2 * (1 + c.lam)), rel=0.02)
    assert kl_of(one, c.many())[0] == pytest.approx(
        0.5 * (c.eta * y[3] + y[5] - np.log(y[5]) - 1), rel=1e-5
    )


def test_thresholds_of_sampled_latents_are_those_of_the_drift_about_their_floor():
    for encoder, lam in ((1.0, 0.0), (3.0, 0.05)):
        c = Constants(1.0, np.array([1.7]), 0.6, lam, 0.15, 1, encoder, 0.7, 1.0, 1.0)
        limit = collapse(c, 1.7)
        assert limit < collapse(c._replace(sampled=0.0), 1.7) - 0.005
        rates = []
        for factor in (0.999, 1.001):
            at = c._replace(beta=factor * limit)
            rates.append(growth(at, spare_state(at), "md"))
        assert rates[0] > 0 > rates[1]
        # and it is where the state on the signal ends
        assert Units(c._replace(beta=0.999 * limit)).state(Unit(1, (1.7,))) is not None
        assert Units(c._replace(beta=1.001 * limit)).state(Unit(1, (1.7,))) is None
        low, high = sampled_window(c)
        kl = [kl_of(on_noise(at), at)[0] for at in (c._replace(beta=low * x).many()
              for x in (1 - 1e-6, 1 + 1e-6))]  # fmt: skip
        assert kl[0] > ACTIVE > kl[1]
        for factor, sign in ((0.999, -1), (1.001, 1)):
            at = c._replace(beta=factor * high)
            y = np.array([0, 0, *(x[0] for x in on_noise(at.many())[3:])])
            assert np.isnan(y).any() or np.sign(growth(at, y, "QERD")) == sign


def test_at_small_rates_sampled_latents_are_as_averaged_ones():
    small = {**BASE, "lr": 1e-6, "t_max": 1e7, "latent": 2}
    sampled, averaged = (vaedyn.fixed_points(**small, latents=z) for z in ("sampled", "averaged"))
    for found in (sampled, averaged):
        i = found.reached
        assert (found.types[i], found.labels[i]) == ("signal 1, collapsed", "learned")
    np.testing.assert_allclose(
        *(np.abs(each.states[each.reached]) for each in (sampled, averaged)), atol=1e-5
    )
    names = {name.replace(" and noise", "") for name in sampled.types}
    assert names == {*averaged.types}
    limits = [found.thresholds["collapse"][0] for found in (sampled, averaged)]
    np.testing.assert_allclose(*limits, rtol=1e-5)


def test_where_sampled_latents_fit_noise_they_are_called_so():
    points = vaedyn.fixed_points(**{**BASE, "beta": 0.3}, latent=2, lr=0.01, latents="sampled")
    i = points.reached
    assert (points.types[i], points.labels[i]) == ("signal 1, noise", "noise-fitting")
    assert 0.3 < points.thresholds["noise"] < 0.6  # where the KL divergence falls to 0.01 nats
    assert (points.kl_per_latent[i] > ACTIVE).all()


def test_branches_are_fixed_points_of_the_drift():
    params = vaedyn.Params(**BASE, latent=1, lr=(0.1, 0.3, 0.05), momentum=0.5, batch=2,
                           latents="sampled")  # fmt: skip
    for name, low, high in (("lr", 0.02, 0.3), ("beta", 0.3, 3.0)):
        found = branches(params, name, low, high)
        assert sorted(found.types) == ["noise or collapsed", "signal 1"]
        for i in range(0, len(found.varied), 7):
            x = float(found.varied[i])
            at = params.replace(lr=(x, 3 * x, x / 2)) if name == "lr" else params.replace(beta=x)
            c = Constants.of(at)
            assert np.abs(drift(c, found.states[i])).max() < 1e-10
            if np.abs(found.growth[i]) > 1e-6:
                rate = np.linalg.eigvals(slopes(c, found.states[i])).real.max() * c.lr
                assert rate == pytest.approx(found.growth[i], rel=1e-4, abs=1e-7)
    ends = [event["at"] for event in found.events if event["kind"] == "end"]
    assert ends == [pytest.approx(vaedyn.thresholds(params)["collapse"][0], rel=1e-8)]


@pytest.mark.usefixtures("no_thresholds")
def test_maps_are_of_the_fixed_points_at_each_point():
    params = vaedyn.Params(**BASE, latent=2, lr=(0.1, 0.3, 0.05), momentum=0.5, latents="sampled")
    axes = ("batch", np.array([1, 4, 16])), ("lr", np.array([0.01, 0.1]))
    result = phase_diagram(params, *axes)
    for i, batch in enumerate((1, 4, 16)):
        for j, lr in enumerate((0.01, 0.1)):
            at = params.replace(batch=batch, lr=(lr, 3 * lr, lr / 2), t_max=20 / lr)
            points = vaedyn.fixed_points(at)
            k = points.reached
            assert points.eps_g[k] == pytest.approx(result.eps_g[i, j], rel=1e-8)
            assert points.max_eigenvalue[k] == pytest.approx(result.growth[i, j], rel=1e-6)
            assert points.labels[k] == result.names[result.phase[i, j]]
            assert result.active[i, j] == (points.kl_per_latent[k] > ACTIVE).sum()
    assert len({*result.phase.ravel().tolist()}) > 1
    with pytest.raises(vaedyn.ParameterError, match="^x: .*batch must be whole"):
        phase_diagram(params, ("batch", [1, 2.5]), axes[1])


def test_a_map_over_lr_takes_momentum_into_account():
    axes = ("beta", np.array([0.4, 1.2])), ("lr", np.array([0.02, 0.1]))
    one = phase_diagram(vaedyn.Params(**BASE, momentum=0.8), *axes)
    two = phase_diagram(vaedyn.Params(**BASE), axes[0], ("lr", np.array([0.1, 0.5])))
    np.testing.assert_allclose(one.eps_g, two.eps_g, rtol=1e-12)
    np.testing.assert_allclose(one.growth, two.growth, rtol=1e-12)


def test_noise_below_rounding_leaves_sampled_latents_collapsed():
    for eta, lr in ((1e-30, 0.1), (1e-10, 1e-7)):
        given = {"eta": eta, "rho": 1.7, "lr": lr, "t_max": 20 / lr}
        found = vaedyn.fixed_points(**given, beta=0.9, latents="sampled")
        assert found.types[0] == "signal 1"
        assert found.types[-1] == "collapsed"
        assert vaedyn.thresholds(**given, latents="sampled") == vaedyn.thresholds(**given)
