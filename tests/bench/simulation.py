"""Steps of both engines, and ensembles of runs."""

import vaedyn
from tests.contenders import engine_run, memory_run, normals_run, numpy_run, torch_run, ziggurat_run
from vaedyn.learning import simulate as sgd

from .measure import Contender, compare, installed


def simulation_rows() -> list[dict]:
    """Measure both engines."""
    torch = installed("torch")
    rows = []
    for M, N in ((1, 200), (1, 1000), (1, 10**6), (2, 1000)):
        init = "m=0.03,d=0.03,Q=1,E=1,R=0,D=1"
        model = vaedyn.Params(latent=M, signal=M, dim=N, init=init, t_max=10)
        contenders = [Contender("vaedyn", engine_run(model, "exact", 200_000), 200_000)]
        if N <= 1000:
            contenders.append(Contender("NumPy loop", numpy_run(model, 200), 200))
            if torch:
                contenders.append(Contender("PyTorch autograd", torch_run(model, 40), 40))
        rows += compare(f"exact, M = M* = {M}, N = {N}", "us/step", 1e6, contenders)
    sizes = (
        (1, 1, 200), (1, 1, 1000), (1, 1, 10_000), (2, 2, 1000), (4, 2, 1000), (16, 4, 1000),
        (16, 4, 10_000), (32, 4, 1000),
    )  # fmt: skip
    for M, K, N in sizes:
        model = vaedyn.Params(latent=M, signal=K, dim=N, t_max=10)
        steps = 4_000_000 // (N * M)
        contenders = [
            Contender("vaedyn", engine_run(model, "vector", steps), steps * N),
            Contender("its own normals alone", normals_run(N, steps), steps * N),
            Contender("numpy's normals alone", ziggurat_run(N, steps), steps * N),
            Contender("its memory traffic alone", memory_run(N, M, K, steps), steps * N),
            Contender("NumPy loop", numpy_run(model, 200), 200 * N),
        ]
        if torch:
            contenders.append(Contender("PyTorch autograd", torch_run(model, 40), 40 * N))
        name = f"vector, M = {M}, M* = {K}, N = {N}"
        rows += compare(name, "ns/step/coord.", 1e9, contenders)
    return rows


def ensemble_rows() -> list[dict]:
    """Measure an ensemble on one and on all cores."""
    params = vaedyn.Params(dim=1000, t_max=3000, points=31)
    cores = sgd.cores()

    def run(jobs):
        return lambda: vaedyn.simulate(params, runs=4 * cores, jobs=jobs)

    contenders = [Contender(f"{jobs} threads", run(jobs), 1) for jobs in sorted({cores, 1})[::-1]]
    rows = compare(f"ensemble of {4 * cores} runs, exact", "s", 1, contenders)
    if cores > 1:
        rows[0]["efficiency"] = rows[1]["ratio"] / cores
    for M, t_max in ((1, 300), (2, 100), (4, 30)):
        params = vaedyn.Params(latent=M, signal=M, dim=1000, t_max=t_max, points=2)
        contenders = [
            Contender(
                f"{runs} runs",
                lambda p=params, runs=runs: vaedyn.simulate(p, runs=runs, jobs=1),
                runs * params.steps,
            )
            for runs in (1, 8, 16)
        ]
        name = f"exact, a run and step, M = M* = {M}, 1 thread"
        rows += compare(name, "ns", 1e9, contenders)
    return rows
