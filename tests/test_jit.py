"""The kernels' cache on disk: missing, damaged, impossible."""

import os
import shutil
import subprocess
import sys

import pytest

TOY = """
import logging
logging.basicConfig(level=logging.INFO, format="%(message)s")
from toy import double
print(double({}))
"""

CODE = """
import logging
logging.basicConfig(level=logging.INFO, format="%(message)s")
from vaedyn.kernels import ode
print(ode.scratch(2, 3))
"""


def use(tmp_path, code=CODE, **environment):
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


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Return a folder with a cache in it, what the kernel returned, and what was said."""
    folder = tmp_path_factory.mktemp("filled")
    return folder, *use(folder)


def test_only_the_first_process_compiles_and_says_so(filled):
    folder, out, err = filled
    assert out == "36\n"
    assert "compiling" in err
    assert use(folder) == (out, "")


def test_compiling_for_other_arguments_is_said_too(tmp_path):
    text = "from vaedyn.kernels.jit import kernel\n@kernel\ndef double(x):\n    return 2 * x\n"
    (tmp_path / "toy.py").write_text(text)
    said = [use(tmp_path, TOY.format(x)) for x in ("1", "1", "1.5", "1.5", "1), double(1.5")]
    assert [out.split() for out, _ in said] == [["2"], ["2"], ["3.0"], ["3.0"], ["2", "3.0"]]
    assert ["compiling" in err for _, err in said] == [True, False, True, False, False]
    once = use(tmp_path, TOY.format("1), double(1.5"), XDG_CACHE_HOME=str(tmp_path / "new"))
    assert once[1].count("compiling") == 1


@pytest.mark.parametrize("content", [b"", b"garbage", None], ids=["empty", "garbage", "cut"])
@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_damaged_machine_code_is_compiled_again(tmp_path, filled, ending, content):
    folder, expected, _ = filled
    shutil.copytree(folder / "cache", tmp_path / "cache")
    files = list((tmp_path / "cache").rglob(f"ode.scratch-*.{ending}"))
    assert files
    for file in files:
        file.write_bytes(file.read_bytes()[:-100] if content is None else content)
    out, err = use(tmp_path)
    assert out == expected
    assert "cached machine code is damaged" in err
    assert use(tmp_path) == (expected, "")


def test_a_folder_that_cannot_be_written_means_no_cache(tmp_path, filled):
    (tmp_path / "cache").write_text("no folder")
    out, err = use(tmp_path)
    assert out == filled[1]
    assert "compiling" in err


def test_an_empty_cache_variable_is_no_variable(tmp_path):
    use(tmp_path, XDG_CACHE_HOME="", HOME=str(tmp_path / "home"))
    assert not (tmp_path / "vaedyn").exists()
    assert list((tmp_path / "home" / ".cache" / "vaedyn").iterdir())
