"""Every cell, line and first sentence of listings of branches of limit cycles."""

from types import SimpleNamespace as Made

import numpy as np

from vaedyn.listings import limit_cycles
from vaedyn.listings.listing import Table


def test_branches_of_limit_cycles_have_a_row_each():
    made = Made(
        name="lr", repeats=[2, 1], branch=np.array([0, 0, 0, 1, 1]),
        varied=np.array([0.5, 0.75, 0.625, 1.5, 1.0]), period=np.array([8.0, 7, 9, 4, 5]),
        amplitude=np.array([0.0, 0.25, 0.125, 0.5, 0.375]),
        stable=np.array([False, True, True, False, False]),
        events=[
            {"branch": 0, "kind": "hopf", "at": 0.5, "point": 0},
            {"branch": 1, "kind": "fold", "at": 0.875, "point": 3},
            {"branch": 0, "kind": "fold", "at": 0.5625, "point": 0},  # before the next point
            {"branch": 0, "kind": "lost", "at": 0.8125, "point": 2},
        ],
        without=[{"at": 0.4375, "why": "it is narrow"}],
    )  # fmt: skip
    shown = limit_cycles.listing(made)
    assert shown.first == "2 branches of limit cycles over lr, 1 of them stable somewhere"
    heading = ["lr from", "to", "stable", "period", "amplitude", "repeats", "what happens"]
    assert shown.tables == [
        Table(
            heading,
            [
                [
                    "0.5",
                    "0.75",
                    "0.5625 to 0.8125",
                    "7 to 9",
                    "0.25",
                    "2",
                    "hopf 0.5, fold 0.5625, lost 0.8125",
                ],
                ["1", "1.5", "nowhere", "4 to 5", "0.5", "1", "fold 0.875"],
            ],
            ("stable", "period", "what happens"),
        )
    ]
    assert shown.lines == ["no cycle is followed from the Hopf point at lr = 0.4375: it is narrow"]
    one = Made(name="lr", repeats=[1], without=[], branch=np.array([0]), stable=np.array([True]),
               varied=np.ones(1), period=np.ones(1), amplitude=np.ones(1), events=[])  # fmt: skip
    assert limit_cycles.listing(one).first.startswith("1 branch of limit cycles over lr, 1 of")
