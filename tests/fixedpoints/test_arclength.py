"""Single steps of the continuation: where they turn, where they fail, where a branch ends."""

from typing import Any

import numpy as np
import pytest

import vaedyn
from vaedyn.fixedpoints.arclength import (  # fmt: skip
    EDGE,
    END,
    ESCAPE,
    FOLD,
    Piece,
    _Curve,
    _tip,
    end_of,
    spaced,
    trace,
    wide,
)
from vaedyn.fixedpoints.branches import Continuation, vary
from vaedyn.fixedpoints.groups import Unit, Units
from vaedyn.fixedpoints.newton import residual
from vaedyn.fixedpoints.thresholds import noise
from vaedyn.kernels.constants import Constants

NOISE = Unit(1, (), 1)
SIGNAL = Unit(1, (1.3,))
ALONE = Constants(0.8, np.array([1.3]), 0.7, 0.02, 0.05, 1)


def path(beta):
    return ALONE._replace(beta=beta)


def parabola(s):
    """Return a point and the unit direction of a curve whose parameter turns at s = 0."""
    return np.array([s, 0.7 - s * s]), np.array([1.0, -2 * s]) / np.hypot(1, 2 * s)


class Parabola:
    """That curve, whose points may be corrected or not."""

    def __init__(self, works):
        self.works = works

    def tangent(self, point, before):
        way = parabola(point[0])[1]
        return way if way @ before > 0 else -way

    def corrected(self, guess, _tangent):
        return parabola(guess[0])[0] if self.works else None


@pytest.mark.parametrize("works", [True, False])
@pytest.mark.parametrize(("start", "stop"), [(-0.05, 0.03), (0.02, -0.05), (-0.4, 0.3)])
def test_the_tip_is_where_the_parameter_turns(works, start, stop):
    """Without a point in between, too, as well as a cubic through both ends knows it."""
    curve: Any = Parabola(works)
    tip = _tip(curve, parabola(start)[0], parabola(stop)[0])
    wide_apart = abs(start) > 0.1 and not works
    np.testing.assert_allclose(tip, [0, 0.7], atol=0.05 if wide_apart else 2e-4)


def test_a_point_that_cannot_be_corrected_is_none():
    curve = _Curve(path, 0.3, 1.5)
    y = Units(path(0.8)).state(SIGNAL)
    point = curve.point(y, 0.8)
    tangent = curve.tangent(point, None)
    good = curve.corrected(point + 1e-3 * tangent, tangent)
    assert residual(path(curve.state(good)[1]), curve.state(good)[0]) < 1e-12
    assert tangent @ (good - point) == pytest.approx(1e-3)
    lost = point.copy()
    lost[-2] = 0.0  # D, by which is divided
    assert curve.corrected(lost, tangent) is None
    assert curve.corrected(point + 3 * np.eye(len(point))[-1], tangent) is None
    away = point + 1e-3 * tangent
    assert curve.corrected(away, np.zeros_like(tangent)) is None  # a singular matrix


@pytest.mark.parametrize(("low", "high"), [(0.3, 1.5), (0.001, 1.5)])
def test_the_slope_of_a_curve_is_that_of_differences(low, high):
    """On a linear scale of the parameter, and on one of many decades."""
    assert wide(low, high) == (low < 0.01)
    curve = _Curve(path, low, high)
    y = Units(path(0.8)).state(SIGNAL)
    point = curve.point(y, 0.8)
    back, x = curve.state(point)
    np.testing.assert_allclose(back, y)
    assert x == pytest.approx(0.8)
    assert [curve.x(u) for u in (0.0, 1.0)] == pytest.approx([low, high])
    columns = [
        (curve.value(point + h) - curve.value(point - h)) / 2e-6 for h in 1e-6 * np.eye(len(point))
    ]
    np.testing.assert_allclose(curve.slope(point), np.transpose(columns), atol=1e-8)
    tangent = curve.tangent(point, None)
    np.testing.assert_allclose(curve.slope(point) @ tangent, 0, atol=1e-12)
    np.testing.assert_allclose(curve.tangent(point, -tangent), -tangent)


def test_values_are_even_or_of_even_ratios_too():
    np.testing.assert_allclose(spaced(1, 3, 5), [1, 1.5, 2, 2.5, 3])
    np.testing.assert_allclose(spaced(0, 4e3, 3), [0, 2e3, 4e3])
    np.testing.assert_allclose(spaced(1, 1e4, 3), [1, 100, 5000.5, 1e4])
    assert not wide(1, 1e3)
    assert wide(1, 1001)
    assert not wide(0, 1e9)


def pieces(low, high):
    params = vaedyn.Params(rho=1.3, eta=0.7, beta=0.9)
    return Continuation(lambda x: vary(params, "lr", x), low, high, [NOISE]).pieces[NOISE]


def test_both_sides_of_a_fold_beyond_the_range_lead_to_its_edge():
    first, second = pieces(1.0, 4.0)
    assert (first.last, second.last) == (FOLD, FOLD)
    fold = first.x[-1]
    for high in (fold - 1e-7, fold - 1e-4):
        short = pieces(1.0, high)
        assert [piece.last for piece in short] == [EDGE, EDGE]
        assert {piece.first for piece in short} == {END, ESCAPE}
        np.testing.assert_allclose([piece.x[-1] for piece in short], high, rtol=1e-12)
        ends = [piece.states[-1] for piece in short]
        assert 1e-5 < np.abs(ends[0] - ends[1]).max() < 1


def test_a_branch_ends_where_what_vanishes_is_zero():
    model = ALONE._replace(rho=np.empty(0))

    def noisy(beta):
        return model._replace(beta=beta)

    (piece,) = trace(NOISE, noisy, Units(noisy(0.4)).state(NOISE), 0.4, 0.2, 1.5)
    assert (piece.first, piece.last) == (EDGE, END)
    exact = noise(model)
    assert end_of(NOISE, noisy, piece, True) == pytest.approx(exact, abs=1e-10)
    assert piece.x[-1] == pytest.approx(exact, abs=1e-3)
    # where no state is found next to it, the end stays where the last point is
    lost = Piece(piece.x, np.full_like(piece.states, np.nan), EDGE, END)
    assert end_of(NOISE, noisy, lost, True) == piece.x[-1]
    assert end_of(NOISE, noisy, lost, False) == piece.x[0]
