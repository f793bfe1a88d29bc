"""Files are the same, byte for byte, whenever they are written."""

import io

import h5py
import numpy as np
import pytest

from vaedyn.store import skeleton as module
from vaedyn.store.skeleton import SHORT, filled, skeleton

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


TEXTS = (
    {"kind": "a", "params": '{"beta": 0.25, "tail": "long"}', "checksum": "0f" * 32},
    {"kind": "b", "params": '{"beta": 1.75, "tail": "gone"}', "checksum": "e1" * 32},
    {"kind": "b", "params": '{"beta": 1.7512345, "tail": ""}', "checksum": "e1" * 32},
    {"kind": "é" * SHORT, "params": "B" * 40, "checksum": "ü" * 32},
    {"kind": "C" * SHORT, "params": "A" * 41, "checksum": ""},
)


@pytest.mark.parametrize("block", [0, 1024])
def test_files_that_are_alike_are_made_as_hdf5_makes_them(block, monkeypatch):
    random, made = np.random.default_rng(1), []
    layout = tuple((*each[:3], each[3].str, each[4]) for each in LAYOUT)
    real = module._annotated
    monkeypatch.setattr(module, "_annotated", lambda *of: made.append(of) or real(*of))
    module._alike.cache_clear()
    for texts in TEXTS:
        arrays = {"t": random.random(3), "x": random.random((3, 2))}
        quick = filled(layout, block, arrays, texts)
        with monkeypatch.context() as patch:
            patch.setattr(module, "_alike", lambda *_: None)
            assert filled(layout, block, arrays, texts) == quick
        made.clear()
        assert filled(layout, block, arrays, texts) == quick
        assert not made


def test_marks_that_stand_elsewhere_are_left_to_hdf5():
    name = "A" * 40
    layout = ((name, (name,), (2,), np.dtype(float).str, ()),)
    texts, arrays = {"params": "p" * 40}, {name: np.array([1.5, 2.5])}
    image = filled(layout, 512, arrays, texts)
    assert module._alike(layout, 512, (("params", 40),)) is None
    with h5py.File(io.BytesIO(b"\0" * 512 + image), "r") as file:
        assert file.attrs["params"] == texts["params"]
        assert file[name][...].tolist() == [1.5, 2.5]
