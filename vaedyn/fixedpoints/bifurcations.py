"""What happens on branches, in the terms of bifurcation theory, and which branches meet there."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np

from ..kernels.constants import Constants
from ..model.state import unpack
from .arclength import END, FOLD
from .configurations import state
from .emerging import emerging
from .groups import Unit, assemble
from .newton import equivalent
from .normal_forms import CRITICAL, Coefficient, Forms, Steady, first_lyapunov
from .simpler import simpler

FOLDS, PITCHFORK, TRANSCRITICAL, HOPF, DEGENERATE = BIFURCATIONS = (
    "fold", "pitchfork", "transcritical", "hopf", "degenerate",
)  # fmt: skip
SUPER, SUB = "supercritical", "subcritical"
STABILITY = "stability"
SAME = 1e-7  # of the range: events that are closer are at one place
APART = 1e-3  # from where a branch ends: a point on it that shows its direction
UNLISTED = "the branch that begins here has no closed form, and is not listed"
UNSEEN = "no fixed point is found next to it"
UNKNOWN = {"bifurcation": None, "side": None, "coefficient": None, "frequency": None}


def named(traced: Any, found: Sequence[Any]) -> list[list[dict[str, Any]]]:
    """Return what the events of each branch are, by rising value of what is varied.

    Parameters
    ----------
    traced : Continuation
        See `vaedyn.fixedpoints.branches`.
    found : sequence
        Branches of it.

    Returns
    -------
    list of list of dict
        Events, see `Branches.events`, without the number of the branch.
    """
    events = [
        [{"kind": kind, "at": float(at), **UNKNOWN, "multiplicity": None, "meets": []}
         for kind, at in sorted(branch.events, key=lambda event: event[1])]
        for branch in found
    ]  # fmt: skip
    naming = _Naming(traced, found)
    for n, own in enumerate(events):
        for event in own:
            if event["kind"] == FOLD:
                event |= naming.fold(n, event["at"])
            elif event["kind"] == END:
                event |= naming.end(n, event["at"])
    for n, own in enumerate(events):
        for event in own:
            if event["kind"] == STABILITY:
                event |= naming.change(n, event["at"], events)
    return events


def steady(model: Constants, y: np.ndarray, direction: np.ndarray) -> dict[str, Any]:
    """Return the bifurcation of a fixed point with a vanishing eigenvalue, along a branch.

    Parameters
    ----------
    model : Constants
    y : (values,)
        What the branch with more symmetry is there.
    direction : (values,)
        Towards the other branch: of transcritical ones towards that half of it that weights have.
    """
    forms = Forms(model, y)
    quadratic, cubic = Steady(forms).coefficients(forms.gather @ direction)
    kind, chosen = (PITCHFORK, cubic) if quadratic.vanishes else (TRANSCRITICAL, quadratic)
    return _with_side(kind, chosen, model.lr)


def _with_side(kind: str, coefficient: Coefficient, scale: float) -> dict[str, Any]:
    side = SUPER if coefficient.value < 0 else SUB
    if coefficient.vanishes:
        kind, side = DEGENERATE, None
    return {
        **UNKNOWN,
        "bifurcation": kind,
        "side": side,
        "coefficient": float(coefficient.value * scale),
    }


def hopf(model: Constants, y: np.ndarray) -> dict[str, Any]:
    """Return the Hopf bifurcation of a fixed point with one pair of imaginary eigenvalues."""
    omega, lyapunov = first_lyapunov(Forms(model, y))
    return {**_with_side(HOPF, lyapunov, 1.0), "frequency": omega * model.lr}


def turn(model: Constants, y: np.ndarray) -> dict[str, Any]:
    """Return the fold of a branch at `y`, with the coefficient along growing Q."""
    forms = Forms(model, y)
    direction = Steady(forms).right[:, :1].sum(axis=1)
    size = unpack(forms.spread @ direction, model.latent, model.signal)["Q"].trace()
    quadratic, _ = Steady(forms).coefficients(direction * (1 if size >= 0 else -1))
    kind = DEGENERATE if quadratic.vanishes else FOLDS
    return {**UNKNOWN, "bifurcation": kind, "coefficient": float(quadratic.value * model.lr)}


class _Naming:
    """What happens on branches that have been followed."""

    def __init__(self, traced: Any, found: Sequence[Any]):
        self.traced, self.found = traced, found
        self.close = SAME * (traced.high - traced.low)
        self.joined = lru_cache(self._joined)
        self.turned = lru_cache(self._turned)

    def _tip(self, unit: Unit, number: int, x: float) -> tuple[Constants, np.ndarray]:
        piece = self.traced.pieces[unit][number]
        return self.traced.alone(unit, x), piece.states[0 if piece.x[0] == x else -1]

    def _ending(self, n: int, x: float, kind: str) -> list[Unit]:
        """Return the living units of a branch whose pieces end at `x` in this way."""
        found = []
        for unit, number in self.found[n].chosen.items():
            piece = self.traced.pieces[unit][number]
            if (piece.x[0], piece.first) == (x, kind) or (piece.x[-1], piece.last) == (x, kind):
                found.append(unit)
        return found

    def _joined(self, unit: Unit, number: int, x: float) -> tuple[Any, dict[str, Any]]:
        """Return the fixed point that a unit joins at `x`, and the bifurcation there."""
        model, tip = self._tip(unit, number, x)
        y = simpler(unit, model, tip)
        if y is None:
            return y, UNKNOWN
        piece = self.traced.pieces[unit][number]
        states = piece.states if piece.x[0] == x else piece.states[::-1]
        apart = np.abs(states - y).max(axis=1) > APART  # the last points are rounding errors
        return y, steady(model, y, states[np.argmax(apart)] - y)

    def _turned(self, unit: Unit, number: int, x: float) -> dict[str, Any]:
        return turn(*self._tip(unit, number, x))

    def fold(self, n: int, x: float) -> dict[str, Any]:
        """Return what is known of a fold of branch `n`."""
        branch, unit = self.found[n], self._ending(n, x, FOLD)[0]
        meets = []
        for i, other in enumerate(self.found):
            if i == n or other.configuration != branch.configuration:
                continue
            same = all(other.chosen[each] == branch.chosen[each]
                       for each in branch.chosen if each != unit)  # fmt: skip
            if same and unit in self._ending(i, x, FOLD):
                meets.append(i)
        return {**self.turned(unit, branch.chosen[unit], x), "meets": meets,
                "multiplicity": 1}  # fmt: skip

    def end(self, n: int, x: float) -> dict[str, Any]:
        """Return what is known of the end of branch `n`, where it joins others."""
        branch, units = self.found[n], self._ending(n, x, END)
        joined = {unit: self.joined(unit, branch.chosen[unit], x) for unit in units}
        if any(y is None for y, _ in joined.values()):
            return {"why": "the state that it joins is not found"}
        placed = [self.traced.at(unit, x) for unit in branch.configuration]
        there = self.traced.units(branch.chosen, x)
        states = [joined[unit][0] if unit in joined else there.state(place)
                  for unit, place in zip(branch.configuration, placed, strict=True)]  # fmt: skip
        model, y = assemble(there.model, placed, states)
        meets = [i for i in range(len(self.found)) if i != n and self._at(i, model, y, x)]
        why = {} if meets else {"why": "no branch that is listed leads through the state it joins"}
        return {**joined[units[0]][1], "meets": meets,
                "multiplicity": self._multiplicity(meets, x), **why}  # fmt: skip

    def _at(self, n: int, model: Constants, y: np.ndarray, x: float) -> bool:
        """Return whether a branch goes through the state `y` at `x`."""
        branch = self.found[n]
        inside = branch.x[0] + self.close < x < branch.x[-1] - self.close
        if not inside and x not in (branch.x[0], branch.x[-1]):
            return False
        if any(abs(at - x) < self.close for kind, at in branch.events if kind != STABILITY):
            return False
        near = np.array([np.interp(x, branch.x, values) for values in branch.states.T])
        loose = 0.1 * max(1.0, float(np.abs(y).max()) ** 2)
        if not equivalent(
            _ordered(self.traced.path(x), near), _ordered(model, y), rtol=0.1, atol=loose
        ):
            return False
        placed = tuple(self.traced.at(unit, x) for unit in branch.configuration)
        there = self.traced.units(branch.chosen, x)
        exact = state(there, placed)
        return equivalent(_ordered(there.model, exact), _ordered(model, y), rtol=1e-6, atol=1e-8)

    def _spectrum(self, n: int, x: float) -> np.ndarray:
        """Return the eigenvalues on a branch, over tau."""
        branch = self.found[n]
        there = self.traced.units(branch.chosen, x)
        values = there.spectrum([self.traced.at(unit, x) for unit in branch.configuration])
        return values[~np.isnan(values)] / there.model.lr

    def _multiplicity(self, meets: Sequence[int], x: float) -> int | None:
        """Return how many eigenvalues, or pairs of them, cross on the branch that is joined."""
        if not meets:
            return None
        values = self._spectrum(meets[0], x)
        near = np.abs(np.real(values)) < CRITICAL * np.abs(values).max()
        return int((near & (np.imag(values) >= 0)).sum())

    def change(
        self, n: int, x: float, events: Sequence[Sequence[dict[str, Any]]]
    ) -> dict[str, Any]:
        """Return what is known of a change of stability of branch `n`."""
        many = self._multiplicity([n], x)
        meets, first = [], None
        for i, own in enumerate(events):
            for event in own:
                if (
                    event["kind"] == END
                    and n in event["meets"]
                    and abs(event["at"] - x) < self.close
                ):
                    meets.append(i)
                    first = first or {name: event[name] for name in UNKNOWN}
        found = first or self._alone(n, x)
        if not meets and found["bifurcation"] not in (HOPF, None):
            meets, why = self._beside(n, x)
            return {**found, "meets": meets, "multiplicity": many, **why}
        return {**found, "meets": meets, "multiplicity": many}

    def _beside(self, n: int, x: float) -> tuple[list[int], dict[str, str]]:
        """Return the branches that pass through a bifurcation of branch `n`, or why none does."""
        key = self._critical(n, x)
        placed = [self.traced.at(unit, x) for unit in self.found[n].configuration]
        there = self.traced.units(self.found[n].chosen, x)
        model, y = assemble(there.model, key, [there.state(unit) for unit in key])
        rest = placed.copy()
        for unit in key:
            rest.remove(unit)
        joint = Unit(model.latent, tuple(model.rho.tolist()))

        def others(at: float, z: np.ndarray) -> list[int] | None:
            """Return the other branches through `z` and the rest of the state at `at`."""
            now = self.traced.units(self.found[n].chosen, at)
            scale = now.model.rho.max() / there.model.rho.max()
            units = [unit._replace(strengths=tuple(scale * rho for rho in unit.strengths))
                     for unit in (joint, *rest)]  # fmt: skip
            parts = [z, *(now.state(unit) for unit in units[1:])]
            if any(part is None for part in parts):
                return None
            whole = assemble(now.model, units, parts)
            return [i for i in range(len(self.found)) if i != n and self._at(i, *whole, at)]

        def alone(at: float) -> Constants:
            scale = self.traced.path(at).rho.max() / there.model.rho.max()
            return self.traced.path(at)._replace(latent=model.latent, rho=model.rho * scale)

        meets = others(x, y)
        if meets:
            return meets, {}
        forms = Forms(model, y)
        direction = forms.spread @ Steady(forms).right[:, 0]
        new = emerging(alone, x, self.traced.high - self.traced.low, y, direction)
        return [], {"why": UNLISTED if any(others(*each) == [] for each in new) else UNSEEN}

    def _critical(self, n: int, x: float) -> tuple[Unit, ...]:
        """Return the units of a branch among which an eigenvalue vanishes at `x`."""
        there = self.traced.units(self.found[n].chosen, x)
        placed = [self.traced.at(unit, x) for unit in self.found[n].configuration]
        keys: list[tuple[Unit, ...]] = [(unit,) for unit in dict.fromkeys(placed)]
        keys += list(dict.fromkeys(combinations(placed, 2)))

        def least(key: tuple[Unit, ...]) -> float:
            values = there.modes(*key)
            return float(np.abs(np.real(values[~np.isnan(values)])).min(initial=np.inf))

        nearest = min(map(least, keys)) + CRITICAL * there.model.lr
        return next(key for key in keys if least(key) <= nearest)  # within one, if there is one

    def _alone(self, n: int, x: float) -> dict[str, Any]:
        """Return the bifurcation of a branch that no other one is known to meet at `x`."""
        there, key = self.traced.units(self.found[n].chosen, x), self._critical(n, x)
        model, y = assemble(there.model, key, [there.state(unit) for unit in key])
        forms = Forms(model, y)
        if forms.zeros() == 0:
            pair = np.abs(np.real(forms.values)) < CRITICAL * forms.scale
            return hopf(model, y) if pair.sum() == 2 else {**UNKNOWN, "bifurcation": HOPF}
        centre = Steady(forms)
        if centre.count > 1:
            return {**UNKNOWN, "bifurcation": PITCHFORK if len(key) == 2 else None}
        direction = forms.spread @ centre.right[:, 0]
        size = unpack(direction, model.latent, model.signal)["Q"].trace()
        return steady(model, y, direction * (1 if size >= 0 else -1))


def _ordered(model: Constants, y: np.ndarray) -> tuple[np.ndarray, int, np.ndarray]:
    return y, model.latent, model.rho
