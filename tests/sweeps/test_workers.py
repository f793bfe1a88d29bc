"""Sweeps in several processes: killed, stopped and taken up again, and shared by shards."""

import os
import pickle
import re
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest

import vaedyn
from vaedyn.cli.grids import shard_of
from vaedyn.errors import ParameterError, WorkerError
from vaedyn.store import ResultStore
from vaedyn.sweeps.grids import evenly, part_of
from vaedyn.sweeps.points import Job, Task, compute
from vaedyn.sweeps.workers import Workers

SMALL = "--dim 50 --t-max 20 --points 3"
PARAMS = vaedyn.Params(dim=50, t_max=20, points=3)


@pytest.fixture(autouse=True)
def no_slurm(monkeypatch):
    for name in list(os.environ):
        if name.startswith("SLURM_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("command", ["theory", "simulate", "fixedpoints"])
def test_jobs_do_not_matter(command, monkeypatch, tmp_path):
    monkeypatch.setattr("vaedyn.sweeps.sweep.TRIAL", 0.0)
    options = {"runs": 2} if command == "simulate" else {}
    vary = {"beta": [0.5, 1.5], "lr": [0.1] if command == "fixedpoints" else [0.1, 60.0]}
    base = {"dim": 50, "t_max": 20, "points": 3}
    results = [
        vaedyn.sweep(command, base, vary, jobs=jobs, store=store, **options)
        for jobs, store in ((1, None), (2, ResultStore(tmp_path)))
    ]
    one, two = ([outcome.final for outcome in result.outcomes] for result in results)
    np.testing.assert_equal(one, two)
    assert results[0].failed == results[1].failed
    assert all(outcome.key for outcome in results[1].outcomes if outcome.final)
    again = vaedyn.sweep(command, base, vary, store=ResultStore(tmp_path), jobs=1, **options)
    assert again.reused == len(again.points) - again.failed


def test_a_sweep_that_is_all_there_needs_no_compiler(run, tmp_path):
    words = ["sweep", "theory", *SMALL.split(), "--vary", "beta=1,2,3", "--store", str(tmp_path)]
    code = (
        "import sys; sys.argv = ['vaedyn', *sys.argv[1:]]\n"
        "from vaedyn.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print({'numba', 'vaedyn.sweeps.workers', 'matplotlib', 'distributed'} & set(sys.modules))"
    )
    assert run(*words).code == 0
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"


def started(folder, words):
    return subprocess.Popen(
        [sys.executable, "-m", "vaedyn", "sweep", *words.split(), "--store", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_files(folder, count, process):
    store = ResultStore(folder)
    while len(store.files()) < count:
        assert process.poll() is None
        time.sleep(0.005)


LONG = "theory --t-max 3000 --dim 100 --vary beta=0.5:1.9:6000 --json"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_sweep_that_is_stopped_goes_on_where_it_was(run, tmp_path, number):
    folder = tmp_path / "store"
    process = started(folder, LONG + " --jobs 2")
    wait_for_files(folder, 30, process)
    process.send_signal(number)
    out, err = process.communicate()  # workers hold stderr, too: they have ended
    assert out == ""
    if number == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
        assert "Traceback" not in err
        assert re.search(r"at least \d+ of 6000 points are stored", err)
    kept = {path.name for path in ResultStore(folder).files()}
    assert 30 <= len(kept) < 6000
    few = LONG.replace("0.5:1.9:6000", f"{','.join(map(str, evenly(0.5, 1.9, 6000)[:100]))}")
    done = run(f"sweep {few} --store {folder} --jobs 1")
    assert done.code == 0
    expected = [f"theory-{point['key']}.h5" in kept for point in done.json["points"]]
    assert [point["reused"] for point in done.json["points"]] == expected
    assert not list(folder.glob(".*"))


@pytest.fixture
def workers():
    pools = []

    def call(**options):
        job = Job("theory", {}, options.pop("store", None))
        pools.append(Workers(partial(compute, job), options.pop("count", 1)))
        return pools[-1]

    yield call
    for pool in pools:
        pool.close()
        assert all(process.returncode is not None for process in pool._processes)


def test_a_worker_that_is_killed_is_replaced(workers):
    pool = workers()
    task = Task(0, PARAMS, {})
    pool.submit([task])
    _, (first, _) = pool.result()
    pool._processes[0].kill()
    pool._processes[0].wait()
    pool.submit([task])
    batch, (second, _) = pool.result()
    assert batch == [task]
    np.testing.assert_equal(second[0].final, first[0].final)


def test_workers_that_always_die_are_given_up(workers, monkeypatch):
    monkeypatch.setattr("vaedyn.sweeps.workers.START", "raise SystemExit")
    pool = workers()
    pool.submit([Task(0, PARAMS, {})])
    with pytest.raises(WorkerError, match="died 3 times"):
        pool.result()


DEAF = """
import time
from {module} import *
time.sleep(60)
"""


def deaf(workers, monkeypatch):
    """Return a pool whose workers hear nothing, as in compiled code."""
    monkeypatch.setattr("vaedyn.sweeps.workers.START", DEAF)
    monkeypatch.setattr("vaedyn.sweeps.workers.GRACE", 0.2)
    pool = workers(count=2)
    for _ in range(2):
        pool.submit([Task(0, PARAMS, {})])
    while len(pool._processes) < 2:
        time.sleep(0.005)
    return pool


def test_workers_that_hear_nothing_are_killed(workers, monkeypatch):
    pool = deaf(workers, monkeypatch)
    pool.close()
    assert [process.poll() for process in pool._processes] == [-signal.SIGKILL] * 2


def test_a_second_signal_leaves_no_worker(workers, monkeypatch):
    pool = deaf(workers, monkeypatch)
    monkeypatch.setattr("vaedyn.sweeps.workers.GRACE", 60.0)
    wait = subprocess.Popen.wait

    def interrupted(process, timeout=None):
        monkeypatch.setattr(subprocess.Popen, "wait", wait)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pool.close()
    assert [process.wait(30) for process in pool._processes] == [-signal.SIGKILL] * 2


def test_what_goes_wrong_in_a_worker_comes_back(workers, tmp_path):
    (tmp_path / "file").write_text("")
    pool = workers(store=ResultStore(tmp_path / "file"))
    pool.submit([Task(0, PARAMS, {})])
    with pytest.raises(OSError, match="cannot"):
        pool.result()


STOPPED_TWICE = """
import os, signal, sys, time
from vaedyn.sweeps import points, workers

def stopped(*_, **__):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    finally:  # where finished runs are saved
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.2)
        os.write(2, b"saved")

points.compute = stopped
workers.serve()
"""


def test_a_worker_is_stopped_once():
    work = pickle.dumps(partial(compute, Job("theory", {}, None))) + pickle.dumps(
        [Task(0, PARAMS, {})]
    )
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED_TWICE], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin
    process.stdin.write(work)
    process.stdin.flush()  # and left open: its end would be a third signal
    assert process.stderr
    assert process.stderr.read() == b"saved"
    process.communicate()


STOPPED_IN_A_CALLBACK = """
import os, signal, time, weakref
from vaedyn.sweeps import points, workers

class Anything:
    pass

def stopped(*_, **__):
    kept = Anything()
    watched = weakref.ref(kept, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    try:
        del kept
        while True:
            time.sleep(0.01)
    finally:
        os.write(2, b"saved")

points.compute = stopped
workers.serve()
"""


def test_a_worker_is_stopped_even_where_python_swallows_that():
    work = pickle.dumps(partial(compute, Job("theory", {}, None))) + pickle.dumps(
        [Task(0, PARAMS, {})]
    )
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED_IN_A_CALLBACK], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdin
        process.stdin.write(work)
        process.stdin.flush()  # and left open: its end would stop the worker, too
        assert process.wait(30) == 0
        assert process.stderr
        assert process.stderr.read() == b"saved"
    finally:
        process.kill()
        process.communicate()


# a lock of the operating system, taken twice: nothing that Python does ends the wait, nor
# does a signal that comes before it
DEAF_AT_WORK = """
import ctypes
import signal
from vaedyn.sweeps import points, workers

def deaf(*_, **__):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("at work", flush=True)
    lock = ctypes.create_string_buffer(64)
    for _ in range(2):
        ctypes.CDLL(None).pthread_mutex_lock(lock)

workers.GRACE = 0.1
points.compute = deaf
workers.serve()
"""


def test_a_worker_whose_parent_is_gone_ends_though_it_hears_nothing():
    process = subprocess.Popen(
        [sys.executable, "-c", DEAF_AT_WORK], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin
    assert process.stderr
    work = pickle.dumps(partial(compute, Job("theory", {}, None))) + pickle.dumps(
        [Task(0, PARAMS, {})]
    )
    process.stdin.write(work)
    process.stdin.flush()
    assert process.stderr.readline() == b"at work\n"
    process.stdin.close()  # which the system does for a parent that is killed
    assert process.wait(30) == 1
    process.stderr.close()


def test_a_progress_function_hears_of_every_point():
    heard = []
    vaedyn.sweep("theory", PARAMS, {"beta": [1, 2, 3]}, progress=lambda *x: heard.append(x))
    assert heard == [(1, 3), (2, 3), (3, 3)]


# --- shards ----------------------------------------------------------------------------


def test_shards_share_the_grid(run):
    points = list(range(17))
    parts = [part_of(points, i, 4) for i in (1, 2, 3, 4)]
    assert sorted(x for part in parts for x in part) == points
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    with pytest.raises(ParameterError, match="expected I/N"):
        part_of(points, 5, 4)
    seen = []
    for i in (1, 2, 3):
        done = run(f"sweep theory {SMALL} --vary beta=1:5:5 --shard {i}/3 --json")
        seen += [point["beta"] for point in done.json["points"]]
        assert done.json["varied"]["beta"] == [1, 2, 3, 4, 5]
    assert sorted(seen) == [1, 2, 3, 4, 5]
    assert "reused 5" in run(f"sweep theory {SMALL} --vary beta=1:5:5").err


def test_a_shard_without_points_says_so(run):
    words = f"sweep theory {SMALL} --vary beta=1:3:3 --shard 9/10"
    done = run(words)
    said = "nothing to do: the grid has 3 points, fewer than shards\n"
    assert (done.code, done.out, done.err) == (0, "", said)
    assert run(f"{words} --csv -").out == "beta,key,error\n"
    assert run(f"{words} --json").json["points"] == []


def slurm(task, first, count, step=None):
    named = {"ID": task, "MIN": first, "COUNT": count, "STEP": step}
    return {f"SLURM_ARRAY_TASK_{key}": str(x) for key, x in named.items() if x is not None}


def test_a_slurm_array_task_takes_its_shard(run, monkeypatch):
    assert shard_of(None, {}) == (1, 1)
    assert [shard_of(None, slurm(task, 0, 3)) for task in (0, 1, 2)] == [(1, 3), (2, 3), (3, 3)]
    assert shard_of(None, slurm(14, 10, 3, 2)) == (3, 3)
    assert shard_of((2, 5), slurm(1, 0, 3)) == (2, 5)
    with pytest.raises(ParameterError, match="use --array=1-N"):
        shard_of(None, slurm(7, 1, 3))
    for odd in (slurm(1, "", 3), slurm(1, 1, 3, 0), slurm("x", 1, 3)):
        with pytest.raises(ParameterError, match="give --shard"):
            shard_of(None, odd)
    for name, value in slurm(2, 1, 2).items():
        monkeypatch.setenv(name, value)
    done = run(f"sweep theory {SMALL} --vary beta=1:5:5 --json")
    assert "shard 2/2, from SLURM_ARRAY_TASK_ID (--shard 1/1 for all)" in done.err
    assert [point["beta"] for point in done.json["points"]] == [2, 4]
    whole = run(f"sweep theory {SMALL} --vary beta=1:5:5 --json --shard 1/1")
    assert "SLURM" not in whole.err
    assert len(whole.json["points"]) == 5
