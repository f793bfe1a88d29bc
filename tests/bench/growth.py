"""How time and memory grow with sizes."""

import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

import vaedyn
from tests.contenders import engine_run

from .measure import Contender, measure


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
