import functools
import gc
import json
import logging
import os
import signal
import sys
import zlib
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # tests run on all cores: threads only wait

import pytest
from matplotlib.mathtext import MathTextParser

import vaedyn
from vaedyn.cli import main as cli
from vaedyn.figures import style


def remember_labels():
    """Let matplotlib read each label with mathematics once, not once for every picture."""
    read = MathTextParser._parse_cached.__wrapped__

    @functools.lru_cache(5000)
    def remembered(output, *rest):
        return read(MathTextParser(output), *rest)

    outputs = {"vector": "path", "raster": "agg"}
    MathTextParser._parse_cached = lambda self, *rest: remembered(outputs[self._output_type], *rest)


remember_labels()
os.fsync = lambda handle: None  # no test survives a loss of power: none waits for the disk


gc.set_threshold(100_000, 20, 20)  # little garbage is made: look for it less often


def pytest_collection_finish(session):
    """No longer look for garbage in what is there before the first test."""
    gc.freeze()


def pytest_configure(config):
    """Compile once, before processes that run tests at the same time would all do it."""
    if not getattr(config.option, "numprocesses", None) or hasattr(config, "workerinput"):
        return
    from vaedyn.kernels.jit import cache_folder

    # what numba keeps is apart by the folder of the sources, too
    done = cache_folder() / f"tests-{zlib.crc32(__file__.encode()):08x}"
    if done.exists():
        return
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        list(pool.map(compiled, COMPILED))
    with suppress(OSError):  # where nothing can be kept
        done.touch()


COMPILED = ("bands", "simulate", "batches", "classes", "maps", "trained", "adam")
"""What uses kernels that nothing else here compiles: the longest first, for two processes."""


def compiled(what):
    """Use some of the kernels, so that their machine code is kept."""
    one = vaedyn.Params(dim=20, t_max=1, points=2)
    two = one.replace(latent=2, signal=2)
    mixed = two.replace(noise="1.2*0.5,0.8*0.5")
    engines = "exact", "vector"
    if what == "bands":
        vaedyn.bands(two, random_start=True)
    elif what == "simulate":
        for params, runs in ((two, 1), (one, 1), (two, 4), (one, 4)):
            for engine in engines:
                vaedyn.simulate(params, runs=runs, engine=engine, jobs=1)
    elif what == "batches":
        for engine in engines:
            vaedyn.simulate(two, runs=1, batch=3, engine=engine)
    elif what == "classes":
        for engine in engines:
            vaedyn.simulate(mixed, runs=1, engine=engine)
        vaedyn.theory(mixed)
    elif what == "maps":
        vaedyn.phase_diagram(two, ("beta", [1.19, 2.0]), ("lr", [1.07, 1.6]), rho=(3, 1))
        for lr in (0.1, (0.1, 0.09, 0.08)):
            vaedyn.fixed_points(two, lr=lr)
    elif what == "trained":
        vaedyn.theory(two, latents="sampled")
        vaedyn.simulate(two, runs=1, alpha=2.0)
    elif what == "adam":
        vaedyn.theory(two, optimiser="adam", batch=8)


class Outcome:
    """What a command printed and how it ended."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))


@pytest.fixture(autouse=True)
def no_options_from_outside(monkeypatch):
    """Take away what the person who runs the tests has set for vaedyn."""
    for name in [name for name in os.environ if name.startswith("VAEDYN_")]:
        if not name.startswith("VAEDYN_TEST_"):
            monkeypatch.delenv(name)


@pytest.fixture
def coarse(monkeypatch):
    """Let searches for a schedule try few: tests/annealing are about what is found."""
    for name, value in (("SCAN", 16), ("FINER", (4,)), ("BEST", 1)):
        monkeypatch.setattr(f"vaedyn.annealing.best_schedule.{name}", value)


@pytest.fixture
def no_thresholds(monkeypatch):
    """Let lists of fixed points come without thresholds, which take longer than the points."""

    def unknown(params, configuration):
        return {"collapse": [0.0] * params.signal, "noise": None, "max_lr": None}

    monkeypatch.setattr("vaedyn.fixedpoints.fixed_points.thresholds", unknown)


@pytest.fixture
def sketched(monkeypatch):
    """Draw pictures coarsely, and spare the search for room: tests/figures look at those."""
    monkeypatch.setitem(style.STYLE, "figure.constrained_layout.use", False)
    for name in ("figure.dpi", "savefig.dpi"):
        monkeypatch.setitem(style.STYLE, name, 60)


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Yield a function that runs a command line as the installed program would.

    It splits its arguments at spaces; its attribute `words` does not.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    # on a busy machine anything may take the minute after which progress is spoken of
    monkeypatch.setattr("vaedyn.cli.output.clock", lambda: 0.0)

    def words(*words):
        monkeypatch.setattr(sys, "argv", ["vaedyn", *words])
        monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)  # to be put back
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return Outcome(ended.value.code, printed.out, printed.err)

    def call(*arguments):
        return words(*(word for argument in arguments for word in str(argument).split()))

    call.words = words
    logger = logging.getLogger("vaedyn")
    before = logger.handlers, logger.propagate, logger.level
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield call
    for number, handler in handlers.items():
        signal.signal(number, handler)
    logger.handlers, logger.propagate = before[:2]
    logger.setLevel(before[2])
