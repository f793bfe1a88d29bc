"""The kernels' cache on disk: missing, damaged, impossible."""

import os
import subprocess
import sys

import pytest

CODE = """
import logging, sys
logging.basicConfig(level=logging.INFO, format="%(message)s")
import numpy as np
from vaedyn.kernels import jit, stream
jit.announce(stream.refill)
words = stream.open_stream(np.random.SeedSequence(1))
stream.refill(words)
print(words[stream.BUFFER])
"""


def fill(tmp_path, **environment):
    """Use a kernel in a new process; return what it printed and said."""
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, done.stderr


def test_only_the_first_process_compiles_and_says_so(tmp_path):
    first = fill(tmp_path)
    assert "compiling" in first[1]
    second = fill(tmp_path)
    assert second[1] == ""
    assert first[0] == second[0]


@pytest.mark.parametrize("content", [b"", b"garbage", None], ids=["empty", "garbage", "cut"])
@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_damaged_machine_code_is_compiled_again(tmp_path, ending, content):
    expected, _ = fill(tmp_path)
    files = list((tmp_path / "cache").rglob(f"stream.refill-*.{ending}"))
    assert files
    for file in files:
        file.write_bytes(file.read_bytes()[:-100] if content is None else content)
    out, err = fill(tmp_path)
    assert out == expected
    assert "cached machine code is damaged" in err
    assert fill(tmp_path) == (expected, "")


def test_a_folder_that_cannot_be_written_means_no_cache(tmp_path):
    (tmp_path / "cache").write_text("no folder")
    out, _ = fill(tmp_path)
    assert out == fill(tmp_path, XDG_CACHE_HOME=str(tmp_path / "other"))[0]


def test_an_empty_cache_variable_is_no_variable(tmp_path):
    fill(tmp_path, XDG_CACHE_HOME="", HOME=str(tmp_path / "home"))
    assert not (tmp_path / "vaedyn").exists()
    assert list((tmp_path / "home" / ".cache" / "vaedyn").iterdir())
