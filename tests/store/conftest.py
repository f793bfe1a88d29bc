"""A store of its own for each test."""

import pytest

from vaedyn.store import ResultStore


@pytest.fixture
def store(tmp_path):
    return ResultStore(tmp_path / "results")
