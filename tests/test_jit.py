"""The kernels' cache on disk: missing, damaged, impossible."""

import os
import shutil
import subprocess
import sys

import pytest

CODE = """
import logging
logging.basicConfig(level=logging.INFO, format="%(message)s")
from vaedyn.kernels import jit, ode
jit.announce(ode.scratch)
print(ode.scratch(2, 3))
"""


def use(tmp_path, **environment):
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
