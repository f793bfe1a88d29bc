"""How fixed points move, appear and change stability when one constant is varied."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from itertools import pairwise, product
from typing import Any, NamedTuple, Unpack

import numpy as np

from ..errors import ParameterError
from ..kernels.constants import Constants
from ..model.asked import STEPS, params_of
from ..model.numerics import NUMERICS
from ..model.params import IN_TIME, Fields, Params, integer, real
from ..model.progress import Asked, shows
from ..model.records import Computed, Progress, Store, kept
from ..model.state import observables, unpack
from .arclength import EDGE, END, ESCAPE, Piece, end_of, escape_of, spaced, trace
from .bifurcations import named
from .configurations import Configuration, configurations, describe, kinds, state
from .followed import Branches
from .groups import Unit, Units, alike, intact
from .newton import newton, root
from .simpler import joins_at, living, simpler
from .varied import VARIED, ratios, vary

GRID = 120  # steps along the range
MOST = 200  # branches


class _Found(NamedTuple):
    """One branch: pieces of units, nodes, states, growth rates, and what happens on it."""

    configuration: Configuration
    chosen: dict[Unit, int]
    x: np.ndarray
    states: np.ndarray
    growth: np.ndarray
    events: list[tuple[str, float]]


class Continuation:
    """Pieces of branches of all units over a range, and states made of them in so many steps.

    `first`: only of the branch that each unit is on where the range begins, if it is there.
    """

    def __init__(
        self,
        path: Callable[[float], Constants],
        low: float,
        high: float,
        wanted: Iterable[Unit],
        steps: int = GRID,
        first: bool = False,
    ):
        self.path, self.low, self.high, self.steps = cache(path), low, high, steps
        self.base = path(high)
        self.at, self._on = cache(self._at), cache(self._state)
        self.pieces: dict[Unit, list[Piece]] = {}
        self._nodes: dict[tuple[Any, ...], Units] = {}
        for unit in wanted:
            self.pieces[unit] = self._trace(unit, first)
        for unit in () if first else [*self.pieces]:
            self._trace_joined(unit)

    def alone(self, unit: Unit, x: float) -> Constants:
        """Return the model at `x` of a unit, whose strengths are those at the end of the range."""
        return self.path(x)._replace(latent=unit.latents, rho=np.array(self.at(unit, x).strengths))

    def _at(self, unit: Unit, x: float) -> Unit:
        """Return a unit with the strengths that its signals have at `x`."""
        scale = self.path(x).rho.max() / self.base.rho.max()
        return unit._replace(strengths=tuple(rho * scale for rho in unit.strengths))

    def _trace(self, unit: Unit, first: bool) -> list[Piece]:
        found: list[Piece] = []
        for x in spaced(self.low, self.high, 9)[: 1 if first else None].tolist():
            units, here = Units(self.path(x)), self.at(unit, x)
            for each in [here] if first else units.branches(here):
                start = units.state(each)
                if start is None or any(self._passes(unit, piece, x, start) for piece in found):
                    continue
                pieces = trace(unit, lambda v: self.alone(unit, v), start, x, self.low, self.high)
                found += [self._ended(unit, piece) for piece in pieces]
        return found

    def _trace_joined(self, unit: Unit) -> None:
        """Add branches that others end on, which may be there in a small part of the range only."""
        for piece in self.pieces[unit]:
            for kind, at in ((piece.first, 0), (piece.last, -1)):
                x = float(piece.x[at])
                y = simpler(unit, self.alone(unit, x), piece.states[at]) if kind == END else None
                left = None if y is None else living(unit, y)
                if left is None or left[0] not in self.pieces or not self.low <= x <= self.high:
                    continue
                other, start = left
                known = self.pieces[other]
                if not any(self._passes(other, each, x, start) for each in known):
                    path = partial(self.alone, other)
                    new = trace(other, path, start, x, self.low, self.high)
                    known += [self._ended(other, each) for each in new]

    def _passes(self, unit: Unit, piece: Piece, x: float, state: np.ndarray) -> bool:
        """Return whether a piece leads through `state` at `x`."""
        if not piece.x[0] <= x <= piece.x[-1]:
            return False
        return alike(newton(self.alone(unit, x), piece.guess(x)), state)

    def _ended(self, unit: Unit, piece: Piece) -> Piece:
        """Return a piece with its ends moved to where the branch really ends."""
        x = piece.x.copy()
        for kind, at in ((piece.first, 0), (piece.last, -1)):
            if kind == END:
                path = partial(self.alone, unit)
                x[at] = end_of(unit, path, piece, at == -1)
                near = [float(x[at]), float(piece.x[at])]
                exact = (joins_at(unit, path, value, piece.states[at]) for value in near)
                x[at] = next((value for value in exact if value is not None), x[at])
        order = np.argsort(x)
        return piece._replace(x=x[order], states=piece.states[order])

    def units(self, chosen: dict[Unit, int], x: float) -> Units:
        """Return the units at `x`, living ones from the piece of each that is chosen."""
        key = (x, *sorted((unit, n) for unit, n in chosen.items() if n))
        if key not in self._nodes:
            self._nodes[key] = Units(self.path(x))
        units = self._nodes[key]
        for unit, n in chosen.items():
            here = self.at(unit, x)
            if not units.known(here):
                units.put(here, self._on(unit, n, x))
        return units

    def _state(self, unit: Unit, n: int, x: float) -> np.ndarray:
        """Return the state of a unit on one of its pieces."""
        piece = self.pieces[unit][n]
        guess = piece.guess(x)
        tip = x in (piece.x[0], piece.x[-1])
        model, sampled = self.alone(unit, x), bool(self.base.sampled)
        # where other branches meet this one, the drift hardly changes towards them
        tries = (newton(model, guess, still=each) for each in (1e-10, 1e-6) if not tip)
        there = (found for found in tries if intact(unit, found, sampled))
        return next(there, guess)

    def choices(self, configuration: Configuration) -> list[dict[Unit, int]]:
        """Return all ways to choose a piece for each living unit."""
        living = sorted({unit for unit in configuration if unit.alive})
        numbers = product(*(range(len(self.pieces[unit])) for unit in living))
        return [dict(zip(living, chosen, strict=True)) for chosen in numbers]

    def _happens(self, piece: Piece, at: int, kind: str, x: float) -> float:
        """Return where what limits a piece at `x` happens: beyond its last point, if it escapes."""
        there = escape_of(piece, at) if kind == ESCAPE else x
        return float(np.clip(there, self.low, self.high))

    def branch(self, configuration: Configuration, chosen: dict[Unit, int]) -> _Found | None:
        """Return the branch of `configuration` on the chosen piece of each living unit."""
        pieces = [self.pieces[unit][n] for unit, n in chosen.items()]
        low = max([self.low, *(piece.x[0] for piece in pieces)])
        high = min([self.high, *(piece.x[-1] for piece in pieces)])
        if not low < high:
            return None
        ends = [(piece, 0, piece.first, low) for piece in pieces if piece.x[0] == low]
        ends += [(piece, -1, piece.last, high) for piece in pieces if piece.x[-1] == high]
        ends = [end for end in ends if end[2] != EDGE]
        events = list(dict.fromkeys((end[2], self._happens(*end)) for end in ends))
        nodes = [x for x in spaced(self.low, self.high, self.steps + 1).tolist() if low < x < high]
        tips = {end[3] for end in ends}
        for piece in pieces:  # the points of a branch lie closer where it bends
            for tip in tips & {piece.x[0], piece.x[-1]}:
                close = np.abs(piece.x - tip) < 0.02 * (self.high - self.low)
                nodes += [x for x in piece.x[close].tolist() if low < x < high]
        x = np.unique([low, *nodes, high])

        def here(value: float) -> tuple[Units, Configuration]:
            placed = tuple(self.at(unit, value) for unit in configuration)
            return self.units(chosen, value), placed

        def growth(value: float) -> float:
            units, placed = here(value)
            return units.growth(placed) / units.model.lr

        rates = np.array([growth(value) for value in x])
        # where a branch ends something is marginal, and the sign of growth is noise
        sure = np.abs(rates) > 1e-11
        sure[0] &= low not in tips
        sure[-1] &= high not in tips
        for i, j in pairwise(np.flatnonzero(sure)):
            if rates[i] * rates[j] < 0:
                events.append(("stability", root(growth, float(x[i]), float(x[j]))))
        states = np.array([state(*here(value)) for value in x])
        return _Found(
            configuration, chosen, x, states, rates * [self.path(v).lr for v in x], events
        )


@shows("branches", "branches")
def branches(
    params: Params | None = None,
    name: str = "beta",
    low: float = 0.05,
    high: float = 3.0,
    *,
    groups: int = 2,
    store: Store | None = None,
    progress: Asked = None,
    **changes: Unpack[Fields],
) -> Branches:
    """Follow all fixed points while one constant is varied, through folds.

    Parameters
    ----------
    params : Params, optional
        All other constants; where learning starts does not matter.
    name : {"beta", "eta", "rho", "lam", "lr"}
        The constant that varies. With ``rho`` all signals are scaled together, and the
        range is that of the strongest. With ``lr`` and three rates the range is that of the
        decoder's, and the others keep their ratio to it.
    low, high : float
        The range.
    groups : {0, 1, 2}
        Most latents that live together, see `vaedyn.fixed_points`.
    store : ResultStore, optional
        Where to look for the result, and to keep it.
    progress : bool or callable, optional
        True shows a bar; a function is called as ``progress(done, total)``, in branches.
    **changes
        Parameters of the model, in place of those of `params` or of the defaults.

    Raises
    ------
    ParameterError
        When the range makes no sense, or there are more than 200 branches.
    """
    params = params_of(branches, params, changes, derived=STEPS)
    low, high = in_range(params, name, low, high)
    if integer("groups", groups, 0) > 2:
        raise ParameterError("groups", f"must be 0, 1 or 2, got {groups}")

    def compute() -> Computed:
        traced, found = _all(params, name, low, high, groups, progress)
        return _joined(params, name, traced, found).to_kept("point")

    strongest = params.strengths.max() if name == "rho" else 1
    constants = {**params.to_dict(), "rho": (params.strengths / strongest).tolist()}
    aside = IN_TIME | ({name} - {"rho"})
    record = {key: value for key, value in constants.items() if key not in aside}
    if name == "lr" and isinstance(params.lr, tuple):
        record["lr"] = ratios(params)
    record |= {"varied": name, "from": low, "to": high, "groups": int(groups)}
    record["numerics"] = NUMERICS["branches"]
    return Branches.from_kept(params, kept(store, "branches", record, compute))


def in_range(params: Params, name: str, low: float, high: float) -> tuple[float, float]:
    """Return the range after checking it."""
    if name not in VARIED:
        raise ParameterError("name", f"expected one of {', '.join(VARIED)}, got {name!r}")
    low = real("low", low, least_allowed=name == "lam")
    high = real("high", high)
    if not low < high:
        raise ParameterError("high", f"must be above low, {low:g}, got {high:g}")
    if name != "beta" and params.beta == 0:
        raise ParameterError("beta", "must be > 0 for fixed points: D shrinks for ever at beta = 0")
    return low, high


def _all(
    params: Params, name: str, low: float, high: float, groups: int, progress: Progress | None
) -> tuple[Continuation, list[_Found]]:
    """Return all branches, the attracting ones first, and the pieces that they are made of."""
    model = vary(params, name, high)
    wanted = [unit for unit in kinds(model, groups) if unit.latents <= params.latent]
    traced = Continuation(lambda x: vary(params, name, x), low, high, wanted)
    there = Units(model)
    for unit in kinds(model, groups):
        pieces = traced.pieces.get(unit)
        there.put(unit, pieces[0].states[0] if pieces else None)
    found = [
        configuration
        for configuration in configurations(there, groups)
        if not any(unit.branch for unit in configuration)  # the pieces of `traced` are all
    ]
    choices = [(each, chosen) for each in found for chosen in traced.choices(each)]
    if len(choices) > MOST:
        fewer = "lower groups" if groups > 1 else "lower latent or signal"
        raise ParameterError("groups", f"there are more than {MOST} branches: {fewer}")
    there_are: list[_Found] = []
    for n, (configuration, chosen) in enumerate(choices):
        branch = traced.branch(configuration, chosen)
        if progress:
            progress(n + 1, len(choices))
        there_are += [] if branch is None else [branch]
    order = sorted(there_are, key=lambda each: (float(np.mean(each.growth > 0)), each.x[0]))
    return traced, order


def _joined(params: Params, name: str, traced: Continuation, found: Sequence[_Found]) -> Branches:
    """Return the branches as one array."""
    x = np.concatenate([branch.x for branch in found])
    parts = unpack(
        np.concatenate([branch.states for branch in found]), params.latent, params.signal
    )
    seen = []
    for i, value in enumerate(x.tolist()):
        model = vary(params, name, value)
        seen.append(observables({k: part[i] for k, part in parts.items()}, model.rho, model.eta))
    rho = traced.base.rho.tolist()
    happens = enumerate(named(traced, found))
    events = [{"branch": n, **event} for n, own in happens for event in own]
    types = [describe(branch.configuration, rho) for branch in found]
    if params.sampled:  # which are on noise, and which have collapsed, changes along a branch
        types = [name.replace("noise", "noise or collapsed") for name in types]
    measured: dict[str, Any] = {key: np.array([item[key] for item in seen]) for key in seen[0]}
    return Branches(
        params=params,
        **parts,
        **measured,
        varied=x,
        branch=np.repeat(np.arange(len(found)), [len(branch.x) for branch in found]),
        growth=np.concatenate([branch.growth for branch in found]),
        info={"name": name, "types": types, "events": events},
    )
