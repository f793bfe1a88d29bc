"""Schedules of the KL weight: beta(t), with t = steps / N.

A schedule is written as a short text, its *spec*, that means the same on the
command line, in Python and in stored parameters. To add a kind: a class here, its
place in `CLASSES`, and its formula in `vaedyn.kernels.ode.beta_at`.
"""

import csv
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

import numpy as np

from ..errors import ParameterError, nearest
from ..files import small_text
from .schedule import Schedule, Source, between, inside
from .warm_ups import Cosine, Linear, Sigmoid

AHEAD = 1e-13  # of a period, so that rounding does not put its start before it
TEN_DIGITS, FOUR_DIGITS = 12.0, 5.0  # gamma t, at which tanh is 1 to so many
ARRIVED, NEARLY, LEAST_SHARE = 1e-10, 1e-4, 1e-16  # of the final value
MOST_POINTS = 1000
MOST_CYCLES = 10**6
SHOWN = 200  # characters of a spec that is none


@dataclass(frozen=True)
class Constant(Schedule):
    """beta(t) = beta."""

    code = 0
    form = "constant"

    def __call__(self, t: np.ndarray, beta: float) -> np.ndarray:
        return np.full(np.shape(t), beta)

    def formula(self, beta: float) -> str:
        return rf"$\beta = {beta:g}$"

    def arrival(self) -> float:
        return 0.0

    def source(self) -> Source:
        return {}, "return WEIGHT"


@dataclass(frozen=True)
class Tanh(Schedule):
    """beta(t) = beta tanh(gamma t), the schedule of Ichikawa and Hukushima, section 6."""

    gamma: float
    code = 1
    form = "tanh:GAMMA"

    def __call__(self, t: np.ndarray, beta: float) -> np.ndarray:
        return beta * np.tanh(self.gamma * np.asarray(t))

    def formula(self, beta: float) -> str:
        return rf"$\beta(t) = {beta:g}\,\tanh({self.gamma:g}\,t)$"

    def arrival(self) -> float:
        return TEN_DIGITS / self.gamma

    def warm_up(self) -> float:
        return FOUR_DIGITS / self.gamma

    def source(self) -> Source:
        return {"GAMMA": self.gamma}, "return WEIGHT * math.tanh(GAMMA * t)"

    def within(self, share: float, beta: float) -> float:
        return float(np.arctanh(np.clip(1 - share, 0, 1 - 1e-16)) / self.gamma)


@dataclass(frozen=True)
class Cyclical(Schedule):
    """Linear rises during the share `ratio` of each period, then beta until the next one.

    Fu et al., "Cyclical annealing schedule", NAACL 2019, without an end.
    """

    period: float
    ratio: float
    code = 5
    form = "cyclical:PERIOD:RATIO"

    @classmethod
    def parse(cls, argument: str) -> Self:
        found = super().parse(argument)
        if found.ratio > 1:
            raise ValueError("RATIO must be at most 1")
        return found

    def __call__(self, t: np.ndarray, beta: float) -> np.ndarray:
        cycles = np.asarray(t) / self.period
        phase = np.maximum(cycles - np.floor(cycles * (1 + AHEAD)), 0.0)
        return beta * np.minimum(phase / self.ratio, 1.0)

    def formula(self, beta: float) -> str:
        return rf"$\beta(t)$: to {beta:g} in {self.ratio:g} of every {self.period:g}"

    def arrival(self) -> float:
        return math.inf

    def span(self) -> float:
        return 2 * self.period

    def source(self) -> Source:
        phase = "max(t / PERIOD - math.floor(t / PERIOD * (1.0 + 1e-13)), 0.0)"
        body = f"phase = {phase}\nreturn WEIGHT * min(phase / RATIO, 1.0)"
        return {"PERIOD": self.period, "RATIO": self.ratio}, body

    def kinks(self, end: float) -> np.ndarray:
        self.check(end)
        starts = self.period * np.arange(math.ceil(end / self.period) + 1)
        return inside(np.concatenate([starts, starts + self.ratio * self.period]), end)

    def reached(self, t: float, beta: float) -> float:
        return beta * min(t / self.period / self.ratio, 1.0)

    def scaled(self, factor: float) -> Self:
        return replace(self, period=factor * self.period)

    def check(self, end: float) -> None:
        if not end / self.period <= MOST_CYCLES:
            reason = f"has more than {MOST_CYCLES} cycles up to t = {end:g}: raise PERIOD"
            raise ParameterError("anneal", f"{self.spec} {reason}")


@dataclass(frozen=True)
class Points(Schedule):
    """Straight lines between points (t, beta); two at the same time make a jump."""

    times: tuple[float, ...]
    betas: tuple[float, ...]
    code = 6
    form = "points:T1=BETA1,T2=BETA2,..."

    @classmethod
    def parse(cls, argument: str) -> Self:
        pairs = [item.split("=") for item in argument.split(",")]
        if any(len(pair) != 2 for pair in pairs):
            raise ValueError("each point is T=BETA")
        return cls.through([(float(t), float(beta)) for t, beta in pairs])

    @classmethod
    def parse_file(cls, argument: str) -> Self:
        """Return the points in the file `argument`, as `parse` does."""
        try:
            lines = small_text(argument).splitlines()
            rows = [row for row in csv.reader(lines) if row and not row[0].lstrip().startswith("#")]
        except (OSError, ValueError, csv.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ValueError(f"cannot read it: {reason}") from error
        if rows and [cell.strip().lower() for cell in rows[0]] == ["t", "beta"]:
            rows = rows[1:]
        if any(len(row) != 2 for row in rows):
            raise ValueError("each line is t,beta")
        return cls.through([(float(t), float(beta)) for t, beta in rows])

    @classmethod
    def through(cls, pairs: list[tuple[float, float]]) -> Self:
        """Return the schedule through points, after checking them."""
        if not 1 <= len(pairs) <= MOST_POINTS:
            raise ValueError(f"there must be 1 to {MOST_POINTS} points, not {len(pairs)}")
        times, betas = zip(*((t + 0.0, beta + 0.0) for t, beta in pairs), strict=True)
        if not all(math.isfinite(x) and x >= 0 for x in (*times, *betas)):
            raise ValueError("times and values must be finite and not negative")
        if any(b < a for a, b in pairwise(times)):
            raise ValueError("times must not fall")
        if any(a == b for a, b in zip(times[:-2], times[2:], strict=True)):
            raise ValueError("no more than two points may have the same time")
        return cls(times, betas)

    @property
    def spec(self) -> str:
        pairs = zip(self.times, self.betas, strict=True)
        return "points:" + ",".join(f"{t!r}={beta!r}" for t, beta in pairs)

    @property
    def numbers(self) -> tuple[float, ...]:
        return (float(len(self.times)), *self.times, *self.betas)

    def __call__(self, t: np.ndarray, beta: float) -> np.ndarray:
        # np.interp takes the later of two points at the same time, which is right
        return np.interp(t, self.times, self.betas)

    def formula(self, beta: float) -> str:
        return rf"$\beta(t)$: {len(self.times)} points to {beta:g}"

    def arrival(self) -> float:
        return self.times[-1]

    def source(self) -> Source:
        return between(self.times, self.betas)

    def kinks(self, end: float) -> np.ndarray:
        return inside(self.times, end)

    def end_value(self, beta: float) -> float:
        return self.betas[-1]

    def in_units(self, unit: float) -> Self:
        return replace(self, betas=tuple(beta / unit for beta in self.betas))

    def scaled(self, factor: float) -> Self:
        return replace(self, times=tuple(factor * t for t in self.times))


@dataclass(frozen=True)
class Decay(Schedule):
    """beta(t) = beta (1 + (start - 1) exp(-t/T)), from start times beta to beta.

    So a decoder variance that follows the squared error with a memory of T acts on a large model:
    ``start`` is the ratio of its first value to its final one.
    """

    start: float
    duration: float
    code = 7
    form = "decay:START:T"

    def __call__(self, t: np.ndarray, beta: float) -> np.ndarray:
        return beta * (1 + (self.start - 1) * np.exp(-np.asarray(t) / self.duration))

    def formula(self, beta: float) -> str:
        return rf"$\beta(t)$: {self.start * beta:g} to {beta:g}, decay time {self.duration:g}"

    def _time_to(self, share: float) -> float:
        """Return when beta has come within `share` of its final value."""
        away = abs(self.start - 1)
        return self.duration * math.log(away / share) if away > share > 0 else 0.0

    def arrival(self) -> float:
        return self._time_to(ARRIVED)

    def source(self) -> Source:
        body = "return WEIGHT * (1.0 + (START - 1.0) * math.exp(-t / DURATION))"
        return {"START": self.start, "DURATION": self.duration}, body

    def warm_up(self) -> float:
        return self._time_to(NEARLY)

    def within(self, share: float, beta: float) -> float:
        return self._time_to(max(share, LEAST_SHARE))

    def scaled(self, factor: float) -> Self:
        return replace(self, duration=factor * self.duration)


CLASSES: tuple[type[Schedule], ...] = (
    Constant, Tanh, Linear, Sigmoid, Cosine, Cyclical, Points, Decay,
)  # fmt: skip
KINDS: dict[str, tuple[str, Callable[[str], Schedule]]] = {
    kind.form.partition(":")[0]: (kind.form, kind.parse) for kind in CLASSES
}
"""How a schedule of each name is written, and what reads the text after the colon."""
KINDS["file"] = ("file:PATH", Points.parse_file)

Pairs = Sequence[Sequence[float]] | np.ndarray
"""Times and values of beta, (points, 2)."""


def _written(pairs: Pairs) -> str:
    """Return points that are given as numbers as the text that stands for them."""
    try:
        return "points:" + ",".join(f"{float(t)!r}={float(beta)!r}" for t, beta in pairs)
    except (TypeError, ValueError):
        reason = f"expected text such as 'linear:500', or pairs (t, beta), got {pairs!r}"
        raise ParameterError("anneal", reason) from None


def _unknown(spec: str) -> str:
    """Return the problem with a spec of no known kind."""
    word = re.match(r"[^\W\d_]*", spec.strip())
    close = nearest(word[0] if word else "", KINDS)
    question = f" (did you mean {KINDS[close][0]}?)" if close else ""
    return f"expected {' or '.join(form for form, _ in KINDS.values())}, got {spec!r}{question}"


def parse_schedule(spec: str | Pairs, beta: float | None = None) -> Schedule:
    """Return the schedule that `spec` describes.

    Parameters
    ----------
    spec : str, or (points, 2)
        Points may be given as pairs of t and beta.
    beta : float, optional
        The final value, with which points must end.

    Raises
    ------
    ParameterError
        When `spec` is none of the known forms, or ends elsewhere.
    """
    if not isinstance(spec, str):
        spec = _written(spec)
    kind, _, argument = spec.strip().partition(":")
    if kind not in KINDS:
        raise ParameterError("anneal", _unknown(spec))
    form, parse = KINDS[kind]
    try:
        found = parse(argument)
    except ValueError as error:
        shown = repr(spec) if len(repr(spec)) <= SHOWN else f"{repr(spec)[: SHOWN - 3]}..."
        raise ParameterError("anneal", f"expected {form}, got {shown} ({error})") from error
    if beta is not None and (last := found.end_value(beta)) != beta:
        raise ParameterError("anneal", f"ends at beta = {last!r}, so --beta must be {last!r}, too")
    return found
