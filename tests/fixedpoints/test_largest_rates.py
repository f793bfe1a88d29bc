"""Up to which rate a fixed point is stable, of branches that are made up, and times of passages."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

import vaedyn
from vaedyn.fixedpoints import follow_cycle
from vaedyn.fixedpoints import passages as saddles
from vaedyn.fixedpoints import thresholds as module
from vaedyn.fixedpoints.follow_cycle import Followed, _events, _where
from vaedyn.fixedpoints.groups import Unit
from vaedyn.fixedpoints.shooting import Cycle
from vaedyn.kernels.constants import Constants

ONE, GONE, FREE = Unit(1, (3.0,)), Unit(1), Unit(0, (3.0,))
MODEL = Constants.of(vaedyn.Params(latent=2, rho=3.0, lr=0.25))


def largest(monkeypatch, branches, most=3.0, lr=0.25):
    """Return the largest rate, of a state stable below 3, and how branches were followed.

    `branches` are those that begin with the range, and all of them: (growth, events) or None.
    """
    asked = []

    class Near:
        def __init__(self, path, low, high, living, steps, first):
            assert path(7.0).lr == 7.0
            asked.append((low, high, living, steps, first))
            self.first = first

        def choices(self, configuration):
            return list(range(len(branches[self.first])))

        def branch(self, configuration, chosen):
            found = branches[self.first][chosen]
            return found and Made(growth=np.array(found[0]), events=found[1])

    class Some:
        def __init__(self, model):
            self.lr = model.lr

        def state(self, unit):
            return np.zeros(1)

        def growth(self, configuration):
            return self.lr - most

    monkeypatch.setattr(module, "Units", Some)
    monkeypatch.setattr(module, "Continuation", Near)
    return module.max_lr(MODEL._replace(lr=lr), (ONE, ONE, GONE, FREE)), asked


def test_a_state_is_stable_up_to_the_first_event_of_its_branch(monkeypatch):
    ends = [("stability", 3.01), ("fold", 2.99)]
    good, grows, plain = ([-1.0, 1.0], ends), ([0.0, 1.0], ends), ([-1.0], [])
    found, asked = largest(monkeypatch, {True: [good], False: []})
    assert (found, len(asked)) == (2.99, 1)
    low, high, living, steps, first = asked[0]
    assert (living, steps, first) == ({ONE}, 12, True)
    assert low / 0.999 < 3 < high / 1.002
    assert high / 1.002 <= 1.001 * low / 0.999
    for other in (grows, plain, None):
        found, asked = largest(monkeypatch, {True: [other, good], False: [other, good]})
        assert (found, [each[-1] for each in asked]) == (2.99, [True, False])
        found, asked = largest(monkeypatch, {True: [other], False: [other]})
        assert found == asked[0][0] / 0.999
    assert largest(monkeypatch, {True: [good]}, most=0.25)[0] is None
    assert largest(monkeypatch, {True: [good]}, most=1e9) == (None, [])


def test_it_is_looked_for_in_ratios_of_five_quarters(monkeypatch):
    seen = []

    class Some:
        def __init__(self, model):
            seen.append(model.lr)

        def state(self, unit):
            return np.zeros(1)

        def growth(self, configuration):
            return -1.0

    monkeypatch.setattr(module, "Units", Some)
    assert module.max_lr(MODEL, (ONE,)) is None
    np.testing.assert_allclose(seen, 0.25 * 1.25 ** np.arange(len(seen)))
    assert 1e4 / 1.25 < seen[-1] <= 1e4


# ---- passages


def passed(monkeypatch, away, life, lost=None):
    points = Made(
        reached=None if lost else 1, m=np.zeros((2, 1, 1)), relaxation_time=np.array([life, 1.0]),
        lost=lost, types=["a", "b"], labels=["A", "B"], stable=np.array([False, True]),
        marginal=np.zeros(2, bool), max_eigenvalue=np.array([0.25, -0.25]),
    )  # fmt: skip
    t = np.arange(len(away[0]), dtype=float)
    trajectory = Made(t=t, m=np.zeros((len(t), 1, 1)))
    monkeypatch.setattr(saddles, "distances", lambda *_, **__: np.array(away, float))
    monkeypatch.setattr(saddles, "_typical", lambda *_: 2.0)
    monkeypatch.setattr(saddles, "_refined", lambda _, i, __, at: (t[at], away[i][at]))
    return [(each.index, each.start, each.end) for each in saddles.passages(points, trajectory)]


def test_residences_are_longer_than_half_of_a_relaxation_time(monkeypatch):
    """Distances cross in the middle between t = 2 and 3; at 2.5 of 5 it is none."""
    away = [[0.5, 0.25, 0.5, 1.5, 1.5], [1.5, 1.5, 1.5, 0.5, 0.5]]
    assert passed(monkeypatch, away, 4.99) == [(0, 0, 2.5), (1, 2.5, 4)]
    assert passed(monkeypatch, away, 5.0) == [(1, 2.5, 4)]
    with pytest.raises(vaedyn.ConvergenceError) as caught:
        passed(monkeypatch, away, 4.0, "it creeps")
    assert str(caught.value) == "it is not known where the trajectory leads: it creeps"
    assert (saddles.EXACT, saddles.NEAR, saddles.STAY, saddles.FINE) == (4, 0.5, 0.5, 64)


def test_a_nearest_approach_is_nearer_than_half_of_the_typical_distance(monkeypatch):
    for least, count in ((0.995, 2), (1.0, 1)):
        away = [[1.25, least, 1.25, 2.5, 2.5], [2.5, 2.5, 2.5, 0.5, 0.5]]
        assert len(passed(monkeypatch, away, 1.0)) == count


# ---- events on branches of cycles


def cycle(multipliers, x=1.0):
    return Cycle(x, np.zeros(1), 1.0, np.zeros((2, 1)), np.array(multipliers, complex), 0.0, None)


class Line:
    def __init__(self, multipliers=None):
        self.multipliers = multipliers

    def corrected(self, guess, tangent, slope):
        return guess

    def cycle(self, point):
        return cycle(self.multipliers(float(point[-1])), 10 + float(point[-1]))

    def x(self, point):
        return 10 + float(point[-1])


def test_a_pair_that_crosses_counts_twice():
    """Between a pair and others each crossing is listed, outermost first."""

    def happened(before, after):
        line = Line(lambda s: before if s < 0.5 else after)
        way = Followed([cycle(before, 10.0)], [])
        here = np.zeros(2), np.array([0.0, 1.0]), None, 1.0
        return [kind for kind, *_ in _events(line, way, here, cycle(after, 11.0), here[1])]

    pair = [1.5 * np.exp(1j), 1.5 * np.exp(-1j)]
    inside = [0.9 * np.exp(1j), 0.9 * np.exp(-1j)]
    assert happened([*inside, 0.5], [*pair, 0.5]) == ["Neimark-Sacker"]
    assert happened([*pair, 0.5], [*inside, 0.5]) == ["Neimark-Sacker"]
    assert happened([0.9, 0.8, 0.7], [1.2, -1.1, 0.7]) == ["branch point", "period doubling"]
    assert happened([*pair, 1.2], [*inside, 0.8]) == ["Neimark-Sacker", "branch point"]


def test_a_zero_that_does_not_exist_is_at_the_end_of_the_step():
    after = cycle([0.5], 99.0)

    def where(function, step=0.5, at=lambda s: np.array([0.0, s])):
        return _where(Line(), at, function, step, np.zeros(2), after)

    assert where(lambda s: 1.0) == 99.0
    assert where(lambda s: np.nan) == 99.0
    assert where(lambda s: s - 0.3) == pytest.approx(10.3, abs=1e-9)
    assert where(lambda s: 0.3 - s) == pytest.approx(10.3, abs=1e-9)
    assert where(lambda s: (s - 0.3) ** 3) == pytest.approx(10.3, abs=2e-3)
    assert where(lambda s: s - 0.3, at=lambda s: None) == 99.0
    calls = []
    where(lambda s: calls.append(s) or np.tanh(40 * (s - 0.123)))
    assert len(calls) <= 32
    assert follow_cycle.LARGEST == 0.15
