"""How a sweep uses a Dask cluster, seen on one that is made up: no scheduler, no workers."""

import concurrent.futures
import logging

import numpy as np
import pytest

import vaedyn
from vaedyn.errors import ClusterError, ParameterError
from vaedyn.sweeps import cluster, lookups
from vaedyn.sweeps.points import Job, Outcome, Task

distributed = pytest.importorskip("distributed")

ADDRESS = "tcp://127.0.0.1:8786"
PARAMS = vaedyn.Params(dim=50, t_max=20, points=3)


class Done:
    """A future whose work is finished, or has failed."""

    def __init__(self, key, answer):
        self.key, self._answer = key, answer

    def result(self):
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer


class Finished:
    """What comes out as it is finished: here, the latest first."""

    def __init__(self, loop):
        assert loop == "loop"
        self.futures = []

    def add(self, future):
        self.futures.append(future)

    def __next__(self):
        return self.futures.pop()


class Client:
    """A client of a scheduler that computes what it is given at once, or fails."""

    loop = "loop"

    def __init__(self, address, *, timeout, set_as_default):
        assert (address, timeout > 0, set_as_default) == (ADDRESS, True, False)
        self.workers, self.failure, self.status = {"one": 2, "two": 3}, None, "running"
        self.calls, self.count = [], 0

    def ncores(self):
        if isinstance(self.workers, BaseException):
            raise self.workers
        return self.workers

    def submit(self, function, *arguments, pure):
        assert not pure  # the same batch, after a worker has died, is computed again
        self.count += 1
        return Done(f"key-{self.count}", self.failure or function(*arguments))

    def cancel(self, futures, *, force):
        self.calls.append(("cancel", len(futures), force))

    def close(self, timeout):
        self.calls.append(("close", timeout > 0))


@pytest.fixture
def client(monkeypatch):
    """Put made-up clients in the place of those of Dask; return those that are opened."""
    opened = []

    def open_client(*arguments, **options):
        opened.append(Client(*arguments, **options))
        return opened[-1]

    logger = logging.getLogger("distributed.client")
    level = logger.level
    monkeypatch.setattr(distributed, "Client", open_client)
    monkeypatch.setattr(distributed, "as_completed", Finished)
    yield opened
    logger.setLevel(level)


def pool(command="theory", **options):
    return cluster.Cluster(Job(command, options, None), ADDRESS)


def test_batches_come_back_with_what_came_of_each(client):
    at = pool()
    first, last = [Task(0, PARAMS, {})], [Task(1, PARAMS, {}), Task(2, PARAMS, {})]
    at.submit(first)
    at.submit(last)
    for expected in (last, first):
        batch, (outcomes, seconds) = at.result()
        assert batch is expected
        assert len(outcomes) == len(expected)
        assert seconds > 0
    assert at._batches == {}
    assert outcomes[0].final["eps_g"] == vaedyn.theory(PARAMS).eps_g[-1]


def test_every_thread_of_a_worker_has_two_batches(client):
    at = pool()
    assert at.slots == 10
    client[0].workers = {}
    assert at.slots == 1


def test_it_is_said_when_there_are_no_workers_yet(client, monkeypatch, caplog):
    pool()
    assert caplog.messages == []
    monkeypatch.setattr(Client, "ncores", lambda _: {})
    pool()
    assert caplog.messages == [f"no workers at {ADDRESS} yet: waiting for them"]


FAILURES = {
    "workers that die": (
        distributed.KilledWorker("task", None, 3),
        r"^workers of the cluster died over the same points repeatedly \(memory\?\)$",
    ),
    "a package": (
        ImportError("no module named 'vaedyn'"),
        "^workers of the cluster lack a package: no module named 'vaedyn'$",
    ),
    "time": (TimeoutError(), "^the connection to the scheduler was lost$"),
    "a closed line": (
        distributed.comm.core.CommClosedError("closed"),
        "^the connection to the scheduler was lost$",
    ),
    "cancellation": (
        concurrent.futures.CancelledError(),
        "^the connection to the scheduler was lost$",
    ),
}


@pytest.mark.parametrize(("failure", "message"), FAILURES.values(), ids=FAILURES)
def test_what_fails_on_a_cluster_is_one_line(client, failure, message):
    at = pool()
    client[0].failure = failure
    at.submit([Task(0, PARAMS, {})])
    with pytest.raises(ClusterError, match=message):
        at.result()
    client[0].workers = ConnectionError("refused")
    with pytest.raises(ClusterError, match=r"^the connection to the scheduler was lost$"):
        _ = at.slots


def test_other_errors_of_a_computation_are_raised_as_they_are(client):
    at = pool()
    client[0].failure = ZeroDivisionError("odd")
    at.submit([Task(0, PARAMS, {})])
    with pytest.raises(ZeroDivisionError, match="odd"):
        at.result()


def test_a_cluster_that_is_left_goes_on_without_what_is_not_finished(client):
    at = pool()
    at.submit([Task(0, PARAMS, {})])
    at.close()
    assert client[0].calls == [("cancel", 1, True), ("close", True)]
    lost = pool()
    client[1].status = "closed"
    lost.close()
    assert client[1].calls == [("close", True)]
    client[0].cancel = None  # whatever goes wrong with a scheduler that has gone
    at.close()


@pytest.mark.parametrize(("command", "threads"), [("simulate", 1), ("theory", None)])
def test_a_simulation_on_a_cluster_takes_one_thread(monkeypatch, command, threads):
    seen = []

    def compute(job, batch, **options):
        seen.append((job.command, list(batch), options))
        return [Outcome()]

    monkeypatch.setattr(cluster, "compute", compute)
    found, seconds = cluster.timed(Job(command, {}, None), [7])
    assert seen == [(command, [7], {"jobs": threads} if threads else {})]
    assert found == [Outcome()]
    assert seconds >= 0


def test_what_dask_says_of_lost_lines_is_not_logged_as_well(client):
    pool()
    assert not logging.getLogger("distributed.client").isEnabledFor(logging.ERROR)


def test_a_whole_sweep_goes_to_the_cluster_and_leaves_it(client):
    vary = {"beta": [0.5, 1.0, 1.5], "lr": [0.1, 60.0]}
    swept = vaedyn.sweep("theory", PARAMS, vary, scheduler=ADDRESS)
    alone = vaedyn.sweep("theory", PARAMS, vary, jobs=1)
    np.testing.assert_equal(
        [(one.final, one.error) for one in swept.outcomes],
        [(one.final, one.error) for one in alone.outcomes],
    )
    assert swept.failed == 3
    assert client[0].calls[-1] == ("close", True)


def test_nothing_is_asked_of_a_cluster_when_all_is_there(monkeypatch):
    monkeypatch.setattr(lookups, "look_up", lambda job, task: Outcome(final={"t": task.place}))
    found = vaedyn.sweep("theory", PARAMS, {"beta": [1, 2]}, scheduler=ADDRESS)
    assert found.values("t") == [0, 1]


def test_an_address_of_no_protocol_is_refused():
    with pytest.raises(ParameterError, match=r"^scheduler: 'foo://bar:1' is no address: "):
        cluster.check_address("foo://bar:1")
