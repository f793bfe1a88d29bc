"""Every cell, line and first sentence of listings of bifurcation curves."""

from types import SimpleNamespace as Made

import numpy as np

from vaedyn.listings import bifurcation_curves
from vaedyn.listings.listing import Table


def curves():
    """Two curves: one with a stretch of saddles in its middle, one of saddles only."""
    attracting = np.array([1, 1, 1, 0, 1, 1, 0, 1, 0, 0, 0], bool)
    return Made(
        x_name="beta", y_name="lr", kinds=["fold", "hopf"], labels=["signal 1", "noise"],
        curve=np.repeat([0, 1], [8, 3]), attracting=attracting,
        x=np.arange(11) / 8, y=2 + np.arange(11) / 4,
        ends=[("cusp", "edge"), ("edge", "edge")],
        special=[
            {"kind": "zero-Hopf", "curve": 0, "x": 0.125, "y": 2.25},
            {"kind": "cusp", "curve": 0, "x": 0.0, "y": 2.0},
            {"kind": "elsewhere", "curve": 0, "x": 0.125, "y": 2.5},
            {"kind": "of another", "curve": 1, "x": 0.125, "y": 2.25},
        ],
    )  # fmt: skip


def test_parts_of_bifurcation_curves_have_a_row_each():
    """A single point is no part."""
    assert bifurcation_curves.table(curves()) == Table(
        ["curve", "of", "beta from", "to", "lr from", "to", "ends", "on it"],
        [
            ["fold", "signal 1", "0", "0.25", "2", "2.5", "cusp to saddles",
             "zero-Hopf at beta = 0.125, lr = 2.25"],
            ["fold", "signal 1", "0.5", "0.625", "3", "3.25", "saddles to saddles", ""],
        ],
        ("of", "ends", "on it"),
    )  # fmt: skip
    whole = curves()
    whole.attracting[:] = True
    found = bifurcation_curves.listing(whole)
    assert [row[6] for row in found.tables[0].rows] == ["cusp to edge", "edge to edge"]
    whole.ends = [("end", "lost"), ("escape", "closed")]
    words = [row[6] for row in bifurcation_curves.table(whole).rows]
    assert words == ["simpler state to rounding errors", "escape to closed"]
    assert found.first == "2 curves over beta and lr that attracting fixed points meet"
    assert found.lines == []
    shown = bifurcation_curves.listing(curves())
    assert shown.first == "1 curve over beta and lr that attracting fixed points meet"
    assert shown.lines == ["1 more is of saddles only: see --json, or the arrays"]
    whole.attracting[:] = False
    assert bifurcation_curves.remark(whole).startswith("2 more are of saddles only")
