"""Limit cycles: they close, their multipliers, where they begin and end, and simulations."""

import numpy as np
import pytest
from scipy.integrate import quad_vec, solve_ivp

import vaedyn
from tests.shared.models import random_state
from tests.shared.reference import drift
from vaedyn.errors import ConvergenceError, DivergenceError, ParameterError
from vaedyn.fixedpoints import follow_cycle
from vaedyn.fixedpoints import limit_cycles as limit_cycles_module
from vaedyn.fixedpoints.follow_cycle import BRANCH, EDGE, HOPF, follow, from_hopf
from vaedyn.fixedpoints.groups import Unit, Units
from vaedyn.fixedpoints.limit_cycle import attracting, limit_cycle, repeats
from vaedyn.fixedpoints.limit_cycles import LimitCycles, limit_cycles
from vaedyn.fixedpoints.newton import jacobian, root, symmetric
from vaedyn.fixedpoints.shooting import Shooting, monodromy
from vaedyn.fixedpoints.varied import vary, with_value
from vaedyn.listings import limit_cycles as listed
from vaedyn.store import ResultStore

PAIR = vaedyn.Params(latent=2, signal=2, rho=(3, 1), beta=1.19, lr=1.07)
SPREAD, GATHER = symmetric(2, 2)


def reference(params):
    """Return the drift as a function of t and y, written independently."""
    p = params
    decoder, encoder, variances = p.rates / (1 - p.momentum)
    return lambda _, y: drift(
        y, p.beta, p.strengths, p.eta, p.lam, decoder, p.latent, encoder=encoder,
        variances=variances, batch=p.batch, sampled=p.sampled,
    )  # fmt: skip


def flown(params, y, *times):
    """Return the states (times, values) at these times, or that at a single one."""
    options = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-13}
    found = solve_ivp(reference(params), (0, times[-1]), y, t_eval=times, **options).y.T
    return found if len(times) > 1 else found[0]


@pytest.fixture(scope="module")
def cycle():
    return limit_cycle(PAIR)


def test_another_integrator_comes_back_after_the_period(cycle):
    start, T, n = cycle.states[0], cycle.period, len(cycle.t)
    assert cycle.t[n // 3] == pytest.approx(T / 3)
    third, back, late = flown(PAIR, start, T / 3, T, 1.001 * T)
    assert back == pytest.approx(start, abs=1e-8)
    assert third == pytest.approx(cycle.states[n // 3], abs=1e-8)
    assert np.abs(late - start).max() > 1e-4  # negative control
    assert cycle.closing < 1e-9
    assert cycle.trivial < 1e-6
    assert cycle.stable


def test_what_goes_round_is_measured(cycle):
    """A quarter of the period exchanges the latents; eps_g does not notice that."""
    assert cycle.repeats == 4
    n = len(cycle.t)
    assert cycle.eps_g[: n // 4] == pytest.approx(cycle.eps_g[n // 4 : n // 2], abs=1e-8)
    assert cycle.D[n // 4] == pytest.approx(cycle.D[0][::-1], abs=1e-8)
    assert np.abs(cycle.m[n // 2] - cycle.m[0]).max() > 0.1
    assert cycle.amplitude["eps_g"] == pytest.approx(0.5 * np.ptp(cycle.eps_g))
    assert cycle.mean["D"] == pytest.approx(cycle.D.mean(axis=0))
    assert cycle.mean["m"] == pytest.approx(np.zeros((2, 2)), abs=1e-8)


def test_symmetries_are_looked_for_in_all_parts_of_a_period():
    """States that a swap, or a sign, turns into one another after a half or a third."""
    y, model = random_state(3, 1), vary(vaedyn.Params(latent=3), "lr", 0.1)
    from vaedyn.fixedpoints.limit_cycle import _images

    images = _images(3, 1, y)
    third = next(z for z in images if np.allclose(z[-3:], np.roll(y[-3:], 1)))
    half = images[1]
    other = random_state(3, 1, seed=1)

    def states(**at):
        found = np.tile(other, (12, 1))
        found[0] = y
        for name, z in at.items():
            found[{"third": 4, "half": 6, "quarter": 3}[name]] = z
        return found

    assert repeats(model, states(third=third)) == 3
    assert repeats(model, states(half=half)) == 2
    assert repeats(model, states(half=half, quarter=half)) == 4
    assert repeats(model, states()) == 1


@pytest.mark.parametrize(
    "changes",
    [{}, {"latents": "sampled", "lr": (0.3, 0.5, 0.2), "batch": 2, "lam": 0.02, "momentum": 0.3}],
    ids=["plain", "trained otherwise"],
)
def test_the_derivative_of_the_flow_is_that_of_differences(changes):
    """Along any course, in random directions: each sees an error in any column."""
    params = PAIR.replace(**changes)
    y, time = random_state(2, 2), 3.0
    matrix = monodromy(vary(params, "lr", params.rates[0]), y, time, 128)
    for seed in range(2):
        v = np.random.default_rng(seed).standard_normal(len(GATHER))
        h = 1e-4
        ahead, behind = (flown(params, y + SPREAD @ (s * v), time) for s in (h, -h))
        slope = GATHER @ (ahead - behind) / (2 * h)
        assert matrix @ v == pytest.approx(slope, abs=1e-6 * np.abs(slope).max())


@pytest.mark.parametrize("name", ["lr", "beta", "eta", "rho", "lam"])
def test_the_derivative_by_a_constant_is_that_of_differences(name):
    params = PAIR.replace(lam=0.02, rho=(3, 1))
    x = {"lr": 1.07, "beta": 1.19, "eta": 1.0, "rho": 3.0, "lam": 0.02}[name]
    shooting = Shooting(lambda x: vary(params, name, x), 0.5 * x, 1.5 * x)
    y, time = random_state(2, 2), 2.0
    found = shooting.slope(shooting.point(y, time, x))[: len(GATHER), -1]
    h = 1e-4 * x
    ahead, behind = (flown(with_value(params, name, x + s), y, time) for s in (h, -h))
    slope = GATHER @ (ahead - behind) / (2 * h) * x
    assert found == pytest.approx(slope, abs=1e-6 * np.abs(slope).max())
    if name == "lam":  # at the end of its range, too
        bare = PAIR.replace(lam=0.0)
        shooting = Shooting(lambda x: vary(bare, name, x), 0.0, 1.0)
        found = shooting.slope(shooting.point(y, time, 0.0))[: len(GATHER), -1]
        slope = GATHER @ (flown(bare.replace(lam=1e-6), y, time) - flown(bare, y, time)) / 1e-6
        assert found == pytest.approx(slope, abs=1e-4 * np.abs(slope).max())


def test_the_product_of_multipliers_is_that_of_liouville():
    model, y, time = vary(PAIR, "lr", 1.07), random_state(2, 2), 1.0
    matrix = monodromy(model, y, time, 64)
    whole = solve_ivp(reference(PAIR), (0, time), y, dense_output=True, rtol=1e-11, atol=1e-12)

    def divergence(t):
        z = whole.sol(t)
        h, drifted = 1e-6, reference(PAIR)
        columns = [GATHER @ (drifted(0, z + h * e) - drifted(0, z - h * e)) for e in SPREAD.T]
        return sum(column[i] for i, column in enumerate(columns)) / (2 * h)

    exponent = quad_vec(divergence, 0, time, epsabs=1e-8)[0]
    assert np.log(np.linalg.det(matrix)) == pytest.approx(exponent, abs=1e-7)


def test_the_order_of_the_series_is_six(cycle):
    model = vary(PAIR, "lr", 1.07)
    exact = monodromy(model, cycle.states[0], cycle.period, 512)
    errors = [np.abs(monodromy(model, cycle.states[0], cycle.period, n) - exact).max()
              for n in (48, 96)]  # fmt: skip
    assert 2**5 < errors[0] / errors[1] < 2**7.5


@pytest.fixture(scope="module")
def born():
    """Return the Hopf point of the pair, its frequency, and cycles that begin there."""
    unit = Unit(2, (3.0, 1.0))

    def at(x):
        model = vary(PAIR, "lr", x)
        state = Units(model).state(unit)
        values, vectors = np.linalg.eig(jacobian(model, state))
        i = np.argmax(np.where(values.imag > 0.01, values.real, -np.inf))
        return values[i], vectors[:, i], state

    x = root(lambda x: float(at(x)[0].real), 1.02, 1.05)
    value, vector, state = at(x)
    shooting = Shooting(lambda x: vary(PAIR, "lr", x), 0.9, 1.3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(follow_cycle, "MOST", 9)
        found = from_hopf(shooting, x, state, SPREAD @ vector.real, value.imag * x)
    assert not isinstance(found, str)
    return x, value.imag * x, found, (state, SPREAD @ vector.real)


def test_cycles_begin_at_a_hopf_point(born):
    """The period tends to 2 pi/omega, and amplitude^2 is linear in the distance."""
    x, frequency, found, _ = born
    assert found.events[0] == (HOPF, x, 0)
    away = np.array([cycle.x - x for cycle in found.cycles])
    square = np.array([cycle.amplitude for cycle in found.cycles]) ** 2
    period = np.array([cycle.period for cycle in found.cycles])
    assert (np.diff(square) > 0).all()
    assert (away > 0).all()
    small = square < 1e-2
    assert small.sum() >= 4
    ratio = away[small] / square[small]
    fit = np.polynomial.Polynomial.fit(square[small], period[small], 1)
    assert fit(0.0) == pytest.approx(2 * np.pi / frequency, rel=1e-4)
    assert np.ptp(ratio[1:]) < 0.05 * ratio.mean()
    # supercritical: stable cycles where the fixed point is not, a multiplier 1 - c amplitude^2
    leading = np.array([1 - abs(cycle.multipliers[0]) for cycle in found.cycles])
    assert (leading > 0).all()
    assert np.ptp((leading / square)[small][1:]) < 0.05 * (leading / square)[small].mean()


def test_hopf_points_without_a_cycle_are_named(born, monkeypatch):
    """Where its first cycle is out of the range, and where Newton's method fails."""
    x, frequency, _, (state, direction) = born
    asked = x, state, direction, frequency
    narrow = Shooting(lambda x: vary(PAIR, "lr", x), 0.9, x + 1e-9)
    assert from_hopf(narrow, *asked) == "the first cycle is outside the range"
    monkeypatch.setattr(limit_cycles_module, "TRIED", ())
    hopf = limit_cycles_module.Hopf(*asked)
    monkeypatch.setattr(limit_cycles_module, "hopf_points", lambda *_: iter([hopf]))
    monkeypatch.setattr(Shooting, "corrected", lambda *_, **__: None)
    found = limit_cycles(PAIR, "lr", 0.9, 1.3)
    why = "the first cycle is not found"
    assert found.without == [{"at": x, "frequency": frequency, "why": why}]
    assert found.repeats == []
    assert listed.remarks(found) == [
        f"no cycle is followed from the Hopf point at lr = {x:.9g}: {why}"
    ]


def test_what_happens_on_a_branch(cycle):
    """The large cycle loses its symmetry at lr = 1.0008: a multiplier is 1 there."""
    shooting = Shooting(lambda x: vary(PAIR, "lr", x), 0.995, 1.03)
    start = attracting(PAIR.replace(lr=1.02))
    found = follow(shooting, start)
    kinds = [kind for kind, _, _ in found.events]
    assert kinds == [EDGE, BRANCH, EDGE]
    x = [each.x for each in found.cycles]
    assert (np.diff(x) > 0).all()
    assert (x[0], x[-1]) == pytest.approx((0.995, 1.03), abs=1e-12)
    _, at, n = found.events[1]
    assert x[n] <= at <= x[n + 1]
    assert found.cycles[n].outside == 1
    assert found.cycles[n + 1].outside == 0
    # at that point the flow of another integrator has a multiplier 1, seen by power iteration
    guess = shooting.point(found.cycles[n].start, found.cycles[n].period, at)
    there = shooting.corrected(guess, np.eye(len(guess))[-1], shooting.slope(guess))
    _, y, period = shooting.split(there)
    values, vectors = np.linalg.eig(monodromy(shooting.path(at), y, period, 256))
    own = GATHER @ reference(PAIR.replace(lr=at))(0, y)
    near = np.argsort(np.abs(values - 1))[:2]
    assert abs(values[near] - 1).max() < 1e-4
    v = np.linalg.svd(vectors[:, near].real, full_matrices=False)[0]
    v = v @ (np.linalg.qr(np.column_stack([v.T @ own, [1.0, 0.0]]))[0][:, 1])  # across the flow
    h, params = 1e-4, PAIR.replace(lr=at)
    ahead, behind = (flown(params, y + SPREAD @ (s * v), period) for s in (h, -h))
    assert v @ (GATHER @ (ahead - behind)) / (2 * h) == pytest.approx(1, abs=1e-3)


def test_simulations_go_round_as_fast_and_as_far():
    """A finite N shakes the phase: the period of runs of N = 2000 is off by a few parts in 1000."""
    params = PAIR.replace(dim=2000, t_max=160.0, points=801)
    cycle = limit_cycle(params)
    runs = vaedyn.simulate(params, engine="exact", runs=4)
    eps_g, step = runs.eps_g[:, 200:], runs.t[1] - runs.t[0]
    assert eps_g.std(axis=1).mean() == pytest.approx(cycle.eps_g.std(), rel=0.05)
    assert eps_g.mean() == pytest.approx(cycle.mean["eps_g"], abs=0.03)
    window = np.hanning(eps_g.shape[1])
    power = np.abs(np.fft.rfft((eps_g - eps_g.mean(axis=1, keepdims=True)) * window)) ** 2
    rates = np.fft.rfftfreq(eps_g.shape[1], step)
    found = []
    for row in power:
        near = slice(row.argmax() - 2, row.argmax() + 3)
        found.append((rates[near] * row[near]).sum() / row[near].sum())
    mean = 1 / np.mean(found)
    assert mean == pytest.approx(cycle.period / cycle.repeats, rel=0.02)
    # negative control: the cycles of other learning rates
    for lr in (1.02, 1.13):
        other = limit_cycle(PAIR, lr=lr)
        assert abs(mean / (other.period / other.repeats) - 1) > 0.04


def test_equal_signals_make_one_more_trivial_multiplier():
    params = vaedyn.Params(latent=3, signal=2, rho=1.5, beta=1.2, lr=1.1)
    found = attracting(params)
    assert np.isnan(found.multipliers).sum() == 2
    assert found.trivial < 1e-6
    assert np.isnan(attracting(params.replace(rho=(1.5, 1.4))).multipliers).sum() == 1


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"lr": 0.1}, ConvergenceError, "ends at a fixed point at learning rate 0.1"),
        ({"lr": 3.0}, DivergenceError, "diverges"),
        ({"beta": 0}, ParameterError, "beta: must be > 0 for limit cycles"),
        ({"optimiser": "adam"}, ParameterError, "not derived for limit cycle"),
        ({"alpha": 2.0}, ParameterError, "alpha: is not derived for limit cycle"),
        ({"noise": "1.2*0.5,0.8*0.5"}, ParameterError, "noise: is not derived for limit cycle"),
    ],
)
def test_what_is_no_cycle_is_refused(changes, error, text):
    with pytest.raises(error, match=text):
        limit_cycle(PAIR, **changes)


def test_a_branch_that_is_kept_is_found_again(tmp_path, monkeypatch):
    """Without a cycle in the range the result is empty, and kept like any other."""
    monkeypatch.setattr("vaedyn.fixedpoints.limit_cycles.TRIED", (0.5,))
    store = ResultStore(tmp_path)
    first = limit_cycles(PAIR, "lr", 0.1, 0.2, groups=0, store=store)
    again = limit_cycles(PAIR, "lr", 0.1, 0.2, groups=0, store=store)
    assert again.source.reused
    assert first.repeats == []
    assert len(again.varied) == 0
    opened = vaedyn.store.open(again.source.path)
    assert isinstance(opened, LimitCycles)
    assert opened.name == "lr"
    with pytest.raises(ParameterError, match="high: must be above low"):
        limit_cycles(PAIR, "lr", 0.2, 0.1)
