"""What a schedule of the KL weight must state, and what follows from that."""

import contextlib
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np

GRID = 20_000  # stretches of a schedule in which it is taken as linear
TABLE = 500  # stretches in the source of one that has no formula of its own

Source = tuple[dict[str, Any], str]
_BETWEEN = """\
i = bisect(TIMES, t)
if i == 0:
    return WEIGHT * SHARES[0]
if i == len(TIMES):
    return WEIGHT * SHARES[-1]
share = (t - TIMES[i - 1]) / (TIMES[i] - TIMES[i - 1])
return WEIGHT * (SHARES[i - 1] + share * (SHARES[i] - SHARES[i - 1]))"""


class Schedule(ABC):
    """A KL weight as a function of time, scaled so that its final value is `beta`.

    It is continuous from the right. A kind of schedules is a frozen dataclass whose fields
    are the positive numbers that `form` names; one with other fields has methods of its own
    for what is made of these: `parse`, `spec`, `numbers` and `scaled`.
    """

    code: ClassVar[int]
    """Which branch of `vaedyn.kernels.ode.beta_at` evaluates it."""

    form: ClassVar[str]
    """How it is written, such as ``linear:T``."""

    @classmethod
    def parse(cls, argument: str) -> Self:
        """Return the schedule with `argument` after the colon.

        Raises
        ------
        ValueError
            When it is not as `form` says.
        """
        names = cls.form.split(":")[1:]
        if argument and not names:
            raise ValueError("it takes no number")
        texts = argument.split(":", len(names) - 1) + [""] * len(names)
        return cls(*(positive(text, name) for text, name in zip(texts, names, strict=False)))

    @property
    def name(self) -> str:
        """What it is called, such as ``linear``."""
        return self.form.partition(":")[0]

    @property
    def spec(self) -> str:
        """The text it is written as; equal schedules have equal specs."""
        return ":".join([self.name, *map(repr, self.numbers)])

    @property
    def numbers(self) -> tuple[float, ...]:
        """What the compiled formula needs besides the final value."""
        return tuple(vars(self).values())

    @abstractmethod
    def __call__(self, t: np.ndarray, beta: float) -> np.ndarray:
        """Return beta(t) for an array of times and the final value `beta`."""

    @abstractmethod
    def formula(self, beta: float) -> str:
        """Return beta(t) in TeX, or in words."""

    @abstractmethod
    def arrival(self) -> float:
        """Return the time from which beta has its final value, to 10 digits; inf if never."""

    def kinks(self, end: float) -> np.ndarray:
        """Return the times in (0, end) at which beta(t) is not smooth, ascending."""
        return np.empty(0)

    def warm_up(self) -> float:
        """Return about how long beta is on its way; 0 where it never arrives."""
        return self.arrival() if math.isfinite(self.arrival()) else 0.0

    def span(self) -> float:
        """Return a time that shows all that it does."""
        return self.warm_up()

    def source(self) -> Source:
        """Return constants by name, and the body of a Python function of t with them and WEIGHT.

        It returns the final value WEIGHT times what the schedule is when `beta` is 1.
        """
        times = np.linspace(0, self.span(), TABLE + 1)
        return between(times.tolist(), self(times, 1.0).tolist())

    def within(self, share: float, beta: float) -> float:
        """Return the time from which beta stays within `share` of its final value `beta`.

        It is inf where beta never arrives.
        """
        last = self.arrival()
        if not math.isfinite(last):
            return math.inf
        t = np.unique(np.concatenate([np.linspace(0, last, GRID + 1), self.kinks(math.inf)]))
        far = np.abs(self(t, beta) - beta)
        outside = np.flatnonzero(far > share * beta)
        if not len(outside):
            return 0.0
        around = slice(outside[-1], outside[-1] + 2)
        return float(np.interp(-share * beta, -far[around], t[around]))

    def reached(self, t: float, beta: float) -> float:
        """Return what beta has come to by time `t`; of cycles that is their height."""
        return float(self(np.array(t), beta))

    def end_value(self, beta: float) -> float:
        """Return the end value when `beta` is wanted: another one where points say so."""
        return beta

    def scaled(self, factor: float) -> Self:
        """Return the schedule with its number, or its times, multiplied by `factor`."""
        return type(self)(*(factor * number for number in self.numbers))

    def in_units(self, unit: float) -> Self:
        """Return the schedule for values of beta in units of `unit`."""
        return self

    def check(self, end: float) -> None:  # noqa: B027  most can be followed for ever
        """Refuse a schedule that cannot be followed up to the time `end`.

        Raises
        ------
        ParameterError
        """


def between(times: Sequence[float], shares: Sequence[float]) -> Source:
    """Return the source, see `Schedule.source`, of straight lines between points."""
    return {"TIMES": tuple(times), "SHARES": tuple(shares)}, _BETWEEN


def inside(times: Sequence[float] | np.ndarray, end: float) -> np.ndarray:
    """Return those of `times` that are in (0, end), ascending, each once."""
    found = np.unique(np.asarray(times, float))
    return found[(found > 0) & (found < end)]


def positive(text: str, name: str) -> float:
    """Return the positive number that `text` stands for; ValueError if it is none."""
    with contextlib.suppress(ValueError):
        if math.isfinite(number := float(text)) and number > 0:
            return number
    raise ValueError(f"{name} must be a positive number")
