"""What takes longer than a picture may: bands, runs and fixed points, as arrays and words."""

from typing import Any

import numpy as np

from ..annealing.adiabatic import attracting_errors
from ..annealing.examine import examine
from ..errors import ParameterError, VaedynError
from ..fixedpoints.fixed_points import fixed_points
from ..fixedpoints.thresholds import thresholds
from ..learning.bands import bands
from ..learning.engines import ENGINES
from ..learning.simulate import simulate
from ..listings.listing import counted, number
from ..machine import cores
from ..model.params import IN_TIME, Params
from ..model.records import Progress, Store
from ..model.state import count
from .heard import heard
from .panels import FLOOR, Panel, drawn_at

RUNS = 3
MOST_SECONDS = 60.0  # of simulation
FEW_SECONDS = 5.0  # beyond which there is one run only
MOST_COVARIANCE = 24  # M (M + M*) up to which bands are computed
MOST_ORDER = 400  # order parameters up to which fixed points are: their Jacobian's spectra
AXIS = 160  # values of beta on the axis of fixed points
MARKERS = 25
BESIDE = 1.3  # times the largest threshold: where that axis ends
NO_AXIS = {"beta": np.empty(0), "eps_g": np.empty(0), "thresholds": [], "end": 2.0}


def spread(params: Params, store: Store | None = None, progress: Progress | None = None) -> Panel:
    """Return theory's standard deviation of runs around its line: `t` and `std` (times,).

    Raises
    ------
    VaedynError
        As `vaedyn.bands`.
    """
    if params.latent * (params.latent + params.signal) > MOST_COVARIANCE:
        raise ParameterError(
            "latent",
            f"is too large for bands on this page (M = {params.latent}, M* = {params.signal}): the "
            "command line computes them",
        )
    with heard() as notes:
        found = bands(params, store=store, progress=progress)
    at = drawn_at(len(found.t))
    said = [*notes, found.warning] if found.warning else notes
    words = f"Theory expects runs to differ by {found.eps_g[-1]:.2g} in the end (one sigma)."
    return Panel({"t": found.t[at], "std": found.eps_g[at]}, words, tuple(said))


def runs_within(params: Params, engine: str | None) -> tuple[int, float]:
    """Return how many runs are worth waiting for, none where they take too long, and seconds.

    Raises
    ------
    ParameterError
        As `vaedyn.simulate`.
    """
    name = engine or ("vector" if params.adam or params.alpha is not None else "exact")
    seconds = ENGINES[name](params).seconds_per_step * params.steps
    if seconds > MOST_SECONDS:
        return 0, seconds
    return (RUNS if RUNS * seconds / min(RUNS, cores()) <= FEW_SECONDS else 1), seconds


def runs(
    params: Params,
    engine: str | None = None,
    store: Store | None = None,
    progress: Progress | None = None,
) -> Panel:
    """Return a few runs of SGD: `t`, their `mean` and `std` (times,), and `count`.

    Raises
    ------
    VaedynError
        As `vaedyn.simulate`, and when it would take too long.
    """
    wanted, seconds = runs_within(params, engine)
    if not wanted:
        raise ParameterError(
            "t_max",
            f"is too long for this page, where a run of {params.steps:,} steps takes about "
            f"{seconds:,.0f} s: lower it or N, or take the command line",
        )
    with heard() as notes:
        found = simulate(params, runs=wanted, engine=engine, store=store, progress=progress)
    eps_g, t = found.eps_g, found.t
    at = np.unique(np.linspace(0, len(t) - 1, MARKERS).astype(int))
    std = eps_g.std(axis=0, ddof=1) if wanted > 1 else np.zeros(len(t))
    mean = eps_g.mean(axis=0)
    plus = f" ± {std[-1]:.2g}" if wanted > 1 else ""
    words = f"{counted(wanted, 'run')} at N = {params.dim} end{'s' * (wanted == 1)} at "
    words += f"{number(mean[-1])}{plus}."
    arrays = {"t": t[at], "mean": np.maximum(mean[at], FLOOR), "std": std[at], "count": wanted}
    return Panel(arrays, words, tuple(notes))


def beta_axis(params: Params) -> Panel:
    """Return eps_g of the stable state against beta, and thresholds.

    Returns
    -------
    Panel
        `beta`, `eps_g` (values,), empty where that is not derived; `thresholds`, a list of (beta,
        what happens there). None of it depends on beta.

    Raises
    ------
    VaedynError
        Where not even thresholds are derived.
    """
    model = of_ends(params)
    limits = thresholds(model)
    at = [
        (float(beta), f"signal {k + 1} lost" if params.signal > 1 else "signal lost")
        for k, beta in enumerate(limits["collapse"])
        if 0 < beta < 1e6
    ]
    at = list({beta: (beta, text) for beta, text in reversed(at)}.values())[::-1]
    if limits["noise"]:
        at.append((float(limits["noise"]), "no noise fitted"))
    end = BESIDE * max([beta for beta, _ in at] or [2 * params.eta])
    listed = "; ".join(f"{text} above beta = {number(beta)}" for beta, text in at)
    words = f"{listed[:1].upper()}{listed[1:]}." if listed else "There is no threshold of beta."
    empty = np.empty(0)
    arrays: dict[str, Any] = {"beta": empty, "eps_g": empty, "thresholds": at, "end": end}
    if params.adam:
        why = "The line of stable states is not derived for Adam; points are."
        return Panel(arrays, words, (why,))
    betas = np.linspace(end / AXIS, end, AXIS)
    arrays |= {"beta": betas, "eps_g": attracting_errors(model, betas)}
    return Panel(arrays, words)


def of_ends(params: Params) -> Params:
    """Return the model with all that fixed points over beta do not depend on at its default."""
    usual: dict[str, Any] = {name: getattr(Params, name) for name in IN_TIME}
    usual["dim"] = max(
        Params.dim, params.dim if params.adam else 0, 2 * params.latent + params.signal
    )
    return params.replace(**usual, beta=1.0)


def points(params: Params, store: Store | None = None, progress: Progress | None = None) -> Panel:
    """Return the fixed points at the model's beta.

    Returns
    -------
    Panel
        `eps_g`, `stable` (points,), and `reached`, the index of that in which learning ends, or
        None; `types`, what latents live on.

    Raises
    ------
    VaedynError
        As `vaedyn.fixed_points`, and where a spectrum alone, which nothing interrupts, takes long.
    """
    if count(params.latent, params.signal) > MOST_ORDER:
        raise ParameterError(
            "latent",
            f"is too large for fixed points on this page (M = {params.latent}, M* = "
            f"{params.signal}): the command line computes them",
        )
    with heard() as notes:
        found = fixed_points(params, store=store, progress=progress)
    stable, reached = found.stable, found.reached
    texts = []
    if reached is None:
        texts.append(f"where learning ends is not known: {found.lost}")
    else:
        state, kind = found.labels[reached], found.types[reached]
        state += f" ({kind})" if kind != state else ""
        texts.append(f"learning ends here: {state}, eps_g = {number(found.eps_g[reached])}")
        time = float(found.relaxation_time[reached])
        if found.stable[reached] and np.isfinite(time):
            texts.append(f"deviations from it decay by e within t = {time:.3g}")
    texts.append(
        f"{int(stable.sum())} of {counted(len(stable), 'fixed point')} at beta = "
        f"{number(params.beta)} {'is' if stable.sum() == 1 else 'are'} stable"
    )
    words = "; ".join(texts)
    arrays = {"eps_g": found.eps_g, "stable": stable, "reached": reached, "types": found.types}
    return Panel(arrays, f"{words[0].upper()}{words[1:]}.", tuple(notes))


def advice(params: Params) -> Panel:
    """Return what is likely to go wrong with a schedule of beta, as notes."""
    with heard():
        return Panel({}, "", tuple(examine(params)))


def reasons(error: Exception) -> str:
    """Return why something cannot be shown, in words."""
    if isinstance(error, ParameterError):
        return f"{error.name.replace('_', ' ')} {error.reason}"
    if isinstance(error, MemoryError):
        return "not enough memory: lower M or N"
    if isinstance(error, (VaedynError, OSError)) or type(error).__module__.startswith("vaedyn."):
        return str(error)  # errors of the store, too, of which nothing is known here
    return f"this should not happen, please report it: {error!r}"
