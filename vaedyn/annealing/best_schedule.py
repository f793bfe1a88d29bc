"""The annealing schedule under which learning converges soonest."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Unpack

import numpy as np

from ..errors import ConvergenceError, DivergenceError, ParameterError
from ..learning.theory import tolerances
from ..model.asked import TRAINING, params_of
from ..model.numerics import NUMERICS
from ..model.params import Fields, Params, integer, real
from ..model.progress import Asked, shows
from ..model.records import Computed, Progress, Source, Store, kept, variable
from ..model.results import Brief
from ..model.schedule import Schedule
from ..model.schedules import Constant, Cosine, Linear, Points, Tanh, parse_schedule
from .another_start import another_start, time_from_another
from .criterion import EPS_G, IN_WORDS, criterion_of
from .piecewise import best_pieces, evaluations
from .time_to_converge import EXACT, last_crossing

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
    "elsewhere": "times to converge from another start, at constant beta and the best",
}
LOSS = "loss in the end"
DIMS = {"numbers": ("schedule",), "times": ("schedule",), "elsewhere": ("beta",)}
SCAN = 160  # values of the one number of a family
FINER = (16, 16, 16)  # values in ever smaller intervals around the best ones
BEST = 3  # of them that are looked at closer
OFF = 0.1  # relative error in the number of a schedule that should not ruin the gain
HOPELESS = 40.0  # times the constant schedule's time, at which a schedule is given up
MARGIN = 1e-3  # share of the tolerance that excursions of the best schedule keep away from it
SURE = 1e-3  # relative change of the time that more exact integration may make
MOST_KNOTS = 16
HANGS = 0.5  # share of a gain that is left from another start, below which it hangs on the start


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Tuning(Brief):
    """How long learning takes under the schedules of one family.

    Attributes
    ----------
    params : Params
    family : str
    tol : float
        Times are those after which eps_g, or the loss, stays within it of its final value.
    end : float
        That of the end, at constant beta.
    constant : float
        Time at constant beta.
    spec : str
        The best schedule, as `Params.anneal` takes it; ``constant`` if none is better.
    time : float
        Time under it.
    numbers, times : (schedules,)
        All numbers tried (gamma of tanh, the duration of others) and the time
        each takes, nan where that is over 10^6/tau; empty for free schedules.
    off : float
        The longest time when the number is wrong by a tenth, or, of a free
        schedule, when it runs faster or slower by a tenth; nan if over 10^6/tau.
    source : Source or None
    criterion : {"eps_g", "elbo"}
        What comes to rest: eps_g, or the loss, distortion + beta KL at the final beta.
    elsewhere : (2,)
        Times at constant beta and under `spec` from another start, `other`; nan where learning
        does not get to `end` from there in ten times `constant`, or needs too small steps, and
        where constant beta is the best.
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
    criterion: str = EPS_G
    elsewhere: np.ndarray = field(default_factory=lambda: np.full(2, np.nan))

    @property
    def gain(self) -> float:
        """How many times sooner learning converges than at constant beta."""
        return self.constant / self.time

    @property
    def other(self) -> str:
        """The start of `elsewhere`: PyTorch's default, or gaussian weights if it is this."""
        return another_start(self.params.init)

    @property
    def gain_elsewhere(self) -> float:
        """How many times sooner learning converges under it from another start; nan if unknown."""
        return float(self.elsewhere[0] / self.elsewhere[1])

    @property
    def warning(self) -> str | None:
        """Say in one line that the gain hangs on the start, where most of it does."""
        if not self.gain_elsewhere < 1 + HANGS * (self.gain - 1):
            return None
        before, after = self.elsewhere
        return (
            f"the gain of {self.gain:.3g} hangs on the start: from --init {self.other} the same "
            f"schedule gains {self.gain_elsewhere:.3g} (t = {before:.4g} and {after:.4g})"
        )


@shows("anneal", "schedules")
def best_schedule(
    params: Params | None = None,
    family: str = "tanh",
    *,
    knots: int = 3,
    tol: float = 1e-3,
    criterion: str = EPS_G,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    store: Store | None = None,
    progress: Asked = None,
    **changes: Unpack[Fields],
) -> Tuning:
    """Find the schedule of a family under which eps_g of the ODE converges soonest.

    Where the amplitude of the slowest mode passes through zero the time has a
    narrow dip, which is found and followed; `Tuning.off` shows how narrow it is.

    Parameters
    ----------
    params : Params, optional
        The model, and the final value of beta; its own schedule does not matter.
    family : {"tanh", "linear", "cosine", "free"}
        ``free`` is piecewise linear in at most `knots` stretches, with beta from 0 to
        300 times its final value. More of them are never worse, nor is it than ``linear``.
    knots : int
        1 to 16.
    criterion : {"eps_g", "elbo"}
        What has to stay within `tol` of its final value: eps_g, or the loss, distortion + beta KL
        at the final beta, which is the negative ELBO up to a constant.
    tol, rtol, atol : float
        See `vaedyn.time_to_converge`. Where the error strays from its final value once more, it
        stays 0.1 per cent of `tol` below `tol` under the schedule found, so that its time
        does not hang on the last digits.
    store : ResultStore, optional
        Where to look for the result first, and to keep it.
    progress : bool or callable, optional
        True shows a bar; a function is called as ``progress(done, total)`` with numbers of
        schedules.
    **changes
        Parameters of the model, in place of those of `params` or of the defaults.

    Raises
    ------
    ParameterError
        When an argument is out of range.
    ConvergenceError, DivergenceError
        When learning does not converge at constant beta.
    """
    params = params_of(best_schedule, params, changes, derived=TRAINING)
    if family not in FAMILIES:
        raise ParameterError("family", f"expected one of {', '.join(FAMILIES)}, got {family!r}")
    tol, criterion = real("tol", tol), criterion_of(criterion)
    rtol, atol = tolerances(rtol, atol)
    if not 1 <= integer("knots", knots, 1) <= MOST_KNOTS:
        raise ParameterError("knots", f"must be at most {MOST_KNOTS}, got {knots}")
    t_max = min(15 / params.rate, 2**52 / params.dim)
    params = params.replace(t_max=t_max, points=2, anneal="constant")

    def compute() -> Computed:
        settings = {"criterion": criterion, "rtol": rtol, "atol": atol}
        trial = _Trial(params, tol, progress, **settings)
        return _computed(trial, family, int(knots))

    record = {**params.to_dict(), "family": family, "tol": tol, "rtol": rtol, "atol": atol}
    for name in ("t_max", "points", "anneal"):
        del record[name]
    record |= {"knots": int(knots)} if family == "free" else {}
    record |= {"criterion": criterion} if criterion != EPS_G else {}
    record["numerics"] = NUMERICS["annealing"]
    found = kept(store, "annealing", record, compute)
    values: Any = found.arrays
    values |= {name: float(values[name]) for name in ("end", "constant", "time", "off")}
    same: Any = {"params": params, "family": family, "tol": tol, "criterion": criterion}
    same["source"] = found.source
    return Tuning(**same, spec=found.info["spec"], **values)


def _computed(trial: "_Trial", family: str, knots: int) -> Computed:
    """Return the best schedule as labelled variables, and its spec."""
    if trial.constant == 0:
        what = IN_WORDS[trial.settings["criterion"]]
        raise ConvergenceError(
            f"{what} starts within {trial.tol:g} of its final value: lower --tol"
        )
    found = _free(trial, knots) if family == "free" else _scan(trial, family)
    spec = found.pop("spec")
    found |= {"end": trial.end, "constant": trial.constant}
    found["elsewhere"] = trial.elsewhere(parse_schedule(spec))
    labels = LABELS if trial.settings["criterion"] == EPS_G else {**LABELS, "end": LOSS}
    return {
        name: variable(labels[name], value, DIMS.get(name, ())) for name, value in found.items()
    }, {"spec": spec}


class _Trial:
    """Times to converge under schedules tried one after the other."""

    def __init__(self, params: Params, tol: float, progress: Progress | None, **settings: Any):
        self.params, self.tol, self.progress = params, tol, progress
        self.settings = settings
        self.tried = self.wanted = 0
        self.constant, self.end = last_crossing(params, Constant(), tol, **self.settings)

    def time(self, schedule: Schedule, **changed: Any) -> float:
        """Return the time to converge, inf where that is too long or learning diverges."""
        settings = {"most": HOPELESS * self.constant, **self.settings, **changed}
        try:
            return last_crossing(self.params, schedule, self.tol, **settings)[0]
        except (ConvergenceError, DivergenceError):
            return np.inf

    def tick(self) -> None:
        """Count a schedule that is tried."""
        self.tried += 1
        if self.progress:
            self.progress(min(self.tried, self.wanted), self.wanted)

    def safe(self, schedule: Schedule) -> float:
        """Return the time, as if excursions closely below the tolerance were beyond it."""
        self.tick()
        return self.time(schedule, margin=MARGIN)

    def sure(self, schedule: Schedule) -> float:
        """Return the time if excursions and small errors do not change it, and else inf."""
        time = self.time(schedule)
        exact = self.time(schedule, margin=MARGIN, rtol=EXACT, atol=0.01 * EXACT)
        return time if abs(exact - time) <= SURE * time else np.inf

    def elsewhere(self, schedule: Schedule) -> np.ndarray:
        """Return the times at constant beta and under a schedule from another start, (2,)."""
        if schedule == Constant():
            return np.full(2, np.nan)
        known = (self.tol, self.constant, self.end)
        both = [
            time_from_another(self.params, each, *known, **self.settings)
            for each in (Constant(), schedule)
        ]
        return np.array(both)

    def result(self, schedule: Schedule, time: float, *scanned: np.ndarray) -> dict[str, Any]:
        """Return the record of a search; `scanned` are numbers and times of schedules tried."""
        off = [self.time(schedule.scaled(share)) for share in (1 - OFF, 1 + OFF)]
        numbers, times = scanned or (np.empty(0), np.empty(0))
        return {
            "spec": schedule.spec,
            "time": time,
            "numbers": numbers,
            "times": _known(times),
            "off": float(_known(np.array(max(off)))),
        }


def _known(times: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(times), times, np.nan)


def _scan(trial: _Trial, family: str) -> dict[str, Any]:
    """Return the best of the schedules that have one number, or constant beta."""
    make = FAMILIES[family]
    assert make is not None
    trial.wanted = trial.wanted or SCAN + BEST * sum(FINER)
    durations = np.geomspace(3e-3, 3, SCAN) * trial.constant
    numbers = 1 / durations[::-1] if _is_rate(make) else durations
    tried = {x: trial.safe(make(x)) for x in _rounded(numbers)}
    for x in sorted(tried, key=tried.__getitem__)[:BEST]:
        known = sorted(tried)
        i = known.index(x)
        low, high = known[max(i - 1, 0)], known[min(i + 1, len(known) - 1)]
        for count in FINER:
            finer = [low, *_rounded(np.geomspace(low, high, count + 2)[1:-1]), high]
            here = [trial.safe(make(x)) for x in finer[1:-1]]
            tried |= dict(zip(finer[1:-1], here, strict=True))
            i = 1 + int(np.argmin(here))
            low, high = finer[i - 1], finer[i + 1]
    numbers = np.array(sorted(tried))
    times = np.array([tried[x] for x in numbers.tolist()])
    best, time = _best(trial, numbers, times, make)
    return trial.result(best, time, numbers, times)


def _best(
    trial: _Trial, numbers: np.ndarray, times: np.ndarray, make: Callable[[float], Schedule]
) -> tuple[Schedule, float]:
    """Return the best schedule whose time is sure, and that; constant beta if none is better.

    The shortest warm-up is close to none: where it is the best one, none is better.
    `numbers` ascend.
    """
    quickest = numbers[-1] if _is_rate(make) else numbers[0]
    for i in np.argsort(times):
        if times[i] >= trial.constant or numbers[i] == quickest:
            break
        schedule = make(float(numbers[i]))
        time = trial.sure(schedule)
        if time < trial.constant:
            return schedule, time
    return Constant(), trial.constant


def _is_rate(make: Callable[[float], Schedule]) -> bool:
    """Return whether the number of a family is a rate: the larger, the sooner beta arrives."""
    return make(2.0).arrival() < make(1.0).arrival()


def _rounded(numbers: np.ndarray) -> list[float]:
    return [float(f"{x:.6g}") for x in numbers]


def _free(trial: _Trial, knots: int) -> dict[str, Any]:
    """Return the best piecewise linear schedule; the best line is the first one tried."""
    trial.wanted = SCAN + BEST * sum(FINER) + evaluations(knots)
    line = _scan(trial, "linear")
    start: Schedule = Constant()
    if line["spec"] != start.spec:
        duration = float(line["spec"].partition(":")[2])
        start = Points((0.0, duration), (0.0, trial.params.beta))
    tol = (1 - MARGIN) * trial.tol
    best = (start, line["time"])
    found = best_pieces(
        trial.params, knots, tol, trial.constant, best, trial.sure, trial.tick,
        trial.settings["criterion"],
    )  # fmt: skip
    return trial.result(*found)
