"""Scans of lines and largest learning rates, worked out by hand."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

import vaedyn
from vaedyn.errors import ParameterError
from vaedyn.fixedpoints import largest_lr, starts
from vaedyn.fixedpoints.alone_at import (
    COLLAPSED,
    NOISE,
)
from vaedyn.fixedpoints.box import Box
from vaedyn.fixedpoints.conditions import Fold, Hopf, Loss, of_block
from vaedyn.fixedpoints.escape_to_infinity import Escape
from vaedyn.fixedpoints.largest_lr import LargestLr
from vaedyn.fixedpoints.levels import Awake, EqualLoss, Level
from vaedyn.fixedpoints.starts import Cell, Scan, of_lowest_loss, solved
from vaedyn.kernels.constants import Constants

TWO = vaedyn.Params(latent=2, signal=2, rho=(3, 1.5), eta=0.9, lam=0.02, lr=0.3, beta=0.6)
BOX = Box(TWO, ("beta", "lr"), (0.1, 0.02), (2.1, 1.02))
SAMPLED = BOX._replace(params=TWO.replace(latents="sampled"))
OTHER = Box(TWO, ("beta", "eta"), (0.1, 0.2), (2.1, 1.2))


class Lines(Scan):
    """Three lines of three points, on which everything is given."""

    def __init__(self, box=BOX, **latents):
        self.box, self.shape = box, (1, 4)
        self.at = np.stack([np.linspace(0, 1, 4), np.full(4, 0.5)], axis=1)[None]
        self.c = Constants.of(box.params, beta=np.linspace(0.5, 0.8, 4)).many()
        given = {0: [1, 2, 3, 4], 1: [5, 6, 7, 8], NOISE: [0.5] * 4, COLLAPSED: [0.25] * 4}
        self.latents = {kind: Made(Q=np.array(Q, float)) for kind, Q in given.items()}
        self.modes = Made(sampled=box.params.sampled)
        self.given = {}

    def spectra(self, block):
        return np.array(self.given.get(block, [[-1.0, -2.0]] * 4), complex)


def test_losses_and_hopf_bifurcations_are_where_products_change_sign():
    lines = Lines()
    lines.given[0, 1] = [[-1, -2], [1, -2], [0.5 + 2j, 0.5 - 2j], [-0.5 + 2j, -0.5 - 2j]]
    lines.given[0,] = [[-1, -2], [1, -2], [1, -2], [1, -2]]
    lines.given[COLLAPSED, "unlearned", 0] = [[-1.0], [-1.0], [1.0], [1.0]]
    cells = list(lines.blocks(("loss", "hopf")))
    found = [(type(cell.condition).__name__, cell.condition.block) for cell in cells]
    assert sorted(map(str, found)) == sorted(map(str, [
        ("Loss", (0, 1)), ("Loss", (0, 1)), ("Hopf", (0, 1)),
        ("Loss", (COLLAPSED, "unlearned", 0)),
    ]))  # fmt: skip
    turning = next(cell for cell in cells if isinstance(cell.condition, Hopf))
    np.testing.assert_allclose(turning.before, [3, 7, 4, 2 / 3, 0.5])
    np.testing.assert_allclose(turning.after, [4, 8, 4, 1, 0.5])
    steady = next(cell for cell in cells if cell.condition.block == (0, 1))
    np.testing.assert_allclose(steady.before, [1, 5, 0, 0.5])
    np.testing.assert_allclose(steady.after, [2, 6, 1 / 3, 0.5])
    assert list(lines.blocks(("fold", "escape")))[:0] == []
    lines.given = {(0, 1): [[-1, -2]] * 2 + [[-2 + 0j, 3]] * 2}
    assert [type(cell.condition) for cell in lines.blocks(("hopf",))] == []  # no pair turns
    lines.given = {(0, 1): [[-0.1, -2.0], [-0.2, -2.0], [-0.4, -2.0], [-0.5, -2.0]]}
    (slow,) = lines.blocks(("loss",), shift=0.09)  # 0.09 / 0.3
    assert slow.condition.shift == 0.09
    np.testing.assert_allclose(slow.before[:2], [2, 6])
    assert list(lines.blocks(("loss",))) == []


def test_folds_are_where_a_latent_was_last(monkeypatch):
    lines = Lines()
    seen = []
    last = np.array([2.5, 0.4, 0.5])
    monkeypatch.setattr(
        Lines, "_last", lambda self, kind: seen.append(kind) or ([(last, 2)] if kind == 1 else [])
    )
    (cell,) = lines.blocks(("fold",))
    assert sorted(seen) == [NOISE, 0, 1]
    assert cell.condition == of_block(BOX, (1,), Fold)
    assert cell.before is last
    np.testing.assert_allclose(cell.after, [7, 2 / 3, 0.5])
    seen.clear()
    list(Lines(SAMPLED).blocks(("fold",)))
    assert sorted(seen) == [COLLAPSED, NOISE, 0, 1]


def test_a_latent_ends_where_it_is_no_more_or_jumps():
    """By 15 % of the larger Q."""
    lines = Lines()
    for Q, found in (
        ([1, 2, np.nan, np.nan], [(1, 2)]), ([np.nan, 1, 1, np.nan], [(1, 0), (2, 3)]),
        ([1, 1, 1.176, 1.176], []), ([1, 1, 1.177, 1.177], [(1, 2), (2, 1)]),
        ([1, 1, 0.851, 0.851], []), ([1, 1, 0.849, 0.849], [(1, 2), (2, 1)]),
    ):  # fmt: skip
        lines.latents[0].Q = np.array(Q, float)
        steep = [pair for pair in lines._ends(0) if pair not in [(0, 1), (1, 0)] or len(found) > 1]
        if Q[:2] == [1, 2]:
            assert lines._ends(0) == [(0, 1), (1, 0), (1, 2)]
        else:
            assert steep == found


def test_the_last_point_of_a_latent_is_found_in_seventeenths(monkeypatch):
    """It is there up to u = 0.4; where it only changes quickly there is none."""
    lines = Lines()
    lines.latents[0].Q = np.array([1.0, 1.1, np.nan, np.nan])
    monkeypatch.setattr(
        lines, "_usual", lambda kind, at: np.where(at[:, 0] <= 0.4, 1 + at[:, 0], np.nan)
    )
    ((last, outside),) = lines._last(0)
    assert outside == 2
    assert 0.4 - (1 / 3) / 17**4 <= last[1] <= 0.4
    assert last[0] == 1 + last[1]
    assert last[2] == 0.5
    lines.latents[0].Q = np.array([1.0, 1.0, 2.0, 2.0])
    monkeypatch.setattr(lines, "_usual", lambda kind, at: 1 + at[:, 0])
    assert lines._last(0) == []
    monkeypatch.setattr(lines, "_usual", lambda kind, at: 1.0 + (at[:, 0] > 0.4))
    (up, down) = lines._last(0)
    assert up[0] == pytest.approx([1, 0.4, 0.5], abs=1e-5)
    assert up[0][1] <= 0.4 < down[0][1]
    assert down[0] == pytest.approx([2, 0.4, 0.5], abs=1e-5)
    assert (up[1], down[1]) == (2, 1)
    lines.latents[0].Q = np.array([1.0, 1.0, 1.0, 1.0])
    assert lines._last(0) == []


def test_escapes_are_looked_for_at_all_points(monkeypatch):
    lines = Lines()
    monkeypatch.setattr(Escape, "values", lambda self, X: np.array([[-1.0], [1], [1], [1]]))
    (cell,) = lines.escapes()
    assert cell.condition == Escape(BOX, ())
    np.testing.assert_allclose(cell.before, [0, 0.5])
    np.testing.assert_allclose(cell.after, [1 / 3, 0.5])


def test_losses_are_equal_where_another_state_becomes_the_best(monkeypatch):
    """If at least at one end both are stable; what is not there has the Q of the other end."""
    lines = Lines()
    one, two = (1, 0, 1), (0, 1, 1)
    stable = {one: np.array([True] * 4), two: np.array([False, False, True, True])}
    best = np.array([0, 0, 1, 1])
    monkeypatch.setattr(lines, "best", lambda: (stable, [one, two], best))
    lines.latents[NOISE].Q = np.array([0.5, np.nan, 0.5, 0.5])
    (cell,) = lines.equal_loss()
    assert cell.condition == EqualLoss(BOX, (COLLAPSED, NOISE, 0), two, one)
    np.testing.assert_allclose(cell.before, [0.5, 2, 1 / 3, 0.5])
    np.testing.assert_allclose(cell.after, [0.5, 3, 2 / 3, 0.5])
    stable[one][2] = False
    assert list(lines.equal_loss()) == []
    stable[two][1] = True
    lines.latents[NOISE].Q = np.array([0.5, 0.6, np.nan, 0.5])
    (cell,) = lines.equal_loss()
    np.testing.assert_allclose(cell.before[0], 0.6)
    np.testing.assert_allclose(cell.after[0], 0.6)
    best[2:] = -1
    assert list(lines.equal_loss()) == []


def test_levels_are_of_the_state_that_attracts(monkeypatch):
    lines = Lines()
    states = [(1, 0, 1), (0, 1, 1)]
    monkeypatch.setattr(lines, "best", lambda: (None, states, np.array([0, 0, 0, 1])))
    seen = []

    def measured(c, latents, of, quantity):
        seen.append((sorted(latents), of, quantity))
        return np.array([0.1, 0.3, 0.6, 0.1])

    monkeypatch.setattr(starts, "measured", measured)
    (cell,) = lines.level("kl", 0.5)
    assert cell.condition == Level(BOX, (0, COLLAPSED), (1, 0, 1), "kl", 0.5)
    np.testing.assert_allclose(cell.before, [2, 1 / 3, 0.5])
    np.testing.assert_allclose(cell.after, [3, 2 / 3, 0.5])
    assert seen == [([COLLAPSED, 0], (1, 0, 1), "kl"), ([COLLAPSED, NOISE], (0, 1, 1), "kl")]


def test_sampled_latents_awake_at_a_hundredth_of_a_nat(monkeypatch):
    monkeypatch.setattr(
        starts, "measured",
        lambda c, latents, of, quantity: np.array([0.0099, 0.0101, 0.0101, 0.0101]) + of[1],
    )  # fmt: skip
    assert list(Lines().awake()) == []
    (cell,) = Lines(SAMPLED).awake()
    assert cell.condition == Awake(SAMPLED, (COLLAPSED,), (0, 0, 1), "kl", 0.01)
    np.testing.assert_allclose(cell.before, [0.25, 0, 0.5])
    monkeypatch.setattr(
        starts, "measured",
        lambda c, latents, of, quantity: np.array([0.0099, 0.0101, 0.0101, 0.0101]) + of[2],
    )  # fmt: skip
    (cell,) = Lines(SAMPLED).awake()
    assert cell.condition == Awake(SAMPLED, (NOISE,), (0, 1, 0), "kl", 0.01)


def test_the_state_of_lowest_loss_among_the_stable_ones():
    """Of one latent and one signal: collapsed, on noise, on the signal."""
    rates = {(0, 0, 1): [0.5e-8, 1, -1], (0, 1, 0): [0.501e-8, 1, -1], (1, 0, 0): [-1, 1, -1]}
    losses = {(0, 0): [1.0, 1, 3], (0, 1): [0.0, 0, 2], (1, 0): [2.0, 2, 2]}
    modes = Made(
        c=Made(lr=np.full(3, 0.5)), growth=lambda *state: np.array(rates[state]),
        loss=lambda *state: (np.array(losses[state]), None),
    )  # fmt: skip
    stable, states, best = of_lowest_loss(modes, 1, 1)
    assert states == [(0, 0, 1), (0, 1, 0), (1, 0, 0)]
    assert best.tolist() == [0, -1, 1]
    assert stable[0, 1, 0].tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("point", "there"),
    [
        ([0.5, 0.5], True),
        ([0.599, 0.5], True),
        ([0.699, 0.5], True),
        ([0.701, 0.5], False),
        ([0.401, 0.5], True),
        ([0.399, 0.5], False),
        ([0.55, -2e-9], False),
        ([0.55, -0.5e-9], True),
        ([0.55, 1 + 2e-9], False),
        ([0.55, 1 + 0.5e-9], True),
    ],
)
def test_a_start_is_near_its_cell_and_in_the_box(monkeypatch, point, there):
    """As far beyond its ends, 0.5 and 0.6, as these are apart, which is 0.1."""
    asked = []

    def corrected(condition, guess, across):
        asked.append((guess.tolist(), across.tolist()))
        return np.array(point)

    monkeypatch.setattr(starts, "corrected", corrected)
    condition = Made(limits=lambda X: np.ones((1, 1)))
    before, after = np.array([0.5, 0.5]), np.array([0.6, 0.5])
    found = solved(Cell(condition, before, after))
    assert (found is not None) == there
    guesses = [[0.55, 0.5], [0.5, 0.5], [0.6, 0.5]]
    assert asked == [(guess, [0, 1]) for guess in (guesses[:1] if there else guesses)]
    condition.limits = lambda X: np.array([[1.0, 0.0]])
    assert solved(Cell(condition, before, after)) is None


def test_starts_on_lines_of_the_other_constant(monkeypatch):
    asked = []
    monkeypatch.setattr(
        starts, "corrected", lambda condition, guess, across: asked.append((guess, across))
    )
    assert solved(Cell(None, np.array([7.0, 0.5, 0.3]), np.array([8.0, 0.5, 0.4]))) is None
    assert [across.tolist() for _, across in asked] == [[0, 1, 0]] * 3
    asked.clear()
    assert solved(Cell(None, np.array([7.0, 0.5, 0.3]), np.array([np.nan, 0.5, 0.4]))) is None
    assert [guess.tolist() for guess, _ in asked] == [[7, 0.5, 0.3]]
    found = np.array([7.0, 0.5, 0.3009])
    monkeypatch.setattr(starts, "corrected", lambda condition, guess, across: found)
    condition = Made(limits=lambda X: np.ones((1, 1)))
    near = Cell(condition, np.array([7.0, 0.5, 0.3]), np.array([8.0, 0.5, 0.3]))
    assert solved(near) is found
    found[2] = 0.3011
    assert solved(near) is None


# ---- the largest learning rate


def test_a_largest_rate_is_above_that_of_the_model():
    limit = LargestLr.of(OTHER, 1.2)
    assert limit.lowest == pytest.approx(0.25)
    assert limit.box == OTHER._replace(params=TWO.replace(lr=1.2))
    assert LargestLr.of(OTHER, 1e4).lowest == pytest.approx(3e-5)
    text = "follow: max_lr must be above lr, 0.3, at which the state attracts, and at most 10000"
    for value in (0.3, 0.1, 1.1e4):
        with pytest.raises(ParameterError) as caught:
            LargestLr.of(OTHER, value)
        assert str(caught.value) == f"{text}, got {value:g}"
    with pytest.raises(ParameterError) as caught:
        LargestLr.of(BOX, 1.2)
    assert str(caught.value) == "follow: max_lr is not followed over lr: vary two others"


def rates(growths, jump=0.0):
    """Return what stands for modes at a learning rate: growth rates by it, and Q that jumps."""

    class Some:
        def __init__(self, c):
            self.c = c
            Q = np.where(c.lr > 1.0, 1 + jump, 1.0)
            self.kinds = {kind: Made(Q=Q) for kind in (0, 1, NOISE, COLLAPSED)}

        def growth(self, *state):
            return growths(self.c.lr)

    return Some


def test_a_state_is_stable_up_to_a_rate(monkeypatch):
    """Just below it and everywhere on the way, not just above; or another one is there."""
    limit = LargestLr(OTHER._replace(params=TWO.replace(lr=1.0)), 0.3)
    c = Constants.of(limit.box.params).many()

    def changes(growths, jump=0.0):
        monkeypatch.setattr(largest_lr, "Modes", rates(growths, jump))
        return bool(limit._changes(c, (1, 1, 0))[0])

    assert changes(lambda lr: lr - 1.0)
    assert changes(lambda lr: lr - 1.0 - 0.99e-4)
    assert not changes(lambda lr: lr - 1.0 - 1.005e-4)
    assert not changes(lambda lr: lr - 1.0 + 1.005e-4)
    assert not changes(lambda lr: -lr)
    assert changes(lambda lr: -lr, 0.177)
    assert not changes(lambda lr: -lr, 0.176)
    assert changes(lambda lr: -lr, -0.151)
    assert not changes(lambda lr: -lr, -0.149)
    seen = []
    assert changes(lambda lr: seen.append(lr[0]) or lr - 1.0)
    shares = np.geomspace(0.3, 1, 14)[1:-1]  # in ratios of 1.1 at most
    np.testing.assert_allclose(seen, [1 - 1e-4, 1 + 1e-4, *shares])
    assert not changes(lambda lr: np.where(np.abs(lr - shares[4]) < 1e-9, 1.0, lr - 1.0))
    assert not changes(lambda lr: np.where(np.abs(lr - shares[0]) < 1e-9, 1.005e-8 * lr, lr - 1.0))
    assert changes(lambda lr: np.where(np.abs(lr - shares[0]) < 1e-9, 1e-8 * lr, lr - 1.0))


def test_a_largest_rate_concerns_the_state_of_least_loss_at_the_rate_of_the_model(monkeypatch):
    limit = LargestLr(OTHER._replace(params=TWO.replace(lr=1.0)), 0.3)
    states = [(1, 0, 1), (0, 1, 1)]
    asked = []

    def lowest(modes, latent, signal):
        asked.append((modes.c.lr.tolist(), latent, signal))
        return None, states, np.array([0, 1, -1, 0])

    monkeypatch.setattr(largest_lr, "of_lowest_loss", lowest)
    monkeypatch.setattr(largest_lr, "Modes", rates(None))
    monkeypatch.setattr(
        LargestLr, "_changes", lambda self, c, state: np.array([True] * len(c.lr)) & (c.eta < 1.1)
    )
    X = np.array([[0.5, 0.1], [0.5, 0.1], [0.5, 0.1], [0.5, 0.95]])
    loss = of_block(limit.box, (COLLAPSED, "unlearned", 1), Loss)
    assert limit.attracts(loss, X).tolist() == [True, True, False, False]
    assert asked == [([0.3] * 4, 2, 2)]
    loss = of_block(limit.box, (COLLAPSED, "unlearned", 0), Loss)
    assert limit.attracts(loss, X).tolist() == [False, True, False, False]
    fold = of_block(limit.box, (0,), Fold)
    assert limit.attracts(fold, X).tolist() == [True, False, False, False]
    assert limit.attracts(Escape(limit.box, ()), X).tolist() == [False, True, False, False]
