"""The kernels' cache on disk: missing, damaged, impossible."""

import os
import subprocess
import sys

import pytest

TOY = """
import logging, sys
logging.basicConfig(level=logging.INFO, format="%(message)s")
from toy import double
print(double({}))
"""

CODE = """
import logging, sys
logging.basicConfig(level=logging.INFO, format="%(message)s")
import numpy as np
from vaedyn.kernels import stream
words = stream.open_stream(np.random.SeedSequence(1))
stream.refill(words)
print(words[stream.BUFFER])
"""


def fill(tmp_path, code=CODE, **environment):
    """Use a kernel in a new process; return what it printed and said."""
    done = subprocess.run(
        [sys.executable, "-c", code],
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


def test_compiling_for_other_arguments_is_said_too(tmp_path):
    text = "from vaedyn.kernels.jit import kernel\n@kernel\ndef double(x):\n    return 2 * x\n"
    (tmp_path / "toy.py").write_text(text)
    said = [fill(tmp_path, TOY.format(x)) for x in ("1", "1", "1.5", "1.5", "1), double(1.5")]
    assert [out.split() for out, _ in said] == [["2"], ["2"], ["3.0"], ["3.0"], ["2", "3.0"]]
    assert ["compiling" in err for _, err in said] == [True, False, True, False, False]
    once = fill(tmp_path, TOY.format("1), double(1.5"), XDG_CACHE_HOME=str(tmp_path / "new"))
    assert once[1].count("compiling") == 1


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
