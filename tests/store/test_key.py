import json
import subprocess
import sys

import numpy as np
import pytest

from vaedyn import Params
from vaedyn.store import SCHEMA, key_of
from vaedyn.store.key import canonical, plain

# pinned: a change here makes every stored result unfindable
PINNED = {
    ("theory", '{"beta":1.5,"dim":200}'): "bb7f6482e97ff74f337e52737468bd3a",
    ("simulate", '{"beta":1.5,"dim":200}'): "65ee16319431c5c742bbf0af5b4e062d",
    ("theory", '{"rho":[0.1,2]}'): "564b4292893f02a0c1f882df2db8e46e",
    ("theory", "{}"): "f94052e0a3ced93431e402d11ed38b3e",
}
DEFAULT_MODEL = "462689c5739780efd4a47e146c70eee7"


def test_schema_is_the_first():
    assert SCHEMA == 1


@pytest.mark.parametrize(("kind", "params", "key"), [(*k, v) for k, v in PINNED.items()])
def test_keys_are_what_they_have_always_been(kind, params, key):
    assert key_of(kind, json.loads(params)) == key


def test_the_key_of_the_default_model_is_what_it_has_always_been():
    assert key_of("theory", Params().to_dict()) == DEFAULT_MODEL


def test_order_and_type_of_equal_values_do_not_matter():
    plain = {"a": 1, "b": 0.5, "c": [1, 2], "d": {"x": 0, "y": "text"}, "e": True, "f": None}
    other = {
        "f": None,
        "e": True,
        "d": {"y": "text", "x": -0.0},
        "c": np.array([1.0, 2.0]),
        "b": np.float32(0.5),
        "a": np.int64(1),
    }
    assert canonical(plain) == canonical(other)
    assert key_of("k", plain) == key_of("k", other)


@pytest.mark.parametrize(
    "other",
    [{"a": 1 + 1e-15}, {"a": [1]}, {"a": "1"}, {"b": 1}, {"a": 1, "b": None}, {"a": 2**53 + 1}, {}],
)
def test_different_parameters_have_different_keys(other):
    assert key_of("k", other) != key_of("k", {"a": 1})
    assert key_of("k", {"a": 1}) != key_of("l", {"a": 1})


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), np.float64("nan"), [1, float("nan")]]
)
def test_numbers_that_are_not_finite_are_refused(value):
    with pytest.raises(ValueError, match="must be finite"):
        key_of("k", {"a": value})


@pytest.mark.parametrize("value", [object(), {1, 2}, 1j, {1: 2}])
def test_what_has_no_place_in_json_is_refused(value):
    with pytest.raises(TypeError, match="must be"):
        key_of("k", {"a": value})


@pytest.mark.parametrize("params", [[1], "text", None, 3])
def test_parameters_without_names_are_refused(params):
    with pytest.raises(TypeError, match="must have names"):
        key_of("k", params)


def test_keys_do_not_depend_on_the_process():
    code = "from vaedyn.store import key_of; print(key_of('k', {'b': 2, 'a': {'d': 1, 'c': 0.1}}))"
    keys = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert keys == {key_of("k", {"a": {"c": 0.1, "d": 1}, "b": 2})}


def test_floats_become_whole_numbers_as_long_as_they_are_exact():
    assert type(plain(2.0**53 - 1)) is int
    assert type(plain(2.0**53)) is float
    assert type(plain(-(2.0**53))) is float


@pytest.mark.parametrize("wrap", [lambda x: [x], lambda x: {"a": x}, lambda x: np.array([x])])
def test_parameters_are_nested_at_most_a_hundred_deep(wrap):
    value = wrap(1)
    for _ in range(99):
        value = [value] if isinstance(value, (list, np.ndarray)) else {"a": value}
    assert plain(value)
    for one_more in ([value], {"a": value}):
        with pytest.raises(ValueError, match="must not be nested more than 100 deep"):
            plain(one_more)
