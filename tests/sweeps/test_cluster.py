"""Sweeps on a Dask cluster: a real scheduler and real worker processes, on loopback."""

import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from vaedyn.store import ResultStore

pytest.importorskip("distributed")

SMALL = ("--dim", "50", "--lr", "0.1", "--t-max", "20", "--points", "3")
SCHEDULER = """
import asyncio, sys
from distributed import Scheduler

async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        print(scheduler.address, flush=True)
        await scheduler.finished()

asyncio.run(main())
"""
WORKER = """
import asyncio, sys
from distributed import Worker

async def main():
    async with Worker(
        sys.argv[1], host="127.0.0.1", nthreads=1, dashboard=False, local_directory=sys.argv[2]
    ) as worker:
        print(worker.address, flush=True)
        await worker.finished()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def launch(tmp_path_factory):
    """Return a function that starts a program and returns it with its first line."""
    started, folder = [], tmp_path_factory.mktemp("cluster")

    def call(code, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        started.append(process)
        return process, process.stdout.readline().strip()

    yield call
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def cluster(launch):
    """Return a function that returns a scheduler, its address and so many workers.

    It starts those that are not there from tests before.
    """
    scheduler, address, workers = None, "", []

    def call(count):
        nonlocal scheduler, address, workers
        if scheduler is None or scheduler.poll() is not None:
            (scheduler, address), workers = launch(SCHEDULER), []
        workers = [worker for worker in workers if worker.poll() is None]
        while len(workers) < count:
            workers.append(launch(WORKER, address, ".")[0])
        return scheduler, address, workers[:count]

    return call


@contextmanager
def killing(process, folder, count):
    """Kill `process` as soon as there are `count` records in `folder`."""
    ended = threading.Event()

    def wait():
        while len(ResultStore(folder).files()) < count and not ended.wait(0.01):
            pass
        process.send_signal(signal.SIGKILL)

    killer = threading.Thread(target=wait)
    killer.start()
    try:
        yield
    finally:
        ended.set()
        killer.join()


def test_a_cluster_computes_and_a_killed_worker_loses_nothing(run, cluster, tmp_path):
    _, address, workers = cluster(2)
    words = [*SMALL, "--vary", "beta=0.1:1.9:12", "--vary", "seed=0:9:10", "--json"]
    with killing(workers[0], tmp_path / "vaedyn-store", 20):
        done = run.words("sweep", "simulate", *words, "--runs", "2", "--scheduler", address)
    assert done.code == 0, done.err
    assert "of 120 points" in done.err
    keys = {point["key"] for point in done.json["points"]}
    assert len(keys) == 120
    assert all(point["final"]["eps_g"]["mean"] is not None for point in done.json["points"])
    assert {record.key for record in ResultStore(tmp_path / "vaedyn-store").records()} == keys
    assert workers[0].wait() == -signal.SIGKILL
    assert workers[1].poll() is None
    alone = run.words("sweep", "simulate", *words, "--runs", "2", "--store", "other", "--jobs", "1")
    for one, other in zip(done.json["points"], alone.json["points"], strict=True):
        assert one["final"] == other["final"]
        assert one["key"] == other["key"]


def test_failing_points_on_a_cluster_are_told(run, cluster):
    words = [*SMALL[:2], *SMALL[4:], "--vary", "lr=0.1,50", "--json"]
    done = run.words("sweep", "theory", *words, "--scheduler", cluster(1)[1])
    assert done.code == 1
    good, bad = done.json["points"]
    assert good["final"]["eps_g"] > 0
    assert "lower --lr" in bad["error"]


def test_a_scheduler_that_goes_is_one_line(run, cluster, tmp_path):
    scheduler, address, _ = cluster(1)
    words = ["--dim", "2000", "--t-max", "60", "--points", "5", "--runs", "1"]
    words += ["--vary", "beta=0.1:1.9:3000", "--scheduler", address]
    with killing(scheduler, tmp_path / "vaedyn-store", 5):
        done = run.words("sweep", "simulate", *words)
    assert (done.code, done.out) == (1, "")
    *kept, error = done.err.splitlines()
    assert error == "error: the connection to the scheduler was lost"
    assert all(
        re.fullmatch(r"warning: at least \d+ of 3000 points are stored.*", line) for line in kept
    )
    assert len(kept) <= 1


def test_a_scheduler_that_is_not_there_is_one_line(run, monkeypatch):
    monkeypatch.setattr("vaedyn.sweeps.cluster.PATIENCE", 0.2)
    done = run.words("sweep", "theory", "--vary", "beta=1", "--scheduler", "tcp://127.0.0.1:1")
    assert (done.code, done.out) == (1, "")
    assert done.err == "error: no scheduler answers at tcp://127.0.0.1:1\n"


@pytest.mark.parametrize("address", ["nonsense", "foo://bar:1"])
def test_an_address_that_is_none_is_wrong_usage(run, address):
    done = run.words("sweep", "theory", "--vary", "beta=1", "--scheduler", address)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: --scheduler: {address!r} is no address")
    assert done.err.count("\n") == 1


def test_a_missing_package_is_named_with_its_cure(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = run.words("sweep", "theory", "--vary", "beta=1", "--scheduler", "tcp://127.0.0.1:1")
    assert done.code == 2
    assert "pip install 'vaedyn[cluster]'" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("address", ["1e6", "tcp://nowhere", ""])
def test_an_address_that_is_none_is_refused_before_the_store_is_touched(run, tmp_path, address):
    words = "sweep theory --dim 50 --t-max 20 --vary beta=1,2 --scheduler"
    done = run.words(*words.split(), address)
    assert (done.code, done.out) == (2, "")
    assert f"--scheduler: '{address}' is no address" in done.err
    assert list(tmp_path.iterdir()) == []
