"""Every cell, line and first sentence of listings of a limit cycle."""

import numpy as np

from tests.shared.listed import cycle
from vaedyn.listings import limit_cycle


def test_a_limit_cycle_has_a_row_for_each_order_parameter():
    found = limit_cycle.table(cycle())
    assert found.columns == ["", "mean", "amplitude", "least", "largest"]
    rows = {row[0]: row[1:] for row in found.rows}
    assert list(rows) == [
        "eps_g", "kl", "m_1_1", "d_1_1", "Q_1_1", "Q_1_2", "Q_2_2", "E_1_1", "E_1_2", "E_2_2",
        "R_1_1", "R_1_2", "R_2_1", "R_2_2", "D_1", "D_2",
    ]  # fmt: skip
    assert rows["eps_g"] == rows["Q_1_1"] == ["2", "1", "1", "3"]
    assert rows["kl"] == ["4", "2", "2", "6"]
    assert rows["m_1_1"] == ["-2", "1", "-3", "-1"]
    assert rows["d_1_1"] == rows["Q_2_2"] == ["0", "0", "0", "0"]  # rounding
    assert rows["R_2_1"] == ["5", "0", "5", "5"]
    assert rows["D_2"] == ["0.25", "0.125", "0.125", "0.375"]


def test_a_limit_cycle_in_words():
    assert limit_cycle.listing(cycle())[::2] == (
        "period T = 12.5 (3750 steps at N = 300)",
        [
            "stable: Floquet multipliers 0.5, 0.25+0.125i, -0.1, ...",
            "accuracy: the trivial multiplier is 1 up to 2e-09, the cycle closes up to 4e-11",
        ],
    )
    six = np.array([6, 5, 4, 3, 2, 1]) + 0j
    said = limit_cycle.summary(cycle(repeats=4, stable=False, multipliers=six))
    assert said[1].startswith("after T/4 = 3.125, the period of eps_g and the KL divergence")
    assert said[2] == "unstable: Floquet multipliers 6, 5, 4, 3, 2, ..."
    # a pair of which the angle is rounding is none
    assert limit_cycle.multiplier(2 + 2e-9j) == "2"
    assert limit_cycle.multiplier(2 + 3e-9j) == "2+3e-09i"
    assert limit_cycle.multiplier(-1.5 - 0.25j) == "-1.5-0.25i"
