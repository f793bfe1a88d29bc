"""Branches that are looked for where others end, of pieces that are made up."""

from types import SimpleNamespace as Made

import numpy as np

from vaedyn.fixedpoints import branches
from vaedyn.fixedpoints.arclength import EDGE, END, ESCAPE, FOLD, Piece
from vaedyn.fixedpoints.branches import Continuation
from vaedyn.fixedpoints.groups import Unit

MANY, FEW = Unit(2, (1.5,), 1), Unit(1, (), 1)


def made(first, last, known=()):
    """Return a continuation with one piece of `MANY` from 1 to 3, and pieces of `FEW`."""
    found = Continuation.__new__(Continuation)
    found.low, found.high = 0.5, 5.0
    piece = Piece(np.array([1.0, 2, 3]), np.arange(3.0)[:, None], first, last)
    found.pieces = {MANY: [piece], FEW: [*known]}
    found.alone = lambda unit, x: Made(unit=unit, x=x)
    found._passes = lambda unit, piece, x, start: piece.x[0] <= x <= piece.x[-1]
    found._ended = lambda unit, piece: piece
    return found


def traced(monkeypatch, first, last, known=(), joins=lambda unit, y: (FEW, 10 * y), **others):
    """Return where branches are followed from: whose, from which state, at which value."""
    asked, new = [], Piece(np.array([1.0, 1.5]), np.zeros((2, 1)), EDGE, EDGE)

    def trace(unit, path, start, x, low, high):
        assert path(x).unit == unit
        asked.append((unit, start.item(), x, low, high))
        return [new]

    monkeypatch.setattr(branches, "trace", trace)
    monkeypatch.setattr(branches, "simpler", lambda unit, model, tip: tip + 0.5)
    monkeypatch.setattr(branches, "living", joins)
    found = made(first, last, known)
    vars(found).update(others)
    found._trace_joined(MANY)
    assert len(found.pieces[FEW]) == len(known) + len(asked)
    return asked


def test_branches_are_looked_for_where_one_joins_a_simpler_one(monkeypatch):
    at_first, at_last = (FEW, 5.0, 1.0, 0.5, 5.0), (FEW, 25.0, 3.0, 0.5, 5.0)
    assert traced(monkeypatch, END, EDGE) == [at_first]
    assert traced(monkeypatch, FOLD, END) == [at_last]
    assert traced(monkeypatch, END, END) == [at_first, at_last]
    assert traced(monkeypatch, ESCAPE, FOLD) == []


def test_branches_that_are_known_or_beyond_the_range_are_not_followed_again(monkeypatch):
    known = [Piece(np.array([0.75, 1.25]), np.zeros((2, 1)), EDGE, EDGE)]
    assert traced(monkeypatch, END, EDGE, known) == []
    assert len(traced(monkeypatch, FOLD, END, known)) == 1
    assert traced(monkeypatch, END, EDGE, low=1.001) == []
    assert traced(monkeypatch, FOLD, END, high=2.999) == []
    assert len(traced(monkeypatch, END, END, low=1.0, high=3.0)) == 2
    assert traced(monkeypatch, END, END, joins=lambda unit, y: None) == []
    other = Unit(1, (9.0,))
    assert traced(monkeypatch, END, END, joins=lambda unit, y: (other, y)) == []
