"""Two latents that live together as explicit functions of a Q, and the blocks of their Jacobian.

Turned by 45 degrees (`vaedyn.fixedpoints.pairs`) they are two single latents that share a D, on
directions of their own; the second one may have none. Where D is the same for both, turning
changes nothing in what either shares with others; so deviations fall into blocks of at most 11.
"""

from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from ..kernels.constants import Constants
from .alone_at import COLLAPSED, NOISE, Block, latent_at, towards_jacobian
from .alone_at import left as left_alone
from .alone_at import living as living_alone
from .attractors import cross_jacobian, own_jacobian
from .single import Latent, noise_at, signal_at


class Pair(NamedTuple):
    """Two latents mixed over two directions: signals, noise, or nothing for the `second`.

    The `first` is a signal, or noise where the second has nothing.
    """

    first: int
    second: int

    @property
    def signals(self) -> tuple[int, ...]:
        return tuple(kind for kind in self if kind >= 0)


class Turned(NamedTuple):
    """One of the two latents of a pair after turning: the first or the second (0 or 1)."""

    pair: Pair
    place: int

    @property
    def kind(self) -> int:
        return self.pair[self.place]


Kind = int | Pair
"""A kind of latents alone, or of two that live together."""

OWN, APART, BORN = "own", "apart", "born"
"""Blocks of a pair by itself: ``(OWN, pair)``, in which both keep one D; ``(APART, pair)``, in
which they become different; and ``(BORN, pair)``, of noise in which the second has nothing.
Others are named as in `alone_at`, with `Turned` latents among the kinds."""


def pairs_of(rho: np.ndarray, sampled: bool) -> list[Pair]:
    """Return all pairs on signals of strengths `rho` (signal,), and noise.

    Equal signals do not mix, nor does noise with itself; samples leave no latent with nothing.
    """
    signals = range(len(rho))
    found = [Pair(i, k) for i, k in combinations(signals, 2) if rho[i] != rho[k]]
    found += [Pair(k, NOISE) for k in signals]
    if not sampled:
        found += [Pair(k, COLLAPSED) for k in (*signals, NOISE)]
    return found


def without_variance(c: Constants, pair: Pair, Q: np.ndarray, D: float = 0.0) -> np.ndarray:
    """Return what is left of the first latent's equation at Q (n, nodes), linear in D."""
    return signal_at(c, c.rho[:, pair.first, None], Q, np.array(D))[0]


def split(c: Constants, pair: Pair, Q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return D and the Q of the second latent at that of the first one (n, nodes), of any sign.

    With nothing on the second, D is that of half of Q.
    """
    # model: closed form, D from dD = 0 of two latents
    if pair.second == COLLAPSED:
        return c.beta / (0.5 * Q + c.beta), 0 * Q
    at_0, at_1 = (without_variance(c, pair, Q, D) for D in (0.0, 1.0))
    with np.errstate(all="ignore"):
        D = at_0 / (at_0 - at_1)
        return D, 2 * c.beta * (1 / D - 1) - Q


def _rest(c: Constants, kind: int, Q: np.ndarray, D: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return what `signal_at` or `noise_at` does, for constants and Q (n, nodes)."""
    if kind >= 0:
        return signal_at(c, c.rho[:, kind, None], Q, D)
    return noise_at(c, Q, D)


def left_over(c: Constants, pair: Pair, Q: np.ndarray) -> np.ndarray:
    """Return the function of Q (n, nodes) that vanishes where a pair is at rest; c as a column."""
    D, other = split(c, pair, Q)
    with np.errstate(all="ignore"):
        if pair.second == COLLAPSED:
            return _rest(c, pair.first, Q, D)[0]
        return _rest(c, pair.second, other, D)[0]


def living(kind: Kind, sampled: bool) -> tuple[int | Turned, ...]:
    """Return the latents of a kind that have a Q which is to be found."""
    if isinstance(kind, Pair):
        return tuple(Turned(kind, i) for i, each in enumerate(kind) if each != COLLAPSED)
    return (kind,) if living_alone(kind, sampled) else ()


def left(c: Constants, kind: Kind, Q: np.ndarray) -> list[np.ndarray]:
    """Return the functions of Q (n, living) that vanish where a kind is at rest, (n,) each."""
    if not isinstance(kind, Pair):
        return [left_alone(c, kind, Q[:, 0])]
    column, D = c.column(), _shared(c, Q)
    return [
        _rest(column, each, own[:, None], D)[0][:, 0]
        for each, own in zip(kind[: Q.shape[1]], Q.T, strict=True)
    ]


def _shared(c: Constants, Q: np.ndarray) -> np.ndarray:
    """Return the D (n, 1) of a pair of which Q (n, living) are those of its turned latents."""
    # model: closed form, D from dD = 0 of two latents
    return (c.beta / (0.5 * Q.sum(axis=1) + c.beta))[:, None]


def bend(c: Constants, kind: Kind, Q: np.ndarray) -> np.ndarray:
    """Return the determinant of the derivatives of `left` by Q, (n,), by complex steps."""
    steps = 1e-40j * np.eye(Q.shape[1])
    J = [[np.imag(x) / 1e-40 for x in left(c, kind, Q + step)] for step in steps]
    return J[0][0] if len(J) == 1 else J[0][0] * J[1][1] - J[0][1] * J[1][0]


def null(c: Constants, kind: Kind, Q: np.ndarray) -> np.ndarray:
    """Return the direction in Q, (n, living), in which `left` hardly changes; Q itself grows."""
    steps = 1e-40j * np.eye(Q.shape[1])
    J = np.array([[np.imag(x) / 1e-40 for x in left(c, kind, Q + step)] for step in steps])
    way = np.linalg.svd(np.nan_to_num(J.transpose(2, 1, 0)))[2][:, -1]
    return way * np.where(way.sum(axis=1, keepdims=True) < 0, -1.0, 1.0)


def latents_at(
    c: Constants, kind: Kind, Q: np.ndarray
) -> tuple[dict[int | Turned, Latent], np.ndarray]:
    """Return the latents of a kind, of Q (n, living), and what is positive where weights are.

    That is, (n, ...), Q and E of each and, on a signal, rho m^2.
    """
    if not isinstance(kind, Pair):
        one, sizes = latent_at(c, kind, Q[:, 0] if Q.shape[1] else c.beta)
        return {kind: one}, sizes
    column, zero, D = c.column(), np.zeros(len(Q)), _shared(c, Q)
    found: dict[int | Turned, Latent] = {}
    positive: list[np.ndarray] = []
    for i, each in enumerate(kind):
        name = Turned(kind, i)
        if each == COLLAPSED:
            found[name] = Latent(zero, zero, zero, zero, zero, zero, D[:, 0])
            continue
        own = Q[:, i]
        _, *p_and_kappa, E, R = (x[:, 0] for x in _rest(column, each, own[:, None], D))
        positive += [own, E, *p_and_kappa[:1]]
        if each < 0:
            found[name] = Latent(zero, zero, zero, own, E, R, D[:, 0])
            continue
        rho, (p, kappa) = c.rho[:, each], p_and_kappa
        m: Any = np.sqrt(p / rho + (0j if (np.real(p) < 0).any() else 0))
        found[name] = Latent(rho, m, kappa * m, own, E, R, D[:, 0])
    return found, np.stack(positive, axis=1)


def together(a: Latent, b: Latent, c: Constants) -> np.ndarray:
    """Return the Jacobian of dy/dt / tau of a pair with one D, (n, 11, 11).

    In the order m, d, Q, E, R of either turned latent, and D.
    """
    # model: linearisation, the D of two latents
    one, other = own_jacobian(a, c), own_jacobian(b, c)
    J = np.zeros((len(one), 11, 11), np.result_type(one, other))
    J[:, :5, :5], J[:, 5:10, 5:10] = one[:, :5, :5], other[:, :5, :5]
    J[:, :5, 10], J[:, 5:10, 10] = one[:, :5, 5], other[:, :5, 5]
    J[:, 10, [2, 7]] = 0.5 * one[:, 5, [2]]
    J[:, 10, 10] = one[:, 5, 5]
    return J


def apart(a: Latent, b: Latent, c: Constants) -> np.ndarray:
    """Return the Jacobian of dy/dt / tau in what tells the latents of a pair apart, (n, 9, 9).

    That is what the turned ones share, as in `cross_jacobian`, and half the difference of the two
    D, which turning makes an entry beside the diagonal.
    """
    # model: linearisation, in unequal D of a pair
    shared = cross_jacobian(a, b, c)
    J = np.zeros((len(shared), 9, 9), shared.dtype)
    J[:, :8, :8] = shared
    h, r, z, zero = c.h, c.encoder, c.sampled, 0 * c.h
    of_Q = z * h - (a.Q + b.Q)
    of_R, of_R_ = (-(one.R + r * h * z * one.Q) for one in (b, a))
    column = [-b.m, zero, -a.m, zero, of_Q, r**2 * h * z * a.Q * b.Q, of_R, of_R_]
    J[:, :8, 8] = np.stack([x + zero for x in column], axis=1)
    J[:, 8, 4] = -0.5 * c.variances
    J[:, 8, 8] = -0.5 * c.variances * c.beta / a.D**2
    return J


def _kind(slot: int | Turned) -> int:
    return slot.kind if isinstance(slot, Turned) else slot


def _jacobian(c: Constants, block: Block, latents: dict[Any, Latent]) -> np.ndarray:
    """Return the Jacobian of a block, without overlaps with signals that there are not."""
    if block[0] in (OWN, APART):
        pair = block[1]
        a, b = (latents[Turned(pair, i)] for i in (0, 1))
        if block[0] == APART:
            J, have = apart(a, b, c), (pair.second, pair.first)
            kept = [*([0, 1] if have[0] >= 0 else []), *([2, 3] if have[1] >= 0 else [])]
            kept += [4, 5, 6, 7, 8]
        else:
            J, kept = together(a, b, c), []
            for i, kind in enumerate(pair):
                kept += (
                    [] if kind == COLLAPSED else range(5 * i + (0 if kind >= 0 else 2), 5 * i + 5)
                )
            kept += [10]
    elif block[0] == BORN:
        J, kept = own_jacobian(latents[Turned(block[1], 1)], c), [2, 3, 4]
    elif "unlearned" in block:
        return towards_jacobian(latents[block[0]], c, block[2])
    elif len(block) == 1:
        J, kept = (
            own_jacobian(latents[block[0]], c),
            [*([0, 1] if block[0] >= 0 else []), 2, 3, 4, 5],
        )
    else:
        a, b = block
        J = cross_jacobian(latents[a], latents[b], c)
        kept = [*([0, 1] if _kind(b) >= 0 else []), *([2, 3] if _kind(a) >= 0 else []), 4, 5, 6, 7]
    return J[:, kept][:, :, kept]


def spectrum(c: Constants, block: Block, latents: dict[Any, Latent]) -> np.ndarray:
    """Return the eigenvalues of a block, per unit of time and tau, (n, modes), nan where no
    latents are. That of a symmetry is left out."""
    J = _jacobian(c, block, latents)
    there: Any = np.isfinite(J).all(axis=(1, 2))
    values = np.linalg.eigvals(np.where(there[:, None, None], J, 0)).astype(complex)
    if _turns(c, block):
        order = np.argsort(np.abs(values), axis=1)
        values = np.take_along_axis(values, order[:, 1:], axis=1)
    return np.where(there[:, None], values, np.nan)


def _turns(c: Constants, block: Block) -> bool:
    """Return whether a block has the mode of a rotation between equal signals."""
    if block[0] in (OWN, APART, BORN) or len(block) == 1:
        return False
    a, b = _kind(block[0]), _kind(block[-1])
    return min(a, b) >= 0 and a != b and bool((c.rho[:, a] == c.rho[:, b]).all())
