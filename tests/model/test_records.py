"""Results that are looked up or computed: the same with a store and without one."""

import numpy as np
import pytest

from vaedyn.model.records import extended, kept, variable
from vaedyn.store import ResultStore


def computed():
    return {"x": variable("a number", 3), "y": variable("a row", np.arange(4.0), ("place",))}, {
        "how": "quickly"
    }


def blocks(first):
    for i in range(first, 4):
        rows = variable("rows", np.full((1, 2), float(i)), ("row", "place"))
        yield {"rows": rows, "at": variable("places", [7, 8], ("place",))}, {"last": i}


@pytest.fixture(params=[False, True])
def store(request, tmp_path):
    return ResultStore(tmp_path) if request.param else None


def test_what_is_computed_comes_with_its_record_if_it_is_kept(store):
    found, again = (kept(store, "number", {"a": 1}, computed) for _ in range(2))
    for each in (found, again):
        assert each.info == {"how": "quickly"}
        assert each.arrays["x"] == 3
        np.testing.assert_array_equal(each.arrays["y"], np.arange(4.0))
    if store is None:
        assert found.source is None
        return
    assert (found.source.reused, again.source.reused) == (False, True)
    assert found.source.key == again.source.key
    assert found.source.params == {"a": 1}
    assert found.source.path.endswith(".h5")


def test_blocks_are_joined_along_their_dimension_only(store):
    found = extended(store, "rows", {"a": 1}, blocks, 4, "row")
    np.testing.assert_array_equal(found.arrays["rows"], np.arange(4.0)[:, None] * [1, 1])
    np.testing.assert_array_equal(found.arrays["at"], [7, 8])
    assert found.info == {"last": 3}
    assert found.variables["rows"][2] == {"long_name": "rows", "units": "1"}
    assert (found.source is None) == (store is None)
