"""Fixed points up to signs, permutations and rotations: when two are one, how many there are.

Where latents have one variance, a rotation of them changes no equation but that of D, which
asks for equal Q_ii. So the states of three or more such latents on several directions
may be turned into one another continuously, as states on signals of equal strength are.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import factorial, prod

import numpy as np

from ..kernels.constants import Constants
from ..model.quantities import NAMES
from ..model.state import pack, unpack
from .configurations import fitting
from .groups import Unit
from .newton import symmetry_tangents
from .single import ALIVE

SAME = 1e-6  # relative difference of variances, and of overlaps, that is none

Parts = dict[str, np.ndarray]


def fingerprint(model: Constants, y: np.ndarray) -> np.ndarray:
    """Return what signs, permutations and all rotations of alike latents and signals keep.

    It is (numbers,), as many for each state.
    """
    parts = unpack(y, model.latent, model.signal)
    squares = [parts["Q"], parts["E"], parts["R"] @ parts["R"].T]
    for rho in np.unique(model.rho):
        on = model.rho == rho
        squares += [parts[name][:, on] @ parts[name][:, on].T for name in "md"]
    all_of_them, groups = np.stack(squares), alike_latents(parts["D"])
    found = [np.sort(parts["D"])]
    for group in [np.arange(model.latent), *groups] if len(groups) > 1 else groups:
        found.append(np.linalg.eigvalsh(all_of_them[:, group[:, None], group]).ravel())
    return np.concatenate([*found, np.zeros(_numbers(model) - sum(map(len, found)))])


def _numbers(model: Constants) -> int:
    """Return how many numbers a fingerprint has where latents differ."""
    return model.latent * (1 + 2 * (3 + 2 * len(np.unique(model.rho))))


def alike_latents(D: np.ndarray) -> list[np.ndarray]:
    """Return the numbers of the latents by rising variance, those of equal ones together."""
    order = np.argsort(D, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(D[order]) > SAME * D[order][1:]) + 1)


def turns(model: Constants, y: np.ndarray) -> np.ndarray:
    """Return how rotations of latents of equal variance move a fixed point, (turns, values).

    These are rotations that keep Q_ii. Along them there are fixed points.
    """
    parts = unpack(y, model.latent, model.signal)
    moves, changes = [], []
    for group in alike_latents(parts["D"]):
        for a, i in enumerate(group):
            for j in group[:a]:
                turn = np.zeros((model.latent, model.latent))
                turn[i, j], turn[j, i] = 1, -1
                move = {name: turn @ parts[name] for name in "md"}
                move |= {name: turn @ parts[name] - parts[name] @ turn for name in "QER"}
                changes.append(move["Q"].diagonal().copy())
                moves.append(pack(**move, D=np.zeros(model.latent)))
    if not moves:
        return np.empty((0, len(y)))
    _, sizes, ways = np.linalg.svd(np.array(changes).T)
    free = np.ones(len(ways), bool)
    free[: len(sizes)] = sizes <= SAME * max(1.0, float(sizes.max(initial=0.0)))
    return ways[free] @ np.array(moves)


def continuous(model: Constants, y: np.ndarray) -> bool:
    """Return whether a fixed point is one of a continuum that symmetries make."""
    moves = np.vstack([turns(model, y), symmetry_tangents(model, y)])
    return bool(np.abs(moves).max(initial=0.0) > SAME)


def blocks(model: Constants, parts: Parts) -> list[list[int]]:
    """Return latents that share something, together, and each that shares nothing alone."""
    shared = np.eye(model.latent, dtype=bool)
    squares = [parts[name] for name in "QER"]
    for rho in np.unique(model.rho):
        on = model.rho == rho
        squares += [parts[name][:, on] @ parts[name][:, on].T for name in "md"]
    for square in squares:
        size = np.sqrt(np.maximum(np.abs(square.diagonal()), ALIVE))
        shared |= np.abs(square) > SAME * np.outer(size, size)
    shared |= shared.T
    found, left = [], set(range(model.latent))
    while left:
        block, new = set(), {min(left)}
        while new:
            block |= new
            new = set(np.flatnonzero(shared[sorted(block)].any(axis=0)).tolist()) - block
        found.append(sorted(block))
        left -= block
    return found


def living_on(model: Constants, y: np.ndarray) -> tuple[Unit, ...]:
    """Return what the latents of a fixed point live on, in the order of lists."""
    parts = unpack(y, model.latent, model.signal)
    alive = fitting(model, parts)
    found = []
    for block in blocks(model, parts):
        if not alive[block].any():
            found += [Unit(1)] * len(block)
            continue
        strengths = []
        for rho in np.unique(model.rho)[::-1]:
            sizes = np.linalg.svd(parts["m"][block][:, model.rho == rho], compute_uv=False)
            strengths += [float(rho)] * int((sizes > np.sqrt(ALIVE)).sum())
        directions = int((np.linalg.eigvalsh(parts["Q"][np.ix_(block, block)]) > ALIVE).sum())
        found.append(Unit(len(block), tuple(strengths), max(0, directions - len(strengths))))

    def place(unit: Unit) -> tuple:
        signals = [-rho for rho in unit.strengths]
        return not unit.alive, unit.latents, not signals, unit.noise, len(signals), signals

    return tuple(sorted(found, key=place))


def apart(known: Sequence[str], words: Sequence[str]) -> list[str]:
    """Return names of states in `words`, numbered where another state has the same."""
    counts, names = Counter(known), []
    for text in words:
        counts[text] += 1
        names.append(f"{text} (state {counts[text]})" if counts[text] > 1 else text)
    return names


def how_many(model: Constants, y: np.ndarray) -> int | None:
    """Return how many fixed points signs and permutations of latents make of one.

    None stands for a continuum.
    """
    if continuous(model, y):
        return None
    parts = unpack(y, model.latent, model.signal)
    kinds: list[tuple[list[int], int, int]] = []  # a block, how many are like it, its symmetries
    for block in blocks(model, parts):
        for n, (other, times, own) in enumerate(kinds):
            if len(other) == len(block) and any(_matches(parts, other, block)):
                kinds[n] = other, times + 1, own
                break
        else:
            kinds.append((block, 1, _symmetries(parts, block)))
    kept = prod(factorial(times) * own**times for _, times, own in kinds)
    return 2**model.latent * factorial(model.latent) // kept


def _symmetries(parts: Parts, block: list[int]) -> int:
    """Return how many signed orders of the latents of a block leave it as it is.

    That is the number of places where each latent may go when all before it stay.
    """
    found = 1
    for n in range(len(block)):
        ways = ((j, sign) for j in block[n:] for sign in (1.0, -1.0))
        stay = [1.0] * n
        found *= sum(
            any(_matches(parts, block, block, [*block[:n], j], [*stay, sign])) for j, sign in ways
        )
    return found


def _matches(
    parts: Parts,
    one: list[int],
    other: list[int],
    chosen: list[int] | None = None,
    signs: list[float] | None = None,
) -> Iterator[bool]:
    """Yield True for each signed order of the latents `other` that makes them equal to `one`.

    The first of them may be `chosen`, with their signs.
    """
    chosen, signs = chosen or [], signs or []
    if chosen and not _fits(parts, one, chosen, signs):
        return
    if len(chosen) == len(one):
        yield True
        return
    for j in other:
        if j not in chosen:
            for sign in (1.0, -1.0):
                yield from _matches(parts, one, other, [*chosen, j], [*signs, sign])


def _fits(parts: Parts, one: list[int], chosen: list[int], signs: list[float]) -> bool:
    """Return whether the last of the latents `chosen` is as that of `one`, towards those before."""
    near = SAME * max(1.0, *(float(np.abs(parts[name]).max(initial=0.0)) for name in NAMES))
    i, j, before, turn = one[len(chosen) - 1], chosen[-1], one[: len(chosen)], np.array(signs)
    sign = turn[-1]
    if abs(parts["D"][i] - parts["D"][j]) > near:
        return False
    if any(np.abs(parts[x][i] - sign * parts[x][j]).max(initial=0.0) > near for x in "md"):
        return False
    return all(
        np.abs(square[i, before] - sign * turn * square[j, chosen]).max() <= near
        for name in "QER"
        for square in (parts[name], parts[name].T)
    )
