"""What encoders put out, batch by batch: arrays of other libraries as numbers, and moments."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..errors import ParameterError

UNREAL = "cbOSUMm"  # kinds of NumPy dtypes that are no real numbers


@dataclass(frozen=True)
class Moments:
    """Means and sums of squared deviations of rows, which can be merged with those of others.

    Many small batches give what one large one does, up to rounding: Chan, Golub & LeVeque (1983),
    The American Statistician 37, 242.

    Attributes
    ----------
    count : int
        Rows.
    mean, squares : (...)
        Mean over rows, and the sum of the squared deviations from it.
    """

    count: int
    mean: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Self:
        """Return the moments of rows (count, ...)."""
        with np.errstate(over="ignore", invalid="ignore"):
            mean = rows.mean(axis=0)
            return cls(len(rows), mean, ((rows - mean) ** 2).sum(axis=0))

    def merged(self, other: Self) -> Self:
        """Return the moments of these rows and of those."""
        count = self.count + other.count
        away, share = other.mean - self.mean, other.count / count
        squares = self.squares + other.squares + away**2 * (self.count * share)
        return type(self)(count, self.mean + away * share, squares)

    @property
    def finite(self) -> bool:
        """Whether nothing has overflowed."""
        return bool(np.isfinite(self.mean).all() and np.isfinite(self.squares).all())

    @property
    def error(self) -> np.ndarray:
        """Standard errors of the means; inf for a single row."""
        if self.count < 2:
            return np.full_like(self.mean, np.inf)
        return np.sqrt(self.squares / (self.count - 1) / self.count)


def as_numbers(name: str, values: Any) -> np.ndarray:
    """Return an array of floats of any library, or a tensor; the library need not be known here.

    A tensor is detached and brought to the CPU by its own methods.

    Raises
    ------
    ParameterError
        When it is none of real numbers, or holds nan or inf; it names the argument.
    """
    try:
        for step in ("detach", "cpu"):
            if hasattr(values, step) and not isinstance(values, np.ndarray):
                values = getattr(values, step)()
        found = _array(values)
        numbers = found if found.dtype.kind in UNREAL else found.astype(float)
    except Exception as error:  # whatever the object's own methods raise
        text = (str(error).splitlines() or [type(error).__name__])[0]
        raise ParameterError(name, f"cannot be read as an array: {text[:200]}") from error
    if np.ma.is_masked(values):
        raise ParameterError(name, "has masked entries: leave such rows out")
    if found.dtype.kind in UNREAL:
        raise ParameterError(name, f"must be real numbers, got {found.dtype}")
    if not np.isfinite(numbers).all():
        what = "nan" if np.isnan(numbers).any() else "inf"
        raise ParameterError(name, f"must be finite, got {what}")
    return numbers


def _array(values: Any) -> np.ndarray:
    """Return an array, of narrow floats that NumPy lacks by way of wider ones."""
    if isinstance(values, np.ndarray) or not hasattr(values, "numpy"):
        return np.asarray(values)
    try:
        return np.asarray(values.numpy())
    except TypeError:
        return np.asarray(values.float().numpy())
