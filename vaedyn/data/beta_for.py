"""Which beta leads to a wanted number of latents, KL divergence or variance explained.

All three are known functions of beta, straight between eigenvalues or logarithmic in it, so that
they are inverted in closed form. A learned decoder variance multiplies beta: what is found first
is the beta in force.
"""

from dataclasses import dataclass

import numpy as np

from ..errors import ParameterError
from ..model.params import integer, real
from .look import Look
from .prediction import Prediction, Row, row

SAME = 1e-9  # relative distance at which eigenvalues are equal


@dataclass(frozen=True)
class Wanted:
    """The beta that was asked for, and what happens there.

    Attributes
    ----------
    beta : float
        Of a range, somewhere in the middle.
    low, high : float
        The range in which as many latents are in use, from `low` on and below `high`; both
        are `beta` where it is a KL divergence or a variance that was asked for.
    row : Row
        What happens at `beta`; its own `beta` is the one in force.
    """

    beta: float
    low: float
    high: float
    row: Row


def beta_for(
    found: Look,
    *,
    keep: int | None = None,
    capacity: float | None = None,
    explained: float | None = None,
    latents: int | None = None,
    learned: bool = False,
) -> Wanted:
    """Return the beta at which a linear VAE that is trained on a table does what is wanted.

    Parameters
    ----------
    found : Look
        What `look` has found in the table.
    keep : int, optional
        Number of latents in use.
    capacity : float, optional
        KL divergence of all latents in nats.
    explained : float, optional
        Share of the variance that the reconstruction explains, as of `Prediction.explained`.
    latents : int, optional
        Number of latents, which no more than that can be in use; otherwise as many as there
        are directions.
    learned : bool
        Whether the decoder variance is learned, see `learned_variance`.

    Raises
    ------
    ParameterError
        When not one of the three is given, or no beta leads to it.
    """
    given = {"keep": keep, "capacity": capacity, "explained": explained}
    chosen = {name: value for name, value in given.items() if value is not None}
    if len(chosen) != 1:
        first, *others = chosen or ["keep"]
        reason = f"excludes {others[0]}" if others else "is needed: keep, capacity or explained"
        raise ParameterError(first, reason)
    check_wanted(**chosen)
    prediction, dim = found.prediction, found.spectrum.dim
    latents = None if latents is None else integer("latents", latents, 1)
    if keep is not None:
        low, high, beta = _range(prediction, keep, latents)
    elif capacity is not None:
        low = high = beta = _of_capacity(prediction, capacity, latents)
    else:
        low = high = beta = _to_explain(prediction, explained, latents)
    at = row(prediction, beta, latents)
    if _unknown(prediction, latents) and low < prediction.variances()[-1]:
        raise _more(prediction)
    if not learned:
        return Wanted(beta, low, high, at)
    low, beta, high = (before_learning(prediction, x, dim, latents) for x in (low, beta, high))
    return Wanted(beta, low, high, at)


def check_wanted(
    keep: int | None = None, capacity: float | None = None, explained: float | None = None
) -> None:
    """Refuse what no table has: parameters as of `beta_for`.

    Raises
    ------
    ParameterError
    """
    if keep is not None:
        integer("keep", keep, 1)
    for name, value in (("capacity", capacity), ("explained", explained)):
        if value is not None:
            real(name, value)
    if explained is not None and not explained < 1:
        raise ParameterError("explained", f"must be below 1, all of the variance, got {explained}")


def before_learning(
    prediction: Prediction, in_force: float, dim: int, latents: int | None = None
) -> float:
    """Return the KL weight beside a learned decoder variance at which a beta is in force.

    That variance is the squared error of an entry, of `dim`.
    """
    # model: closed form, at small tau and lam = 0
    error = float(prediction.error(in_force, latents))
    if in_force > 0 or error > 1e-9 * float(prediction.variances()[0]):
        return in_force * dim / error
    return dim / len(prediction.variances(latents))  # the limit, where all can be explained


def _unknown(prediction: Prediction, latents: int | None) -> bool:
    """Return whether latents may be in use on eigenvalues that were not computed."""
    return prediction.missing and (latents is None or latents > len(prediction.variances()))


def _more(prediction: Prediction) -> ParameterError:
    count = len(prediction.variances())
    return ParameterError("leading", f"must be more: only {count} eigenvalues were computed")


def _range(prediction: Prediction, keep: int, latents: int | None) -> tuple[float, float, float]:
    """Return between which betas `keep` latents are in use, and one of these."""
    used = prediction.variances(latents)
    keep = integer("keep", keep, 1)
    if keep > len(used):
        what = (
            "latents" if latents and latents <= len(used) else "directions in which the data vary"
        )
        raise ParameterError("keep", f"must be at most {len(used)}, the {what}, got {keep}")
    high = float(used[keep - 1])
    low = float(used[keep]) if keep < len(used) else 0.0
    if low >= (1 - SAME) * high:
        reason = f"eigenvalues {keep} and {keep + 1} are equal: both latents are lost at one beta"
        raise ParameterError("keep", reason)
    return low, high, float(np.sqrt(low * high)) if low else 0.5 * high


def _of_capacity(prediction: Prediction, capacity: float, latents: int | None) -> float:
    """Return where the KL divergence has so many nats: ``sum ln(s / beta) / 2``, of those above."""
    used = prediction.variances(latents)
    capacity = real("capacity", capacity)
    # model: closed form, at small tau and lam = 0
    logs = np.log(used)
    count = np.arange(1, len(used) + 1)
    beta = np.exp((np.cumsum(logs) - 2 * capacity) / count)  # with the first k in use
    if not beta[-1] > 0:
        raise ParameterError("capacity", f"is too large, got {capacity:g} nats")
    return float(beta[_consistent(beta, used)])


def _to_explain(prediction: Prediction, explained: float | None, latents: int | None) -> float:
    """Return where so much is explained: ``sum (s - beta)``, of those above, over the total."""
    used = prediction.variances(latents)
    total = float(prediction.error(used[0], latents))  # nothing is explained there
    most = float(used.sum()) / total
    share = real("explained", explained)
    if not share < (1 - SAME) * most:
        if _unknown(prediction, latents):
            raise _more(prediction)
        reason = f"must be a share below {most:.6g}, which beta = 0 reaches, got {share:g}"
        raise ParameterError("explained", reason)
    count = np.arange(1, len(used) + 1)
    # model: closed form, at small tau and lam = 0
    beta = (np.cumsum(used) - share * total) / count
    return float(beta[_consistent(beta, used)])


def _consistent(beta: np.ndarray, used: np.ndarray) -> int:
    """Return the number of latents, less one, at whose `beta` just as many are in use."""
    after = np.append(used[1:], 0.0)
    return int(np.argmax(beta >= after))
