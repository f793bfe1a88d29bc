"""Records that are damaged are set aside and computed again."""

import logging

import h5py
import numpy as np
import pytest

from tests.shared.pendulum import PARAMS, Pendulum
from vaedyn.store import DamagedRecordError
from vaedyn.store import hdf5 as record_module


def damage_by_garbage(path):
    path.write_bytes(b"not a record")


def damage_by_truncation(path):
    path.write_bytes(path.read_bytes()[:-2000])


def damage_by_one_bit(path):
    content = bytearray(path.read_bytes())
    at = content.find(np.cos(0.1).tobytes())
    assert at > 0
    content[at] ^= 1
    path.write_bytes(content)


def damage_by_other_parameters(path):
    with h5py.File(path, "r+") as file:
        file.attrs["params"] = '{"speed":3}'


def damage_by_loss_of_a_variable(path):
    with h5py.File(path, "r+") as file:
        del file["count"]


def damage_by_emptiness(path):
    path.write_bytes(b"")


DAMAGES = [value for name, value in sorted(globals().items()) if name.startswith("damage_by")]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_is_set_aside_and_computed_again(store, damage, caplog):
    pendulum = Pendulum()
    path = store.load_or_run("a", PARAMS, pendulum.once).path
    damage(path)
    spoilt = path.read_bytes()
    with pytest.raises(DamagedRecordError, match=str(path)):
        record_module.read(path)
    with caplog.at_level(logging.WARNING):
        again = store.load_or_run("a", PARAMS, pendulum.once)
    assert pendulum.calls == 2
    assert not again.reused
    assert "damaged" in caplog.text
    assert str(path) in caplog.text
    (aside,) = store.path.glob("*.damaged-*")
    assert aside.read_bytes() == spoilt
    assert store.load_or_run("a", PARAMS, pendulum.once).reused
