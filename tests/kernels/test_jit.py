"""The kernels' cache on disk: missing, damaged, impossible."""

import gc
import os
import subprocess
import sys

import pytest
from numba import TypingError

from vaedyn.kernels import jit

TOY = """
import logging, random, sys
from pathlib import Path
logging.basicConfig(level=logging.INFO, format="%(message)s")
from numba import types
from vaedyn.kernels import jit

def double(x):
    return 2 * x

def twice(x):  # stands for all kernels: loaded, or compiled again
    jit._announce.cache_clear()
    return jit.kernel(double)(x)

def files():
    return {path: path.read_bytes() for path in jit.cached_files(jit.kernel(double))}
"""


def use(tmp_path, code, **environment):
    """Use a kernel in a new process; return what it printed and said."""
    (tmp_path / "toy.py").write_text(TOY)
    done = subprocess.run(
        [sys.executable, "-c", f"from toy import *\n{code}"],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, done.stderr


def test_only_the_first_process_compiles_and_says_so(tmp_path):
    code = "from vaedyn.kernels import ode\nprint(ode.scratch(2, 3))"
    out, err = use(tmp_path, code)
    assert out == "36\n"
    assert err == "compiling; this happens once and can take half a minute\n"
    assert use(tmp_path, code) == (out, "")


def test_compiling_for_other_arguments_is_said_too(tmp_path):
    code = "for x in {}:\n    print(twice(x), flush=True)"
    out, err = use(tmp_path, code.format("1, 1, 1.5, 1.5"))
    assert out.split() == ["2", "2", "3.0", "3.0"]
    assert err.count("compiling") == 2  # the others are loaded


def test_nobody_looks_for_garbage_while_a_kernel_is_compiled(monkeypatch):
    """And whoever looked for it before does so again, also where compiling fails."""
    looked = []

    def inner(x):
        return 2 * x

    class Watched(jit.IndexDataCacheFile):
        def save(self, *_):
            looked.append(gc.isenabled())

    for enabled in (True, False):
        made = jit.kernel(inner)
        made._cache._cache_file.__class__ = Watched
        try:
            (gc.enable if enabled else gc.disable)()
            assert made(1) == 2
            with pytest.raises(TypingError):
                made(None)
            assert gc.isenabled() == enabled
        finally:
            gc.enable()
    assert looked == [False, False]


DAMAGE = """
print(twice(1))
for ending in ("nbi", "nbc"):
    for damage in (lambda b: b"", lambda b: b"garbage", lambda b: b[:-100], lambda b: b[:-1],
                   lambda b: b[:50] + bytes([b[50] ^ 4]) + b[51:]):
        for path, content in files().items():
            if path.suffix == "." + ending:
                path.write_bytes(damage(content))
        print("damaged", file=sys.stderr)
        print(twice(1))
        print("mended", file=sys.stderr)
        print(twice(1))
# two processes that write at once give the same name to code for different arguments
print("damaged", file=sys.stderr)
(old,) = [path for path in files() if path.suffix == ".nbc"]
whole = old.read_bytes()
twice(1.5)
(new,) = [path for path in files() if path.suffix == ".nbc" and path != old]
new.write_bytes(whole)
print(twice(1.5), twice(1.5), twice(1))
"""


def test_damaged_machine_code_is_compiled_again(tmp_path):
    out, err = use(tmp_path, DAMAGE)
    assert out == "2\n" * 21 + "3.0 3.0 2\n"
    first, *cases, swapped = err.split("damaged\n")
    assert "compiling" in first
    assert len(cases) == 10
    for said in cases:
        warning, compiling, mended = said.splitlines()
        assert warning.startswith("cached machine code is damaged (")
        assert compiling.startswith("compiling")
        assert mended == "mended"
    assert "damaged (it is for other arguments)" in swapped
    assert use(tmp_path, "print(twice(1), twice(1.5))") == ("2 3.0\n", "")


FLIPS = """
twice(1)
good = files()
logging.disable()

def loaded():
    made = jit.kernel(double)
    return made._cache.load_overload((types.int64,), made.targetctx) is not None

assert len(good) == 2 and loaded()
draw = random.Random(0)
for path, content in good.items():
    for _ in range(300):
        bits = bytearray(content)
        for _ in range(draw.choice([1, 2, 3])):
            bits[draw.randrange(len(bits))] ^= 1 << draw.randrange(8)
        for name, whole in good.items():
            name.write_bytes(whole)
        path.write_bytes(bits)
        print(loaded(), bytes(bits) == content)
for name, whole in good.items():
    name.write_bytes(whole)
print("whole:", loaded())
"""


def test_machine_code_of_which_bits_have_changed_is_never_loaded(tmp_path):
    lines = use(tmp_path, FLIPS)[0].splitlines()
    assert lines[-1] == "whole: True"
    assert len(lines) == 601
    assert [line for line in lines[:-1] if line not in ("False False", "True True")] == []
    assert lines.count("False False") > 590


UNWRITABLE = {
    "no folder": ("(Path(sys.path[0]) / 'cache').write_text('')", "not writable"),
    "full": (
        "import resource; twice(2.5); resource.setrlimit(resource.RLIMIT_FSIZE, (100, -1))",
        "File too large",
    ),
    "read-only": (
        "twice(1)\nfor path in files(): path.write_bytes(b'damaged')\n"
        "def denied(*_, **__): raise PermissionError(13, 'Permission denied')\n"
        "import os\nos.replace = os.unlink = Path.unlink = denied",
        "does not fit",
    ),
}


@pytest.mark.parametrize(("prepare", "why"), UNWRITABLE.values(), ids=UNWRITABLE.keys())
def test_where_nothing_can_be_kept_every_process_compiles_and_says_so(tmp_path, prepare, why):
    out, err = use(tmp_path, f"{prepare}\nprint(twice(1), twice(1), twice(1j))")
    assert out == "2 2 2j\n"
    assert "compiling" in err
    (note,) = [line for line in err.splitlines() if "cannot be kept" in line]
    assert note.startswith(f"machine code cannot be kept in {tmp_path / 'cache'}")
    assert note.endswith(f"{why}): every command compiles anew")


def test_an_empty_cache_variable_is_no_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert jit.cache_folder().is_relative_to(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    assert jit.cache_folder().is_relative_to(tmp_path / "other" / "vaedyn")
