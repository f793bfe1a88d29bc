"""Where the ODE ends, and branches of cycles, worked out by hand."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

import vaedyn
from vaedyn.errors import ConvergenceError, DivergenceError
from vaedyn.fixedpoints import limit_cycle, limit_cycles
from vaedyn.fixedpoints.follow_cycle import Followed
from vaedyn.fixedpoints.limit_cycle import _images, attracting, repeats
from vaedyn.fixedpoints.limit_cycles import Hopf, _all, hopf_points
from vaedyn.fixedpoints.shooting import Cycle, Shooting
from vaedyn.model.state import pack, unpack

PARAMS = vaedyn.Params(latent=2, signal=1, rho=3.0, lr=0.7, beta=0.8)


def cycle(x=1.0, period=2.0, multipliers=(0.5, np.nan), states=((0.0,), (1.0,)), trivial=1e-9):
    multipliers, states = np.array(multipliers, complex), np.array(states, float)
    return Cycle(x, states[0], period, states, multipliers, trivial, np.eye(1))


def sought(monkeypatch, rest=(), periods=(), points=(), cycles=()):
    """Return the cycle on which made-up courses end, and how they were followed."""
    log = []
    at_rest, back, found, made = iter(rest), iter(periods), iter(points), iter(cycles)

    def course(model, y, times, rtol):
        log.append((float(times[0] * model.lr), rtol))
        return np.array([y, y + 1])

    class Sought(Shooting):
        def __init__(self, path, low, high):
            log.append((path(0.5).lr, low, high))

        def point(self, y, period, at):
            return np.array([y[0], period, at])

        def slope(self, guess):
            return "slope"

        def corrected(self, guess, edge, slope):
            log.append((guess.tolist(), edge.tolist(), slope))
            return next(found)

        def cycle(self, point):
            return next(made)

    monkeypatch.setattr(limit_cycle, "course", course)
    monkeypatch.setattr(limit_cycle, "Shooting", Sought)
    monkeypatch.setattr(limit_cycle, "_at_rest", lambda model, y: next(at_rest, False))
    monkeypatch.setattr(limit_cycle, "_returns", lambda model, y: next(back, None))
    monkeypatch.setattr(limit_cycle, "pack", lambda **parts: np.zeros(18))
    return attracting(PARAMS), log


def test_a_stable_cycle_is_sought_after_ever_longer_courses(monkeypatch):
    good = cycle(9.9, states=[[0.0], [2.01e-5]])
    unstable = cycle(multipliers=(1.1, np.nan))
    tiny = cycle(states=[[0.0], [2e-5]])
    found, log = sought(
        monkeypatch, periods=[None, 3.0, 4.0, 5.0, 6.0], points=[None, 1, 2, 3],
        cycles=[unstable, tiny, good],
    )  # fmt: skip
    assert found == good._replace(x=0.7)
    assert log[0] == (0.5, pytest.approx(0.693), pytest.approx(0.707))
    assert [each for each in log[1:] if len(each) == 2] == [
        (pytest.approx(span), 1e-8) for span in (100, 300, 1000, 3000, 9000)
    ]  # fmt: skip
    assert log[3] == ([2.0, 3.0, 0.7], [0, 0, 1], "slope")
    with pytest.raises(ConvergenceError) as caught:
        sought(monkeypatch, rest=[False, True])
    assert str(caught.value) == (
        "the ODE ends at a fixed point at learning rate 0.7, not on a limit cycle: see vaedyn "
        "fixedpoints"
    )
    with pytest.raises(ConvergenceError) as caught:
        sought(monkeypatch)
    assert str(caught.value) == (
        "no stable limit cycle is found at learning rate 0.7 up to t = 19142.9: the ODE creeps, "
        "or never repeats itself"
    )


@pytest.mark.parametrize(
    ("size", "left", "away", "growth", "there"),
    [
        (0.5, 0.995e-3, 0.995e-4, 0.0, True), (0.5, 1.005e-3, 0.0, 0.0, False),
        (0.5, 0.0, 1.005e-4, 0.0, False), (0.5, 0.0, 0.0, 1e-12, False),
        (4.0, 3.98e-3, 3.98e-4, -1.0, True), (4.0, 4.02e-3, 0.0, -1.0, False),
        (4.0, 0.0, 4.02e-4, -1.0, False),
    ],
)  # fmt: skip
def test_a_course_ends_at_a_fixed_point_that_is_near(monkeypatch, size, left, away, growth, there):
    y = np.array([-size, 0.1])
    exact = [0.0]
    monkeypatch.setattr(limit_cycle, "newton", lambda model, y: y + away)
    monkeypatch.setattr(
        limit_cycle, "residual", lambda model, x: left if x is y else exact[0] * max(1.0, size)
    )
    monkeypatch.setattr(
        limit_cycle, "eigenvalues", lambda model, x: np.array([np.nan, growth + 1j, -9])
    )
    assert limit_cycle._at_rest(None, y) == there
    exact[0] = 0.995e-12
    assert limit_cycle._at_rest(None, y) == there
    exact[0] = 1.005e-12
    assert not limit_cycle._at_rest(None, y)


def test_a_course_is_back_within_a_tenth_of_how_far_it_goes(monkeypatch):
    """After 3/lr, to a share of the way 10; in windows of 50, 200 and 800, 25 states a time."""
    asked = []

    def course(model, y, times, rtol):
        asked.append((len(times), float(times[-1]), rtol))
        side = np.where(times < 5.99, -10.0, share * 10 if times[-1] == window else -10.0)
        return np.column_stack([side, np.zeros(len(times))]) + y

    monkeypatch.setattr(limit_cycle, "velocity", lambda model, y: np.array([1.0, 0.0]))
    monkeypatch.setattr(limit_cycle, "course", course)
    y, window, share = np.array([3.0, 2.0]), 100.0, 0.0995
    step = 100 / 1250
    expected = 5.92 + step * 10 / 10.995
    assert limit_cycle._returns(Made(lr=0.5), y) == pytest.approx(expected)
    assert asked == [(1250, 100.0, 1e-9)]
    share = 0.1005
    assert limit_cycle._returns(Made(lr=0.5), y) is None
    assert asked[1:] == [(1250, 100.0, 1e-9), (5000, 400.0, 1e-9), (20000, 1600.0, 1e-9)]
    share, window = 0.0, 1600.0
    assert limit_cycle._returns(Made(lr=0.5), y) == pytest.approx(5.92 + 0.08)


def test_what_is_known_of_a_cycle(monkeypatch):
    """Amplitudes are half of ranges; the last state would begin it again."""
    states = np.zeros((4, 6))
    states[:, 0], states[:, 2], states[:, 5] = [1, 2, 3, 2], [4, 5, 4, 3.5], [0.5, 0.5, 0.5, 0.25]
    one = vaedyn.Params(rho=3.0, lr=0.7)
    monkeypatch.setattr(
        limit_cycle,
        "course",
        lambda model, start, times: np.array([start, start + 1e-9 * times[0]]),
    )
    monkeypatch.setattr(limit_cycle, "repeats", lambda model, states: 2)
    made = Cycle(0.7, states[0], 8.0, states, np.array([-0.5 + 0.25j, np.nan]), 1e-8, np.eye(1))
    found = limit_cycle._result(one, made)
    assert found.t.tolist() == [0, 2, 4, 6]
    assert (found.period, found.trivial, found.repeats) == (8.0, 1e-8, 2)
    assert found.closing == pytest.approx(8e-9)
    assert found.multipliers.tolist() == [-0.5 + 0.25j]
    assert found.stable
    assert found.amplitude["m"] == [[1]]
    assert found.amplitude["Q"] == [[0.75]]
    assert found.mean["m"] == [[2]]
    assert found.mean["D"] == [0.4375]
    assert set(found.mean) == set(found.amplitude) == {
        "eps_g", "kl", "m", "d", "Q", "E", "R", "D",
    }  # fmt: skip
    for size, stable in ((1.0, False), (0.999, True)):
        once = limit_cycle._result(one, made._replace(multipliers=np.array([size + 0j])))
        assert once.stable == stable
    assert limit_cycle._result(one, made._replace(multipliers=np.array([np.nan + 0j]))).stable


def test_beta_zero_has_no_limit_cycles():
    with pytest.raises(vaedyn.ParameterError) as caught:
        vaedyn.limit_cycle(PARAMS.replace(beta=0))
    assert str(caught.value) == (
        "beta: must be > 0 for limit cycles: D shrinks for ever at beta = 0"
    )


def test_images_are_all_that_signs_and_orders_make():
    y = np.arange(1.0, 19)
    found = _images(2, 1, y)
    assert found.shape == (2 * 2**3, 18)
    assert len(np.unique(found, axis=0)) == 8  # a sign of all latents and the signal is none
    turn = np.array([[0, -1], [1, 0]])
    parts = unpack(y, 2, 1)
    image = pack(
        *(turn @ parts[name] for name in "md"), *(turn @ parts[name] @ turn.T for name in "QER"),
        abs(turn) @ parts["D"],
    )  # fmt: skip
    assert (found == image).all(axis=1).any()


def test_repeats_are_looked_for_in_small_models_to_1e_6():
    model = Made(latent=1, signal=1)
    y = np.array([2.0, 1, 3, 1, 1, 0.5])
    states = np.tile(np.full(6, 9.0), (12, 1))
    states[0] = y
    image = y * [-1, -1, 1, 1, 1, 1]
    for off, parts in ((0.899e-5, 2), (0.901e-5, 1)):
        states[6] = image + off
        assert repeats(model, states) == parts
    for latent, signal in ((5, 1), (1, 5)):
        assert repeats(Made(latent=latent, signal=signal), states) == 1
    assert repeats(model, np.delete(states, 1, axis=0)) == 1
    small = states / 20
    small[6] = image / 20 + 0.99e-6
    assert repeats(model, small) == 2
    small[6] += 0.02e-6
    assert repeats(model, small) == 1


def hopf(x, frequency=2.0):
    return Hopf(x, np.zeros(1), np.zeros(1), frequency)


def joined(monkeypatch, hopfs=(), born=(), cycles=(), known=()):
    log, without = [], []
    starts, there = iter(born), dict(cycles)
    monkeypatch.setattr(limit_cycles, "Shooting", lambda path, low, high: (path(0.5).lr, low, high))
    monkeypatch.setattr(limit_cycles, "hopf_points", lambda *_: iter(hopfs))
    monkeypatch.setattr(limit_cycles, "_ends_at", lambda found, one: (found, one.x) in known)
    monkeypatch.setattr(
        limit_cycles, "_passes", lambda found, x, period: (found, round(x, 6), period) in known
    )
    monkeypatch.setattr(
        limit_cycles,
        "from_hopf",
        lambda shooting, *one, progress: log.append(one[0]) or next(starts),
    )

    def attracts(params):
        log.append(("at", params.lr))
        found = there.get(round(params.lr, 6))
        if isinstance(found, Exception):
            raise found
        return found or cycle(period=7.0)

    monkeypatch.setattr(limit_cycles, "attracting", attracts)
    monkeypatch.setattr(
        limit_cycles, "follow", lambda shooting, one, progress: (round(one.x, 6), one.period)
    )
    found = list(_all(PARAMS, "lr", 0.2, 1.0, 2, None, None, without))
    return found, log, without


def test_cycles_are_followed_from_hopf_points_and_from_where_the_ode_ends(monkeypatch):
    first = Made()
    found, log, without = joined(
        monkeypatch, [hopf(0.3), hopf(0.5), hopf(0.7, 3.0)], [first, "none is found"],
        {0.6: cycle(period=5.0), 0.4: DivergenceError("far"), 0.8: ConvergenceError("rest")},
        known=[(first, 0.5)],
    )  # fmt: skip
    assert found == [first, (0.6, 5.0)]
    assert without == [{"at": 0.7, "frequency": 3.0, "why": "none is found"}]
    assert log == [0.3, 0.7, ("at", pytest.approx(0.6)), ("at", pytest.approx(0.4)),
                   ("at", pytest.approx(0.8))]  # fmt: skip


def followed(*cycles):
    return Followed(list(cycles), [])


def test_cycles_that_are_on_a_branch_are_not_followed_again(monkeypatch):
    one = followed(cycle(0.3))
    found, _, _ = joined(monkeypatch, [hopf(0.3)], [one], known=[(one, 0.6, 7.0)])
    assert found[0] is one
    assert found[1:] == [(pytest.approx(0.4), 7.0), (pytest.approx(0.8), 7.0)]


def test_hopf_points_are_where_stability_changes_by_a_pair(monkeypatch):
    """A pair of imaginary part 1e-6 lr; the mode is turned until its halves are orthogonal."""
    events = [
        {"kind": "stability", "at": 0.75, "branch": 1},
        {"kind": "stability", "at": 0.25, "branch": 0},
        {"kind": "fold", "at": 0.5, "branch": 0},
    ]  # fmt: skip
    along = Made(
        events=events, branch=np.array([0, 0, 1, 1]), varied=np.array([0.0, 1, 0, 1]),
        states=np.array([[0.0, 0.0], [4.0, 8.0], [1.0, 1.0], [2.0, 2.0]]),
    )  # fmt: skip
    J = np.array([[-2.0, 0, 0], [0, 0, 3.0], [0, -1.0, 0]])
    frequency = np.sqrt(3)
    model = Made(lr=0.5, latent=1, signal=1)
    monkeypatch.setattr(limit_cycles, "branches", lambda *_, **__: along)
    monkeypatch.setattr(limit_cycles, "vary", lambda params, name, x: model)
    monkeypatch.setattr(limit_cycles, "newton", lambda model, y: y)
    monkeypatch.setattr(limit_cycles, "jacobian", lambda model, y: J)
    monkeypatch.setattr(
        limit_cycles, "symmetric", lambda latent, signal: (np.vstack([np.eye(3), [1, 1, 1]]), None)
    )
    rates = [np.array([-1j, 1j]) * frequency * 0.5]
    monkeypatch.setattr(limit_cycles, "eigenvalues", lambda model, y: rates[0])
    found = list(hopf_points(PARAMS, "lr", 0.0, 1.0, 2, None))
    assert [(one.x, one.state.tolist()) for one in found] == [(0.25, [1, 2]), (0.75, [1.75, 1.75])]
    assert found[0].frequency == pytest.approx(0.5 * frequency)
    way = found[0].direction
    np.testing.assert_allclose(np.abs(way), [0, 0.75**0.5, 0, 0.75**0.5], atol=1e-12)
    for size, count in ((0.501e-6, 2), (0.499e-6, 0)):
        rates[0] = np.array([-1j, 1j]) * size
        assert len(list(hopf_points(PARAMS, "lr", 0.0, 1.0, 2, None))) == count


def test_a_row_has_observables_over_a_period():
    one = vaedyn.Params(rho=3.0, lr=0.7)
    states = np.tile([0.5, 0.2, 1.0, 0.3, 0.1, 0.5], (3, 1))
    states[:, 2] = [1.0, 2.0, 4.0]
    row = limit_cycles._row(one, "lr", cycle(0.7, states=states))
    error = 3 - 2 * 3**0.5 * 0.5 + states[:, 2]
    assert row["eps_g"] == pytest.approx(error[0])
    assert (row["eps_g_min"], row["eps_g_max"]) == pytest.approx((error[0], error[2]))
    assert row["eps_g_mean"] == pytest.approx(error.mean())
    assert row["kl_mean"] == pytest.approx(row["kl"])
    assert row["Q"] == [[1]]
    empty = limit_cycles._row(PARAMS, "lr", None)
    assert np.shape(empty["m"]) == (2, 1)
    assert set(empty) == set(row)
