"""Latents that live alone as explicit functions of their Q, and the blocks of their Jacobian.

A fixed point of single latents is a Q for each kind of latent at which one function
vanishes (`vaedyn.fixedpoints.single`); all else about it is a formula. So conditions on it,
on curves over two constants say, are systems of very few equations.
"""

from typing import Any

import numpy as np

from ..kernels.constants import Constants
from .attractors import Modes, cross_jacobian, own_jacobian
from .single import Latent, noise_at, signal_at

NOISE, COLLAPSED = Modes.NOISE, Modes.COLLAPSED

Block = tuple[Any, ...]
"""``(a,)``, deviations of a kind of latent by itself; ``(a, "unlearned", k)``, towards a signal
that nobody learns; or ``(a, b)``, what two latents share. As `Modes.growth` names them."""


def living(kind: int, sampled: bool) -> bool:
    """Return whether latents of a kind have a Q that is to be found."""
    return kind != COLLAPSED or sampled


def left(c: Constants, kind: int, Q: np.ndarray) -> np.ndarray:
    """Return the function of Q (n,) that vanishes where a latent of this kind is at rest, (n,)."""
    column, Q = c.column(), Q[:, None]
    D = column.beta / (Q + column.beta)
    if kind >= 0:
        return signal_at(column, c.rho[:, kind, None], Q, D)[0][:, 0]
    return noise_at(column, Q, D)[0][:, 0]


def bend(c: Constants, kind: int, Q: np.ndarray) -> np.ndarray:
    """Return the derivative of `left` by Q, (n,), to rounding: by a step into the complex plane."""
    return np.imag(left(c, kind, Q + 1e-40j)) / 1e-40


def latent_at(c: Constants, kind: int, Q: np.ndarray) -> tuple[Latent, np.ndarray]:
    """Return latents at `Q` (n,), and what of them is positive where weights are, (n, 2 or 3).

    That is Q and E and, on a signal, rho m^2. Where the latter is not, m and d are imaginary, and
    the eigenvalues of blocks are continued: they depend on squares of m and d only.
    """
    column, zero = c.column(), np.zeros(len(Q))
    if not living(kind, bool(c.sampled[0])):
        return Latent(zero, zero, zero, zero, zero, zero, zero + 1), np.ones((len(Q), 0))
    Qs = Q[:, None]
    D = column.beta / (Qs + column.beta)
    if kind < 0:
        _, E, R = noise_at(column, Qs, D)
        return Latent(zero, zero, zero, Q, E[:, 0], R[:, 0], D[:, 0]), np.stack(
            [Q, E[:, 0]], axis=1
        )
    rho = c.rho[:, kind]
    _, p, kappa, E, R = (x[:, 0] for x in signal_at(column, rho[:, None], Qs, D))
    m: Any = np.sqrt(p / rho + (0j if (p < 0).any() else 0))
    return Latent(rho, m, kappa * m, Q, E, R, D[:, 0]), np.stack([Q, E, p], axis=1)


def relevant(latent: int, signal: int) -> list[Block]:
    """Return all blocks of states in which latents learn the strongest signals, once each."""
    found: dict[Block, None] = {}
    for learned, noise, spare in selections(latent, signal):
        kinds = [*range(learned), *[NOISE] * noise, *[COLLAPSED] * spare]
        for block in blocks_of(kinds, learned, signal):
            found[block] = None
    return list(found)


def selections(latent: int, signal: int) -> list[tuple[int, int, int]]:
    """Return how many latents learn a signal, fit noise and have collapsed, in all states."""
    return [
        (learned, noise, latent - learned - noise)
        for learned in range(min(latent, signal) + 1)
        for noise in range(latent - learned + 1)
    ]


def blocks_of(kinds: list[int], learned: int, signal: int) -> list[Block]:
    """Return the blocks of a state, as `Modes.growth` goes through them."""
    ordered = sorted(kinds)
    single: list[Block] = [(a,) for a in sorted(set(kinds))]
    towards: list[Block] = [
        (a, "unlearned", k) for a in sorted(set(kinds)) for k in range(learned, signal)
    ]
    pairs = {(a, b) for i, a in enumerate(ordered) for b in ordered[i + 1 :]}
    return [*single, *towards, *sorted(pairs)]


def members(block: Block) -> tuple[int, ...]:
    """Return the kinds of latents of a block, once each."""
    own = block[:1] if "unlearned" in block else block
    return tuple(sorted(set(own)))


def turns(c: Constants, block: Block) -> bool:
    """Return whether a block has the mode of a symmetry: a rotation between equal signals."""
    a, b = block[0], block[-1]
    if len(block) == 1 or a == b or min(a, b) < 0:
        return False
    return bool((c.rho[:, a] == c.rho[:, b]).all())


def spectrum(c: Constants, block: Block, latents: dict[int, Latent]) -> np.ndarray:
    """Return the eigenvalues of a block, per unit of time and tau, (n, modes).

    That of a symmetry is left out.
    """
    one = latents[block[0]]
    if len(block) == 1:
        first = 0 if block[0] >= 0 else 2
        J = own_jacobian(one, c)[:, first:, first:]
    elif "unlearned" in block:
        J = towards_jacobian(one, c, block[2])
    else:
        a, b = block
        J = cross_jacobian(one, latents[b], c)
        kept = [*([0, 1] if b >= 0 else []), *([2, 3] if a >= 0 else []), 4, 5, 6, 7]
        J = J[:, kept][:, :, kept]
    there: Any = np.isfinite(J).all(axis=(1, 2))
    values = np.linalg.eigvals(np.where(there[:, None, None], J, 0)).astype(complex)
    if turns(c, block):
        order = np.argsort(np.abs(values), axis=1)
        values = np.take_along_axis(values, order[:, 1:], axis=1)
    return np.where(there[:, None], values, np.nan)


def towards_jacobian(one: Latent, c: Constants, k: int) -> np.ndarray:
    """Return the Jacobian of dy/dt / tau in m and d with a signal that nobody learns, (n, 2, 2)."""
    # model: linearisation, in m and d with a signal without a latent
    *_, K, B = one.moments(c)
    P = c.rho[:, k] + c.eta
    rows = [[-B, P], [c.encoder * P, -c.encoder * (K * P + c.lam)]]
    return np.moveaxis(np.array([[x + 0 * B for x in row] for row in rows]), 2, 0)
