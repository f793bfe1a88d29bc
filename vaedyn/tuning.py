"""The annealing schedule under which learning converges soonest."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .annealing import Constant, Cosine, Linear, Points, Schedule, Tanh
from .convergence import last_crossing
from .errors import ConvergenceError, DivergenceError, ParameterError
from .ode import tolerances
from .params import Params, integer, real
from .results import Brief, Source, Store, Variables

NUMERICS = 2  # raised when the same parameters give other numbers
FAMILIES: dict[str, Callable[[float], Schedule] | None] = {
    "tanh": Tanh,
    "linear": Linear,
    "cosine": Cosine,
    "free": None,
}
LABELS = {
    "end": "generalisation error in the end",
    "constant": "time to converge at constant beta",
    "time": "time to converge under the best schedule",
    "numbers": "number of the schedule",
    "times": "time to converge",
    "off": "time to converge when the best number is off by a tenth",
}
SCAN = 160  # values of the one number of a family
FINER = (16, 16, 16)  # values in ever smaller intervals around the best ones
BEST = 3  # of them that are looked at closer
OFF = 0.1  # relative error in the number of a schedule that should not ruin the gain
HOPELESS = 40.0  # times the constant schedule's time, at which a schedule is given up
SLOW = 3.0  # the same for free schedules
MOST_KNOTS = 8

Progress = Callable[[int, int], None]
"""Receives the numbers of schedules tried and to try."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Tuning(Brief):
    """How long learning takes under the schedules of one family.

    Attributes
    ----------
    params : Params
    family : str
    tol : float
        Times are those after which eps_g stays within it of its end.
    end : float
        eps_g in the end, at constant beta.
    constant : float
        Time at constant beta.
    spec : str
        The best schedule, as `Params.anneal` takes it.
    time : float
        Time under it.
    numbers, times : (schedules,)
        All numbers tried (gamma of tanh, the duration of others) and the time
        each takes, nan where that is over 10^6/tau; empty for free schedules.
    off : float
        The longest time when the number is wrong by a tenth, or, of a free
        schedule, when it runs faster or slower by a tenth; nan if over 10^6/tau.
    """

    params: Params
    family: str
    tol: float
    end: float
    constant: float
    spec: str
    time: float
    numbers: np.ndarray
    times: np.ndarray
    off: float
    source: Source | None = None

    @property
    def gain(self) -> float:
        """How many times sooner learning converges than at constant beta."""
        return self.constant / self.time


def best_schedule(
    params: Params,
    family: str = "tanh",
    *,
    knots: int = 3,
    tol: float = 1e-3,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    store: Store | None = None,
    progress: Progress | None = None,
) -> Tuning:
    """Find the schedule of a family under which eps_g of the ODE converges soonest.

    Where the amplitude of the slowest mode passes through zero the time has a
    narrow dip, which is found and followed; `Tuning.off` tells how narrow it is.

    Parameters
    ----------
    params : Params
        The model, and the end value of beta; its own schedule does not matter.
    family : {"tanh", "linear", "cosine", "free"}
        ``free`` is piecewise linear in `knots` stretches, with beta >= 0.
    knots : int
        1 to 8.
    tol, rtol, atol : float
        See `vaedyn.time_to_converge`.
    store : ResultStore, optional
        Where to look for the result first, and to keep it.
    progress : callable, optional

    Raises
    ------
    ParameterError
        When an argument is out of range.
    ConvergenceError, DivergenceError
        When learning does not converge at constant beta.
    """
    if family not in FAMILIES:
        raise ParameterError("family", f"expected one of {', '.join(FAMILIES)}, got {family!r}")
    tol = real("tol", tol)
    rtol, atol = tolerances(rtol, atol)
    if not 1 <= integer("knots", knots, 1) <= MOST_KNOTS:
        raise ParameterError("knots", f"must be at most {MOST_KNOTS}, got {knots}")
    steps = {"t_max": min(15 / params.lr, 2**52 / params.dim), "points": 2, "anneal": "constant"}
    params = replace(params, **steps)

    def compute() -> tuple[Variables, dict[str, Any]]:
        return _computed(_Trial(params, tol, rtol, atol, progress), family, int(knots))

    source = None
    if store is None:
        variables, info = compute()
    else:
        record = {**params.to_dict(), "family": family, "tol": tol, "rtol": rtol, "atol": atol}
        record = {name: value for name, value in record.items() if name not in steps}
        record |= {"knots": int(knots)} if family == "free" else {}
        saved = store.load_or_run("annealing", {**record, "numerics": NUMERICS}, compute)
        variables, info = saved.variables, saved.info
        source = Source(
            key=saved.key, reused=saved.reused, path=str(saved.path), params=saved.params
        )
    values = {name: np.asarray(value) for name, (_, value, _) in variables.items()}
    scalars: Any = {name: float(values[name]) for name in ("end", "constant", "time", "off")}
    arrays: Any = {name: values[name] for name in ("numbers", "times")}
    return Tuning(
        params=params, family=family, tol=tol, spec=info["spec"], source=source, **scalars, **arrays
    )


def _computed(trial: "_Trial", family: str, knots: int) -> tuple[Variables, dict[str, Any]]:
    """Return the best schedule as labelled variables, and its spec."""
    if trial.constant == 0:
        raise ConvergenceError(f"eps_g starts within {trial.tol:g} of its end: lower --tol")
    found = _free(trial, knots) if family == "free" else _scan(trial, family)
    spec = found.pop("spec")
    found |= {"end": trial.end, "constant": trial.constant}
    return {
        name: (
            ("schedule",) if np.ndim(value) else (),
            value,
            {"long_name": LABELS[name], "units": "1"},
        )
        for name, value in found.items()
    }, {"spec": spec}


class _Trial:
    """Times to converge under schedules tried one after the other."""

    def __init__(
        self, params: Params, tol: float, rtol: float, atol: float, progress: Progress | None
    ):
        self.params, self.tol, self.progress = params, tol, progress
        self.settings: dict[str, Any] = {"rtol": rtol, "atol": atol}
        self.tried = self.wanted = 0
        self.constant, self.end = last_crossing(params, Constant(), tol, **self.settings)

    def time(self, schedule: Schedule, most: float | None = None) -> float:
        """Return the time to converge, nan where that is over `most` or learning diverges."""
        self.tried += 1
        if self.progress:
            self.progress(min(self.tried, self.wanted), self.wanted)
        try:
            most = most or HOPELESS * self.constant
            return last_crossing(self.params, schedule, self.tol, most=most, **self.settings)[0]
        except (ConvergenceError, DivergenceError):
            return np.nan


def _scan(trial: _Trial, family: str) -> dict[str, Any]:
    """Return the best of the schedules that have one number."""
    make = FAMILIES[family]
    assert make is not None
    trial.wanted = trial.wanted or SCAN + BEST * sum(FINER) + 2
    scale = trial.constant
    durations = np.geomspace(3e-3, 3, SCAN) * scale
    numbers = 1 / durations[::-1] if family == "tanh" else durations
    tried = {x: trial.time(make(x)) for x in _rounded(numbers)}
    for x in sorted(tried, key=lambda x: np.nan_to_num(tried[x], nan=np.inf))[:BEST]:
        known = sorted(tried)
        i = known.index(x)
        low, high = known[max(i - 1, 0)], known[min(i + 1, len(known) - 1)]
        for count in FINER:
            finer = [low, *_rounded(np.geomspace(low, high, count + 2)[1:-1]), high]
            here = [trial.time(make(x)) for x in finer[1:-1]]
            tried |= dict(zip(finer[1:-1], here, strict=True))
            i = 1 + int(np.nan_to_num(here, nan=np.inf).argmin())
            low, high = finer[i - 1], finer[i + 1]
    numbers = np.array(sorted(tried))
    times = np.array([tried[x] for x in numbers.tolist()])
    if not np.isfinite(times).any():
        raise ConvergenceError(f"under no schedule {family} does eps_g converge")
    best = float(numbers[np.nanargmin(times)])
    off = max((trial.time(make(best * x)) for x in (1 - OFF, 1 + OFF)), key=_nan_last)
    return {
        "spec": make(best).spec,
        "time": float(np.nanmin(times)),
        "numbers": numbers,
        "times": times,
        "off": off,
    }


def _rounded(numbers: np.ndarray) -> list[float]:
    return [float(f"{x:.6g}") for x in numbers]


def _nan_last(x: float) -> float:
    return np.inf if np.isnan(x) else x


def _free(trial: _Trial, knots: int) -> dict[str, Any]:
    """Return the best piecewise linear schedule, by differential evolution and the simplex."""
    from scipy.optimize import differential_evolution, minimize

    beta, scale = trial.params.beta, trial.constant
    evolved, refined = 40 * 16 * knots, 400 * knots
    trial.wanted = SCAN + BEST * sum(FINER) + evolved + 3 * refined + 4

    def schedule(x: np.ndarray, pace: float = 1.0) -> Points:
        times = np.concatenate([[0.0], np.cumsum(np.exp(x[:knots]))]) * scale * pace
        betas = np.maximum(x[knots:], 0.0) * beta
        return Points(tuple(_rounded(times)), (*_rounded(betas), beta))

    def cost(x: np.ndarray) -> float:
        found = trial.time(schedule(x), most=SLOW * scale)
        return 2 * SLOW * scale if np.isnan(found) else found

    # start from the best line, cut into equal parts
    line = float(_scan(trial, "linear")["spec"].partition(":")[2])
    straight = np.concatenate(
        [np.full(knots, np.log(line / scale / knots)), np.arange(knots) / knots]
    )
    bounds = [(np.log(0.003), np.log(0.6))] * knots + [(0.0, 3.0)] * knots
    seeds: Any = {"maxiter": 39, "popsize": 8, "rng": 1, "polish": False, "tol": 0.0}
    limits: Any = {"maxfev": refined, "xatol": 1e-6, "fatol": 1e-6 * scale}
    best: Any = differential_evolution(cost, bounds, **seeds)
    for start in (best.x, straight, None):  # at last once more, from the best
        step: Any = minimize(
            cost, best.x if start is None else start, method="Nelder-Mead", options=limits
        )
        best = step if step.fun <= best.fun else best
    chosen = schedule(best.x)
    return {
        "spec": chosen.spec,
        "time": trial.time(chosen),
        "numbers": np.empty(0),
        "times": np.empty(0),
        "off": max(
            (trial.time(schedule(best.x, pace)) for pace in (1 - OFF, 1 + OFF)), key=_nan_last
        ),
    }
