"""Stored results of many points: looked up here and, where that takes seconds, elsewhere too."""

from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from time import perf_counter

from .points import Job, Outcome, Task, look_up, look_up_all

FIRST = 500  # points that show how long one takes
WORTH = 2.0  # seconds for all others, of which a process spends about one on its start
BATCH = 0.25  # seconds that a batch should last

Found = tuple[Task, Outcome | None]


def found_of(job: Job, tasks: Sequence[Task], jobs: int) -> Iterator[Found]:
    """Yield every point with its stored result, or None, in any order."""
    waiting, seconds = deque(tasks), 0.0
    for task in islice(tasks, FIRST):
        waiting.popleft()
        began = perf_counter()
        outcome = look_up(job, task)
        seconds += perf_counter() - began
        yield task, outcome
    each = seconds / FIRST
    if jobs > 1 and job.store is not None and each * len(waiting) > WORTH:
        yield from _with_others(job, waiting, jobs - 1, max(1, round(BATCH / each)))
    for task in waiting:
        yield task, look_up(job, task)


def _with_others(job: Job, waiting: deque[Task], others: int, size: int) -> Iterator[Found]:
    """Look points up in this process, from the first on, and in others from the last on."""
    from .workers import Workers

    pool, flying = Workers(partial(look_up_all, job), others), 0
    try:
        while waiting or flying:
            while waiting and flying < 2 * others:
                fair = -(-len(waiting) // (2 * others + 2))
                pool.submit([waiting.pop() for _ in range(min(size, fair))])
                flying += 1
            while flying and (pool.ready or not waiting):
                batch, (outcomes, _) = pool.result()
                flying -= 1
                yield from zip(batch, outcomes, strict=True)
            if waiting:
                task = waiting.popleft()
                yield task, look_up(job, task)
    finally:
        pool.close()
