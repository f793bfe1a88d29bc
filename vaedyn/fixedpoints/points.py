"""A list of fixed points, what is read off them, and in which order they stand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..kernels.constants import Constants
from ..model.labelled import frame, scalars
from ..model.params import Params
from ..model.quantities import NAMES, OBSERVABLES
from ..model.results import OrderParameters
from .configurations import fitting
from .near_losses import near_losses
from .single import ALIVE
from .stationary_spread import spread_out, stationary_stds

MARGINAL = 1e-8  # eigenvalues, per tau, closer to the imaginary axis decide nothing


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class FixedPoints(OrderParameters):
    """Fixed points, stable ones first; the leading axis is (points,).

    Of all that signs, permutations of latents and rotations among equal signals
    turn into one another there is one.

    Attributes
    ----------
    residual : (points,)
        Largest ``|dy/dt| / tau`` over the order parameters.
    eigenvalues_re, eigenvalues_im : (points, modes)
        Growth rates of small deviations per unit of time, by falling real
        part. Q and E stay symmetric; directions along which a symmetry moves
        the fixed point (rotations among signals of equal strength) are left
        out and read as nan.
    max_eigenvalue : (points,)
        The largest real part.
    labels : list of str
        ``learned``, ``partly learned``, ``noise-fitting``, ``entangled`` or ``collapsed``.
    types : list of str
        What the latents live on, such as ``signal 1, collapsed``.
    multiplicity : list of int or None
        How many fixed points signs and permutations of latents make of this
        one; None for a continuum, among signals of equal strength.
    reached : int or None
        Index of the fixed point in which the trajectory of the given start ends.
    lost : str
        Why that is not known, when `reached` is None: it diverges, or creeps.
    partial : str
        Why not all fixed points are listed; empty when they are.
    missing : dict
        Kinds of latents that there are not: under ``threshold`` because beta is
        too large, under ``ended`` because the learning rate or weight decay is.
    stable : (points,) bool
        Whether `max_eigenvalue` is negative, and not just marginally so.
    relaxation_time : (points,)
        Time in which the slowest deviation shrinks, or at an unstable point the
        fastest one grows, by a factor e.
    thresholds : dict
        See `vaedyn.thresholds`; ``max_lr`` is that of the point reached.
    std : dict
        Standard deviations of single runs at N = `params.dim` around each stable point when
        time has passed, of all order parameters and observables by name, (points, ...); nan
        where a point is unstable or marginal. They are those of `vaedyn.bands` at late times. What
        rotations among equal signals change is left out. Not derived for adam: a
        `ParameterError`.
    search : dict or None
        How the search went, if one was asked for: its ``starts`` and ``seed``; how many starts
        have ``converged``, and how many of these to order parameters that no weights have
        (``unphysical``), which are not listed; how many states were ``listed`` without it, of
        which it has met ``listed_found``; how many others it has ``added``; and the chance
        that a further start that leads to a fixed point meets one on no list: ``unseen``, the
        share of those that met one which no other did (Good, Biometrika 40, 1953).
    found : list of int or None
        How many starts of the search have led to each point.
    new : list of bool
        Whether a point is listed only because of the search. Of a continuum there is one state;
        other states of it may have another stability.
    warnings : list of str
        Signals that runs at N = `params.dim` may lose by their noise.
    """

    residual: np.ndarray
    max_eigenvalue: np.ndarray
    eigenvalues_re: np.ndarray
    eigenvalues_im: np.ndarray

    @property
    def labels(self) -> list[str]:
        points = [
            {name: getattr(self, name)[i] for name in NAMES} for i in range(len(self.residual))
        ]
        model, adam = Constants.of(self.params), self.params.adam
        return [classify(parts, fitting(model, parts, adam)) for parts in points]

    @property
    def types(self) -> list[str]:
        return self.info["types"]

    @property
    def multiplicity(self) -> list[int | None]:
        return self.info["multiplicity"]

    @property
    def reached(self) -> int | None:
        return self.info["reached"]

    @property
    def lost(self) -> str:
        return self.info["lost"]

    @property
    def partial(self) -> str:
        return self.info["partial"]

    @property
    def missing(self) -> dict[str, list[str]]:
        return self.info["missing"]

    @property
    def thresholds(self) -> dict[str, Any]:
        return self.info["thresholds"]

    @property
    def search(self) -> dict[str, Any] | None:
        if "search" not in self.info:
            return None
        kept, found = self.info["search"], np.array(self.info["search"]["found"])
        new, met = np.array(kept["new"]), kept["converged"] - kept["unphysical"]
        names = ("starts", "seed", "converged", "unphysical")
        return {
            **{name: kept[name] for name in names},
            "listed": int((~new).sum()),
            "listed_found": int((found[~new] > 0).sum()),
            "added": int(new.sum()),
            "unseen": float((found == 1).sum() / met) if met else 1.0,
        }

    @property
    def found(self) -> list[int] | None:
        return self.info["search"]["found"] if "search" in self.info else None

    @property
    def new(self) -> list[bool]:
        return self.info["search"]["new"] if "search" in self.info else [False] * len(self.types)

    @property
    def stable(self) -> np.ndarray:
        return self.max_eigenvalue < -MARGINAL * self.params.rate

    @property
    def marginal(self) -> np.ndarray:
        """Whether linear stability decides nothing (points,), as exactly at a threshold."""
        return np.abs(self.max_eigenvalue) <= MARGINAL * self.params.rate

    @property
    def relaxation_time(self) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.where(self.marginal, np.inf, 1 / np.abs(self.max_eigenvalue))

    @cached_property
    def std(self) -> dict[str, np.ndarray]:
        if "std" in self.info:
            return spread_out(self.info["std"], self.params, len(self.residual))
        return stationary_stds([self.params] * len(self.residual), self.states, self.stable)

    @property
    def warnings(self) -> list[str]:
        return near_losses(self)

    def to_frame(self) -> Any:
        """Return a `pandas.DataFrame` with a row for each fixed point."""
        lead = {"type": self.types, "label": self.labels, "stable": self.stable}
        lead |= {"marginal": self.marginal, "max_eigenvalue": self.max_eigenvalue}
        lead |= {"relaxation_time": self.relaxation_time, "multiplicity": self.multiplicity}
        rows = [{name: values[i] for name, values in lead.items()} for i in range(len(self.types))]
        for i, row in enumerate(rows):
            row["reached"] = i == self.reached
            if self.found is not None:
                row |= {"found": self.found[i], "new": self.new[i]}
            for name in (*OBSERVABLES, *NAMES):
                row |= scalars(name, getattr(self, name)[i])
        return frame(rows, "point")


def classify(parts: dict[str, np.ndarray], alive: np.ndarray | None = None) -> str:
    """Return the label of one fixed point, see `FixedPoints`; `alive` is `fitting` (latent,)."""
    m, Q = parts["m"], parts["Q"]
    strength = np.diag(Q)
    alive = strength > ALIVE if alive is None else alive
    if not alive.any():
        return "collapsed"
    m, Q, strength = m[alive], Q[np.ix_(alive, alive)], strength[alive]
    scale = np.sqrt(np.outer(strength, strength))
    if (np.abs(Q - np.diag(strength)) > 1e-6 * scale).any():
        return "entangled"
    on_signal = (m**2).sum(axis=1) > ALIVE * strength
    if not on_signal.all():
        return "noise-fitting"
    return "learned" if on_signal.sum() == min(parts["m"].shape) else "partly learned"


def in_order(
    params: Params,
    states: Sequence[np.ndarray],
    spectra: Sequence[np.ndarray],
    left: Sequence[float],
    types: Sequence[str],
    copies: Sequence[int | None],
    at: int | None,
    info: dict[str, Any],
) -> FixedPoints:
    """Return fixed points, the stable ones of lowest loss first; `at` is that reached."""
    rates, turns = np.real(spectra), np.imag(spectra)
    points = FixedPoints.from_states(
        params,
        np.array(states),
        residual=np.array(left),
        max_eigenvalue=np.nanmax(rates, axis=1),
        eigenvalues_re=rates,
        eigenvalues_im=turns,
    )
    size = np.trace(points.Q + points.E, axis1=1, axis2=2)
    loss = points.distortion + params.beta * points.kl + 0.5 * params.lam * size
    growing = (rates > MARGINAL * params.rate).sum(axis=1)
    order = np.lexsort((loss, growing))
    info = {
        "types": [types[i] for i in order],
        "multiplicity": [copies[i] for i in order],
        "reached": None if at is None else int(np.flatnonzero(order == at)[0]),
        **info,
    }
    if "search" in info:
        by_point = {name: [info["search"][name][i] for i in order] for name in ("found", "new")}
        info["search"] = {**info["search"], **by_point}
    arrays = {name: getattr(points, name)[order] for name in points.to_variables()}
    return replace(points, **arrays, info=info)
