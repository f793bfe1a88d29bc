"""Kernels that another process compiles: when there is one, what it does, and how it ends."""

import os
import subprocess
import sys
import time

import pytest

from vaedyn.claims import meanwhile, selfcheck
from vaedyn.claims.meanwhile import compiled_meanwhile
from vaedyn.kernels import jit, side_by_side, vector


def double(x):
    return 2 * x


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """Return a kernel without machine code, on a machine with cores to spare."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(meanwhile, "cores", lambda: 2)
    return jit.kernel(double)


@pytest.fixture
def started(monkeypatch):
    """Return the list of all processes that are started."""
    found, start = [], subprocess.Popen

    def kept(*args, **kwargs):
        found.append(start(*args, **kwargs))
        return found[-1]

    monkeypatch.setattr(subprocess, "Popen", kept)
    return found


def test_it_runs_with_the_same_modules_and_is_waited_for(fresh, started, tmp_path, capfd):
    code = "import os, vaedyn; print(1); open({!r}, 'w').write(vaedyn.__file__)"
    with compiled_meanwhile((fresh,), code.format(str(tmp_path / "done"))) as wait:
        wait()
        assert (tmp_path / "done").read_text() == sys.modules["vaedyn"].__file__
    assert [process.returncode for process in started] == [0]
    assert capfd.readouterr() == ("", "")


def test_it_does_not_outlive_who_started_it(fresh, started):
    began = time.monotonic()
    with (
        pytest.raises(KeyboardInterrupt),
        compiled_meanwhile((fresh,), "import time; time.sleep(60)"),
    ):
        raise KeyboardInterrupt
    assert [process.poll() is not None for process in started] == [True]
    assert time.monotonic() - began < 50


@pytest.mark.parametrize("why", ["one core", "compiled already", "nothing is kept"])
def test_where_it_would_serve_nothing_there_is_none(why, fresh, started, monkeypatch):
    kernels = (fresh,)
    if why == "one core":
        monkeypatch.setattr(meanwhile, "cores", lambda: 1)
    elif why == "compiled already":
        fresh(1)
    else:
        monkeypatch.setattr(jit, "cache_folder", lambda: os.devnull)
        kernels = (fresh, jit.kernel(double))
    with compiled_meanwhile(kernels, "never") as wait:
        wait()
    assert started == []


def test_check_has_the_kernels_compiled_that_it_waits_for(monkeypatch):
    used = set()
    for module in (side_by_side, vector):
        kernel = module.advance_one

        def noted(*args, name=module.__name__, kernel=kernel):
            used.add(name)
            return kernel(*args)

        monkeypatch.setattr(module, "advance_one", noted)
    exec(selfcheck.ENGINES, {})
    assert used == {side_by_side.__name__, vector.__name__}
