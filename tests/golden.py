"""A few numbers of every kind of result, computed afresh.

`python -m tests.golden` writes them to tests/files/golden.json. Do so only together with
raising the NUMERICS of each kind whose numbers have changed: stored results of the old
number would otherwise be taken for new ones.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import vaedyn
from vaedyn.annealing.time_to_converge import time_to_converge
from vaedyn.data.kept_spectrum import kept_spectrum
from vaedyn.data.learn import DataParams, learn
from vaedyn.data.rows import Rows
from vaedyn.kernels.stream import open_stream
from vaedyn.model.quantities import NAMES
from vaedyn.model.results import OrderParameters

FILE = Path(__file__).parent / "files" / "golden.json"
ONE = vaedyn.Params(
    dim=150, rho=1.3, eta=0.7, beta=0.9, lam=0.02, lr=0.05, t_max=6.0, points=3,
    anneal="tanh:0.4", init="m=0.3,d=0.2,Q=1.1,E=0.9,R=0.1,D=0.8",
)  # fmt: skip
TWO = vaedyn.Params(
    dim=40, latent=2, signal=2, rho=(2.5, 0.9), eta=0.6, beta=0.8, lam=0.03, lr=0.1, t_max=4.0,
    points=3, init_seed=2,
)  # fmt: skip
# in few dimensions draws of chi-square are often rejected, which shows in what order all are made
FEW = (
    vaedyn.Params(dim=4, rho=1.3, eta=0.7, beta=0.9, lr=0.05, t_max=90.0, points=3, init_seed=1),
    vaedyn.Params(
        dim=8, latent=2, signal=2, rho=(2.5, 0.9), eta=0.6, beta=0.8, lr=0.05, t_max=40.0,
        points=3, init_seed=2,
    ),
)  # fmt: skip
ALL = (*NAMES, "eps_g", "eps_g_rotation", "kl", "distortion")


def table() -> np.ndarray:
    """Return rows (300, 6) of unequal variances."""
    random = np.random.default_rng(9)
    return random.standard_normal((300, 6)) * np.array([2.5, 1.7, 1, 1, 1, 1]) + 3.0


def in_blocks():
    """Yield the table in blocks."""
    rows = table()
    yield rows[:128]
    yield rows[128:]


def last(result: OrderParameters, names: Sequence[str] = ALL) -> list[float]:
    """Return the sums over the last row (along the axis in front) of each quantity's entries.

    Entries count 1, 2, 3, ... times, so that none can be taken for another.
    """
    found = []
    for name in names:
        entries = np.ravel(getattr(result, name)[-1])
        found.append(float(entries @ np.arange(1, len(entries) + 1)))
    return found


def draws() -> list[float]:
    """Return three normals of the random stream."""
    from vaedyn.kernels.stream import normals

    out = np.empty(3)
    normals(open_stream(np.random.SeedSequence(3, spawn_key=(1, 2))), 1.0, out)
    return out.tolist()


def simulated(engine: str) -> list[float]:
    """Return the last values of one and of two latents."""
    one, two = (vaedyn.simulate(p, runs=2, seed=4, engine=engine, jobs=1) for p in (ONE, TWO))
    random = vaedyn.simulate(ONE, runs=1, seed=4, engine=engine, random_start=True, jobs=1)
    few = [vaedyn.simulate(params, runs=1, seed=4, engine=engine, jobs=1) for params in FEW]
    return [*last(one), *last(two), *last(random), *last(few[0]), *last(few[1])]


def bands() -> list[float]:
    """Return standard deviations of one latent and of two."""
    return [*last(vaedyn.bands(ONE)), *last(vaedyn.bands(TWO, random_start=True))]


def fixed_points() -> list[float]:
    """Return sums over all fixed points of their order parameters and eigenvalues."""
    found = vaedyn.fixed_points(TWO)
    stable = sorted(found.eps_g.tolist())
    return [float(len(stable)), *stable, *np.sort(found.max_eigenvalue).tolist()]


def branches() -> list[float]:
    """Return events along a branch."""
    found = vaedyn.branches(TWO, "beta", 0.2, 2.0, groups=1)
    return sorted(event["at"] for event in found.info["events"])


def phases() -> list[float]:
    """Return a small map."""
    found = vaedyn.phase_diagram(TWO, ("beta", [0.5, 1.4, 3.0]), ("lr", [0.05, 0.4]))
    return [*map(float, found.phase.ravel()), *found.eps_g.ravel(), *found.growth.ravel()]


def convergence() -> list[float]:
    """Return the time to converge and the final error."""
    found = time_to_converge(ONE, 1e-3)
    return [found.t, found.eps_g]


def annealing() -> list[float]:
    """Return what the best schedule of one family gains."""
    found = vaedyn.best_schedule(ONE, "linear")
    return [found.constant, found.time, found.end]


def spectrum() -> list[float]:
    """Return the eigenvalues of the table."""
    plain, scaled = (kept_spectrum(in_blocks, "abc", standardise=each)[0] for each in (False, True))
    return [*plain.eigenvalues, *plain.error, *scaled.eigenvalues]


def data() -> list[float]:
    """Return what is learned from the table."""
    rows = Rows(in_blocks, table().mean(axis=0), 300, 6.25, "abc")
    params = DataParams(
        dim=6, latent=2, signal=2, rho=(5.0, 2.0), eta=1.0, beta=1.3, lam=0.01, lr=0.05,
        t_max=400.0, points=3, init_seed=1,
    )  # fmt: skip
    return last(learn(params, rows, np.eye(2, 6), seed=2))


KINDS: dict[str, Callable[[], list[float]]] = {
    "stream": draws,
    "simulate exact": lambda: simulated("exact"),
    "simulate vector": lambda: simulated("vector"),
    "theory": lambda: [*last(vaedyn.theory(ONE)), *last(vaedyn.theory(TWO))],
    "bands": bands,
    "fixedpoints": fixed_points,
    "branches": branches,
    "phases": phases,
    "convergence": convergence,
    "annealing": annealing,
    "spectrum": spectrum,
    "data": data,
}


def write() -> None:
    """Write the numbers of all kinds."""
    found = {kind: [float(x) for x in compute()] for kind, compute in KINDS.items()}
    FILE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    write()
