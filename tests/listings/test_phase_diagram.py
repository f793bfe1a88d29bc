"""Every cell, line and first sentence of listings of phase diagrams."""

from types import SimpleNamespace as Made

import numpy as np

from vaedyn.listings import phase_diagram
from vaedyn.listings.listing import Table


def test_a_phase_diagram_has_the_share_of_each_phase():
    made = Made(
        names=["collapsed", "partly learned", "learned"], x_name="beta", y_name="rho",
        x=np.array([0.5, 1.0, 2.0, 4.0]), y=np.array([0.25, 0.75]),
        phase=np.array([[0, 0, 2, 2], [2, 2, 2, 0]]), stable=np.array([[1, 1, 1, 2], [1, 1, 1, 1]]),
        eps_g=np.arange(8.0).reshape(2, 4),
    )  # fmt: skip
    shown = phase_diagram.listing(made)
    assert shown.tables == [
        Table(
            ["phase", "share of the map", "eps_g from", "to"],
            [["collapsed", "37.5 %", "0", "7"], ["learned", "62.5 %", "2", "6"]],
        )
    ]
    assert shown.first == (
        "mostly learned, 62.5 % of beta from 0.5 to 4 (4 values) and rho from 0.25 to 0.75 "
        "(2 values)"
    )
    several = "several fixed points are stable at 12.5 % of the points: the start decides which "
    assert shown.lines == [f"{several}attracts"]
    made.stable[:] = 1
    assert phase_diagram.listing(made).lines == []
