"""The pieces that fixed points are made of.

At a fixed point the latents fall into units that do not see one another: a
latent on a direction of the data, two latents that share one or are mixed over
two, a collapsed latent, a signal that nobody learns. A direction is a signal or
one of the many directions of background noise, which are all alike. A state
made of units is block-diagonal, and so is its Jacobian: units are found alone,
and small deviations live within one unit or between two of them.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..kernels.constants import Constants
from ..model.quantities import NAMES, ORDER_PARAMETERS, shape
from ..model.state import count, pack, unpack
from .newton import eigenvalues, newton, residual, root
from .pairs import mixed
from .single import ALIVE, Finder, Latent, all_roots, on_noise, on_signal

TOLERANCE = 1e-12  # of the residual max |dy/dt| / tau
ROUNDING = 1e-6  # of an eigenvalue that is not negative
SMALL = 1e-3  # an overlap below it is compared with it


class Unit(NamedTuple):
    """Latents that live on the same directions: signals of some strengths, or noise.

    ``Unit(1)`` is a collapsed latent, ``Unit(0, (rho,))`` a signal without one.
    Where it has several states, `branch` counts them: 0 is the one that small
    learning rates and no weight decay lead to.
    """

    latents: int
    strengths: tuple[float, ...] = ()
    noise: int = 0
    branch: int = 0

    @property
    def alive(self) -> bool:
        return self.latents > 0 and self.directions > 0

    @property
    def directions(self) -> int:
        return len(self.strengths) + self.noise

    @property
    def states(self) -> int:
        """The number of states that signs make of it, with its latents in any order."""
        if not self.alive:
            return 1
        signs = {(1, 1): 2, (2, 1): 4, (2, 2): 8}[self.latents, self.directions]
        return signs // 2 if self.noise else signs


def closed_form(unit: Unit, eta: float, beta: float) -> np.ndarray | None:
    """Return the state of a unit in the limit of small tau, at lam = 0, if there is one.

    With W = U diag(w) O, a joint variance delta and the mean q of the w^2 over
    the latents: ``w_k^2 = sqrt(s_k (q + beta)) - beta``, ``delta = beta/(q + beta)``
    and V = U diag(kappa w) O with ``kappa_k = 1/sqrt(s_k (q + beta))``.
    """
    # model: closed form, at small tau and lam = 0
    n, signal = unit.latents, len(unit.strengths)
    if not unit.alive:
        overlap, square = np.zeros((n, signal)), np.zeros((n, n))
        return pack(overlap, overlap, square, square, square, np.ones(n))
    s = np.array([*(rho + eta for rho in unit.strengths), *[eta] * unit.noise])

    def excess(q):
        return float(np.sqrt(s * (q + beta)).sum() - len(s) * beta - n * q)

    if excess(0.0) <= 0:
        return None
    q = root(excess, 0.0, float(len(s) * s.max() / n))
    w2 = np.sqrt(s * (q + beta)) - beta
    if (w2 <= 0).any():
        return None
    turn = np.array([[1.0, 1.0], [1.0, -1.0]])[: len(s), :n] / np.sqrt(n)
    kappa = 1 / np.sqrt(s * (q + beta))
    W = np.sqrt(w2)[:, None] * turn  # (directions, latents)
    V = kappa[:, None] * W
    D = np.full(n, beta / (q + beta))
    return pack(W[:signal].T, V[:signal].T, W.T @ W, V.T @ V, W.T @ V, D)


def vanishing(unit: Unit, y: np.ndarray, sampled: bool = False) -> float:
    """Return the least of what vanishes, linearly in the parameters, where a unit turns simpler.

    That is a latent's strength Q_ii, its overlap squared with a signal, what two
    latents share, or the weaker one of the directions that they are mixed over. What
    `sampled` latents have on noise never vanishes.
    """
    parts = unpack(y, unit.latents, len(unit.strengths))
    found = (parts["m"].ravel() ** 2).tolist()
    if not (sampled and unit.noise):
        found += np.diag(parts["Q"]).tolist()
    if unit.latents == 2:
        shared = float(abs(parts["Q"][0, 1]))
        if unit.directions == 1 or not (sampled and unit.noise):
            found.append(shared if unit.directions == 1 else float(parts["Q"][0, 0]) - shared)
    return min(found, default=np.inf)


def intact(unit: Unit, y: np.ndarray, sampled: bool = False) -> bool:
    """Return whether `y` is still of the kind of `unit`, which lives, and one of vectors.

    Away from the signals the overlaps of all weights must make a positive
    semi-definite matrix; the ODE has other fixed points, of no weights at all.
    """
    parts = unpack(y, unit.latents, len(unit.strengths))
    if not (np.isfinite(y).all() and (parts["D"] > 0).all()):
        return False
    return vanishing(unit, y, sampled) > ALIVE and _least(parts, 1e-300) > -1e-8


def of_weights(parts: dict[str, np.ndarray], slack: float = ROUNDING) -> bool:
    """Return whether weights have these order parameters, of a state with latents of any kind.

    What a collapsed latent has by rounding does not count.
    """
    if not (all(np.isfinite(part).all() for part in parts.values()) and (parts["D"] > 0).all()):
        return False
    return _least(parts, SMALL) > -slack


def _least(parts: dict[str, np.ndarray], smallest: float) -> float:
    """Return the least eigenvalue of the Gram matrix away from the signals, all of size 1.

    What is smaller than `smallest` is as if it were of that size.
    """
    latent = len(parts["D"])
    gram = np.empty((2 * latent, 2 * latent))
    gram[:latent, :latent], gram[:latent, latent:] = parts["Q"], parts["R"]
    gram[latent:, :latent], gram[latent:, latent:] = parts["R"].T, parts["E"]
    along = np.concatenate([parts["m"], parts["d"]])
    scale = np.sqrt(np.maximum(np.diag(gram), smallest))
    return float(np.linalg.eigvalsh((gram - along @ along.T) / np.outer(scale, scale))[0])


class Units:
    """Units at the constants of one model, each solved once."""

    def __init__(self, model: Constants):
        self.model = model
        self._states: dict[Unit, np.ndarray | None] = {}
        self._roots: dict[Unit, list[np.ndarray]] = {}
        self._modes: dict[tuple[Unit, ...], np.ndarray] = {}

    def alone(self, unit: Unit) -> Constants:
        """Return the model in which there is only this unit."""
        return self.model._replace(latent=unit.latents, rho=np.array(unit.strengths, float))

    def state(self, unit: Unit) -> np.ndarray | None:
        """Return the flat state of a unit alone, or None where there is no such fixed point."""
        if unit not in self._states:
            self._states[unit] = self._solve(unit)
        return self._states[unit]

    def known(self, unit: Unit) -> bool:
        """Return whether a unit has been solved, or put here."""
        return unit in self._states

    def put(self, unit: Unit, state: np.ndarray | None) -> None:
        """Take `state` as that of a unit alone, say of one of several branches."""
        self._states[unit] = state

    def _solve(self, unit: Unit) -> np.ndarray | None:
        if not unit.alive:
            return closed_form(unit, self.model.eta, self.model.beta)
        if unit.branch:
            others = self._others(unit._replace(branch=0))
            return others[unit.branch - 1] if unit.branch <= len(others) else None
        if unit.directions == 1:
            usual = found(unit, self.alone(unit), None)
            if usual:
                return usual[0]
        return next(iter(self._all(unit)), None)

    def _all(self, unit: Unit) -> list[np.ndarray]:
        if unit not in self._roots:
            self._roots[unit] = found(unit, self.alone(unit), all_roots)
        return self._roots[unit]

    def _others(self, unit: Unit) -> list[np.ndarray]:
        """Return all states of a unit but the usual one, by rising Q."""
        usual = self.state(unit)
        return [y for y in self._all(unit) if usual is None or not alike(y, usual)]

    def branches(self, unit: Unit) -> list[Unit]:
        """Return a unit on each of its branches that are there."""
        found = [] if self.state(unit) is None else [unit]
        if unit.alive:
            found += [unit._replace(branch=n + 1) for n in range(len(self._others(unit)))]
        return found

    def modes(self, *units: Unit) -> np.ndarray:
        """Return the eigenvalues of deviations within one unit, or between two of them."""
        key = tuple(sorted(units))
        if key not in self._modes:
            states = [self.state(unit) for unit in key]
            joint, y = assemble(self.model, key, states)
            sizes = [(unit.latents, len(unit.strengths)) for unit in key]
            cross = None if len(key) == 1 else _between(*sizes)
            self._modes[key] = eigenvalues(joint, y, cross)
        return self._modes[key]

    def spectrum(self, units: Sequence[Unit]) -> np.ndarray:
        """Return all eigenvalues of a state made of `units`, as `dynamics.eigenvalues` does."""
        found = [self.modes(a) for a in units]
        found += [self.modes(a, b) for i, a in enumerate(units) for b in units[:i]]
        values = np.concatenate(found)
        still = np.isnan(values)
        order = values[~still]
        order = order[np.lexsort((np.imag(order), -np.real(order)))]
        return np.concatenate([order, values[still]])

    def growth(self, units: Sequence[Unit]) -> float:
        """Return the largest real part of all eigenvalues, per unit of time."""
        return float(np.nanmax(np.real(self.spectrum(units))))


def found(unit: Unit, model: Constants, find: Finder | None) -> list[np.ndarray]:
    """Return the states of a unit alone: those at the roots of its one equation in Q.

    On a single direction `find` selects the roots; of others all are returned. The
    usual one, that of small learning rates and no weight decay, stands first.
    """
    constants = model.many()
    if unit.directions == 2:
        strong, weak = (*unit.strengths, 0.0)[:2]
        first, second, rises = mixed(constants, strong, weak)
    elif unit.strengths:
        first = on_signal(constants, model.rho, find, unit.latents)
        second, rises = None, np.ones(len(first.Q), bool)
    else:
        first = on_noise(constants, find, unit.latents)
        second, rises = None, np.ones(len(first.Q), bool)
    starts = _starts(unit, first, second)
    kept: list[np.ndarray] = []
    for i in [*np.flatnonzero(rises)[:1], *range(len(starts))]:
        y = _refined(unit, model, starts[i])
        if y is not None and not any(alike(y, z) for z in kept):
            kept.append(y)
    return kept


def _starts(unit: Unit, first: Latent, second: Latent | None) -> np.ndarray:
    """Return the states (n, values) of a unit whose latents, turned by 45 degrees, are these."""
    if unit.latents == 1:
        names = [name for name in NAMES if shape(name, 1, len(unit.strengths)) != (1, 0)]
        return np.stack([getattr(first, name) for name in names], axis=1)
    half = np.array([[1.0, 1.0], [1.0, -1.0]]) / np.sqrt(2)  # (latents, turned)
    zero = np.zeros_like(first.Q)
    turned = (first, second or Latent(*[zero] * 7))
    along = list(zip(turned, half.T, strict=True))
    parts: dict[str, Any] = {
        name: sum(np.einsum("n,a,b->nab", getattr(one, name), way, way) for one, way in along)
        for name in "QER"
    }
    for name in "md":
        overlaps = [np.outer(getattr(one, name), way) for one, way in along]
        parts[name] = np.stack(overlaps, axis=2)[:, :, : len(unit.strengths)]
    parts["D"] = np.stack([first.D, first.D], axis=1)
    return np.array(
        [pack(**{name: part[n] for name, part in parts.items()}) for n in range(len(zero))]
    )


def alike(y: np.ndarray, z: np.ndarray) -> bool:
    """Return whether two states of a unit differ in signs at most."""
    return np.allclose(y**2, z**2, rtol=1e-6)


def _refined(unit: Unit, model: Constants, start: np.ndarray) -> np.ndarray | None:
    """Return the fixed point of the kind of `unit` next to `start`, if there is one."""
    if not np.isfinite(start).all():
        return None
    y = newton(model, start)
    good = residual(model, y) < TOLERANCE * max(1.0, float(np.abs(y).max()))
    return y if good and intact(unit, y, bool(model.sampled)) else None


def assemble(
    model: Constants, units: Sequence[Unit], states: Sequence[np.ndarray | None]
) -> tuple[Constants, np.ndarray]:
    """Return the state made of `units`, one after the other, and the model it belongs to."""
    rho = np.array([strength for unit in units for strength in unit.strengths], float)
    latent = sum(unit.latents for unit in units)
    joint = model._replace(latent=latent, rho=rho)
    y = np.zeros(count(latent, len(rho)))
    places = _places(tuple((unit.latents, len(unit.strengths)) for unit in units))
    for place, state in zip(places, states, strict=True):
        assert state is not None, "this unit does not exist here"
        y[place] = state
    return joint, y


@lru_cache
def _places(sizes: tuple[tuple[int, int], ...]) -> list[np.ndarray]:
    """Return where the states of units of so many latents and signals stand in that of all."""
    latent, signal = (sum(each) for each in zip(*sizes, strict=True)) if sizes else (0, 0)
    parts = unpack(np.arange(count(latent, signal)), latent, signal)
    found, i, k = [], 0, 0
    for latents, signals in sizes:
        own = {"latent": slice(i, i + latents), "signal": slice(k, k + signals)}
        own["latent_"] = own["latent"]
        dims = {name: ORDER_PARAMETERS[name].dims for name in NAMES}
        blocks = {name: parts[name][tuple(own[dim] for dim in dims[name])] for name in NAMES}
        found.append(pack(**blocks))
        i, k = i + latents, k + signals
    return found


@lru_cache
def _between(a: tuple[int, int], b: tuple[int, int]) -> np.ndarray:
    """Return 1 for the entries of a state of two units that belong to both, else 0, (values,).

    Of the units it takes the numbers of latents and signals.
    """
    latent = np.repeat([0, 1], [a[0], b[0]])
    signal = np.repeat([0, 1], [a[1], b[1]])
    overlaps = (latent[:, None] != signal).astype(float)
    pairs = (latent[:, None] != latent).astype(float)
    return pack(overlaps, overlaps, pairs, pairs, pairs, np.zeros(len(latent)))
