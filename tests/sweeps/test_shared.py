"""How the points of a sweep are shared: which here, which in batches on workers, and how large."""

import pickle
from collections import deque
from functools import partial
from itertools import chain, repeat
from typing import ClassVar

import pytest

import vaedyn
from vaedyn import Params
from vaedyn.errors import ParameterError, WorkerError
from vaedyn.sweeps import lookups, workers
from vaedyn.sweeps import sweep as sweeps
from vaedyn.sweeps.points import Job, Outcome, Task, compute

PARAMS = Params(dim=50, eta=0.7, lr=0.05, t_max=20, points=3)


class Pool:
    """Processes that take so many seconds for each point; batches come back in order."""

    def __init__(self, slots, seconds, fails_at=None):
        self.slots, self.seconds, self.fails_at = slots, iter(seconds), fails_at
        self.waiting, self.sizes, self.most, self.closed = deque(), [], 0, 0

    def submit(self, batch):
        self.waiting.append(batch)
        self.sizes.append(len(batch))
        self.most = max(self.most, len(self.waiting))

    def result(self):
        batch = self.waiting.popleft()
        if self.fails_at in batch:
            raise WorkerError("dead")
        return batch, ([-n for n in batch], next(self.seconds) * len(batch))

    def close(self):
        self.closed += 1


@pytest.mark.parametrize(
    ("seconds", "slots", "sizes"),
    [
        ([0.01], 1, [1, 4, 16, 64, 58, 29, 14, 7, 4, 2, 1]),  # fourfold, or half of the rest
        (  # once for all that were handed out at one size
            [0.01],
            3,
            [1, 1, 1, 4, 4, 4, 16, 16, 16, 23, 19, 16, 14, 11, 9, 8, 7, 5, 5, 4, 3, 3, 2, 2]
            + [1] * 6,
        ),
        ([0.25], 1, [1] * 200),
        ([0.2499], 1, [1, *[4] * 49, 2, 1]),  # four of them take one second: neither is changed
        ([0.3], 3, [1] * 200),
        ([5.0], 2, [1] * 200),
        ([0.01, 0.01, 1.0, 0.2], 1, [1, 4, 16, 1, *[4] * 43, 3, 2, 1]),
        ([0.01, 0.01, 0.3, 2.0], 1, [1, 4, 16, 3, *[1] * 176]),  # as many as take a second
    ],
)
def test_batches_last_a_quarter_to_a_whole_second_and_leave_work_for_all(seconds, slots, sizes):
    pool = Pool(slots, chain(seconds, repeat(seconds[-1])))
    assert list(sweeps._spread(pool, deque(range(200)))) == [(n, -n) for n in range(200)]
    assert pool.most == slots
    assert pool.closed == 1
    assert sum(pool.sizes) == 200
    assert pool.sizes == sizes


@pytest.mark.parametrize("how", ["a worker dies", "nobody listens"])
def test_a_pool_is_closed_whatever_ends_the_sweep(how):
    pool = Pool(2, repeat(0.3), fails_at=5 if how == "a worker dies" else None)
    spread = sweeps._spread(pool, deque(range(200)))
    seen = [next(spread) for _ in range(5)]
    assert seen == [(n, -n) for n in range(5)]
    assert pool.closed == 0
    if how == "a worker dies":
        with pytest.raises(WorkerError, match="dead"):
            next(spread)
    spread.close()
    assert pool.closed == 1


# --- here, or on workers ----------------------------------------------------------------


class Recorded:
    """Workers that compute nothing, and say with what they were started."""

    started: ClassVar = []

    def __init__(self, work, count):
        self.slots, self.batch = 1, None
        (job,), options = work.args, work.keywords
        self.started.append((job.command, count, options))

    def submit(self, batch):
        self.batch = batch

    def result(self):
        return self.batch, ([Outcome(final={"where": "there"}) for _ in self.batch], 0.3)

    def close(self):
        pass


@pytest.fixture
def shared(monkeypatch):
    """Return a function that sweeps over so many points, and what came of them where."""
    clock = [0.0]
    here = []

    def compute(job, tasks, **options):
        clock[0] += 0.4
        progress = options.pop("progress", None)
        if progress:
            progress(1, 2)
        here.append(options)
        return [Outcome(final={"where": "here"}) for _ in tasks]

    def call(command, count, jobs, **changes):
        here.clear()
        Recorded.started = []
        base = {"dim": 50, "t_max": 20, "points": 3} | changes
        vary = {"beta": [0.5 + 0.01 * i for i in range(count)]}
        found = vaedyn.sweep(command, base, vary, jobs=jobs)
        return [place[0] for place in found.values("where")].count("h"), Recorded.started, here

    monkeypatch.setattr(sweeps, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(sweeps, "compute", compute)
    monkeypatch.setattr(workers, "Workers", Recorded)
    return call


def test_a_second_of_work_is_done_here_before_workers_are_started(shared):
    # the third point would end after 1.2 s: it is given up
    assert shared("theory", 9, 4)[:2] == (2, [("theory", 4, {})])
    assert shared("theory", 2, 4)[:2] == (2, [])


def test_one_job_or_one_point_is_done_here_however_long_it_takes(shared):
    assert shared("theory", 9, 1)[:2] == (9, [])
    assert shared("fixedpoints", 1, 4, latent=3)[:2] == (1, [])


def test_what_cannot_be_given_up_is_not_tried_here(shared):
    assert shared("fixedpoints", 9, 4, latent=3)[:2] == (0, [("fixedpoints", 4, {})])
    # two latents take long enough, but not for ever: a point that has begun is finished
    assert shared("fixedpoints", 9, 4, latent=2)[:2] == (3, [("fixedpoints", 4, {})])
    assert shared("simulate", 9, 4, latent=3)[:2] == (2, [("simulate", 4, {"jobs": 1})])


def test_threads_that_are_left_over_are_for_simulations(shared):
    assert shared("simulate", 5, 7)[:2] == (2, [("simulate", 3, {"jobs": 2})])
    assert shared("simulate", 9, 1)[2] == [{"jobs": 1}] * 9
    assert shared("simulate", 1, 6)[2] == [{"jobs": 6}]
    assert shared("theory", 3, 1)[2] == [{}] * 3


def test_all_cores_of_this_process_are_used_unless_somebody_says_otherwise(shared, monkeypatch):
    monkeypatch.setattr(sweeps, "cores", lambda: 3)
    assert shared("theory", 9, None)[:2] == (2, [("theory", 3, {})])
    with pytest.raises(ParameterError, match="^jobs: must be at least 1"):
        shared("theory", 9, 0)


def test_points_that_are_there_are_told_first_and_counted(monkeypatch):
    def look_up(job, task):
        return Outcome("k", True, {"x": 1.0}) if task.place % 2 else None

    def compute(job, tasks, **_):
        return [Outcome("k", False, {"x": 2.0}) if task.place else Outcome(error="odd")
                for task in tasks]  # fmt: skip

    monkeypatch.setattr(lookups, "look_up", look_up)
    monkeypatch.setattr(sweeps, "compute", compute)
    told, heard = [], []
    found = vaedyn.sweep(
        "theory", PARAMS, {"beta": [1, 2, 3, 4, 5]}, jobs=1,
        each=lambda *words: told.append(words), progress=lambda *words: heard.append(words),
    )  # fmt: skip
    assert [place for place, _, _ in told] == [1, 3, 0, 2, 4]
    assert [point.values["beta"] for _, point, _ in told] == [2, 4, 1, 3, 5]
    assert [outcome.reused for _, _, outcome in told] == [True, True, False, False, False]
    assert heard == [(n, 5) for n in range(1, 6)]
    assert (found.failed, found.reused) == (1, 2)
    assert found.values("x") == [None, 1.0, 2.0, 1.0, 2.0]


# --- workers ----------------------------------------------------------------------------


def fails():
    raise TypeError("cannot be made again")


class UnpicklableError(Exception):
    """An error that can be written but not read."""

    def __reduce__(self):
        return fails, ()


def raised(error):
    try:
        raise error
    except Exception as caught:
        return workers._portable(caught)


def test_errors_come_back_from_workers_with_their_traceback():
    found = pickle.loads(pickle.dumps(raised(ParameterError("beta", "odd"))))
    assert (type(found), found.name, str(found)) == (ParameterError, "beta", "beta: odd")
    assert "in raised" in raised(ValueError("odd")).__notes__[0]
    other = raised(UnpicklableError("odd"))
    assert type(other) is RuntimeError
    assert str(other) == "UnpicklableError: odd"


def test_a_batch_is_tried_by_three_workers(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code = "import os; open(str(os.getpid()), 'w').close(); raise SystemExit"
    monkeypatch.setattr(workers, "START", code)
    pool = workers.Workers(partial(compute, Job("theory", {}, None)), 1)
    pool.submit([Task(0, PARAMS, {})])
    with pytest.raises(WorkerError, match=r"^worker processes died 3 times \(out of memory\?\)"):
        pool.result()
    pool.close()
    assert len(list(tmp_path.iterdir())) <= 3  # one may have ended before it could do that
    assert pool._processes == []


def test_a_pool_has_as_many_slots_as_workers():
    pool = workers.Workers(partial(compute, Job("theory", {}, None)), 3)
    assert pool.slots == 3
    pool.close()
    assert pool._processes == []  # none was needed
