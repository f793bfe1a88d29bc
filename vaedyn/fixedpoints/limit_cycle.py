"""The limit cycle on which learning goes round for ever, at one learning rate."""

from dataclasses import dataclass
from itertools import permutations, product
from typing import Any, Unpack

import numpy as np

from ..errors import ConvergenceError, ParameterError
from ..kernels.constants import Constants
from ..model.asked import STEPS, params_of
from ..model.numerics import NUMERICS
from ..model.params import IN_TIME, Fields, Params
from ..model.records import Computed, Store, kept
from ..model.results import Trajectory
from ..model.state import pack, places
from .groups import TOLERANCE
from .newton import eigenvalues, newton, residual, velocity
from .outcomes import started
from .shooting import CLOSED, Cycle, Shooting, course
from .varied import constants_of, vary

SPANS = (100.0, 300.0, 1000.0, 3000.0, 9000.0)  # in units of 1/tau, after each of which it is tried
WINDOWS = (50.0, 200.0, 800.0)  # in which it should come back
RATE = 25  # states in a time 1/tau of a window
NEAR = 0.1  # of how far it goes: it is back when it comes so near
STILL = 1e-4  # distance from a stable fixed point at which the course ends there
LEAST = 1e-5  # amplitude of a cycle
REPEATS = (4, 3, 2)  # equal parts of a period after which symmetries are looked for
FEW = 4  # latents, and signals, up to which they are


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LimitCycle(Trajectory):
    """A limit cycle: `t` goes through one period, which the last state would begin again.

    The observables ``eps_g``, ``kl``, ... and the order parameters are (times,) along it.

    Attributes
    ----------
    period : float
        In units of t, that is in steps/N.
    multipliers : (multipliers,) complex
        Floquet multipliers by falling size without the trivial ones, which are 1.
    trivial : float
        Distance of the trivial multipliers from 1, which would be 0 in exact arithmetic.
    closing : float
        Largest difference of an order parameter after one period.
    repeats : int
        After this part of a period the course is the same but for signs and the order of
        latents, so that observables have the period ``period / repeats``. It is looked for up
        to 4 latents and signals.
    amplitude : dict
        Half of the range of eps_g, of the KL divergence, and of each entry of each order
        parameter, by their names.
    mean : dict
        Means over a period, likewise.
    stable : bool
        Whether all multipliers are inside the unit circle.
    """

    @property
    def period(self) -> float:
        return self.info["period"]

    @property
    def multipliers(self) -> np.ndarray:
        return np.array(self.info["multipliers_re"]) + 1j * np.array(self.info["multipliers_im"])

    @property
    def trivial(self) -> float:
        return self.info["trivial"]

    @property
    def closing(self) -> float:
        return self.info["closing"]

    @property
    def repeats(self) -> int:
        return self.info["repeats"]

    @property
    def stable(self) -> bool:
        return bool(np.abs(self.multipliers).max(initial=0.0) < 1)

    @property
    def amplitude(self) -> dict[str, Any]:
        return {name: 0.5 * np.ptp(getattr(self, name), axis=0) for name in MEASURED}

    @property
    def mean(self) -> dict[str, Any]:
        return {name: np.mean(getattr(self, name), axis=0) for name in MEASURED}


MEASURED = ("eps_g", "kl", "m", "d", "Q", "E", "R", "D")


def limit_cycle(
    params: Params | None = None, *, store: Store | None = None, **changes: Unpack[Fields]
) -> LimitCycle:
    """Find the limit cycle on which the ODE ends from a gaussian start, by shooting.

    It is there where `vaedyn.phase_diagram` says ``oscillating``. The ODE is followed until
    Newton's method on a state and the period finds a stable cycle from there.

    Parameters
    ----------
    params : Params, optional
        The start, times and a schedule of beta do not matter: the start is gaussian.
    store : ResultStore, optional
        Where to look for the result, and to keep it.
    **changes
        Parameters of the model, in place of those of `params` or of the defaults.

    Raises
    ------
    ConvergenceError
        When the ODE ends at a fixed point, or no cycle is found.
    DivergenceError
        When it diverges.
    ParameterError
        When beta is 0, or how training goes is not derived.
    """
    params = params_of(limit_cycle, params, changes, derived=STEPS)
    if params.beta == 0:
        raise ParameterError("beta", "must be > 0 for limit cycles: D shrinks for ever at beta = 0")

    def compute() -> Computed:
        return _result(params, attracting(params)).to_kept()

    record = {name: x for name, x in params.to_dict().items() if name not in IN_TIME}
    record["numerics"] = NUMERICS["cycle"]
    return LimitCycle.from_kept(params, kept(store, "cycle", record, compute))


def _result(params: Params, found: Cycle) -> LimitCycle:
    model = constants_of(params)
    size, multipliers = len(found.states), found.multipliers[~np.isnan(found.multipliers)]
    end = course(model, found.start, np.array([found.period]))[-1]
    info = {
        "period": found.period,
        "multipliers_re": np.real(multipliers).tolist(),
        "multipliers_im": np.imag(multipliers).tolist(),
        "trivial": found.trivial,
        "closing": float(np.abs(end - found.start).max()),
        "repeats": repeats(model, found.states),
    }
    t = np.arange(size) * (found.period / size)
    return LimitCycle.from_states(params, found.states, t=t, info=info)


def attracting(params: Params) -> Cycle:
    """Return the stable cycle on which the ODE ends from a gaussian start.

    Raises
    ------
    ConvergenceError, DivergenceError
        See `limit_cycle`.
    """
    model = constants_of(params)
    y = pack(**started(params).overlaps())
    at = params.rates[0]
    shooting = Shooting(lambda x: vary(params, "lr", x), 0.99 * at, 1.01 * at)
    for span in SPANS:
        y = course(model, y, np.array([span / model.lr]), rtol=1e-8)[-1]
        if _at_rest(model, y):
            raise ConvergenceError(
                f"the ODE ends at a fixed point at learning rate {at:g}, not on a limit cycle: "
                "see vaedyn fixedpoints"
            )
        period = _returns(model, y)
        if period is None:
            continue
        guess = shooting.point(y, period, at)
        edge = np.eye(len(guess))[-1]
        point = shooting.corrected(guess, edge, shooting.slope(guess))
        if point is None:
            continue
        found = shooting.cycle(point)
        if found.amplitude > LEAST and not found.outside:
            return found._replace(x=at)
    raise ConvergenceError(
        f"no stable limit cycle is found at learning rate {at:g} up to t = "
        f"{sum(SPANS) / model.lr:.6g}: the ODE creeps, or never repeats itself"
    )


def _at_rest(model: Constants, y: np.ndarray) -> bool:
    """Return whether a stable fixed point is so near that the course ends there."""
    size = max(1.0, float(np.abs(y).max()))
    if residual(model, y) > 10 * STILL * size:
        return False
    point = newton(model, y)
    there = residual(model, point) < TOLERANCE * size and np.abs(point - y).max() < STILL * size
    return bool(there and np.nanmax(np.real(eigenvalues(model, point))) <= 0)


def _returns(model: Constants, y: np.ndarray) -> float | None:
    """Return after how long the course from `y` is back for the first time, None if it is not."""
    ahead = velocity(model, y)
    for window in WINDOWS:
        count = int(window * RATE)
        times = np.arange(1, count + 1) * (window / model.lr / count)
        away = course(model, y, times, rtol=1e-9) - y
        size = np.abs(away).max(axis=1)
        side = away @ ahead
        back = np.flatnonzero((side[:-1] < 0) & (side[1:] >= 0) & (size[1:] < NEAR * size.max()))
        if len(back):
            i = int(back[0])
            share = side[i] / (side[i] - side[i + 1])
            return float(times[i] + share * (times[1] - times[0]))
    return None


def repeats(model: Constants, states: np.ndarray) -> int:
    """Return after which part of a period symmetries turn the state into the first one.

    Parameters
    ----------
    states : (n, values)
        At equal times of a period.
    """
    latent, signal = model.latent, model.signal
    if latent > FEW or signal > FEW:
        return 1
    images = _images(latent, signal, states[0])
    slack = 1e3 * CLOSED * max(1.0, float(np.abs(states).max()))
    for parts in REPEATS:
        if len(states) % parts:
            continue
        there = states[len(states) // parts]
        if np.abs(images - there).max(axis=1).min() < slack:
            return parts
    return 1


def _images(latent: int, signal: int, y: np.ndarray) -> np.ndarray:
    """Return all states that signs, and orders of latents, turn `y` into, (images, values)."""
    at, found = places(latent, signal), []
    for order in permutations(range(latent)):
        i = list(order)
        moved = pack(**{name: x[i][:, i] if name in "QER" else x[i] for name, x in at.items()})
        for signs in product((1, -1), repeat=latent + signal):
            a, b = np.array(signs[:latent]), np.array(signs[latent:])
            pair, along = np.outer(a, a), np.outer(a, b)
            turn = pack(along, along, pair, pair, pair, np.ones(latent))
            found.append(turn * y[moved])
    return np.array(found)
