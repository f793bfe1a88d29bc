"""The warm-up of the KL weight under which learning the rows of a table converges soonest.

It has converged when the loss, distortion + beta KL on the rows at the final beta, stays near
its final value: there is no error on a population that could be looked at instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..annealing.best_schedule import FAMILIES
from ..errors import ConvergenceError, DivergenceError, ParameterError
from ..learning.theory import tolerances
from ..model.numerics import NUMERICS
from ..model.params import real
from ..model.progress import Asked, shows
from ..model.records import Computed, Kept, Progress, Source, Store, kept, variable
from ..model.results import Brief
from ..model.schedule import Schedule
from ..model.schedules import Constant
from ..tables.table import Data
from .course import Start, as_curve, integrated, refuse, start_on
from .curve import FIRST
from .learn import DataParams
from .look import Look
from .suited import suited
from .train import looked

OF_ONE_NUMBER = tuple(name for name, make in FAMILIES.items() if make is not None)
TOL = 0.01
SCAN, FINER, ROUNDS = 24, 8, 2  # numbers tried, and around the best ones
SHORTEST, LONGEST = 1e-2, 3.0  # warm-ups that are tried, in times to converge at constant beta
GIVEN_UP = 3.0  # times that time
POINTS = 800  # times at which the loss is looked at
OFF = 0.1
SURE = 0.5  # share of the tolerance that the loss may still change by in the end
LABELS = {
    "end": "loss in the end",
    "constant": "time to converge at constant beta",
    "time": "time to converge under the best warm-up",
    "off": "time to converge when the best number is off by a tenth",
    "torch": "times to converge from PyTorch's default start, at constant beta and the best",
    "numbers": "number of the schedule",
    "times": "time to converge",
}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class WarmUp(Brief):
    """How long learning the rows of a table takes under warm-ups of one family.

    Attributes
    ----------
    params : DataParams
        The model, at constant beta.
    samples : int
        Number of rows.
    family : str
    tol : float
        Times are those after which the loss stays within this share of its final value.
    end : float
        The loss in the end: 0 would be that without latents.
    constant : float
        Time at constant beta.
    spec : str
        The best schedule, as `Params.anneal` takes it; ``constant`` if none is better.
    time : float
        Time under it.
    off : float
        The longest time when its number is wrong by a tenth; nan if over three times `constant`.
    torch : (2,)
        Times at constant beta and under it from PyTorch's default start; nan if unknown.
    numbers, times : (schedules,)
        All numbers tried (gamma of tanh, the duration of others) and the time each takes, nan
        where that is over three times `constant`.
    source : Source or None
    """

    params: DataParams
    samples: int
    family: str
    tol: float
    end: float
    constant: float
    spec: str
    time: float
    off: float
    torch: np.ndarray
    numbers: np.ndarray
    times: np.ndarray
    source: Source | None = None

    @classmethod
    def from_kept(
        cls, params: DataParams, samples: int, found: Kept, *, family: str, tol: float
    ) -> Self:
        """Return the warm-up that was looked up, or found."""
        values: Any = found.arrays
        values |= {name: float(values[name]) for name in ("end", "constant", "time", "off")}
        same: Any = {"params": params, "family": family, "tol": tol, "source": found.source}
        return cls(**same, samples=samples, spec=found.info["spec"], **values)

    @property
    def gain(self) -> float:
        """How many times sooner learning converges than at constant beta."""
        return self.constant / self.time

    def steps(self, t: float) -> float:
        """Return the number of SGD steps by a time."""
        return t * self.params.dim

    def epochs(self, t: float) -> float:
        """Return how often each row has been used by a time."""
        return self.steps(t) * self.params.batch / self.samples


@shows("anneal", "schedules")
def warm_up(
    data: Data | Look,
    family: str = "linear",
    *,
    beta: float | None = None,
    tol: float = TOL,
    rtol: float = 1e-6,
    atol: float = 1e-8,
    store: Store | None = None,
    progress: Asked = None,
    **settings: Any,
) -> WarmUp:
    """Find the warm-up of the KL weight under which learning a table converges soonest.

    Parameters
    ----------
    data, beta
        As of `vaedyn.train`.
    family : {"tanh", "linear", "cosine"}
    tol : float
        Learning has converged when the loss, distortion + beta KL on the rows at the final
        beta, stays within this share of its final value.
    rtol, atol : float
        As of `vaedyn.course`.
    store : ResultStore, optional
        Where to look for the result first, and to keep it.
    progress : bool or callable, optional
        True shows a bar; a function is called as ``progress(done, total)`` with numbers of
        schedules.
    **settings
        As of `vaedyn.train`, but for `anneal`, `t_max` and `points`.

    Raises
    ------
    ParameterError
        When the data or an argument make no sense, weight decay is given, or no latent is
        in use at this beta.
    ConvergenceError, DivergenceError
        When learning does not converge at constant beta.
    """
    if family not in OF_ONE_NUMBER:
        wanted = ", ".join(OF_ONE_NUMBER)
        raise ParameterError("family", f"expected one of {wanted} on data, got {family!r}")
    if real("tol", tol) >= 1:
        raise ParameterError("tol", f"must be below 1, a share of the final loss, got {tol:g}")
    rtol, atol = tolerances(rtol, atol)
    found = looked(data, store, beta=beta, **settings)
    for name in ("anneal", "t_max", "points"):
        if name in settings:
            raise ParameterError(name, "is found for the warm-up: leave it out")
    params = suited(found, beta, **settings)
    refuse(found, params)
    largest = found.spectrum.eigenvalues[0] * (1 - 1 / found.spectrum.samples)
    if params.beta >= largest:
        reason = f"must be below {largest:.4g}, where all latents collapse, got {params.beta:.4g}"
        raise ParameterError("beta", reason)

    def compute() -> Computed:
        return _computed(_Trial(found, params, tol, rtol, atol, progress), family)

    record = {**params.to_dict(), "data": found.rows.digest, "family": family, "tol": tol}
    record |= {"rtol": rtol, "atol": atol, "known": len(found.spectrum.directions)}
    del record["points"], record["anneal"], record["t_max"]
    record["numerics"] = NUMERICS["warmup"]
    result = kept(store, "warmup", record, compute)
    return WarmUp.from_kept(params, found.spectrum.samples, result, family=family, tol=tol)


def _computed(trial: "_Trial", family: str) -> Computed:
    """Return the best warm-up as labelled variables, and its spec."""
    make = FAMILIES[family]
    assert make is not None
    numbers, times = _scanned(trial, make)
    best, time = Constant(), trial.constant
    for i in np.argsort(times, kind="stable"):
        if not times[i] < trial.constant:
            break
        sure = trial.time(make(float(numbers[i])), whole=True)
        if sure < trial.constant:
            best, time = make(float(numbers[i])), sure
            break
    off = max(trial.time(best.scaled(share)) for share in (1 - OFF, 1 + OFF))
    found = {"end": trial.end, "constant": trial.constant, "time": time, "numbers": numbers}
    found |= {"times": times, "off": off, "torch": trial.from_torch(best)}
    found = {name: np.where(np.isfinite(x), x, np.nan) for name, x in found.items()}
    dims = {"numbers": ("schedule",), "times": ("schedule",), "torch": ("start",)}
    variables = {name: variable(LABELS[name], x, dims.get(name, ())) for name, x in found.items()}
    about = {"spec": best.spec, "samples": trial.found.spectrum.samples}
    return variables, {**trial.found.rows.origin, **about}


def _scanned(trial: "_Trial", make: Callable[[float], Schedule]) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers of schedules, ascending, and the time that each takes."""
    trial.wanted = SCAN + ROUNDS * FINER
    spans = np.geomspace(SHORTEST, LONGEST, SCAN) * trial.constant
    is_rate = make(2.0).arrival() < make(1.0).arrival()
    tried = {x: trial.tried(make(x)) for x in _rounded(1 / spans[::-1] if is_rate else spans)}
    for _ in range(ROUNDS):
        known = sorted(tried)
        i = int(np.argmin([tried[x] for x in known]))
        low, high = known[max(i - 1, 0)], known[min(i + 1, len(known) - 1)]
        between = _rounded(np.geomspace(low, high, FINER + 2)[1:-1])
        tried |= {x: trial.tried(make(x)) for x in between}
    numbers = np.array(sorted(tried))
    return numbers, np.array([tried[x] for x in numbers.tolist()])


def _rounded(numbers: np.ndarray) -> list[float]:
    return [float(f"{x:.4g}") for x in numbers]


class _Trial:
    """Times to converge under schedules tried one after the other."""

    def __init__(
        self,
        found: Look,
        params: DataParams,
        tol: float,
        rtol: float,
        atol: float,
        progress: Progress | None,
    ):
        self.found, self.params, self.tol, self.progress = found, params, tol, progress
        self.settings: dict[str, Any] = {"rtol": rtol, "atol": atol}
        self.done = self.wanted = 0
        self.start = start_on(found, params)
        self.constant, self.end = self.whole(Constant(), self.start)

    def whole(self, schedule: Schedule, start: Start) -> tuple[float, float]:
        """Return the time to converge, and the loss in the end.

        Raises
        ------
        ConvergenceError
            When the loss still changes after eight times `t_max`.
        """
        for longer in (1, 2, 4, 8):
            t, loss = self.course(schedule, longer * self.params.t_max, start)
            end = float(loss[-1])
            late = loss[t > 0.5 * t[-1]]
            if end < 0 and np.ptp(late) < SURE * self.tol * abs(end):
                return _arrival(t, loss, end, self.tol), end
        raise ConvergenceError(
            f"the loss has not come to rest by t = {t[-1]:g}: raise --tol ({self.tol:g})"
        )

    def course(self, schedule: Schedule, end: float, start: Start) -> tuple[np.ndarray, np.ndarray]:
        """Return times, and the loss at the final beta, up to the time `end`."""
        first = min(FIRST / self.params.rate, 0.01 * end)
        t = np.append(0.0, np.geomspace(first, end, POINTS))
        result = integrated(self.params, self.found, start, t, schedule, **self.settings)
        return t, as_curve(self.params, self.found, result).loss

    def time(self, schedule: Schedule, *, whole: bool = False) -> float:
        """Return the time to converge, inf if it is over three times that of constant beta.

        `whole`: what comes after that is looked at, too.
        """
        most = GIVEN_UP * self.constant
        last = max(self.params.t_max, most) if whole else most
        try:
            t, loss = self.course(schedule, last, self.start)
        except (ConvergenceError, DivergenceError):
            return np.inf
        time = _arrival(t, loss, self.end, self.tol)
        return time if time < 0.9 * most else np.inf

    def tried(self, schedule: Schedule) -> float:
        """Return the time, and count the schedule."""
        self.done += 1
        if self.progress:
            self.progress(self.done, self.wanted)
        return self.time(schedule)

    def from_torch(self, best: Schedule) -> np.ndarray:
        """Return the times of constant beta and of the best schedule from PyTorch's start.

        There entries of decoder and encoder are uniform up to 1/sqrt(M) and 1/sqrt(N):
        Q = N/(3M) and E = 1/3 in units of the data.
        """
        dim, latent, unit = self.params.dim, self.params.latent, self.found.rows.unit
        W, V = (dim / (3 * latent) / unit) ** 0.5, (unit / 3) ** 0.5
        scales = {"m": W, "d": V, "q": W * W, "e": V * V, "r": W * V, "D": 1.0}
        parts = {name: scales[name] * part for name, part in self.start.parts.items()}
        start = Start(self.start.directions, parts)
        try:
            return np.array([self.whole(each, start)[0] for each in (Constant(), best)])
        except (ConvergenceError, DivergenceError):
            return np.full(2, np.nan)


def _arrival(t: np.ndarray, loss: np.ndarray, end: float, tol: float) -> float:
    """Return the time after which the loss stays within a share of its final value."""
    far = np.abs(loss - end) - tol * abs(end)
    outside = np.flatnonzero(far > 0)
    if not len(outside):
        return 0.0
    if outside[-1] == len(t) - 1:
        return np.inf
    around = slice(outside[-1], outside[-1] + 2)
    return float(np.interp(0.0, -far[around], t[around]))
