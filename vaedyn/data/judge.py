"""What a KL weight does to a table, one that is given or a dozen that matter."""

from math import isclose
from typing import NamedTuple

from ..errors import ParameterError
from ..model.params import real
from .convention import LEAST, OWN, Convention
from .look import Look
from .prediction import Row, row, steps

LEFT = 1e-3  # share of the variance that is left where the overview begins


class Judged(NamedTuple):
    """What happens at a KL weight.

    Attributes
    ----------
    weight : float
        In the convention that was asked for.
    row : Row
        Its beta, the latents in use, their KL, and the variance that they explain.
    on_noise : int or None
        How many of these latents fit noise; None where signals and noise look alike.
    mark : str
        Why it is in an overview: ``recommended`` or ``yours``.
    """

    weight: float
    row: Row
    on_noise: int | None
    mark: str = ""


def check_asked(weight: float | None, beta: float | None, least: float = LEAST) -> None:
    """Refuse what cannot be judged, whatever the table.

    Raises
    ------
    ParameterError
        When both are given, or one is below `least`.
    """
    if weight is not None and beta is not None:
        raise ParameterError("weight", "excludes beta: one of them follows from the other")
    for name, value in (("weight", weight), ("beta", beta)):
        if value is not None:
            real(name, value, least, least_allowed=True)


def judge(
    found: Look,
    *,
    weight: float | None = None,
    beta: float | None = None,
    latents: int | None = None,
    convention: Convention = OWN,
    epochs: str | None = None,
) -> Judged:
    """Return what a linear VAE does that is trained on a table at some KL weight.

    Parameters
    ----------
    found : Look
        What `look` has found in the table.
    weight, beta : float, optional
        The KL weight in units of `convention`, or that of the model: one of them, or the
        recommended beta if neither is given.
    latents : int, optional
        Number of latents, which no more than that can be in use; otherwise as many as there
        are directions.
    convention : Convention
        How the loss is scaled that `weight` belongs to; otherwise as the model's own.
    epochs : {"many", "one"}, optional
        Whether rows are used again and again, or every sample is fresh; otherwise as `look`
        was asked for.

    Raises
    ------
    ParameterError
        When both are given, or one is not above zero; for one epoch without a floor.
    """
    check_asked(weight, beta)
    found = found.seen(epochs)
    dim = found.spectrum.dim
    if weight is not None:
        return _judged(found, weight, convention.beta(weight, dim), latents, "yours")
    mark = "recommended" if beta is None else "yours"
    beta = found.prediction.beta if beta is None else beta
    return _judged(found, convention.weight(beta, dim), beta, latents, mark)


def overview(
    found: Look,
    *,
    latents: int | None = None,
    convention: Convention = OWN,
    yours: Judged | None = None,
    epochs: str | None = None,
) -> list[Judged]:
    """Return what happens at a dozen of KL weights, ascending, and at those that matter.

    They go from where all latents are in use, or 99.9 % of the variance is explained, to collapse.

    Parameters
    ----------
    found : Look
    latents, convention, epochs
        As of `judge`.
    yours : Judged, optional
        What `judge` has found, to be among them.
    """
    found = found.seen(epochs)
    used, factor = found.prediction.variances(latents), convention.factor(found.spectrum.dim)
    low = min(max(float(used[-1]), LEFT * found.spectrum.total / len(used)), 0.1 * float(used[0]))
    marked = {}
    if found.analysis.no_floor is None:
        marked[factor * found.prediction.beta] = (found.prediction.beta, "recommended")
    if yours is not None:
        marked[yours.weight] = (yours.row.beta, "yours")
    every = {weight: (weight / factor, "") for weight in steps(factor * low, factor * used[0])}
    every = {x: at for x, at in every.items() if not any(isclose(x, y) for y in marked)} | marked
    return [_judged(found, x, every[x][0], latents, every[x][1]) for x in sorted(every)]


def _judged(found: Look, weight: float, beta: float, latents: int | None, mark: str) -> Judged:
    at = row(found.prediction, beta, latents)
    known = found.analysis.no_floor is None
    on_noise = max(at.active - found.prediction.latents, 0) if known else None
    return Judged(weight, at, on_noise, mark)
