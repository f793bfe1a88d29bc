"""What a point of a sweep costs beyond its computation."""

import tempfile
from pathlib import Path

import numpy as np

import vaedyn
from vaedyn.machine import cores
from vaedyn.store import ResultStore

from .measure import Contender, compare

POINTS = 10_000
TURNS = 2  # each takes about eight seconds


def sweep_rows() -> list[dict]:
    """Measure a point of a sweep: computed alone, computed and kept, and found again.

    `overhead` is what it takes beyond its share of the computation on all cores.
    """
    count, each = cores(), np.linspace(0.1, 2.9, POINTS)
    model = vaedyn.Params(t_max=100)

    def alone():
        for beta in each[:: POINTS // 1000]:
            vaedyn.theory(model.replace(beta=float(beta)))

    def run(store=None, jobs=count):
        return vaedyn.sweep("theory", model, {"beta": each}, store=store, jobs=jobs)

    with tempfile.TemporaryDirectory() as folder:
        kept: list[ResultStore] = []

        def anew():
            kept.append(ResultStore(Path(folder) / str(len(kept))))
            return run(kept[-1])

        on_all = f"computed and kept, {count} processes"
        contenders = [
            Contender("computed alone, 1 process", alone, 1000),
            Contender(on_all, anew, POINTS),
            Contender("found again", lambda: run(kept[0]), POINTS),
        ]
        rows = compare(
            f"a point of a sweep of {POINTS:,}", "ms", 1e3, contenders, TURNS, warm=False
        )
    computed = rows[0]["median"]
    for row, share in zip(rows[1:], (computed / count, 0.0), strict=True):
        row["overhead"] = row["median"] - share
    return rows
