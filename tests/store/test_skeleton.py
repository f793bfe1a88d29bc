"""Files are the same, byte for byte, whenever they are written."""

import io

import h5py
import numpy as np
import pytest

from vaedyn.store.skeleton import skeleton

LAYOUT = (
    ("t", ("time",), (3,), np.dtype(float), ()),
    ("x", ("time", "latent"), (3, 2), np.dtype(float), (("units", "nat"),)),
)


@pytest.mark.parametrize("room", [False, True])
def test_no_dataset_says_when_it_was_made(room):
    image, _ = skeleton(LAYOUT, 512, room=room)
    with h5py.File(io.BytesIO(b"\0" * 512 + image), "r") as file:
        assert set(file) == {"t", "x", "time", "latent"}
        assert {name: h5py.h5g.get_objinfo(file.id, name.encode()).mtime for name in file} == (
            dict.fromkeys(file, 0)
        )
