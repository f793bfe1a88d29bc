"""Rows of claims, compared number by number, from a lab whose results are made up."""

import pytest
from scipy import stats

ABSTRACT, THEOREM = "paper, abstract", "paper, Theorem 5.1"


DIGITS = "the ODE is exact to 8 digits"


def width(freedom, tests=1):
    """Return how many standard errors are exceeded once in 370 times."""
    return stats.t.isf(0.0027 / 2 / tests, freedom)


def same(row, **expected):
    """Compare a row with its numbers (up to rounding) and words."""
    assert set(expected) == {
        "claim", "expected", "origin", "found", "error", "tolerance", "basis", "relation"
    }  # fmt: skip
    for name, value in expected.items():
        wanted = pytest.approx(value, rel=1e-9, abs=1e-15) if isinstance(value, float) else value
        assert getattr(row, name) == wanted, name


class Bench:
    """A lab that hands out what was made up, and remembers what was asked for."""

    seed, store = 7, "the store"

    def __init__(self, quick=True, theory=None, simulate=None):
        self.quick, self.made, self.runs, self.asked = quick, theory, simulate, []

    def theory(self, params, **tolerances):
        self.asked.append((params, tolerances))
        return self.made(params)

    def simulate(self, models, runs):
        self.asked.append((models, runs))
        return [self.runs(model) for model in models]
