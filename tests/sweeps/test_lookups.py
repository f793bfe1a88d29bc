"""Looking up many points: which are looked up here, and which in other processes."""

import numpy as np
import pytest

import vaedyn
from vaedyn.errors import WorkerError
from vaedyn.store import ResultStore
from vaedyn.sweeps import lookups, workers
from vaedyn.sweeps.points import Job, Outcome, Task

KEPT = object()  # a store


class Pool:
    """Processes that look points up at once, but need a while to be heard."""

    def __init__(self, work, count):
        (self.job,), self.work = work.args, work.func
        self.count, self.batches, self.sizes, self.closed, self.asked = count, [], [], 0, 0

    def submit(self, batch):
        self.batches.append(batch)
        self.sizes.append(len(batch))

    @property
    def ready(self):
        self.asked += 1
        return bool(self.batches) and self.asked % 5 == 0

    def result(self):
        batch = self.batches.pop(0)
        return batch, ([Outcome(f"there {task.place}") for task in batch], 0.1)

    def close(self):
        self.closed += 1


@pytest.fixture
def looked(monkeypatch):
    """Return a function that looks so many points up that take some seconds each."""
    clock, pools = [0.0], []

    def look_up(job, task):
        clock[0] += job.options["seconds"]
        return None if task.place % 3 == 0 else Outcome(f"here {task.place}")

    def pool(work, count):
        pools.append(Pool(work, count))
        return pools[-1]

    def call(count, seconds, jobs, store=KEPT):
        pools.clear()
        tasks = [Task(i, None, {}) for i in range(count)]
        job = Job("theory", {"seconds": seconds}, store)
        return list(lookups.found_of(job, tasks, jobs)), pools

    monkeypatch.setattr(lookups, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(lookups, "look_up", look_up)
    monkeypatch.setattr(workers, "Workers", pool)
    return call


@pytest.mark.parametrize(("count", "jobs"), [(0, 2), (1, 2), (500, 8), (2500, 8), (9000, 1)])
def test_few_points_are_looked_up_here_in_order(looked, count, jobs):
    """500 show how long one takes, 1/1024 s; 2000 others take less than two seconds."""
    found, pools = looked(count, 2.0**-10, jobs)
    assert pools == []
    assert [task.place for task, _ in found] == list(range(count))
    assert all((outcome is None) == (task.place % 3 == 0) for task, outcome in found)


def test_more_are_looked_up_elsewhere_too(looked):
    """Beyond two seconds, 2048 points and the first 500."""
    assert looked(2548, 2.0**-10, 4)[1] == []
    found, (pool,) = looked(2549, 2.0**-10, 4)
    assert sorted(task.place for task, _ in found) == list(range(2549))
    here = [task.place for task, outcome in found
            if outcome is None or outcome.key == f"here {task.place}"]  # fmt: skip
    there = [task.place for task, outcome in found
             if outcome and outcome.key == f"there {task.place}"]  # fmt: skip
    assert here == list(range(len(here)))
    assert sorted(there) == list(range(len(here), 2549))
    assert pool.work is lookups.look_up_all
    assert pool.job.store is KEPT
    assert pool.count == 3
    assert pool.closed == 1
    # a quarter of a second, or a fair share of what is left: an eighth
    assert pool.sizes[:6] == [256, 225, 196, 172, 150, 132]
    assert pool.sizes[-1] == 1


def test_without_a_store_there_is_nothing_to_look_for_elsewhere(looked):
    assert looked(4000, 2.0**-10, 4, store=None)[1] == []


def test_processes_end_when_nobody_listens_any_more(monkeypatch, looked):
    looked(2549, 2.0**-10, 4)
    made = []
    monkeypatch.setattr(workers, "Workers", lambda *words: made.append(Pool(*words)) or made[-1])
    job = Job("theory", {"seconds": 0.01}, KEPT)
    found = lookups.found_of(job, [Task(i, None, {}) for i in range(4000)], 2)
    for _ in range(600):
        next(found)
    assert made[0].closed == 0
    found.close()
    assert made[0].closed == 1


def test_processes_find_what_is_there_and_miss_what_is_not(tmp_path, monkeypatch):
    """Real ones, as in a sweep of 20 points of which every second is there."""
    monkeypatch.setattr(lookups, "FIRST", 2)
    monkeypatch.setattr(lookups, "WORTH", 0.0)
    model, store = vaedyn.Params(dim=50, t_max=2, points=3, eta=0.8), ResultStore(tmp_path)
    betas = [0.5 + i / 16 for i in range(20)]
    for beta in betas[::2]:
        vaedyn.theory(model.replace(beta=beta), store=store)
    started = []
    usual = workers.Workers

    def counted(work, count):
        started.append((work.func.__name__, count))
        return usual(work, count)

    monkeypatch.setattr(workers, "Workers", counted)
    found = vaedyn.sweep("theory", model, {"beta": betas}, store=store, jobs=2)
    assert started == [("look_up_all", 1)]
    assert [outcome.reused for outcome in found.outcomes] == [True, False] * 10
    alone = vaedyn.sweep("theory", model, {"beta": betas}, jobs=1)
    np.testing.assert_equal([one.final for one in found.outcomes],
                            [one.final for one in alone.outcomes])  # fmt: skip


def test_what_goes_wrong_elsewhere_is_raised_here(monkeypatch, looked):
    looked(1, 0.01, 1)
    made = []

    class Broken(Pool):
        def __init__(self, *words):
            super().__init__(*words)
            made.append(self)

        def result(self):
            raise WorkerError("they died")

    monkeypatch.setattr(workers, "Workers", Broken)
    tasks = [Task(i, None, {}) for i in range(4000)]
    with pytest.raises(WorkerError, match="^they died$"):
        list(lookups.found_of(Job("theory", {"seconds": 0.01}, KEPT), tasks, 2))
    assert made[0].closed == 1
