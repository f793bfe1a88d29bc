"""Curves as they are traced, and escapes, worked out by hand."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

import vaedyn
from vaedyn.fixedpoints import escape_to_infinity
from vaedyn.fixedpoints import traced as tracing
from vaedyn.fixedpoints.alone_at import (
    COLLAPSED,
    NOISE,
)
from vaedyn.fixedpoints.box import Box
from vaedyn.fixedpoints.continued import LIMIT, Followed
from vaedyn.fixedpoints.escape_to_infinity import Escape
from vaedyn.fixedpoints.single import Latent
from vaedyn.fixedpoints.traced import _attracting, _jumps, _of_end

TWO = vaedyn.Params(latent=2, signal=2, rho=(3, 1.5), eta=0.9, lam=0.02, lr=0.3, beta=0.6)
OTHER = Box(TWO, ("beta", "eta"), (0.1, 0.2), (2.1, 1.2))


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
