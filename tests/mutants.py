"""Plant small changes in the code, one at a time, and see whether the tests notice.

`python -m tests.mutants` draws some at random and prints those that nobody notices; `make
mutants` does so. A change is an operator, a bound or a number replaced, a term, a condition or a
statement dropped. It is planted in a copy of the project, in which those tests run that call the
changed function, quick ones first, until one fails. Which tests call which functions is found
by one run of all tests, kept in build/. Loaded as a plugin of pytest, this module records
those calls, and puts the tests of a run in order.
"""

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from .changes import ROOT, Mutant, drawn, planted, room_of

MAP = ROOT / "build" / "mutants"
ROOMS = ("kernels", "science", "store", "cli", "figures")
PAGES = ("tests/docs/test_docs.py", "tests/cli/test_help.py")  # of help texts and references
COMPILING = 100.0  # seconds of CPU of all kernels
LONGEST = 100.0  # seconds of CPU of tests tried on one change, as measured without it


# ---- as a plugin of pytest: which functions a test calls, and which tests are run in which order


def pytest_collection_modifyitems(config, items) -> None:
    """Keep the tests named in a file only, in its order."""
    if path := os.environ.get("VAEDYN_TEST_ONLY"):
        order = {name: i for i, name in enumerate(json.loads(Path(path).read_text()))}
        dropped = [item for item in items if item.nodeid not in order]
        items[:] = sorted(
            (item for item in items if item.nodeid in order), key=lambda item: order[item.nodeid]
        )
        config.hook.pytest_deselected(items=dropped)


def pytest_configure(config) -> None:
    """Record calls, if asked for, in the processes that run tests."""
    folder = os.environ.get("VAEDYN_TEST_CALLS")
    if folder and (hasattr(config, "workerinput") or not config.getoption("numprocesses", None)):
        config.pluginmanager.register(Recorder(Path(folder)))


def used() -> float:
    """Return the CPU time, in seconds, of this process and of those that it has waited for."""
    return sum(os.times()[:4])


class Recorder:
    """Writes the functions that each test calls, and its CPU time, to a file a process."""

    def __init__(self, folder: Path) -> None:
        """Start with no test."""
        self.path = folder / f"{os.getpid()}.jsonl"
        self.called: set = set()
        self.rooms = tuple(str(ROOT / room) + os.sep for room in ("vaedyn", "store", "cli"))

    def trace(self, frame, event, argument) -> None:
        """Note a call."""
        self.called.add(frame.f_code)

    def pytest_runtest_logstart(self, nodeid) -> None:
        """Listen while a test, its fixtures included, runs."""
        self.called.clear()
        self.since = used()
        threading.setprofile(self.trace)
        sys.settrace(self.trace)

    def pytest_runtest_logfinish(self, nodeid) -> None:
        """Write what was called."""
        sys.settrace(None)
        seconds = used() - self.since
        names = {
            f"{Path(code.co_filename).relative_to(ROOT)}:"
            + code.co_qualname.replace(".<locals>", "")
            for code in self.called
            if code.co_filename.startswith(self.rooms)
        }
        with self.path.open("a") as file:
            print(json.dumps([nodeid, seconds, sorted(names)]), file=file)


# ---- the run


def calls(refresh: bool) -> dict[str, tuple[float, set[str]]]:
    """Return the CPU time of every test in seconds, and the functions called, as FILE:NAME."""
    if refresh or not MAP.exists():
        shutil.rmtree(MAP, ignore_errors=True)
        MAP.mkdir(parents=True)
        print("running all tests once, to see which functions they call", file=sys.stderr)
        run = [sys.executable, "-m", "pytest", "-q", "-p", "tests.mutants", "-n", "2"]
        subprocess.run(
            run, cwd=ROOT, check=False, env=os.environ | {"VAEDYN_TEST_CALLS": str(MAP)},
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
    found = {}
    for path in MAP.glob("*.jsonl"):
        for line in path.read_text().splitlines():
            name, seconds, names = json.loads(line)
            found[name] = seconds, set(names)
    return found


def tests_of(
    mutant: Mutant, known: dict[str, tuple[float, set[str]]], longest: float
) -> list[list[str]]:
    """Return the tests that call the changed function: those of its module first, quick ones first.

    Calls of compiled functions cannot be seen: tests are taken that use a module that imports
    theirs. Where no test calls a function, or it is no function, all tests of its module are.
    """
    files = [mutant.file]
    tests: list[str] = []
    if room_of(mutant.file) == "kernels":
        files = users(mutant.file)
    elif mutant.function:
        wanted = f"{mutant.file}:{mutant.function}"
        tests = [name for name, (_, called) in known.items() if wanted in called]
    if not tests:
        starts = tuple(f"{file}:" for file in files)
        tests = [
            name
            for name, (_, called) in known.items()
            if any(one.startswith(starts) for one in called)
        ]
    if not mutant.function:  # of constants, options and texts, read when the module is imported
        tests += [name for name in known if name.startswith(PAGES)]
    named = Path(mutant.file).stem
    direct = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if path.stem == f"test_{named}" or f".{named} import" in path.read_text()
        or f"import {named}" in path.read_text()
    }  # fmt: skip
    tests += [name for name in known if name.split("::")[0] in direct and name not in set(tests)]
    chosen: list[list[str]] = [[], []]
    seconds = 0.0
    for name in sorted(tests, key=lambda name: (name.split("::")[0] not in direct, known[name][0])):
        seconds += known[name][0]
        if seconds < longest:
            chosen[name.split("::")[0] not in direct].append(name)
    return [tests for tests in chosen if tests]


def users(file: str) -> list[str]:
    """Return the modules that import a compiled one."""
    name = Path(file).stem
    return [
        str(path.relative_to(ROOT))
        for path in (ROOT / "vaedyn").rglob("*.py")
        if path.parent.name != "kernels" and name in path.read_text().split("kernels", 1)[-1]
    ]


def read_all(place: Path) -> None:
    """Keep bytecode of all tests in a copy, so that not each change has them read again."""
    run = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider"]
    environment = os.environ | {"PYTHONPATH": str(place)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run(run, cwd=place, env=environment, check=False, stdout=subprocess.DEVNULL)


class Copies:
    """Copies of the project, one for each change that is tried at a time."""

    def __init__(self, folder: Path) -> None:
        """Remember where they are made."""
        self.folder, self.local = folder, threading.local()

    def mine(self) -> Path:
        """Return the copy of this thread."""
        if not hasattr(self.local, "path"):
            self.local.path = Path(tempfile.mkdtemp(dir=self.folder))
            listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
            files = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True)
            for file in filter(None, files.stdout.split("\0")):
                if (ROOT / file).is_file():
                    (self.local.path / file).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(ROOT / file, self.local.path / file)
            read_all(self.local.path)
        return self.local.path


def tried(mutant: Mutant, known, copies: Copies, longest: float) -> tuple[Mutant, str, float]:
    """Plant a change, run the tests, take it back; return what noticed it, or an empty text."""
    begun = time.perf_counter()
    place = copies.mine()
    (place / mutant.file).write_bytes(planted(mutant))
    environment = os.environ | {"PYTHONPATH": str(place)}
    is_compiled = room_of(mutant.file) == "kernels"
    if is_compiled:  # in a cache of its own, not kept
        environment["XDG_CACHE_HOME"] = tempfile.mkdtemp(dir=place)
    answer = ""
    for tests in tests_of(mutant, known, longest):
        usual = sum(known[name][0] for name in tests) + COMPILING * is_compiled
        answer = answer or noticed(tests, place, environment, 2 * usual + 40)
    shutil.copy2(ROOT / mutant.file, place / mutant.file)
    if is_compiled:
        shutil.rmtree(environment["XDG_CACHE_HOME"], ignore_errors=True)
    return mutant, answer, time.perf_counter() - begun


def noticed(tests: list[str], place: Path, environment: dict[str, str], limit: float) -> str:
    """Run tests in a copy of the project; return the first that fails, or an empty text.

    They have `limit` seconds of CPU time, in case that a change lets one run for ever, and ten
    times as much of the clock's: the machine may be busy.
    """
    chosen = place / "chosen.json"
    chosen.write_text(json.dumps(tests))
    files = list(dict.fromkeys(name.split("::")[0] for name in tests))
    run = [
        sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "tests.mutants",
        "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no", "--no-header", *files,
    ]  # fmt: skip
    process = subprocess.Popen(
        run, cwd=place, env=environment | {"VAEDYN_TEST_ONLY": str(chosen)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit) + 5)),
    )  # fmt: skip
    try:
        out, _ = process.communicate(timeout=10 * limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        return "did not end"
    if process.returncode == -signal.SIGXCPU:
        return "did not end"
    failed = [line for line in out.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return "" if process.returncode in (0, 5) else (failed or out.splitlines() or ["?"])[0]


def report(results: Iterator[tuple[Mutant, str, float]], count: int) -> dict[str, list[int]]:
    """Print each change as it is tried; return how many were noticed and planted in each room."""
    shares: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for i, (mutant, by, seconds) in enumerate(results, 1):
        shares[room_of(mutant.file)][0] += bool(by)
        shares[room_of(mutant.file)][1] += 1
        word = "noticed " if by else "SURVIVED"
        by = f"  [{by[:90]}]" if by else ""
        print(f"{i}/{count} {word} {seconds:5.0f} s  {mutant}{by}", flush=True)
    return shares


def main() -> None:
    """Read the options, draw, try, print."""
    options = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    options.add_argument("--count", type=int, default=40, help="how many changes")
    options.add_argument("--seed", type=int, default=None, help="which ones (at random)")
    options.add_argument("--jobs", type=int, default=2, help="how many at a time")
    options.add_argument("--rooms", default=",".join(ROOMS[:4]), help="of " + ",".join(ROOMS))
    options.add_argument("--under", default="", help="in files whose paths begin so only")
    options.add_argument("--longest", type=float, default=LONGEST, help="CPU seconds of tests")
    options.add_argument("--refresh", action="store_true", help="find anew which tests call what")
    options.add_argument("--list", action="store_true", help="print the changes, and end")
    asked = options.parse_args()
    seed = random.SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    print(f"--seed {seed}", file=sys.stderr)
    mutants = drawn(tuple(asked.rooms.split(",")), asked.count, seed, asked.under)
    if asked.list:
        print(*mutants, sep="\n")
        return
    known = calls(asked.refresh)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(asked.jobs) as pool:
        copies = Copies(Path(folder))
        running = [pool.submit(tried, mutant, known, copies, asked.longest) for mutant in mutants]
        shares = report((done.result() for done in as_completed(running)), len(mutants))
    for room, (found, planted_here) in sorted(shares.items()):
        print(f"{room}: {found} of {planted_here} noticed")


if __name__ == "__main__":
    main()
