"""The integrator beside those of others."""

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.integrate import solve_ivp

import vaedyn
from tests.contenders import Solve, cyrk_run, diffrax_run, kernel_run, numbalsoda_run
from tests.shared import reference
from vaedyn.learning.theory import integrate
from vaedyn.model.schedules import Constant
from vaedyn.model.state import pack

from .measure import Contender, compare, installed, repeated

RTOL = 1e-8
PEERS = {
    "CyRK": ("CyRK", cyrk_run),
    "diffrax Dopri5": ("diffrax", diffrax_run),
    "numbalsoda LSODA": ("numbalsoda", numbalsoda_run),
}
LARGEST = 8  # latents for which the truth takes less than seconds


def theory_rows() -> list[dict]:
    """Measure the integrator beside those of others: up to M = 8 at the same error.

    All but LSODA are methods of Dormand and Prince. CyRK and LSODA get the compiled drift of
    vaedyn, and the error of CyRK is that at the last time. From M = 32 on the relative
    tolerance is the same.
    """
    rows = []
    peers = {name: run for name, (module, run) in PEERS.items() if installed(module, name)}
    for M, K in ((1, 1), (2, 2), (8, 4), (32, 32), (60, 60)):
        params = vaedyn.Params(latent=M, signal=K, dim=500)
        start, times = pack(**params.overlaps()), params.times()
        times_each = 20 if M <= LARGEST else 1

        def ours(p=params, y=start, t=times):
            return integrate(p, y, t, Constant(), rtol=RTOL, atol=RTOL / 100)[0]

        own = {
            "vaedyn": ours,
            "its kernel alone": kernel_run(params),
            "the public call": lambda p=params: vaedyn.theory(p),
        }
        contenders = [
            Contender(name, repeated(each, times_each), times_each) for name, each in own.items()
        ]
        scipys = partial(scipy_run, params, start, times)
        others: dict[str, Solve] = {name: run(params, start, times) for name, run in peers.items()}
        others = {"scipy RK45": scipys, **others}
        tolerances, errors = dict.fromkeys(others, RTOL), {}
        if M <= LARGEST:
            truth, first = scipys(1e-13, "DOP853"), ours()

            def error(y, truth=truth):
                return float(np.abs(y - truth[-len(y) :]).max())

            errors["vaedyn"] = error(first)
            for name, solve in others.items():
                tolerances[name], errors[name] = as_wrong(solve, error, first)
        for name, solve in others.items():
            contenders.append(Contender(name, partial(solve, tolerances[name]), 1))
        case = f"theory, M = {M}, M* = {K}, t to {params.t_max:g}"
        for row in compare(case, "ms", 1e3, contenders):
            who = row["who"]
            rows.append({**row, "error": errors[who]} if who in errors else row)
    return rows


def scipy_run(
    p: vaedyn.Params, start: np.ndarray, times: np.ndarray, rtol: float, method: str = "RK45"
) -> np.ndarray:
    """Return the states that a method of scipy finds with the plain drift."""

    def slope(_t, y):
        return reference.drift(y, p.beta, p.strengths, p.eta, p.lam, p.lr, p.latent)

    span, atol = (0, times[-1]), rtol / 100
    return solve_ivp(slope, span, start, method, t_eval=times, rtol=rtol, atol=atol).y.T


def as_wrong(
    solve: Solve, error: Callable[[np.ndarray], float], ours: np.ndarray
) -> tuple[float, float]:
    """Return the tolerance at which the error is that of `ours` or a little more, and it."""
    found = solve(RTOL)
    goal = error(ours[-len(found) :])
    rtol = RTOL * goal / error(found)  # roughly proportional to errors
    for _ in range(20):
        rtol = min(rtol, 1e-2)
        found = error(solve(rtol))
        if found >= goal:
            break
        rtol *= 1.25
    return rtol, found
