"""Noise that is not white: classes of directions, each with a variance and a share."""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from ..errors import ParameterError
from ..files import small_text

FILE = "file:"
LARGEST = 1e12
ROUNDING = 1e-6  # by which shares may miss a sum of 1

Classes = Sequence[Sequence[float]]
"""Pairs (variance, share), or frozen: a tuple of them, the largest variance first."""


def parse_noise(given: str | Classes) -> tuple[tuple[float, float], ...]:
    """Return classes of noise, (variance, share) each, the largest variance first.

    Parameters
    ----------
    given : str, or (classes, 2)
        ``1.2*0.5,0.8*0.5`` are two classes, each of half of all directions; a variance
        without a share counts as one direction of many, so that a list of eigenvalues can be
        given as it is: then none may have a share. ``file:PATH`` reads lines of the same.

    Raises
    ------
    ParameterError
        When a variance or a share is not above zero, or shares do not add up to 1.
    """
    pairs = _read(given) if isinstance(given, str) else _pairs(given)
    if not pairs:
        raise ParameterError("noise", "expected variances, such as 1.2*0.5,0.8*0.5, got none")
    for variance, share in pairs:
        if not (0 < variance <= LARGEST and 0 < share <= 1 + ROUNDING):
            raise ParameterError(
                "noise",
                f"variances and shares must be above zero, variances at most {LARGEST:g} and "
                f"shares at most 1, got {variance:g}*{share:.8g}",
            )
    total = math.fsum(share for _, share in pairs)
    if abs(total - 1) > ROUNDING:
        raise ParameterError("noise", f"shares must add up to 1, got {total:.8g}")
    ordered = sorted(pairs, reverse=True)
    return tuple(
        (variance, math.fsum(share for _, share in some) / total)
        for variance, some in groupby(ordered, key=lambda pair: pair[0])
    )


def mean_of(classes: Classes) -> float:
    """Return the mean variance of noise over all directions."""
    if len(classes) == 1:
        return float(classes[0][0])
    return math.fsum(variance * share for variance, share in classes)


def text_of(classes: Classes) -> str:
    """Return classes of noise as text, from which `parse_noise` makes the same."""
    return ",".join(f"{variance!r}*{share!r}" for variance, share in classes)


def _pairs(given: Any) -> list[tuple[float, float]]:
    try:
        return [(float(variance), float(share)) for variance, share in given]
    except (TypeError, ValueError):
        shown = repr(given)
        shown = shown if len(shown) < 60 else shown[:57] + "..."
        raise ParameterError("noise", f"expected pairs (variance, share), got {shown}") from None


def _read(spec: str) -> list[tuple[float, float]]:
    if spec.startswith(FILE):
        try:
            text = small_text(spec.removeprefix(FILE))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ParameterError("noise", f"cannot read {spec!r}: {reason}") from error
        items = [line for line in text.replace(",", "\n").splitlines() if line.strip()]
    else:
        items = spec.split(",")
    numbers = []
    for item in items:
        variance, times, share = item.partition("*")
        try:
            numbers.append((float(variance), float(share) if times else None))
        except ValueError:
            shown = item.strip()[:40]
            raise ParameterError(
                "noise", f"expected VARIANCE*SHARE,... such as 1.2*0.5,0.8*0.5, got {shown!r}"
            ) from None
    without = [share is None for _, share in numbers]
    if any(without) and not all(without):
        raise ParameterError("noise", "either every variance has a share, or none")
    return [(variance, 1 / len(numbers) if share is None else share) for variance, share in numbers]
