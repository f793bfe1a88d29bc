"""Where learning ends: fixed points of the order parameters' ODE and their stability."""

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from ..errors import ConvergenceError, DivergenceError, ParameterError
from ..learning.theory import theory, tolerances
from ..model.asked import TRAINING, params_of
from ..model.numerics import NUMERICS
from ..model.params import Fields, Params, integer
from ..model.progress import Asked, shows
from ..model.records import Computed, Progress, Store, kept
from .configurations import (
    Configuration,
    TooManyError,
    asleep,
    configurations,
    describe,
    missing,
    multiplicity,
    neighbours,
    state,
)
from .destination import destination
from .groups import Unit, Units
from .newton import eigenvalues, equivalent, residual
from .points import FixedPoints, in_order
from .search import Starts, searched, spectrum, starts_of
from .stationary_spread import closely
from .symmetries import apart, how_many, living_on
from .thresholds import thresholds
from .under_adam import Adam, Found, end_under_adam
from .varied import constants_of


@shows("fixed points", "points")
def fixed_points(
    params: Params | None = None,
    *,
    groups: int = 2,
    search: int | None = None,
    search_seed: int = 0,
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

    With momentum and batches, learning rates are lr/(1 - momentum), and all that a finite rate adds
    is divided by the batch. The rates of encoder and variances, relative to that of the decoder,
    change stability, and how fast deviations decay; fixed points depend on that of the encoder
    only, and through what a finite rate adds. Sampled latents always fit a little noise:
    those without a signal count as collapsed up to 0.01 nats of KL divergence. So do those
    under Adam, for which latents that share directions are not derived, nor weight decay.

    Parameters
    ----------
    params : Params, optional
        With annealing, beta stands for its final value after `t_max`.
    groups : {0, 1, 2}
        Most latents that live together. With 0 only the end of the trajectory
        and the collapsed state are listed.
    search : int, optional
        Number of random weights, at most 1,000,000, from which Newton's method looks for further
        fixed points: groups of three or more latents, and any others. They are listed, too, see
        `FixedPoints.search`. A search is no proof that there are no more.
    search_seed : int
        Seed of these weights. Those of a smaller number are the first of a larger one.
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
        When beta is 0, where encoder variances shrink for ever; for a search under Adam, which
        is not derived, or among more than 700 order parameters.
    ConvergenceError, DivergenceError
        When nothing but the end of the trajectory is wanted, and it cannot be found.
    """
    params = params_of(fixed_points, params, changes, derived=TRAINING)
    rtol, atol = tolerances(rtol, atol)
    if integer("groups", groups, 0) > 2:
        raise ParameterError("groups", f"must be 0, 1 or 2, got {groups}")
    if params.beta == 0:
        raise ParameterError("beta", "must be > 0 for fixed points: D shrinks for ever at beta = 0")
    starts = None if search is None else starts_of(params, search, search_seed)

    def compute() -> Computed:
        if params.adam:
            points = _under_adam(params, groups, rtol, atol, store, progress)
            variables, info = points.to_kept("point")
            return variables, info
        units = Units(constants_of(params))
        found, reached, lost, partial = [], None, "", ""
        try:
            found = configurations(units, groups)
        except TooManyError as error:
            partial = f"{error.reason}; listed are that which is reached, and its neighbours"
        try:
            trajectory = theory(params, rtol=rtol, atol=atol, store=store)
            reached = destination(params, trajectory.states[-1], rtol)
        except (ConvergenceError, DivergenceError) as error:
            if groups == 0 and not starts:
                raise
            lost = str(error)
        if partial:
            found = neighbours(units, reached, groups)
        if reached is None and not found and not starts:
            raise ConvergenceError(f"no fixed point is known: {lost}")
        points = _listed(params, units, found, reached, groups, starts, progress)
        variables, info = points.to_kept("point")
        return variables, {**info, "lost": lost, "partial": partial, "std": closely(points.std)}

    record = {**params.to_dict(), "rtol": rtol, "atol": atol, "groups": int(groups)}
    if starts:
        record |= {"search": starts.number, "search_seed": starts.seed}
    record["numerics"] = NUMERICS["fixedpoints"]
    return FixedPoints.from_kept(params, kept(store, "fixedpoints", record, compute))


def _listed(
    params: Params,
    units: Units,
    found: Sequence[Configuration],
    reached: np.ndarray | None,
    groups: int,
    starts: Starts | None = None,
    progress: Progress | None = None,
) -> FixedPoints:
    """Return the fixed points `found`, the one reached, if any, and those of a search, in order."""
    rho = params.strengths.tolist()
    states = [state(units, configuration) for configuration in found]
    spectra = []
    for configuration in found:
        spectra.append(units.spectrum(configuration))
        if progress:
            progress(len(spectra), len(found) + (starts.number if starts else 0))
    idle = asleep(units)
    types = [describe(configuration, rho, idle) for configuration in found]
    copies = [multiplicity(configuration) for configuration in found]
    at = None
    if reached is not None:
        at = next((i for i, y in enumerate(states) if _alike(params, y, reached)), len(states))
    if at is not None and reached is not None and at < len(states):
        states[at] = reached  # with the signs and the order that the start leads to
    elif reached is not None:
        states.append(reached)
        spectra.append((spectrum if starts else eigenvalues)(units.model, reached))
        types.append("of another kind" if groups == 2 else "the end of the trajectory")
        copies.append(None)
    outcome = None
    if starts:
        offset, total = len(found), len(found) + starts.number
        also = (lambda done, _: progress(offset + done, total)) if progress else None
        outcome = searched(units.model, states, starts, also)
        states += outcome.states
        spectra += [spectrum(units.model, y) for y in outcome.states]
        others = states[len(found) :]  # that reached, too, if it is not among those found
        words = [describe(living_on(units.model, y), rho, idle) for y in others]
        types[len(found) :] = apart(types[: len(found)], words)
        copies[len(found) :] = [how_many(units.model, y) for y in others]
    left = [residual(units.model, y) for y in states]
    reached_one = None if at is None or at == len(found) else found[at]
    limits = thresholds(params, configuration=reached_one)
    single = {Unit(1, (s,)): beta for s, beta in zip(rho, limits["collapse"], strict=True)}
    single[Unit(1, (), 1)] = np.inf if limits["noise"] is None else limits["noise"]
    info = {"missing": missing(units, groups, single), "thresholds": limits}
    if starts and outcome:
        info["search"] = outcome.info(starts)
        there = {word for name in types[len(found) :] for word in name.split(", ")}
        for reason, lacking in info["missing"].items():
            info["missing"][reason] = [kind for kind in lacking if kind not in there]
    return in_order(params, states, spectra, left, types, copies, at, info)


def _under_adam(
    params: Params,
    groups: int,
    rtol: float,
    atol: float,
    store: Store | None,
    progress: Progress | None,
) -> FixedPoints:
    """Return the fixed points under Adam, and the one that is reached, in order."""
    adam, rho = Adam(params), params.strengths.tolist()
    found = Found(adam, groups)
    states, reached, lost = [*found.states], None, ""
    types = [describe(each, rho, found.idle) for each in found.configurations]
    copies = [multiplicity(each) for each in found.configurations]
    try:
        end = theory(params, rtol=rtol, atol=atol, store=store).states[-1]
        reached = end_under_adam(adam, end)
    except (ConvergenceError, DivergenceError) as error:
        if groups == 0 or not states:
            raise
        lost = str(error)
    at = None
    if reached is not None:
        at = next((i for i, y in enumerate(states) if _alike(params, y, reached)), len(states))
        if at == len(states):
            types.append("of another kind" if groups else "the end of the trajectory")
            copies.append(None)
        states[at:] = [reached, *states[at + 1 :]]
    spectra = []
    for y in states:
        spectra.append(adam.spectrum(adam.model, y))
        if progress:
            progress(len(spectra), len(states))
    left = [float(np.abs(adam.velocity(adam.model, y)).max()) for y in states]
    limits, lacking = thresholds(params), {"threshold": [], "ended": []}
    for unit in found.missing:
        beyond = params.beta >= limits["collapse"][rho.index(unit.strengths[0])]
        lacking["threshold" if beyond else "ended"].append(describe((unit,), rho))
    info = {"missing": lacking, "thresholds": limits, "lost": lost, "partial": found.partial}
    return in_order(params, states, spectra, left, types, copies, at, info)


def _alike(params: Params, y: np.ndarray, z: np.ndarray) -> bool:
    """Return whether signs, permutations and rotations may turn one state into the other."""

    one, other = ((state, params.latent, params.strengths) for state in (y, z))
    return equivalent(one, other)
