"""How many branches are stable somewhere, by the column that says so."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.listings import branches
from vaedyn.listings.listing import Table


@pytest.mark.parametrize(
    ("stable", "first"),
    [
        (
            ["1 to 2", "nowhere", "1 to 3"],
            "3 branches of fixed points over beta from 0.5 to 2.5, 2",
        ),
        (["nowhere"], "1 branch of fixed points over beta from 0.5 to 2.5, 0"),
        (["1 to 2"], "1 branch of fixed points over beta from 0.5 to 2.5, 1"),
    ],
)
def test_branches_that_are_stable_are_counted(monkeypatch, stable, first):
    rows = [["signal 1", "0.5", "2.5", each, "nowhere"] for each in stable]
    monkeypatch.setattr(branches, "table", lambda result: Table(["a"], rows))
    monkeypatch.setattr(branches, "bifurcations", lambda result: Table(["b"], []))
    shown = branches.listing(SimpleNamespace(name="beta", varied=np.array([2.5, 0.5])))
    assert shown.first == f"{first} of them stable somewhere"
    assert shown.tables == [Table(["a"], rows)]
