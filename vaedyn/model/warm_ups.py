"""Warm-ups of a given duration: beta rises from 0, and stays."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .schedule import Schedule, Source, inside

STEEPNESS = 10.0  # of the sigmoid: its argument runs from -5 to 5


@dataclass(frozen=True)
class _WarmUp(Schedule):
    """A rise from 0 to beta in a time T, and beta ever after."""

    duration: float
    written: ClassVar[str]
    """What `rise` returns, as Python's own mathematics has it."""

    @abstractmethod
    def rise(self, x: np.ndarray) -> np.ndarray:
        """Return the share of beta when the share `x` <= 1 of the warm-up is over."""

    def __call__(self, t: np.ndarray, beta: float) -> np.ndarray:
        return beta * self.rise(np.minimum(np.asarray(t) / self.duration, 1.0))

    def formula(self, beta: float) -> str:
        return rf"$\beta(t)$: {self.name} to {beta:g} at $t = {self.duration:g}$"

    def arrival(self) -> float:
        return self.duration

    def kinks(self, end: float) -> np.ndarray:
        return inside([self.duration], end)

    def source(self) -> Source:
        body = f"x = min(t / DURATION, 1.0)\nreturn WEIGHT * {self.written}"
        return {"DURATION": self.duration}, body


class Linear(_WarmUp):
    """beta(t) = beta t/T up to T, the warm-up of most VAE codes."""

    code = 2
    form = "linear:T"
    written = "x"

    def rise(self, x: np.ndarray) -> np.ndarray:
        return x


class Cosine(_WarmUp):
    """beta(t) = beta (1 - cos(pi t/T))/2 up to T."""

    code = 3
    form = "cosine:T"
    written = "0.5 * (1.0 - math.cos(math.pi * x))"

    def rise(self, x: np.ndarray) -> np.ndarray:
        return 0.5 * (1 - np.cos(np.pi * x))


class Sigmoid(_WarmUp):
    """A logistic curve of t, from argument -5 to 5, stretched to run from 0 at t = 0 to beta at T.

    With ``g(x) = tanh(5 (x - 1/2))``: ``beta(t) = beta (1 + g(t/T)/g(1))/2``.
    """

    code = 4
    form = "sigmoid:T"
    written = "0.5 * (1.0 + math.tanh(5.0 * (x - 0.5)) / math.tanh(2.5))"

    def rise(self, x: np.ndarray) -> np.ndarray:
        half = 0.5 * STEEPNESS
        return 0.5 * (1 + np.tanh(half * (x - 0.5)) / math.tanh(0.5 * half))
