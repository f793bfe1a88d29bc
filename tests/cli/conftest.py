"""Sessions and tables of several commands, what they print, and pictures drawn quickly."""

import json

import numpy as np
import pytest

from vaedyn.cli.session import Session


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


@pytest.fixture
def session(tmp_path):
    return Session(tmp_path / "store")


@pytest.fixture
def as_json(tmp_path):
    return Session(tmp_path / "store", as_json=True)


@pytest.fixture
def out(capsys):
    """Yield a function that returns the lines on stdout since the last call."""
    return lambda: capsys.readouterr().out.splitlines()


@pytest.fixture
def shown(capsys):
    """Yield a function that returns the JSON on stdout."""
    return lambda: json.loads(capsys.readouterr().out)


@pytest.fixture
def notes(caplog):
    """Yield a function that returns levels and texts of notes since the last call."""
    caplog.set_level("INFO")

    def said():
        found = [(r.levelname, r.getMessage()) for r in caplog.records]
        caplog.clear()
        return found

    return said
