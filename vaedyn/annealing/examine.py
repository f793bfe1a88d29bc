"""Problems to expect with a schedule of beta, found before anything is computed."""

from typing import Unpack

import numpy as np

from ..fixedpoints.destination import alike, in_words
from ..fixedpoints.thresholds import collapse, collapse_threshold, fold, lives, noise_window
from ..kernels.constants import Constants
from ..model.asked import TRAINING, params_of
from ..model.params import Fields, Params
from .adiabatic import delay, relaxation_time

SHORT = 0.01  # share of its final value that beta may lack at the end of the run
ALMOST_ZERO = 1e-6  # a beta below it does not hold encoder variances up
LONG = 2.0  # time at beta = 0, in units of 1/tau, that takes a variance well towards zero
CRITICAL = 0.01  # relative distance from the noise threshold at which its slowness is felt


def examine(
    params: Params | None = None, tol: float = 1e-3, **changes: Unpack[Fields]
) -> list[str]:
    """Return warnings, one line each: what the schedule and the final value of beta will cost.

    There are none about what is not derived: noise that is not white, rows that are used again,
    and, under Adam, all that needs the states in which learning ends.

    Parameters
    ----------
    params : Params, optional
    tol : float
        Distance of eps_g from its end that counts as learned.
    **changes
        Parameters of the model, in place of those of `params` or of the defaults.
    """
    params = params_of(examine, params, changes, derived=("noise", "alpha", *TRAINING))
    if params.noise is not None or params.alpha is not None:
        return []
    checks = [_symmetric(params), _too_short(params), _collapse(params)]
    if not params.adam:
        if not params.sampled:  # those always fit a little noise
            checks += [_unstable(params), _critical(params)]
        checks += [_zero(params), _too_slow(params, tol)]
    return [text for text in checks if text]


def _symmetric(params: Params) -> str:
    pairs = [] if isinstance(params.init, str) else alike(params)
    return in_words(pairs) if pairs else ""


def _too_short(params: Params) -> str:
    beta = params.beta
    reached = params.schedule.reached(params.t_max, beta)
    if abs(reached - beta) <= SHORT * beta:
        return ""
    return (
        f"the warm-up is longer than the run: at t = {params.t_max:g} beta is {reached:.4g}, "
        f"not {beta:g}: raise --t-max, or anneal faster"
    )


def _collapse(params: Params) -> str:
    if params.adam and params.lam:
        return ""  # decay that is not divided by the root of second moments
    model, strengths = Constants.of(params), params.strengths.tolist()
    limits = [collapse_threshold(rho + params.eta, params.lam) for rho in strengths]
    if params.sampled and not params.adam:  # the noise that is fitted costs signals a little
        limits = [collapse(model, rho) for rho in strengths]
    lost = [k for k, limit in enumerate(limits) if params.beta >= limit]
    if not lost:
        return ""
    highest = max(max(limits[k] for k in lost), 0)
    start = f"the final value beta = {params.beta:g} is at or beyond {highest:.6g}, where "
    if len(lost) < len(limits):
        which = ", ".join(str(k + 1) for k in lost)
        return start + f"signal {which} cannot be learned from a collapsed latent"
    if params.adam or params.sampled:
        return f"{start}no signal is learned from a collapsed latent"
    kept = [k for k in lost if lives(model, strengths[k])]
    if kept:
        which = ", ".join(str(k + 1) for k in kept)
        beyond = max(fold(model, strengths[k]) for k in kept)
        return (
            f"{start}no signal is learned from a collapsed latent; but a latent that has learned "
            f"signal {which} keeps it up to beta = {beyond:.6g}: the start decides"
        )
    highest = max(fold(model, rho) for rho in strengths)
    start = f"the final value beta = {params.beta:g} is at or beyond {highest:.6g}, where "
    window = noise_window(model)
    collapses = window is not None and window[0] <= params.beta < window[1]
    if collapses and not lives(model, 0.0):
        return f"{start}all latents collapse, however long they learn"
    return f"{start}no signal is learned, however long they learn"


def _unstable(params: Params) -> str:
    """Warn where collapsed latents grow, though beta is beyond all thresholds."""
    strengths = params.strengths.tolist()
    limits = [collapse_threshold(rho + params.eta, params.lam) for rho in strengths]
    learned = sum(params.beta < limit for limit in limits)
    window = noise_window(Constants.of(params))
    lower = max(0, collapse_threshold(params.eta, params.lam))
    if params.latent <= learned or params.beta < (window[1] if window else lower):
        return ""
    where = f"from beta = {window[1]:.6g} on" if window else "at any beta"
    return (
        f"at the learning rate {params.rate:g} collapse is unstable {where}: without a signal to "
        "learn, latents fit noise ever more and learning is likely to diverge: lower --lr"
    )


def _critical(params: Params) -> str:
    limit = collapse_threshold(params.eta, params.lam)
    window = noise_window(Constants.of(params))
    if limit <= 0 or window is None or params.latent <= params.signal:
        return ""
    if not (1 - CRITICAL) * limit <= params.beta <= (1 + CRITICAL) * window[0]:
        return ""
    point = f"eta = {params.eta:g}" if params.lam == 0 else f"{window[0]:.6g}"
    return (
        f"the final value beta = {params.beta:g} sits on the critical point {point}: "
        "spare latents decay only algebraically there, as 1/t"
    )


def _zero(params: Params) -> str:
    times = np.linspace(0, params.t_max, 20001)
    low = np.asarray(params.schedule(times, params.beta)) < ALMOST_ZERO
    edges = np.flatnonzero(np.diff(np.concatenate([[0], low.astype(int), [0]])))
    spans = [float(times[end - 1] - times[start]) for start, end in edges.reshape(-1, 2)]
    longest = max(spans, default=0.0)
    if longest * params.rate * Constants.of(params).variances < LONG:
        return ""
    return (
        f"beta is below {ALMOST_ZERO:g} for t = {longest:.4g}: encoder variances D shrink linearly "
        "meanwhile and may reach zero, where learning breaks down: keep a small floor on beta, "
        "such as 0.01"
    )


def _too_slow(params: Params, tol: float) -> str:
    schedule = params.schedule
    if params.beta == 0 or not 0 < schedule.arrival() < np.inf:
        return ""
    relaxation, wait = relaxation_time(params), delay(params, schedule, tol)
    if not (np.isfinite(relaxation) and wait > np.log(1 / tol) * relaxation):
        return ""
    return (
        f"the warm-up is slower than the slowest relaxation (time {relaxation:.4g}): it alone "
        f"delays learning to about t = {wait:.4g}"
    )
