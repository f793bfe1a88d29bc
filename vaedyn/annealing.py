"""Schedules of the KL weight: beta(t), with t = steps / N.

A schedule is written as a short text, its *spec*, that means the same on the
command line, in Python and in stored parameters. To add a kind: a class here,
an entry in `KINDS`, and its formula in `vaedyn.kernels.ode.beta_at`.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .errors import ParameterError


class Schedule(Protocol):
    """A KL weight as a function of time, scaled so that its end value is `beta`."""

    code: int
    """Which branch of `vaedyn.kernels.ode.beta_at` evaluates it."""

    @property
    def spec(self) -> str:
        """The text it is written as; equal schedules have equal specs."""
        ...

    @property
    def numbers(self) -> tuple[float, ...]:
        """What the compiled formula needs besides the end value."""
        ...

    def __call__(self, t: np.ndarray, beta: float) -> np.ndarray:
        """Return beta(t) for an array of times and the end value `beta`."""
        ...

    def formula(self, beta: float) -> str:
        """Return beta(t) in TeX."""
        ...


@dataclass(frozen=True)
class Constant:
    """beta(t) = beta."""

    code = 0
    spec = "constant"
    numbers = ()

    def __call__(self, t: np.ndarray, beta: float) -> np.ndarray:
        return np.full(np.shape(t), beta)

    def formula(self, beta: float) -> str:
        return rf"$\beta = {beta:g}$"


@dataclass(frozen=True)
class Tanh:
    """beta(t) = beta tanh(gamma t), the schedule of Ichikawa and Hukushima, section 6."""

    gamma: float
    code = 1

    @property
    def spec(self) -> str:
        return f"tanh:{self.gamma!r}"

    @property
    def numbers(self) -> tuple[float, ...]:
        return (self.gamma,)

    def __call__(self, t: np.ndarray, beta: float) -> np.ndarray:
        return beta * np.tanh(self.gamma * np.asarray(t))

    def formula(self, beta: float) -> str:
        return rf"$\beta(t) = {beta:g}\,\tanh({self.gamma:g}\,t)$"


def _tanh(argument: str) -> Tanh:
    gamma = float(argument)
    if not (math.isfinite(gamma) and gamma > 0):
        raise ValueError("GAMMA must be a positive number")
    return Tanh(gamma)


def _constant(argument: str) -> Constant:
    if argument:
        raise ValueError("it takes no number")
    return Constant()


KINDS = {"constant": ("constant", _constant), "tanh": ("tanh:GAMMA", _tanh)}


def parse_schedule(spec: str) -> Schedule:
    """Return the schedule that `spec` describes.

    Raises
    ------
    ParameterError
        When `spec` is none of the known forms.
    """
    if not isinstance(spec, str):
        raise ParameterError("anneal", f"expected text, got {spec!r}")
    kind, _, argument = spec.strip().partition(":")
    expected = " or ".join(form for form, _ in KINDS.values())
    if kind not in KINDS:
        raise ParameterError("anneal", f"expected {expected}, got {spec!r}")
    form, parse = KINDS[kind]
    try:
        return parse(argument)
    except ValueError as error:
        raise ParameterError("anneal", f"expected {form}, got {spec!r} ({error})") from error
