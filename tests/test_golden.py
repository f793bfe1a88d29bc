"""The numbers of every kind of result stay what they are, or its NUMERICS is raised."""

import json

import numpy as np
import pytest

from tests import golden

# relative; looser where LAPACK, an iteration or a search lies between, which differ by machine
TOLERANCE = {
    "stream": 1e-14,
    "simulate exact": 1e-12,
    "simulate vector": 1e-12,
    "theory": 1e-12,
    "bands": 1e-10,
    "spectrum": 1e-11,
    "data": 1e-11,
    "convergence": 1e-10,
    "annealing": 1e-9,
    "fixedpoints": 1e-8,
    "branches": 1e-8,
    "phases": 1e-8,
}
KNOWN = json.loads(golden.FILE.read_text())


def test_every_kind_has_golden_results():
    assert set(KNOWN) == set(golden.KINDS) == set(TOLERANCE)
    assert all(len(numbers) >= 2 for numbers in KNOWN.values())


@pytest.mark.parametrize("kind", golden.KINDS)
def test_numbers_are_those_of_stored_results(kind):
    np.testing.assert_allclose(
        golden.KINDS[kind](),
        KNOWN[kind],
        rtol=TOLERANCE[kind],
        atol=1e-3 * TOLERANCE[kind],
        err_msg=f"other numbers than before: raise NUMERICS of {kind}, then see tests/golden.py",
    )
