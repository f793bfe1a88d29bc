"""`make bench`: how fast it is, beside plain references in the same run.

Machines differ, and so do moments: only ratios within one run mean anything.
All that is compared is therefore measured in turns.
"""

import argparse
import importlib.util
import itertools
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from scipy.integrate import solve_ivp

import vaedyn
from tests.contenders import (
    Action,
    cyrk_run,
    diffrax_run,
    engine_run,
    kernel_run,
    memory_run,
    normals_run,
    numpy_run,
    torch_adam_run,
    torch_run,
    ziggurat_run,
)
from tests.repaints import CHROMIUM_LACKS, repaints
from tests.shared import reference
from vaedyn.learning import simulate as sgd
from vaedyn.learning.theory import integrate
from vaedyn.model.schedules import Constant
from vaedyn.model.state import pack
from vaedyn.store import ResultStore

REPEATS = 9


class Contender(NamedTuple):
    """Something to be timed; one call does `work` units of work."""

    name: str
    action: Action
    work: float


def measure(contenders: list[Contender], repeats: int = REPEATS) -> list[list[float]]:
    """Return seconds per unit of work of each contender, measured in turns after one warm-up."""
    for contender in contenders:
        contender.action()
    times: list[list[float]] = [[] for _ in contenders]
    for _ in range(repeats):
        for contender, kept in zip(contenders, times, strict=True):
            start = time.perf_counter()
            contender.action()
            kept.append((time.perf_counter() - start) / contender.work)
    return times


def compare(
    case: str, unit: str, scale: float, contenders: list[Contender], repeats: int = REPEATS
) -> list[dict]:
    """Return a row for each contender; ratios are of medians, to those of the first."""
    times = measure(contenders, repeats)
    first = statistics.median(times[0])
    return [
        {
            "case": case,
            "who": contender.name,
            "min": min(kept) * scale,
            "median": statistics.median(kept) * scale,
            "unit": unit,
            "ratio": statistics.median(kept) / first,
        }
        for contender, kept in zip(contenders, times, strict=True)
    ]


def installed(package: str) -> bool:
    """Return whether there is a package."""
    return importlib.util.find_spec(package) is not None


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


def repeated(action: Action, times: int) -> Action:
    """Return an action that does another one so many times."""
    return lambda: [action() for _ in range(times)]


OWN = ("vaedyn", "its kernel alone", "the public call")
PEERS = {"CyRK": ("CyRK", cyrk_run), "diffrax Dopri5": ("diffrax", diffrax_run)}


def theory_rows() -> list[dict]:
    """Measure the integrator beside those of others, at tolerances that give the same error.

    All are methods of Dormand and Prince. CyRK gets the compiled drift of vaedyn, and its error
    is that at the last time.
    """
    rows = []
    peers = {name: run for name, (module, run) in PEERS.items() if installed(module)}
    for name in PEERS.keys() - peers.keys():
        print(f"{name} is not installed, and left out", file=sys.stderr)
    for M, K in ((1, 1), (2, 2), (8, 4), (32, 32), (60, 60)):
        params, times_each = vaedyn.Params(latent=M, signal=K, dim=500), 20 if M < 10 else 1
        start, times = pack(**params.overlaps()), params.times()

        def slope(_t, y, p=params):
            return reference.drift(y, p.beta, p.strengths, p.eta, p.lam, p.lr, p.latent)

        def scipys(rtol, method="RK45", f=slope, y=start, t=times):
            found = solve_ivp(f, (0, t[-1]), y, method, t_eval=t, rtol=rtol, atol=rtol / 100)
            return found.y.T

        def ours(p=params, y=start, t=times):
            return integrate(p, y, t, Constant(), rtol=1e-8, atol=1e-10)[0]

        truth = scipys(1e-13, "DOP853")

        def error(y, truth=truth):
            return float(np.abs(y - truth[-len(y) :]).max())

        first, own = ours(), [ours, kernel_run(params), lambda p=params: vaedyn.theory(p)]
        contenders = [
            Contender(name, repeated(each, times_each), times_each)
            for name, each in zip(OWN, own, strict=True)
        ]
        errors = [error(first), None, None]
        others = {name: run(params, start, times) for name, run in peers.items()}
        for name, solve in {"scipy RK45": scipys, **others}.items():
            found = solve(1e-8)
            rtol = 1e-8 * error(first[-len(found) :]) / error(found)  # proportional to errors
            contenders.append(Contender(name, lambda f=solve, rtol=rtol: f(rtol), 1))
            errors.append(error(solve(rtol)))
        case = f"theory, M = {M}, M* = {K}, t to {params.t_max:g}"
        for row, found in zip(compare(case, "ms", 1e3, contenders), errors, strict=True):
            rows.append(row if found is None else {**row, "error": found})
    return rows


def training_rows() -> list[dict]:
    """Measure training in batches, by Adam and with sampled latents, beside plain SGD."""
    torch = installed("torch")
    others = {"latents": "sampled", "optimiser": "adam", "lr": 0.05}
    rows = []
    for M, batch in ((1, 16), (2, 128), (8, 128)):
        plain = vaedyn.Params(latent=M, signal=min(M, 2), dim=1000, t_max=10)
        steps = 64 // batch + 4
        points = steps * batch
        contenders = [
            Contender("vaedyn, plain SGD", engine_run(plain, "vector", points), points),
            Contender("its own normals alone", normals_run(1000, points), points),
        ]
        for name, changes in (("SGD", {}), ("Adam, sampled", others)):
            params = plain.replace(batch=batch, momentum=0.0 if changes else 0.5, **changes)
            run = engine_run(params, "vector", steps)
            contenders.append(Contender(f"vaedyn, {name}, in batches", run, points))
        if torch:
            params = plain.replace(batch=batch, **others)
            contenders.append(Contender("PyTorch, Adam", torch_adam_run(params, steps), points))
        rows += compare(f"a data point, M = {M}, b = {batch}, N = 1000", "us", 1e6, contenders)
    for M, batch in ((1, 1), (1, 16), (2, 16)):
        plain = vaedyn.Params(latent=M, signal=M, dim=10**5, t_max=10)
        params = plain.replace(batch=batch, momentum=0.5, latents="sampled")
        contenders = [
            Contender("vaedyn, plain SGD", engine_run(plain, "exact", 50_000), 50_000),
            Contender("vaedyn, all but Adam", engine_run(params, "exact", 10_000), 10_000),
        ]
        rows += compare(f"exact, a step, M = M* = {M}, b = {batch}", "us", 1e6, contenders)
    for M in (1, 2):
        plain = vaedyn.Params(latent=M, signal=M, dim=1000, lr=0.05, t_max=300)
        models = {
            "plain SGD": plain,
            "sampled latents": plain.replace(latents="sampled"),
            "Adam": plain.replace(batch=16, **others),
        }
        rows += compare(
            f"theory, M = M* = {M}, t to 300", "ms", 1e3,
            [Contender(name, lambda p=p: vaedyn.theory(p), 1) for name, p in models.items()],
        )  # fmt: skip
    return rows


def bands_rows() -> list[dict]:
    """Measure the theory of fluctuations beside theory alone, both with all that is read off."""
    rows = []
    for M, K in ((1, 1), (2, 2), (4, 4), (8, 4)):
        params = vaedyn.Params(latent=M, signal=K, dim=500)
        contenders = [
            Contender("vaedyn", lambda p=params: vaedyn.theory(p), 1),
            Contender("bands", lambda p=params: vaedyn.bands(p), 1),
        ]
        rows += compare(f"theory, M = {M}, M* = {K}, with bands", "ms", 1e3, contenders)
    return rows


def sweep_rows() -> list[dict]:
    """Measure what a point of a sweep costs, computed and kept, found again, and not kept."""
    points, cores = 5000, sgd.cores()
    vary = {"beta": np.linspace(0.1, 2.9, points)}

    def run(store=None, jobs=cores):
        return vaedyn.sweep("theory", vary=vary, t_max=5, points=11, store=store, jobs=jobs)

    with tempfile.TemporaryDirectory() as folder:
        full = ResultStore(Path(folder) / "full")
        run(full)
        new = (ResultStore(Path(folder) / str(n)) for n in itertools.count())
        contenders = [
            Contender("not kept, 1 process", lambda: run(jobs=1), points),
            Contender(f"computed and kept, {cores} processes", lambda: run(next(new)), points),
            Contender("computed and kept, 1 process", lambda: run(next(new), 1), points),
            Contender("found again", lambda: run(full), points),
        ]
        return compare(f"a point of a sweep of {points}", "ms", 1e3, contenders, repeats=3)


def fixed_points_rows() -> list[dict]:
    """Measure lists of fixed points, at equal signals and at different ones, and a map."""
    equal = vaedyn.Params(latent=6, signal=6)
    apart = equal.replace(rho=(3, 2.6, 2.2, 1.8, 1.4, 1))
    contenders = [
        Contender("equal signals", lambda: vaedyn.fixed_points(equal), 1),
        Contender("different signals", lambda: vaedyn.fixed_points(apart), 1),
    ]
    rows = compare("fixed points, M = M* = 6", "s", 1, contenders)
    two = vaedyn.Params(latent=2, signal=2, rho=(3, 1))
    axes = ("beta", np.linspace(0.05, 5, 30)), ("lr", np.linspace(0.02, 1.6, 30))
    small = axes[0], ("eta", np.linspace(0.1, 2, 30))
    contenders = [
        Contender("beta and eta", lambda: vaedyn.phase_diagram(two, *small), 900),
        Contender("beta and lr", lambda: vaedyn.phase_diagram(two, *axes), 900),
    ]
    return rows + compare("a point of a phase diagram, M = M* = 2", "ms", 1e3, contenders)


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


def scaling() -> list[dict]:
    """Fit powers to the growth of the time of a step, or of an ensemble."""

    def engine(name, steps, **model):
        params = vaedyn.Params(t_max=10, points=2, **model)
        return Contender(name, engine_run(params, name, steps), steps)

    def ensemble(runs):
        params = vaedyn.Params(dim=1000, t_max=100, points=2)
        return Contender("ensemble", lambda: vaedyn.simulate(params, runs=runs, jobs=1), 1)

    flat = "m=0.03,d=0.03,Q=1,E=1,R=0,D=1"
    cases = (
        ("exact", "N", [10, 10**3, 10**5, 10**7, 10**9],
         lambda n: engine("exact", 50_000, dim=n, init=flat)),
        ("vector", "N", [200, 1000, 5000, 25_000, 125_000],
         lambda n: engine("vector", 10**6 // n, dim=n)),
        ("vector", "M", [1, 2, 4, 8, 16],
         lambda m: engine("vector", 1000 // m, dim=1000, latent=m)),
        ("exact ensemble", "runs", [2, 4, 8, 16, 32], ensemble),
    )  # fmt: skip
    found = []
    for what, variable, sizes, build in cases:
        medians = [statistics.median(t) for t in measure([build(n) for n in sizes], 5)]
        power = float(np.polyfit(np.log(sizes), np.log(medians), 1)[0])
        found.append({"what": what, "variable": variable, "from": sizes[0], "to": sizes[-1],
                      "power": power, "seconds": medians})  # fmt: skip
    return found


def memory() -> dict | None:
    """Return the bytes that a vector run of a million dimensions adds to a process, on Linux."""
    code = (
        "import sys, vaedyn; "
        "p = vaedyn.Params(dim=int(sys.argv[1]), t_max=100 / int(sys.argv[1]), points=2); "
        "vaedyn.simulate(p, runs=1, engine='vector'); "
        "print(open('/proc/self/status').read())"
    )
    if not Path("/proc/self/status").exists():
        return None

    def peak(dim):
        done = subprocess.run(
            [sys.executable, "-c", code, str(dim)], capture_output=True, text=True, check=True
        )
        line = next(x for x in done.stdout.splitlines() if x.startswith("VmHWM"))
        return 1024 * int(line.split()[1])

    return {"dim": 10**6, "latent": 1, "signal": 1, "bytes": peak(10**6) - peak(1000)}


def machine() -> dict[str, str]:
    """Return what the numbers depend on."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), model)
    names = ["numpy", "numba", "scipy", *filter(installed, ("torch", "CyRK", "diffrax"))]
    versions = {name: metadata.version(name) for name in names}
    cores = f"{sgd.cores()} cores"
    return {"processor": f"{model}, {cores}", "python": platform.python_version(), **versions}


def rounded(number: float) -> str:
    """Return three digits of `number`, or all of those before the point."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def show(result: dict) -> None:
    """Print all results for people."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in ("", "", "min", "median", "unit", "ratio"):
        right = name in ("min", "median", "ratio")
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    last = None
    for row in result["rows"]:
        if last not in (None, row["case"]):
            table.add_section()
        numbers = (rounded(row[name]) for name in ("min", "median"))
        name = row["case"] if row["case"] != last else ""
        ratio = "" if row["case"] != last else rounded(row["ratio"])
        table.add_row(name, row["who"], *numbers, row["unit"], ratio)
        last = row["case"]
    console = Console(width=120, highlight=False)
    console.print(", ".join(f"{k} {v}" for k, v in result["machine"].items()), soft_wrap=True)
    console.print(table)
    for row in result["rows"]:
        if "error" in row:
            console.print(f"{row['case']}: largest error {row['error']:.1e} ({row['who']})")
        if "efficiency" in row:
            console.print(f"{row['case']}: efficiency {row['efficiency']:.2f} on {row['who']}")
    for fit in result["scaling"]:
        console.print(
            f"{fit['what']}: time grows as {fit['variable']}^{fit['power']:.2f} "
            f"for {fit['variable']} from {fit['from']} to {fit['to']}"
        )
    if result["memory"]:
        added = result["memory"]["bytes"] / 1e6
        console.print(f"vector, M = M* = 1, N = 10^6: {added:.0f} MB of memory")


def explorer_rows() -> list[dict]:
    """Measure how soon the page of `vaedyn explore` is drawn again, where a browser is there."""
    if CHROMIUM_LACKS:
        return []
    rows = []
    for M, options in ((1, ()), (2, ("--latent", "2", "--signal", "2", "--rho", "3,1"))):
        found = [1000 / max(repaints(*options)["repaints a second"], 1e-3) for _ in range(3)]
        rows.append({
            "case": f"vaedyn explore, a dragged slider, M = M* = {M}", "who": "one repaint",
            "min": min(found), "median": statistics.median(found), "unit": "ms", "ratio": 1.0,
        })  # fmt: skip
    return rows


MEASURED = (
    simulation_rows,
    training_rows,
    theory_rows,
    bands_rows,
    fixed_points_rows,
    ensemble_rows,
    sweep_rows,
    explorer_rows,
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    result = {
        "machine": machine(),
        "rows": [row for rows in MEASURED for row in rows()],
        "scaling": scaling(),
        "memory": memory(),
    }
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        show(result)


if __name__ == "__main__":
    main()
