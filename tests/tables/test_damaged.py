"""Damaged files of every format: one line, never a traceback, and what is cut short is noticed."""

import numpy as np
import pytest

from tests.shared.formats import WRITERS
from vaedyn.errors import ParameterError
from vaedyn.tables.table import TableError, open_table

X = np.random.default_rng(0).normal(size=(40, 5))
ROUNDS = 20
TEXT = (".csv", ".tsv", ".txt")  # of which any part may be a table
SEALED = ("x.npz", "x.csv.gz", "small.mat")  # a sum of whose bytes is kept beside them


def cut(rng, content):
    return content[: rng.integers(1, len(content))]


def flipped(rng, content):
    """Change bits near the beginning, where it is said what follows."""
    for place in rng.integers(min(len(content), 2000), size=rng.integers(1, 4)):
        content[place] ^= 1 << rng.integers(8)
    return content


def emptied(rng, content):
    start, length = rng.integers(len(content)), rng.integers(1, 200)
    length = min(length, len(content) - start)
    content[start : start + length] = bytes(int(length))
    return content


def joined(rng, content):
    first, second = rng.integers(1, len(content), size=2)
    return content[:first] + content[second:]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("harm", [cut, flipped, emptied, joined], ids=lambda harm: harm.__name__)
def test_damage_is_one_line_or_does_no_harm(tmp_path, name, harm):
    """Numbers that stand alone can be changed unnoticed; nothing else of a file can."""
    rng = np.random.default_rng([*name.encode(), len(harm.__name__)])
    path = tmp_path / name
    WRITERS[name](path, X)
    whole, said = path.read_bytes(), []
    for _ in range(ROUNDS // 4):
        path.write_bytes(harm(rng, bytearray(whole)))
        try:
            found = np.concatenate(list(open_table(path).blocks(13)))
        except (TableError, ParameterError) as error:
            said.append(str(error))
            continue
        if harm is cut and path.suffix not in TEXT:
            np.testing.assert_array_equal(found, X)  # what was cut off is no part of the table
        if name in SEALED:
            np.testing.assert_array_equal(found, X)
        assert found.dtype == float
        assert found.ndim == 2
    assert not any("\n" in text for text in said)
