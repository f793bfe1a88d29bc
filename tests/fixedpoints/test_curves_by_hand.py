"""Curves over two constants from starts and states that are made up."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

import vaedyn
from vaedyn.errors import ParameterError
from vaedyn.fixedpoints import bifurcation_curves as module
from vaedyn.fixedpoints import escape_to_infinity, largest_lr, starts
from vaedyn.fixedpoints import traced as tracing
from vaedyn.fixedpoints.alone_at import (
    COLLAPSED,
    NOISE,
    latent_at,
    members,
    spectrum,
    towards_jacobian,
)
from vaedyn.fixedpoints.attractors import cross_jacobian, own_jacobian
from vaedyn.fixedpoints.box import Box, box_of
from vaedyn.fixedpoints.conditions import Fold, Hopf, Loss, of_block
from vaedyn.fixedpoints.continued import LIMIT, Followed
from vaedyn.fixedpoints.escape_to_infinity import Escape
from vaedyn.fixedpoints.largest_lr import LargestLr
from vaedyn.fixedpoints.levels import Awake, EqualLoss, Level
from vaedyn.fixedpoints.single import Latent
from vaedyn.fixedpoints.starts import Cell, Scan, of_lowest_loss, solved
from vaedyn.fixedpoints.traced import Traced, _attracting, _jumps, _of_end
from vaedyn.kernels.constants import Constants

TWO = vaedyn.Params(latent=2, signal=2, rho=(3, 1.5), eta=0.9, lam=0.02, lr=0.3, beta=0.6)
BOX = Box(TWO, ("beta", "lr"), (0.1, 0.02), (2.1, 1.02))
SAMPLED = BOX._replace(params=TWO.replace(latents="sampled"))
OTHER = Box(TWO, ("beta", "eta"), (0.1, 0.2), (2.1, 1.2))


# ---- boxes


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (("beta", 1), ("eta", 1, 2), "x: expected a name, low and high"),
        (3, ("eta", 1, 2), "x: expected a name, low and high"),
        (("beta", 1, 2), ("t_max", 1, 2),
         "y: expected one of beta, eta, rho, lam, lr, batch, got 't_max'"),
        (("beta", 1, 2, "lin"), ("eta", 1, 2),
         "x: expected nothing or 'log' after the range, got ['lin']"),
        (("beta", 2, 2), ("eta", 1, 2), "x: beta must rise, got 2 to 2"),
        (("beta", 2, 1.5), ("eta", 1, 2), "x: beta must rise, got 2 to 1.5"),
        (("beta", 1, 2), ("beta", 1, 2), "y: must vary another constant than x, beta"),
        (("lam", 0, 2, "log"), ("eta", 1, 2),
         "x: lam must start above 0 for steps of even ratios"),
        (("batch", 0.5, 2), ("eta", 1, 2), "x: batch must be >= 1, got 0.5"),
    ],
)  # fmt: skip
def test_axes_that_make_no_sense(x, y, message):
    with pytest.raises(ParameterError) as caught:
        box_of(TWO, x, y)
    assert str(caught.value) == message


def test_axes_that_make_sense():
    assert box_of(TWO, ("lam", 0, 2), ("batch", 1, 2))[1:] == (
        ("lam", "batch"), (0, 1), (2, 2), (False, False),
    )  # fmt: skip
    for name, value in (("beta", 0), ("eta", 0), ("lr", 0), ("rho", 0), ("lam", -1)):
        with pytest.raises(ParameterError, match=f"^x: {name} must be"):
            box_of(TWO, (name, value, 2), ("batch", 1, 2))
    nothing = TWO.replace(beta=0)
    text = "beta: must be > 0 for fixed points: D shrinks for ever at beta = 0"
    with pytest.raises(ParameterError, match=text):
        box_of(nothing, ("lam", 0, 2), ("batch", 1, 2))
    assert box_of(nothing, ("lam", 0, 2), ("beta", 1, 2)).names == ("lam", "beta")
    assert box_of(TWO, ("eta", 1, 1000), ("lr", 1, 1001)).logarithmic == (False, True)


# ---- spectra of latents alone


def test_spectra_are_those_of_blocks_of_latents_that_are_there():
    c = Constants.of(TWO, beta=np.array([0.6, 0.7])).many()
    given = {0: [0.8, 0.9], 1: [0.7, 0.6], NOISE: [0.4, 0.5], COLLAPSED: [0.0, 0.0]}
    found = {kind: latent_at(c, kind, np.array(Q))[0] for kind, Q in given.items()}

    def values(block, latents=found, c=c):
        return np.sort_complex(spectrum(c, block, latents)[0])

    def of(J, kept):
        return np.sort_complex(np.linalg.eigvals(J[0][np.ix_(kept, kept)]))

    for kind, kept in ((0, range(6)), (NOISE, [2, 3, 4, 5]), (COLLAPSED, [2, 3, 4, 5])):
        np.testing.assert_allclose(values((kind,)), of(own_jacobian(found[kind], c), [*kept]))
    for a, b, kept in (
        (0, 1, [0, 1, 2, 3, 4, 5, 6, 7]), (NOISE, 0, [0, 1, 4, 5, 6, 7]),
        (COLLAPSED, NOISE, [4, 5, 6, 7]), (1, NOISE, [2, 3, 4, 5, 6, 7]),
    ):  # fmt: skip
        J = cross_jacobian(found[a], found[b], c)
        np.testing.assert_allclose(values((a, b)), of(J, kept))
    J = towards_jacobian(found[NOISE], c, 1)
    np.testing.assert_allclose(values((NOISE, "unlearned", 1)), of(J, [0, 1]))
    S, D = 0.9 * found[NOISE].E, found[NOISE].D
    B, K, P = S + D + 0.02, 0.4 + 0.6, 1.5 + 0.9
    np.testing.assert_allclose(J[0], [[-B[0], P], [P, -K * P - 0.02]])
    equal = c._replace(rho=np.full((2, 2), 3.0))
    whole = np.linalg.eigvals(cross_jacobian(found[0], found[1], equal)[0])
    kept = np.delete(whole, np.abs(whole).argmin())
    np.testing.assert_allclose(values((0, 1), c=equal), np.sort_complex(kept))
    lost = {0: found[0]._replace(Q=np.array([np.nan, 0.9]))}
    gone = np.isnan(spectrum(c, (0,), lost))
    assert gone.all(axis=1).tolist() == [True, False]
    assert members((0, "unlearned", 1)) == (0,)


# ---- what is followed


def test_what_is_asked_for_is_put_in_one_form():
    whole = ["fold", "loss", "hopf", "escape", "maxwell", "active"]
    assert module._conditions("all") == whole
    assert module._conditions(["hopf", "fold", "hopf"]) == ["fold", "hopf"]
    assert module._conditions(["kl=0.50", "all", "eps_g=1"]) == [*whole, "eps_g=1.0", "kl=0.5"]
    assert module._conditions([" kl =1e-2"]) == ["kl=0.01"]
    for given, text in (
        ([], "expected what to follow, got nothing"),
        ("kl", "expected a value of kl, such as kl=0.5"),
        ("kl=x", "kl must be a number, got 'x'"), ("kl=-1", "kl must be > 0, got -1"),
        ("cusp", "expected fold, loss, hopf, escape, maxwell, active, all, eps_g=VALUE, kl=VALUE, "
                 "relaxation_time=VALUE, max_lr=VALUE, got 'cusp'"),
        ("fold=1", "expected fold, loss, hopf, escape, maxwell, active, all, eps_g=VALUE, "
                   "kl=VALUE, relaxation_time=VALUE, max_lr=VALUE, got 'fold=1'"),
    ):  # fmt: skip
        with pytest.raises(ParameterError) as caught:
            module._conditions(given)
        assert str(caught.value).startswith(f"follow: {text}")
    assert module._limits(["fold", "max_lr=0.5", "kl=0.5", "max_lr=2.0"]) == [0.5, 2.0]


def test_where_starts_of_each_condition_are_looked_for():
    asked = []

    class Some:
        def __getattr__(self, name):
            def method(*given):
                asked.append((name, *given))
                return iter([name])

            return method

    wanted = ["fold", "loss", "escape", "maxwell", "active", "eps_g=0.5", "relaxation_time=4.0"]
    assert list(module._cells(Some(), wanted)) == [
        "blocks", "escapes", "equal_loss", "awake", "level", "blocks",
    ]  # fmt: skip
    assert asked == [
        ("blocks", ("fold", "loss", "escape")), ("escapes",), ("equal_loss",), ("awake",),
        ("level", "eps_g", 0.5), ("blocks", ("loss", "hopf"), 0.25),
    ]  # fmt: skip


def curve(kind="fold", attracting=(True, False), points=((0.25, 0.5), (0.75, 1.0)), special=(),
          condition=None):  # fmt: skip
    points = np.array([[9.0, *p] for p in points])
    return Traced(condition or Fold(BOX, (0,), (0,)), points, np.array(attracting),
                  ("edge", "lost"), list(special), kind, f"{kind} of it")  # fmt: skip


def test_curves_stand_by_whether_attractors_meet_them(monkeypatch):
    """Those of quantities where attractors have them only, and the largest rate by its value."""
    asked = []
    saddles = [curve(kind, (False, False)) for kind in ("hopf", "kl=0.5", "maxwell", "escape")]
    own = [saddles[0], curve("fold"), saddles[1], curve("loss"), *saddles[2:]]

    def followed(box, wanted, lines, progress, **others):
        asked.append((box.params.lr, wanted, lines, sorted(others)))
        return ([curve("loss", (False, True)), curve("fold", (False, False))], 7) if others else (
            list(own), 5,
        )  # fmt: skip

    monkeypatch.setattr(module, "_followed", followed)
    monkeypatch.setattr(module, "_kept", lambda box, found, scanned: (found, scanned))
    wanted = ["fold", "loss", "hopf", "escape", "maxwell", "kl=0.5", "max_lr=2.0"]
    found, scanned = module._computed(OTHER, wanted, 3, None)
    assert [each.kind for each in found] == ["fold", "loss", "max_lr=2.0", "hopf", "escape"]
    assert (found[0].label, found[2].label) == ("fold of it", "loss, loss of it")
    assert scanned == 12
    assert asked == [
        (0.3, wanted[:-1], 3, []),
        (2.0, ["fold", "loss", "hopf", "escape"], 3, ["attracts", "pairs"]),
    ]  # fmt: skip
    asked.clear()
    found, scanned = module._computed(OTHER, ["max_lr=2.0"], 3, None)
    assert (len(asked), scanned, len(found)) == (1, 7, 1)


def test_curves_as_they_are_kept(monkeypatch):
    side = Hopf(BOX, (0,), (0,))
    monkeypatch.setattr(Hopf, "lyapunov", lambda self, X: np.array([[0.5, 1], [-0.25, 1]]))
    cusp = np.array([9.0, 0.5, 0.25])
    found = [curve("hopf", condition=side), curve("fold", special=[("cusp", cusp)]),
             curve("slow", condition=of_block(BOX, (0,), Hopf, 0.1))]  # fmt: skip
    variables, info = module._kept(BOX, found, 5)
    assert info == {
        "kinds": ["hopf", "fold", "slow"], "labels": ["hopf of it", "fold of it", "slow of it"],
        "ends": [["edge", "lost"]] * 3, "scanned": 5,
        "special": [{"curve": 1, "kind": "cusp", "x": 1.1, "y": pytest.approx(0.27)}],
    }  # fmt: skip
    arrays = {name: each[1] for name, each in variables.items()}
    np.testing.assert_allclose(arrays["x"], [0.6, 1.6] * 3)
    np.testing.assert_allclose(arrays["y"], [0.52, 1.02] * 3)
    assert arrays["curve"].tolist() == [0, 0, 1, 1, 2, 2]
    assert arrays["attracting"].tolist() == [1, 0] * 3
    assert arrays["lyapunov"][:2].tolist() == [0.5, -0.25]
    assert np.isnan(arrays["lyapunov"][2:]).all()
    texts = [each[2]["long_name"] for each in variables.values()]
    assert texts == ["beta", "lr", "number of the curve", "whether the state attracts",
                     "first Lyapunov coefficient"]  # fmt: skip
    opened = module._opened(BOX, Made(arrays=arrays, info=info, source=None))
    assert (opened.x_name, opened.y_name, opened.kinds) == ("beta", "lr", info["kinds"])
    assert opened.ends == [("edge", "lost")] * 3
    assert opened.attracting.dtype == bool
    assert opened.info == {"scanned": 5}
    assert opened.special[0]["kind"] == "cusp"
    nothing, info = module._kept(BOX, [], 5)
    assert len(nothing["x"][1]) == len(nothing["lyapunov"][1]) == 0


def test_each_curve_is_followed_once_and_others_from_what_is_on_it(monkeypatch):
    """Those that are wanted, of more than one point; the start is known to be on a curve then."""
    one, other = Fold(BOX, (0,), (0,)), Hopf(BOX, (0,), (0,))
    line = {one: 3, other: 2, "single": 1}
    log = []
    cells = [Cell(one, None, None), Cell("nowhere", None, None), Cell("single", None, None)]
    monkeypatch.setattr(module, "Scan", lambda box, lines: Made(points=17, lines=lines))
    monkeypatch.setattr(module, "_cells", lambda scan, wanted: iter(cells))
    monkeypatch.setattr(module, "pair_cells", lambda scan, wanted: iter([Cell(one, None, None)]))
    monkeypatch.setattr(module, "solved", lambda cell: None if cell[0] == "nowhere" else np.ones(3))
    monkeypatch.setattr(
        module, "_on_one", lambda condition, start, known: condition in [each for each, _ in known]
    )
    monkeypatch.setattr(
        module, "followed", lambda condition, start: Made(points=np.zeros((line[condition], 3)))
    )

    def traced(condition, line, attracts):
        log.append((condition, attracts))
        return Made(special=[("Bogdanov-Takens", "there")], condition=condition)

    monkeypatch.setattr(module, "traced", traced)
    monkeypatch.setattr(
        Fold, "others_at", lambda self, name, at: [(other, (name, at)), (Loss(BOX, (0,), (0,)), 0)]
    )
    monkeypatch.setattr(Hopf, "others_at", lambda self, name, at: [])
    steps = []
    found, points = module._followed(
        BOX, ["fold", "hopf"], 3, lambda *at: steps.append(at), attracts="those"
    )
    assert [each.condition for each in found] == [one, other]
    assert log == [(one, "those"), (other, "those")]
    assert (points, steps) == (17, [(1, 4), (2, 4), (3, 4), (4, 4)])
    log.clear()
    steps.clear()
    found, _ = module._followed(
        BOX, ["fold"], 3, lambda *at: steps.append(at), attracts="those", pairs=False
    )
    assert [each.condition for each in found] == [one]
    assert len(steps) == 3


def test_a_start_is_on_a_curve_of_the_same_latents():
    """To 0.15 of its steps."""
    line = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    one = Fold(BOX, (0,), (0,))

    def on(condition, off=0.0):
        return module._on_one(condition, np.array([off, 0.0, 0.5]), [(one, line)])

    assert on(one)
    assert on(one, 0.149)
    assert not on(one, 0.151)
    assert not on(Fold(BOX, (1,), (1,)))
    assert not on(Loss(BOX, (0,), (0,)))
    assert not on(of_block(BOX, (0,), Fold, 0.1))
    assert not module._on_one(one, np.zeros(3), [])


# ---- scans of lines


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


# ---- curves as they are traced


class Path:
    """A condition on a line y = 0.5 on which everything is given."""

    name, concerned = "loss", (NOISE,)

    def __init__(self, tests, holds=True):
        self.given, self.held = tests, holds

    def tests(self, X):
        return {name: test(X[:, 0]) for name, test in self.given.items()}

    def holds(self, name, at):
        return self.held

    def end(self, at):
        return {0: "end", 1: "tricritical", 2: "Bogdanov-Takens"}[at]


def straight(n=5, first="edge", last="edge", vanishing=(-1, -1)):
    x = np.linspace(0, 1, n)
    return Followed(np.stack([x, np.full(n, 0.5)], axis=1), first, last, vanishing)


@pytest.fixture
def trace(monkeypatch):
    """Yield a function that traces a line with a test whose zeros are where they are."""

    def located(condition, a, b, test):
        before, after = test(np.array([a, b]))
        return a + before / (before - after) * (b - a)

    monkeypatch.setattr(tracing, "located", located)
    monkeypatch.setattr(tracing, "corrected", lambda condition, guess, across: guess)

    def call(line, attracts=lambda condition, X: np.ones(len(X), bool), holds=True, **tests):
        return tracing.traced(Path(tests, holds), line, attracts)

    return call


def test_points_of_codimension_two_are_on_the_line(trace):
    found = trace(straight(), cusp=lambda x: x - 0.4, other=lambda x: 0.7 - x)
    assert [name for name, _ in found.special] == ["cusp", "other"]
    np.testing.assert_allclose([at[0] for _, at in found.special], [0.4, 0.7])
    np.testing.assert_allclose(found.points[:, 0], [0, 0.25, 0.4, 0.5, 0.7, 0.75, 1])
    assert (found.ends, found.kind, found.label) == (("edge", "edge"), "loss", "noise")
    assert found.attracting.all()
    assert trace(straight(), holds=False, cusp=lambda x: x - 0.4).special == []
    assert trace(straight(), cusp=lambda x: np.where(x > 0.4, 1.0, np.nan)).special == []
    assert len(trace(straight(), other=lambda x: 1 / (x - 0.4)).special) == 1
    assert trace(straight(), cusp=lambda x: 1 / (x - 0.4)).special == []  # it jumps
    # at the edges of the box no piece is left out, before a limit the last one is
    for x in (0.1, 0.9):
        assert len(trace(straight(), cusp=lambda u, x=x: u - x).special) == 1
    limited = straight(5, LIMIT, LIMIT, (0, 0))
    for x, there in ((0.1, 0), (0.3, 1), (0.7, 1), (0.9, 0)):
        assert len(trace(limited, cusp=lambda u, x=x: u - x).special) == there


def test_limits_have_names(trace):
    found = trace(straight(5, LIMIT, LIMIT, (1, 2)))
    assert found.ends == ("tricritical", "Bogdanov-Takens")
    assert [(name, at.tolist()) for name, at in found.special] == [
        ("tricritical", [0, 0.5]), ("Bogdanov-Takens", [1, 0.5]),
    ]  # fmt: skip
    assert trace(straight(5, LIMIT, "lost", (0, -1))).ends == ("end", "lost")


def test_where_a_function_jumps():
    assert _jumps(1.005e-3, np.array([0.5, -1.0]))
    assert not _jumps(-0.99e-3, np.array([0.5, -1.0]))
    line = straight(5, LIMIT, "edge")
    assert [_of_end(i, 5, line) for i in range(4)] == [True, False, False, False]
    line = straight(5, "edge", LIMIT)
    assert [_of_end(i, 5, line) for i in range(4)] == [False, False, False, True]


def test_where_attractors_cease_two_points_are_set(trace):
    """On both sides, in a sixteenth of a sixteenth of a step."""
    found = trace(straight(), attracts=lambda condition, X: X[:, 0] < 0.3)
    assert len(found.points) == 7
    a, b = found.points[2:4, 0]
    assert a < 0.3 <= b
    assert b - a == pytest.approx(0.25 / 256)
    assert found.attracting.tolist() == [True] * 3 + [False] * 4


def test_tips_attract_as_their_neighbours(monkeypatch):
    monkeypatch.setattr(tracing, "corrected", lambda condition, guess, across: guess)

    def flags(first, last, n=5):
        line = straight(n, first, last)
        inner = lambda condition, X: (X[:, 0] > 0) & (X[:, 0] < 1)  # noqa: E731
        return _attracting(None, line.points, line, inner)[1]

    assert flags(LIMIT, LIMIT).all()
    assert len(flags(LIMIT, LIMIT)) == 5
    assert flags("edge", LIMIT).tolist() == [False, False] + [True] * 5
    assert flags(LIMIT, "edge").tolist() == [True] * 5 + [False, False]
    assert flags(LIMIT, LIMIT, 2).tolist() == [False, False]
    half = straight(2, LIMIT, "edge")
    found = _attracting(None, half.points, half, lambda condition, X: X[:, 0] > 0.5)[1]
    assert found.tolist()[:1] == [False]
    assert flags(LIMIT, LIMIT, 3).tolist() == [True] * 3


def test_a_state_attracts_where_all_else_decays():
    condition = Made(rest=lambda X: np.array([-1.0, 0.99e-7, 1.005e-7]))
    assert tracing.attracts(condition, None).tolist() == [True, True, False]


# ---- escapes


def test_much_noise_is_stable_on_one_side_of_an_escape(monkeypatch):
    seen, edge = [], [0.0]

    def much(self, at):
        seen.append(at.copy())
        return at[:, 0] > edge[0]

    monkeypatch.setattr(Escape, "_fits_much", much)
    monkeypatch.setattr(Escape, "slope", lambda self, x: (None, np.array([[2.0, 0.0]])))
    X = np.array([[0.5, 0.5]])
    for edge[0], side in ((0.5, -1), (0.5 + 1.9e-3, -1), (0.5 + 2.1e-3, 1), (0.5 - 1.9e-3, -1)):
        assert Escape(OTHER, ()).rest(X).tolist() == [side]
    np.testing.assert_allclose(
        np.ravel(seen[:6]),
        np.ravel([[[0.5 + s * away, 0.5]] for away in (2e-3, 2e-4, 2e-5) for s in (-1, 1)]),
    )


def test_noise_is_much_from_five_on(monkeypatch):
    """Of E, of stable states; also of latents beyond the usual one."""

    def latent(E):
        return Latent(*[np.ones(1)] * 4, np.array([E]), *[np.ones(1)] * 2)

    def fits(noise, more=None, stable=(), beyond=()):
        rows = np.arange(0 if more is None else 1)
        other = Made(
            kinds={-3: latent(more or 0.0)}, c=Made(lr=np.full(1, 0.5)),
            growth=lambda *state: np.array([0.5e-8 if state in beyond else 0.501e-8]),
        )  # fmt: skip
        modes = Made(
            kinds={NOISE: latent(noise), COLLAPSED: latent(1.0)}, c=Made(lr=np.full(1, 0.5)),
            growth=lambda *state: np.array([0.5e-8 if state in stable else 0.501e-8]),
            with_more_noise=lambda: (rows, other),
        )  # fmt: skip
        monkeypatch.setattr(escape_to_infinity, "Modes", Some := lambda c: modes)
        Some.BEYOND = -3
        return bool(Escape(OTHER, ())._fits_much(np.array([[0.5, 0.5]]))[0])

    assert fits(5.01, stable=[(1, 1, 0)])
    assert not fits(4.99, stable=[(1, 1, 0)])
    assert not fits(5.01, stable=[(1, 0, 1)])
    assert not fits(5.01)
    assert fits(1.0, 5.01, beyond=[(1, 0, 0, 1)])
    assert fits(1.0, 5.01, beyond=[(0, 0, 0, 2)])
    assert not fits(1.0, 4.99, beyond=[(1, 0, 0, 1)])
    assert not fits(1.0, 5.01, beyond=[(1, 0, 1, 0)])
