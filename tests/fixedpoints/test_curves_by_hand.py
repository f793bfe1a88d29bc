"""Curves over two constants from starts and states that are made up."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

import vaedyn
from vaedyn.errors import ParameterError
from vaedyn.fixedpoints import bifurcation_curves as module
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
from vaedyn.fixedpoints.starts import Cell
from vaedyn.fixedpoints.traced import Traced
from vaedyn.kernels.constants import Constants

TWO = vaedyn.Params(latent=2, signal=2, rho=(3, 1.5), eta=0.9, lam=0.02, lr=0.3, beta=0.6)
BOX = Box(TWO, ("beta", "lr"), (0.1, 0.02), (2.1, 1.02))
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
