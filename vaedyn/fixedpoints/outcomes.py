"""Where a gaussian start leads where no latent can live alone: a pair, oscillation, divergence."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from ..errors import ConvergenceError, DivergenceError
from ..kernels.constants import Constants
from ..learning.theory import integrate
from ..machine import cores
from ..model.params import Params
from ..model.schedules import Constant
from ..model.state import observables, pack, unpack
from .attractors import DIVERGING, OSCILLATING, PHASES, UNDECIDED
from .configurations import fitting
from .groups import TOLERANCE
from .newton import eigenvalues, newton, residual
from .points import classify

DIM = 1000  # of the gaussian start
SPANS = (100.0, 400.0, 1500.0, 3000.0, 6000.0, 12000.0)  # in units of 1/tau
CLOSE = 1e-3  # residual from which Newton's method is worth its time early on
NEAR = 0.05  # change of a state by Newton's method that leaves no doubt where it leads
MARGINAL = 1e-8  # growth rates, per tau, closer to zero decide nothing
TURNING = 1e-3  # relative height, in the last tenth of a span, of the peaks of what oscillates
MOST_STEPS = 20_000
DIVERGED = 0.02  # of the usual bound: beyond it the ODE turns ever stiffer, and never back


class Outcome(NamedTuple):
    """Phase (index into PHASES), and eps_g, living latents and growth rate of a fixed point."""

    phase: int
    eps_g: float = np.nan
    active: int = -1
    growth: float = np.nan


def outcome(params: Params) -> Outcome:
    """Return where a gaussian start leads in the ODE, by t = 23000/tau at the latest.

    ``oscillating``: it turns back again and again, and Newton's method finds no stable
    point from there or from amid its course, or none that it has come near to. What
    creeps one way is waited for.
    """
    start: Any = {"init": "gaussian", "init_seed": 0, "anneal": "constant"}
    params = params.replace(dim=DIM, t_max=1.0, points=2, **start)
    y = pack(**params.overlaps())
    bound = DIVERGED * params.bound(y)
    turning = False
    for span in SPANS:
        times = np.linspace(0.9, 1, 33) * span / params.rate
        times[0] = 0.0
        limits: Any = {"rtol": 1e-6, "atol": 1e-10, "most": MOST_STEPS, "bound": bound}
        try:
            course, _ = integrate(params, y, times, Constant(), **limits)
        except DivergenceError:
            return Outcome(DIVERGING)
        except ConvergenceError:
            return Outcome(UNDECIDED)
        y = course[-1]
        early = span == SPANS[0] and residual(Constants.of(params), y) > CLOSE
        size = max(1.0, float(np.abs(y).max()))
        turning = _peak(course[1:]) > TURNING * size
        found = None if early else _stable_point(params, y)
        if found and np.abs(found[0] - y).max() < NEAR * size:
            return _at_rest(params, *found)
        around = turning and span > SPANS[0] and not found
        if around and _stable_point(params, course[1:].mean(axis=0)) is None:
            break
    return Outcome(OSCILLATING if turning else UNDECIDED)


def _peak(course: np.ndarray) -> float:
    """Return by how much any component of (times, values) goes beyond both its ends."""
    first, last = course[0], course[-1]
    above = course.max(axis=0) - np.maximum(first, last)
    below = np.minimum(first, last) - course.min(axis=0)
    return float(np.maximum(above, below).max())


def _stable_point(params: Params, y: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Return the stable fixed point that Newton's method leads to, and its growth rate."""
    model = Constants.of(params)
    point = newton(model, y)
    if not residual(model, point) < TOLERANCE * max(1.0, float(np.abs(point).max())):
        return None
    growth = float(np.nanmax(np.real(eigenvalues(model, point))))
    return (point, growth) if growth <= MARGINAL * params.rate else None


def _at_rest(params: Params, point: np.ndarray, growth: float) -> Outcome:
    parts = unpack(point, params.latent, params.signal)
    alive = fitting(Constants.of(params), parts)
    eps_g = float(observables(parts, params.strengths, params.eta)["eps_g"])
    phase = PHASES.index(classify(parts, alive))
    return Outcome(phase, eps_g, int(alive.sum()), growth)


def outcomes(many: Iterable[Params]) -> dict[str, np.ndarray]:
    """Return phase, eps_g, active and growth (n,) of the outcomes of many models, on all cores."""
    with ThreadPoolExecutor(cores()) as pool:
        found = list(pool.map(outcome, many))
    columns: Any = zip(*found, strict=True)
    return {name: np.array(column) for name, column in zip(Outcome._fields, columns, strict=True)}
