"""Every cell, line and first sentence of listings of branches of fixed points."""

from types import SimpleNamespace as Made

import numpy as np

from vaedyn.listings import branches
from vaedyn.listings.listing import Table


def followed():
    """Two branches: one that loses its stability half way, and a saddle."""
    x = np.linspace(0.5, 2.5, 9)
    at = {"coefficient": -0.123456, "frequency": None}
    return Made(
        name="beta", types=["signal 1", "collapsed"], branch=np.repeat([0, 1], 9),
        varied=np.concatenate([x, x + 1]),
        growth=np.concatenate([np.where(x < 1.5, -0.1, 0.1), np.where(x > 1.5, -0.2, 0.2)]),
        events=[
            {"branch": 0, "kind": "stability", "at": 1.5, "bifurcation": "pitchfork"},
            {"branch": 0, "kind": "end", "at": 2.5, "bifurcation": None},
            {"branch": 1, "kind": "stability", "at": 2.5, "bifurcation": "fold"},
        ],
        bifurcations=[
            {"bifurcation": "pitchfork", "at": 1.5, "side": "below", "multiplicity": 2, **at,
             "branches": [0, 1, 0]},
            {"bifurcation": "Hopf", "at": 3.25, "side": None, "multiplicity": None,
             "branches": [1], "coefficient": None, "frequency": 0.56789},
            {"bifurcation": "fold", "at": 3.5, "side": None, "multiplicity": 1, **at,
             "branches": [1]},
        ],
    )  # fmt: skip


def test_branches_have_a_row_each_with_where_they_are_stable():
    assert branches.table(followed()) == Table(
        ["branch", "beta from", "to", "stable", "what happens"],
        [
            ["signal 1", "0.5", "2.5", "0.5 to 1.5", "pitchfork 1.5, end 2.5"],
            ["collapsed", "1.5", "3.5", "2.5 to 3.5", "fold 2.5"],
        ],
        ("stable", "what happens"),
    )
    rows = [
        ["pitchfork (2 at once)", "1.5", "below", "-0.1235", "-", "signal 1; collapsed"],
        ["Hopf", "3.25", "-", "-", "0.5679", "collapsed"],
        ["fold", "3.5", "-", "-0.1235", "-", "collapsed"],
    ]
    heading = ["bifurcation", "beta", "side", "coefficient", "frequency", "branches"]
    assert branches.bifurcations(followed()) == Table(heading, rows, ("side", "branches"), 0)


def test_of_many_branches_some_are_shown(monkeypatch):
    first, (table, happens), *_ = branches.listing(followed())
    assert (
        first == "2 branches of fixed points over beta from 0.5 to 3.5, 2 of them stable somewhere"
    )
    assert (table.more, happens.more) == (0, 0)
    assert branches.MOST_ROWS == 40
    monkeypatch.setattr(branches, "MOST_ROWS", 1)
    (table, happens) = branches.listing(followed()).tables
    assert (len(table.rows), table.more, table.left) == (1, 1, ("stable", "what happens"))
    assert (len(happens.rows), happens.more) == (1, 2)
    one = followed()
    one.types, one.bifurcations, one.growth = one.types[:1], [], np.zeros(18)
    assert branches.table(one).rows[0][3] == "nowhere"
    shown = branches.listing(one)
    assert shown.first.startswith("1 branch of fixed points over beta")
    assert len(shown.tables) == 1
