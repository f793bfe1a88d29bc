"""Numbers and rows of order parameters, which several listings share."""

import numpy as np

from tests.shared.listed import cycle
from vaedyn import Params
from vaedyn.listings import fixed_points
from vaedyn.listings.listing import counted, number, state_rows, with_error


def test_numbers_have_as_many_digits_as_their_error():
    assert number(1.23456789) == "1.23457"
    assert number(np.inf) == "-"
    for value, error, text in (
        (1.23456, 0.0123, "1.235 +- 0.012"), (123.4, 12.3, "123 +- 12"),
        (1234.0, 123.0, "1230 +- 120"), (1.5, 0.0, "1.5 +- 0"), (1.5, np.inf, "1.5 +- inf"),
        (2e7, 1.0, "2e+07 +- 1"), (9999999.0, 1.0, "9999999.0 +- 1.0"), (1.5, 1e-6, "1.5 +- 1e-06"),
        (1.5, 1e-5, "1.500000 +- 0.000010"), (1.5, np.nan, "1.5 +- nan"),
    ):  # fmt: skip
        assert with_error(value, error) == text
    assert (counted(1, "row"), counted(0, "row"), counted(2, "row")) == (
        "1 row",
        "0 rows",
        "2 rows",
    )


def test_large_matrices_are_left_out_of_rows_and_named():
    made = cycle(params=Params(latent=2, signal=3))
    size = {"m": (2, 3), "d": (2, 3), "D": (2,), "Q": (2, 2), "E": (2, 2), "R": (2, 2)}
    for n, name in enumerate((*fixed_points.OBSERVABLES, *fixed_points.NAMES)):
        setattr(made, name, np.full((4, *size.get(name, ())), n / 4))
    rows = {row[0]: row[1:] for row in state_rows(made, lambda x: [x[0], x[1] + 1], "there")}
    assert rows["m, d"] == ["there", "there"]
    assert {"Q[0,0]", "Q[1,0]", "D[0]", "D[1]"} <= set(rows)
    assert "eps_g" in rows  # of one number, which has no place
    assert "" not in rows
    alone = cycle(params=Params(latent=1, signal=1))
    names = (*fixed_points.OBSERVABLES, *fixed_points.NAMES)
    for name in names:
        setattr(alone, name, np.full((4, *(1,) * len(size.get(name, ()))), 0.5))
    one = [row[0] for row in state_rows(alone, lambda x: [x[0]])]
    assert set(one) < set(names)  # some are the same for one latent
    assert {"eps_g", "kl", "m", "D"} <= set(one)
    assert rows["Q[1,0]"] == [f"{made.Q[0, 0, 0]:g}", f"{made.Q[0, 0, 0] + 1:g}"]
