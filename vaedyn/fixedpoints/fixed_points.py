"""Where learning ends: fixed points of the order parameters' ODE and their stability."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np

from ..errors import ConvergenceError, DivergenceError, ParameterError
from ..kernels.constants import Constants
from ..learning.theory import theory, tolerances
from ..model.asked import params_of
from ..model.labelled import frame, scalars
from ..model.numerics import NUMERICS
from ..model.params import Fields, Params, integer
from ..model.progress import Asked, shows
from ..model.quantities import NAMES, OBSERVABLES
from ..model.records import Computed, Progress, Store, kept
from ..model.results import OrderParameters
from ..model.state import unpack
from .configurations import (
    Configuration,
    TooManyError,
    configurations,
    describe,
    missing,
    multiplicity,
    neighbours,
    state,
)
from .destination import destination
from .groups import Unit, Units
from .newton import eigenvalues, residual
from .single import ALIVE
from .thresholds import thresholds

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
    """

    residual: np.ndarray
    max_eigenvalue: np.ndarray
    eigenvalues_re: np.ndarray
    eigenvalues_im: np.ndarray

    @property
    def labels(self) -> list[str]:
        return [
            classify({name: getattr(self, name)[i] for name in NAMES})
            for i in range(len(self.residual))
        ]

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

    def to_frame(self) -> Any:
        """Return a `pandas.DataFrame` with a row for each fixed point."""
        lead = {"type": self.types, "label": self.labels, "stable": self.stable}
        lead |= {"marginal": self.marginal, "max_eigenvalue": self.max_eigenvalue}
        lead |= {"relaxation_time": self.relaxation_time, "multiplicity": self.multiplicity}
        rows = [{name: values[i] for name, values in lead.items()} for i in range(len(self.types))]
        for i, row in enumerate(rows):
            row["reached"] = i == self.reached
            for name in (*OBSERVABLES, *NAMES):
                row |= scalars(name, getattr(self, name)[i])
        return frame(rows, "point")


def classify(parts: dict[str, np.ndarray]) -> str:
    """Return the label of one fixed point, see `FixedPoints`."""
    m, Q = parts["m"], parts["Q"]
    strength = np.diag(Q)
    alive = strength > ALIVE
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


@shows("fixed points", "points")
def fixed_points(
    params: Params | None = None,
    *,
    groups: int = 2,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    store: Store | None = None,
    progress: Asked = None,
    **changes: Unpack[Fields],
) -> FixedPoints:
    """Find all fixed points in which latents live alone, or in groups of two, on directions.

    Each latent lives on a signal or on background noise, or has collapsed; two
    may share a direction or be mixed over two. They are roots of one function each,
    refined by Newton's method. The end of the trajectory (taken from
    the store if it is there) is integrated on until it barely moves, and past
    saddles; it is listed as well if it is none of these. Of more than 5000 fixed
    points only the one reached and its neighbours are listed, see
    `FixedPoints.partial`.

    Parameters
    ----------
    params : Params, optional
        With annealing, beta stands for its final value after `t_max`.
    groups : {0, 1, 2}
        Most latents that live together. With 0 only the end of the trajectory
        and the collapsed state are listed.
    rtol, atol : float
        Tolerances of the trajectory, see `vaedyn.theory`.
    store : ResultStore, optional
        Where to look for the trajectory and the result, and to keep both.
    progress : bool or callable, optional
        True shows a bar; a function is called as ``progress(done, total)`` with numbers of fixed
        points.
    **changes
        Parameters of the model, in place of those of `params` or of the defaults.

    Raises
    ------
    ParameterError
        When beta is 0, where encoder variances shrink for ever.
    ConvergenceError, DivergenceError
        When nothing but the end of the trajectory is wanted, and it cannot be found.
    """
    params = params_of(fixed_points, params, changes)
    rtol, atol = tolerances(rtol, atol)
    if integer("groups", groups, 0) > 2:
        raise ParameterError("groups", f"must be 0, 1 or 2, got {groups}")
    if params.beta == 0:
        raise ParameterError("beta", "must be > 0 for fixed points: D shrinks for ever at beta = 0")

    def compute() -> Computed:
        units = Units(Constants.of(params))
        found, reached, lost, partial = [], None, "", ""
        try:
            found = configurations(units, groups)
        except TooManyError as error:
            partial = f"{error.reason}; listed are that which is reached, and its neighbours"
        try:
            trajectory = theory(params, rtol=rtol, atol=atol, store=store)
            reached = destination(params, trajectory.states[-1], rtol)
        except (ConvergenceError, DivergenceError) as error:
            if groups == 0:
                raise
            lost = str(error)
        if partial:
            found = neighbours(units, reached, groups)
        points = _listed(params, units, found, reached, groups, progress)
        variables, info = points.to_kept("point")
        return variables, {**info, "lost": lost, "partial": partial}

    record = {**params.to_dict(), "rtol": rtol, "atol": atol, "groups": int(groups)}
    record["numerics"] = NUMERICS["fixedpoints"]
    return FixedPoints.from_kept(params, kept(store, "fixedpoints", record, compute))


def _listed(
    params: Params,
    units: Units,
    found: Sequence[Configuration],
    reached: np.ndarray | None,
    groups: int,
    progress: Progress | None = None,
) -> FixedPoints:
    """Return the fixed points `found`, and the one that was reached, if any, in order."""
    rho = params.strengths.tolist()
    states = [state(units, configuration) for configuration in found]
    spectra = []
    for configuration in found:
        spectra.append(units.spectrum(configuration))
        if progress:
            progress(len(spectra), len(found))
    types = [describe(configuration, rho) for configuration in found]
    copies = [multiplicity(configuration) for configuration in found]
    at = None
    if reached is not None:
        at = next((i for i, y in enumerate(states) if _alike(params, y, reached)), len(states))
    if at is not None and reached is not None and at < len(states):
        states[at] = reached  # with the signs and the order that the start leads to
    elif reached is not None:
        states.append(reached)
        spectra.append(eigenvalues(units.model, reached))
        types.append("of another kind" if groups == 2 else "the end of the trajectory")
        copies.append(None)
    rates, turns = np.real(spectra), np.imag(spectra)
    points = FixedPoints.from_states(
        params,
        np.array(states),
        residual=np.array([residual(units.model, y) for y in states]),
        max_eigenvalue=np.nanmax(rates, axis=1),
        eigenvalues_re=rates,
        eigenvalues_im=turns,
    )
    size = np.trace(points.Q + points.E, axis1=1, axis2=2)
    loss = points.distortion + params.beta * points.kl + 0.5 * params.lam * size
    growing = (rates > MARGINAL * params.rate).sum(axis=1)
    order = np.lexsort((loss, growing))
    reached_one = None if at is None or at == len(found) else found[at]
    limits = thresholds(params, configuration=reached_one)
    single = {Unit(1, (s,)): beta for s, beta in zip(rho, limits["collapse"], strict=True)}
    single[Unit(1, (), 1)] = np.inf if limits["noise"] is None else limits["noise"]
    info = {
        "types": [types[i] for i in order],
        "multiplicity": [copies[i] for i in order],
        "reached": None if at is None else int(np.flatnonzero(order == at)[0]),
        "missing": missing(units, groups, single),
        "thresholds": limits,
    }
    arrays = {name: getattr(points, name)[order] for name in points.to_variables()}
    return replace(points, **arrays, info=info)


def _alike(params: Params, y: np.ndarray, z: np.ndarray) -> bool:
    """Return whether signs, permutations and rotations may turn one state into the other."""

    def invariants(state: np.ndarray) -> np.ndarray:
        parts = unpack(state, params.latent, params.signal)
        both = np.hstack([parts["m"], parts["d"]]) * np.sqrt(np.tile(params.strengths, 2))
        squares = [parts[name] @ parts[name].T for name in "QER"]
        return np.concatenate(
            [np.sort(parts["D"])]
            + [np.sort(np.diag(square)) for square in (both @ both.T, *squares)]
        )

    return bool(np.allclose(invariants(y), invariants(z), rtol=1e-6, atol=1e-9))
