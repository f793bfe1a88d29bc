"""All that commands print, to the last character: tables, notes, warnings, JSON, exit codes."""

import os

import numpy as np
import pytest

from tests.transcripts import FOLDER, commands, rendered

FILES = sorted(FOLDER.glob("*.txt"))


@pytest.fixture
def saved(monkeypatch):
    """Return a list of the names and keywords of pictures, which are not drawn."""
    kept = []

    def save(figure, output, keywords=()):
        kept.append((output, keywords))

    monkeypatch.setattr("vaedyn.figures.style.save", save)
    return kept


@pytest.fixture
def tables(tmp_path):
    """Two signals in noise, with and without a long row; the signs of these, and counts."""
    random = np.random.default_rng(3)
    rows = random.standard_normal((300, 6)) * np.array([3.0, 2.0, 1, 1, 1, 1]) + 7
    np.save(tmp_path / "data.npy", rows)
    signs = np.insert((rows @ np.tri(6) > 7.0 * np.arange(6, 0, -1)) * 1.0, 2, 1.0, axis=1)
    np.save(tmp_path / "binary.npy", signs)
    np.save(tmp_path / "counts.npy", np.rint(np.abs(rows)))
    rows[7] *= 30
    np.save(tmp_path / "long.npy", rows)


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_commands_print_what_they_have_always_printed(run, tables, saved, file):
    known, found = file.read_text(encoding="utf-8"), ""
    for command in commands(known):
        done = run(command)
        found += rendered(command, done, saved)
        saved.clear()
    if os.environ.get("VAEDYN_TEST_WRITE"):
        file.write_text(found, encoding="utf-8")
    assert found == known, "see tests/transcripts.py if this is meant to be"
