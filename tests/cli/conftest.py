"""Tables that tests of several commands read, and pictures that are drawn quickly."""

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def quick_pictures(sketched):
    """Draw all pictures of commands coarsely."""


@pytest.fixture
def spiked(tmp_path):
    """A table with signals of strengths 8, 5 and 3 in unit noise."""
    random = np.random.default_rng(3)
    x = random.standard_normal((3000, 40))
    x[:, :3] *= np.sqrt([9, 6, 4])
    np.save(tmp_path / "data.npy", x + 7)
    return x
