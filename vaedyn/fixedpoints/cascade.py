"""The cascade of collapse: the stable fixed point along beta, and where simulations end."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DivergenceError, ParameterError
from ..learning.simulate import only_ensemble, simulate
from ..learning.theory import theory
from ..model.progress import Asked, shows
from ..model.records import Store, unwatched
from ..model.results import Trajectory
from .followed import Branches, attractor
from .thresholds import thresholds

ENDED = 0.02  # distance of eps_g from that of the stable point, in units of the sum of strengths


@dataclass(frozen=True, kw_only=True)
class Cascade:
    """How latents are switched off as beta rises.

    Attributes
    ----------
    branches : Branches
        Along beta.
    stable : (stable points,)
        Indices of the stable points of lowest loss, by rising beta.
    thresholds : dict or None
        As `vaedyn.thresholds` returns them.
    simulated : list of Trajectory
        Ensembles at some values of beta in between.
    """

    branches: Branches
    stable: np.ndarray
    thresholds: dict[str, Any] | None
    simulated: list[Trajectory]


@shows()
def cascade(
    along: Branches,
    *,
    simulations: int = 12,
    store: Store | None = None,
    watch: Asked = unwatched,
    **ensemble: Any,
) -> Cascade:
    """Return the stable states along beta, and simulations at evenly spaced values of it.

    Parameters
    ----------
    along : Branches
        From `vaedyn.branches` along beta.
    simulations : int
        Number of values of beta that are simulated.
    store : ResultStore, optional
        Where to look for simulations first, and to keep them.
    watch : bool or callable, optional
        True shows a bar for each; or a function of the title that returns a context which
        shows the progress of each simulation.
    **ensemble
        Further arguments of `vaedyn.simulate`: runs, seed, engine, jobs.

    Raises
    ------
    ParameterError
        When something else than beta is varied.
    DivergenceError
        When no fixed point is stable.
    """
    only_ensemble(cascade, ensemble)
    if along.name != "beta":
        raise ParameterError("vary", f"expected branches along beta, got {along.name}")
    params, stable = along.params, attractor(along)
    low, high = float(along.varied.min()), float(along.varied.max())
    if not stable.size:
        raise DivergenceError(
            f"no fixed point is stable from beta = {low:.6g} to {high:.6g} "
            f"at learning rate {params.rate:g}: lower --lr, or choose another range by --vary"
        )
    runs = []
    for beta in np.linspace(low, high, simulations + 2)[1:-1]:
        at = params.replace(beta=float(f"{beta:.6g}"))
        with watch(f"simulate, beta = {beta:.3g}") as progress:
            runs.append(simulate(at, store=store, progress=progress, **ensemble))
    return Cascade(
        branches=along,
        stable=stable,
        thresholds=thresholds(params),
        simulated=runs,
    )


def unfinished(found: Cascade, *, store: Store | None = None) -> int:
    """Return how many simulations of a cascade have not ended by their last time, in theory.

    Parameters
    ----------
    found : Cascade
    store : ResultStore, optional
        Where to look for theory first, and to keep it.

    Raises
    ------
    DivergenceError
        When the ODE diverges.
    """
    early, x, eps_g = 0, found.branches.varied[found.stable], found.branches.eps_g[found.stable]
    for run in found.simulated:
        away = theory(run.params, store=store).eps_g[-1] - np.interp(run.params.beta, x, eps_g)
        early += bool(abs(away) > ENDED * run.params.strengths.sum())
    return early
