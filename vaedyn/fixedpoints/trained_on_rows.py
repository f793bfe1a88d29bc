"""What training on the same P = alpha N rows again and again leads to, at small learning rates.

The loss on the rows depends on their covariance alone. Whatever the weight decay, it is least
where each latent has a direction of its own: the leading eigenvectors of that covariance. For a
rotation of the latents changes nothing but sum_i log(Q_ii + beta), which is least where Q is
diagonal; and then each latent wins g(q, l) = q l^2/((q + beta) l + lam), averaged over the
directions with weights of which rows and columns sum to 1 at most. As g has positive mixed
derivatives the best of them are those that pair large q with large l.

Eigenvalues l and squared overlaps c2 of eigenvectors with the truth are those of large N, see
`vaedyn.model.sample_covariance`; a latent that finds no signal has the edge of the noise.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack

import numpy as np

from ..errors import ParameterError
from ..model.asked import STEPS, params_of
from ..model.params import Fields, Params
from ..model.quantities import NAMES, OBSERVABLES
from ..model.records import Variables, variable
from ..model.results import OrderParameters, label
from ..model.sample_covariance import edge, outlier, overlap
from ..model.state import kl_per_latent, pack
from .attractors import COLLAPSED, LEARNED, NOISE, PARTLY, PHASES
from .thresholds import collapse_threshold

VALUES = 400  # of beta, between which the best one is looked for
NEWTON = 100  # steps at most: a convex function from above


TEXTS = {
    "signals": "the signal that the latent is on, from 0; -1 on noise",
    "eigenvalues": "eigenvalue of the rows along the latent's direction",
    "overlaps": "squared overlap of that direction with the signal's",
    "thresholds": "beta above which a collapsed latent stays so",
    "kl_on_rows": "KL divergence from the prior on the rows, in nats",
}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TrainedOnRows(OrderParameters):
    """The state of lowest loss on the rows; no leading axes, latents by falling eigenvalue.

    Observables are those on fresh data. Among signals of equal strength the rows choose a
    rotation at random, which m and d, and with them `eps_g`, leave out.

    Attributes
    ----------
    signals : (latent,) int
        Which signal the latent is on, from 0; -1 on noise, or where there is none left.
    eigenvalues : (latent,)
        Of the covariance of the rows, along the latent's direction.
    overlaps : (latent,)
        Squared overlap of that direction with the signal's.
    thresholds : (latent,)
        The beta above which a collapsed latent stays so.
    kl_on_rows : (latent,)
        KL divergence from the prior on the rows, in nats.
    phase : str
        ``collapsed``, ``learned``, ``partly learned`` or ``noise-fitting``.
    """

    signals: np.ndarray
    eigenvalues: np.ndarray
    overlaps: np.ndarray
    thresholds: np.ndarray
    kl_on_rows: np.ndarray
    phase: str

    def to_variables(self, *lead: str) -> Variables:
        names = (*OBSERVABLES, *NAMES)
        own = {name: label(name, lead, getattr(self, name)) for name in names}
        return own | {
            name: variable(text, getattr(self, name), ("latent",)) for name, text in TEXTS.items()
        }


class Directions(NamedTuple):
    """What the latents find, by falling eigenvalue: (latent,) each, or (n, latent)."""

    rho: np.ndarray
    eigenvalues: np.ndarray
    overlaps: np.ndarray


def trained_on_rows(params: Params | None = None, **changes: Unpack[Fields]) -> TrainedOnRows:
    """Return what training on P = alpha N rows, again and again, leads to.

    That is in the limit of large N and, after it, of small learning rates; of several stable
    states (only with weight decay) it is the one of lowest loss. Without `alpha` the rows are
    as many as there may be, which is fresh data for every step.

    Parameters
    ----------
    params : Params, optional
        Annealing, the start, learning rates, batches and the times do not matter.
    **changes
        Parameters of the model, in place of those of `params` or of the defaults.

    Raises
    ------
    ParameterError
        When beta is 0, where encoder variances shrink for ever, or there are fewer rows than
        latents.
    """
    params = params_of(trained_on_rows, params, changes, derived=("alpha", *STEPS))
    check(params)
    found = directions(params, gamma_of(params.alpha))
    s, c2 = found.eigenvalues, found.overlaps
    q = strength(s, params.beta, params.lam)
    k = s / ((q + params.beta) * s + params.lam)  # v over w
    latent, most = params.latent, min(params.latent, params.signal)
    signals = np.full(latent, -1)
    signals[:most] = np.argsort(-params.strengths, kind="stable")[:most]
    signals[c2 == 0] = -1
    m = np.zeros((latent, params.signal))
    on = np.flatnonzero(signals >= 0)
    m[on, signals[on]] = np.sqrt(c2 * q)[on]
    D = params.beta / (q + params.beta)
    y = pack(m, k[:, None] * m, np.diag(q), np.diag(k**2 * q), np.diag(k * q), D)
    kl = kl_per_latent(np.diag(s * k**2 * q), D)
    return TrainedOnRows.from_states(
        params,
        y,
        signals=signals,
        eigenvalues=s,
        overlaps=c2,
        thresholds=np.array([max(0.0, collapse_threshold(x, params.lam)) for x in s]),
        kl_on_rows=kl,
        phase=PHASES[int(_phases(q, c2, most))],
    )


def check(params: Params) -> None:
    """Raise ParameterError where there is no end, or more latents than directions."""
    if params.beta == 0:
        raise ParameterError("beta", "must be > 0 for fixed points: D shrinks for ever at beta = 0")
    if params.samples is not None and params.samples < params.latent:
        raise ParameterError(
            "alpha", f"makes {params.samples} rows, fewer than there are latents: {params.latent}"
        )


def gamma_of(alpha: np.ndarray | float | None) -> np.ndarray:
    """Return dimensions by rows; 0 for fresh data."""
    return np.asarray(0.0 if alpha is None else 1 / np.asarray(alpha, float))


def directions(params: Params, gamma: np.ndarray) -> Directions:
    """Return what the latents find among rows; `gamma` is a number, or (n, 1)."""
    rho = np.zeros(params.latent)
    most = min(params.latent, params.signal)
    rho[:most] = -np.sort(-params.strengths)[:most]
    shape = np.broadcast_shapes(np.shape(gamma), rho.shape)
    s, c2 = np.broadcast_to(edge(params.eta, gamma), shape).copy(), np.zeros(shape)
    s[..., :most] = outlier(rho[:most], params.eta, gamma)
    c2[..., :most] = overlap(rho[:most], params.eta, gamma)
    return Directions(np.broadcast_to(rho, shape), s, c2)


def strength(s: np.ndarray, beta: np.ndarray | float, lam: float) -> np.ndarray:
    """Return Q_ii of latents on eigenvalues `s` where the loss is lowest; 0 if collapsed.

    With x = q + beta + lam/s, the loss given q is stationary where f(x) = beta x^2/(x - lam/s)
    + lam x^2 - (beta s + lam) vanishes: convex, so that its larger root is the only minimum.
    Newton's method finds it from a point beyond which f is positive.
    """
    # model: closed form, from dm = dd = dD = 0 on an eigenvalue of the rows
    s, beta = np.broadcast_arrays(np.asarray(s, float), np.asarray(beta, float))
    if lam == 0:
        return np.maximum(s - beta, 0.0)
    a, top = lam / s, beta * s + lam
    x = np.maximum(np.minimum(s + lam / beta, np.sqrt(top / lam)), 2 * a)
    alive = np.ones(x.shape, bool)
    for _ in range(NEWTON):
        f = beta * x**2 / (x - a) + lam * x**2 - top
        rises = beta * (1 - (a / (x - a)) ** 2) + 2 * lam * x
        alive &= rises > 0
        new = np.where(alive, x - f / np.where(alive, rises, 1.0), x)
        alive &= new > a
        new = np.where(alive, new, x)
        if (np.abs(new - x) <= 1e-15 * x).all():
            break
        x = new
    q = x - a - beta
    return np.where(alive & (q > 0) & (_loss(np.maximum(q, 0), s, beta, lam) < 0), q, 0.0)


def _loss(q: np.ndarray, s: np.ndarray, beta: np.ndarray, lam: float) -> np.ndarray:
    """Return the loss of a latent of strength q, less that of a collapsed one, D and v at best."""
    # model: closed form, the loss with d = 0 of v and of D
    return 0.5 * (beta * np.log1p(q / beta) + lam * q - q * s**2 / ((q + beta) * s + lam))


def _phases(q: np.ndarray, c2: np.ndarray, most: int) -> np.ndarray:
    """Return the number of the phase of latents (..., latent), see `attractors`."""
    learned = ((q > 0) & (c2 > 0)).sum(axis=-1)
    noise = ((q > 0) & (c2 == 0)).any(axis=-1)
    alone = np.where(learned == 0, COLLAPSED, np.where(learned == most, LEARNED, PARTLY))
    return np.where(noise, NOISE, alone)


def ends(params: Params, alpha: np.ndarray, beta: np.ndarray) -> dict[str, np.ndarray]:
    """Return phase, eps_g, active, growth and stable (n,) at many `alpha` and `beta` (n,).

    As `attractors` does; growth rates are not known, and one state counts as stable.
    """
    check(params)
    found = directions(params, gamma_of(alpha)[:, None])
    q = strength(found.eigenvalues, np.asarray(beta)[:, None], params.lam)
    n = len(q)
    return {
        "phase": _phases(q, found.overlaps, min(params.latent, params.signal)).astype(np.int8),
        "eps_g": _error(params, found, q),
        "active": (q > 0).sum(axis=-1).astype(np.int16),
        "growth": np.full(n, np.nan),
        "stable": np.ones(n, np.int16),
    }


def _error(params: Params, found: Directions, q: np.ndarray) -> np.ndarray:
    # model: closed form, eps_g of latents each on a direction of its own
    gain = np.sqrt(found.rho * found.overlaps * q)
    return params.strengths.sum() + (q - 2 * gain).sum(axis=-1)


def best_beta(params: Params | None = None, **changes: Unpack[Fields]) -> tuple[float, float]:
    """Return the beta at which eps_g on fresh data is least after training on rows, and eps_g.

    For one latent on a signal, without weight decay, it is l - rho c2, and the error
    rho (1 - c2). Where no beta does better than collapse it is nan.

    Parameters
    ----------
    params, **changes
        As of `trained_on_rows`; beta does not matter.

    Raises
    ------
    ParameterError
        As `trained_on_rows` does.
    """
    from scipy.optimize import minimize_scalar

    params = params_of(best_beta, params, changes, derived=("alpha", *STEPS))
    check(params.replace(beta=params.beta or 1.0, anneal="constant"))
    found = directions(params, gamma_of(params.alpha))

    def error(beta: np.ndarray) -> np.ndarray:
        beta = np.asarray(beta)[..., None]
        return _error(params, found, strength(found.eigenvalues, beta, params.lam))

    # between kinks, at which a latent collapses, the error is smooth
    kinks = np.unique([*found.eigenvalues, *(collapse_threshold(x, params.lam)
                                             for x in found.eigenvalues)])  # fmt: skip
    kinks = kinks[kinks > 0]
    grid = np.unique(np.concatenate([np.linspace(0, kinks[-1], VALUES)[1:], kinks]))
    values = error(grid)
    i = int(np.argmin(values))
    low, high = grid[max(i - 1, 0)] if i else 1e-3 * grid[0], grid[min(i + 1, len(grid) - 1)]
    inside: Any = minimize_scalar(
        error, bounds=(low, high), method="bounded", options={"xatol": 1e-10}
    )
    pairs = [(float(inside.fun), float(inside.x)), (float(values[i]), float(grid[i]))]
    least, at = min(pairs)
    nothing = float(params.strengths.sum())
    return (at, least) if least < nothing * (1 - 1e-12) else (np.nan, nothing)
