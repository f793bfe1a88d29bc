"""`make bench`: how fast it is, beside plain references in the same run.

Only ratios within one run mean anything: machines differ, and so do moments.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from importlib import metadata

import numba
import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from scipy.integrate import solve_ivp

import vaedyn
from tests import reference
from vaedyn import sgd
from vaedyn.annealing import Constant
from vaedyn.initial import teacher
from vaedyn.kernels import stream as kernel
from vaedyn.kernels.stream import open_stream
from vaedyn.ode import integrate
from vaedyn.state import count, pack

REPEATS = 5


def seconds(action: Callable[[], object], repeats: int = REPEATS) -> list[float]:
    """Return the times of `repeats` calls, after one that is not counted."""
    action()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return times


def engine_run(params: vaedyn.Params, engine: str, steps: int) -> Callable[[], object]:
    """Return an action that makes `steps` SGD steps."""
    built = sgd.ENGINES[engine](params)
    stream = open_stream(np.random.SeedSequence(0))
    betas, save = np.full(steps, params.beta), np.array([steps])
    out = np.empty((1, count(params.latent, params.signal)))

    def action():
        state = [array.copy() for array in built.state]
        built.advance(stream, betas, save, *state, *built.constants, out)

    return action


def plain_run(params: vaedyn.Params, steps: int) -> Callable[[], object]:
    """Return an action that makes `steps` SGD steps in plain NumPy."""
    W, V = params.weights()
    directions = teacher(params.dim, params.signal).T
    rng = np.random.default_rng(0)
    scale, noise = np.sqrt(params.strengths / params.dim), np.sqrt(params.eta)

    def action():
        weights = W.T, V.T, np.ones(params.latent)
        for _ in range(steps):
            c, n = rng.standard_normal(params.signal), rng.standard_normal(params.dim)
            x = directions @ (scale * c) + noise * n
            weights = reference.sgd_step(*weights, x, params.beta, params.lam, params.lr)

    return action


@numba.njit
def _normals(stream, out, steps):
    for _ in range(steps):
        kernel.normals(stream, 1.0, out)


@numba.njit
def _ziggurat(rng, out, steps):
    for _ in range(steps):
        for j in range(out.size):
            out[j] = rng.standard_normal()


def normals_run(dim: int, steps: int) -> Callable[[], object]:
    """Return an action that draws the normals of `steps` data points, and nothing else."""
    stream, out = open_stream(np.random.SeedSequence(0)), np.empty(dim)
    return lambda: _normals(stream, out, steps)


def ziggurat_run(dim: int, steps: int) -> Callable[[], object]:
    """Return an action that draws as many normals from numpy's Generator inside numba."""
    rng, out = np.random.default_rng(0), np.empty(dim)
    return lambda: _ziggurat(rng, out, steps)


def simulation_rows() -> list[dict]:
    """Measure both engines, in time per step, beside plain NumPy."""
    rows = []
    for latent, signal, dim in ((1, 1, 200), (1, 1, 1000), (1, 1, 10**6), (2, 2, 1000)):
        init = "m=0.03,d=0.03,Q=1,E=1,R=0,D=1"
        model = vaedyn.Params(latent=latent, signal=signal, dim=dim, init=init, t_max=10)
        name = f"exact, M = M* = {latent}, N = {dim}"
        steps = 300_000
        ours = [t / steps for t in seconds(engine_run(model, "exact", steps))]
        plain = [t / 300 for t in seconds(plain_run(model, 300))] if dim <= 1000 else None
        rows.append(row(name, ours, "NumPy loop", plain, "us/step", 1e6))
    for latent, signal, dim in ((1, 1, 200), (1, 1, 1000), (1, 1, 10_000), (4, 2, 1000)):
        model = vaedyn.Params(latent=latent, signal=signal, dim=dim, t_max=10)
        steps = 5_000_000 // dim
        name = f"vector, M = {latent}, M* = {signal}, N = {dim}"
        ours = [t / steps / dim for t in seconds(engine_run(model, "vector", steps))]
        for beside, action, count_ in (
            ("NumPy loop", plain_run(model, 300), 300),
            ("numpy's normals alone", ziggurat_run(dim, steps), steps),
            ("its own normals alone", normals_run(dim, steps), steps),
        ):
            theirs = [t / count_ / dim for t in seconds(action)]
            rows.append(row(name, ours, beside, theirs, "ns/step/coordinate", 1e9))
    return rows


def theory_rows() -> list[dict]:
    """Measure the integrator beside scipy's at equal tolerances, and both errors."""
    rows = []
    for latent, signal in ((1, 1), (2, 2), (8, 4)):
        params = vaedyn.Params(latent=latent, signal=signal, dim=500)
        start, times = pack(**params.overlaps()), params.times()

        def slope(_t, y, p=params):
            return reference.drift(y, p.beta, p.strengths, p.eta, p.lam, p.lr, p.latent)

        def scipys(method, rtol, atol, f=slope, y=start, t=times):
            return solve_ivp(f, (0, t[-1]), y, method, t_eval=t, rtol=rtol, atol=atol).y.T

        def ours(p=params, y=start, t=times):
            return integrate(p, y, t, Constant(), rtol=1e-8, atol=1e-10)[0]

        truth = scipys("DOP853", 1e-13, 1e-14)
        line = row(
            f"theory, M = {latent}, M* = {signal}, t to {params.t_max:g}",
            seconds(ours, 20),
            "scipy RK45",
            seconds(lambda: scipys("RK45", 1e-8, 1e-10), 3),
            "ms",
            1e3,
        )
        line["error"] = float(np.abs(ours() - truth).max())
        line["reference_error"] = float(np.abs(scipys("RK45", 1e-8, 1e-10) - truth).max())
        rows.append(line)
    return rows


def row(name, ours, reference_name, theirs, unit, scale) -> dict:
    """Return one line of the table; the ratio compares the least times."""
    line = {
        "what": name,
        "unit": unit,
        "min": min(ours) * scale,
        "median": statistics.median(ours) * scale,
        "reference": reference_name,
    }
    if theirs is not None:
        line["reference_min"] = min(theirs) * scale
        line["reference_median"] = statistics.median(theirs) * scale
        line["ratio"] = min(theirs) / min(ours)
    return line


def machine() -> dict[str, str]:
    """Return what the numbers depend on."""
    versions = {name: metadata.version(name) for name in ("numpy", "numba", "scipy")}
    return {"processor": platform.machine(), "python": platform.python_version(), **versions}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    rows = simulation_rows() + theory_rows()
    if as_json:
        print(json.dumps({"machine": machine(), "rows": rows}, indent=2))
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for i, name in enumerate(("", "min", "median", "unit", "beside", "min", "ratio")):
        table.add_column(name, justify="left" if i in (0, 3, 4) else "right", no_wrap=True)
    for line in rows:
        table.add_row(
            line["what"],
            f"{line['min']:.3g}",
            f"{line['median']:.3g}",
            line["unit"],
            line["reference"] if "ratio" in line else "",
            f"{line['reference_min']:.3g}" if "ratio" in line else "",
            f"{line['ratio']:.3g}" if "ratio" in line else "",
        )
    console = Console(width=120)
    console.print(", ".join(f"{name} {value}" for name, value in machine().items()))
    console.print(table)
    for line in rows:
        if "error" in line:
            console.print(
                f"{line['what']}: largest error {line['error']:.1e}, "
                f"scipy's {line['reference_error']:.1e}"
            )


if __name__ == "__main__":
    main()
