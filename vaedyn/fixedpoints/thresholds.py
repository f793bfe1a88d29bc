"""Values of beta and of the learning rate at which stability changes."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Unpack

import numpy as np
from numpy.polynomial import Polynomial

from ..kernels.constants import Constants
from ..model.asked import TRAINING, params_of
from ..model.params import Fields, Params
from ..model.quantities import ACTIVE
from .attractors import cross_jacobian, kl_of, largest, own_jacobian
from .branches import Continuation
from .configurations import Configuration, spare
from .groups import Unit, Units
from .newton import root
from .single import Latent, on_noise, on_signal
from .under_adam import Adam, thresholds_under_adam
from .varied import constants_of

LARGEST_LR = 1e4
LARGEST_BETA = 1e307  # as good as infinite, but a number that can be kept
SMALL = 1e-13  # lr eta^2 that changes nothing


def collapse_threshold(variance: float, lam: float) -> float:
    """Return the beta above which a latent stays collapsed on a direction of given data variance.

    The collapsed state is stable there iff ``(1 + lam)(s beta + lam) > s^2``
    (small learning rate); s is rho_k + eta along a signal, eta elsewhere. With weight
    decay a latent that is alive may survive beyond, up to a fold, for
    ``lam^2 < s^2 < 2 lam (1 + lam)^2 / (1 + 2 lam)``.
    """
    # model: closed form, where small m and d cease to grow
    return float(variance / (1 + lam) - lam / variance)


def thresholds(
    params: Params | None = None,
    *,
    configuration: Configuration | None = None,
    **changes: Unpack[Fields],
) -> dict[str, Any]:
    """Return the thresholds at the actual learning rate and weight decay.

    Parameters
    ----------
    params : Params, optional
    configuration : tuple of Unit, optional
        A fixed point, see `vaedyn.fixedpoints.configurations`. `FixedPoints.thresholds` are
        those of the fixed point that is reached.
    **changes
        Parameters of the model, in place of those of `params` or of the defaults.

    Returns
    -------
    dict
        ``collapse`` holds for each signal the beta above which a collapsed latent
        does not learn it; ``noise`` is the beta above which a collapsed latent does
        not fit background noise, or None when it does so at any; ``noise_upper`` is the
        beta from which it does so again, about 2/(lr eta); ``max_lr`` is the
        largest learning rate at which the fixed point `configuration` is stable, or
        None when it is unstable at once or stable at any up to 10^4: of the decoder, if
        there are three in the same ratios. A threshold of 0
        means that the collapsed state is stable for all beta > 0.

        Sampled latents always fit a little noise, ever less as beta rises. ``noise`` is then the
        beta above which it is no more than 0.01 nats of KL divergence, or None when it is at any,
        and ``noise_upper`` that up to which it is stable. So it is under Adam, for which
        the last two are not derived, and None.
    """
    params = params_of(thresholds, params, changes, derived=TRAINING)
    if params.adam:
        return thresholds_under_adam(Adam(params))
    model = constants_of(params)
    window = sampled_window(model) if model.sampled else noise_window(model)
    most = None if configuration is None else max_lr(model, configuration)
    return {
        "collapse": [collapse(model, rho) for rho in model.rho.tolist()],
        "noise": window and window[0],
        "noise_upper": window and window[1],
        "max_lr": most and most * (1 - params.momentum),
    }


def collapse(model: Constants, rho: float) -> float:
    """Return the beta above which a collapsed latent does not learn a signal."""

    def growth(beta: float) -> float:
        units = Units(model._replace(beta=beta))
        if units.state(spare(model)) is None:
            return np.inf
        values = units.modes(spare(model), Unit(0, (rho,)))
        return float(np.real(values).max()) / model.lr

    limit = collapse_threshold(rho + model.eta, model.lam)
    found = _first_sign_change(growth, max(limit, rho + model.eta))
    if found is None and growth(max(limit, rho + model.eta)) == np.inf:
        return LARGEST_BETA  # sampled latents never collapse
    return found or 0.0


def noise_window(model: Constants) -> tuple[float, float] | None:
    """Return the values of beta between which a collapsed latent does not fit background noise.

    None where it does so at any. Small Q, E and R grow by a linear system (theory page),
    whose determinant is a cubic polynomial in beta: it vanishes at both ends.
    """
    # model: linearisation, in Q, E and R of a collapsed latent
    eta, lam, h, r = model.eta, model.lam, model.h, model.encoder
    if max(r, 1.0) * h * eta < SMALL:  # where the cubic underflows, its limit
        low = max(collapse_threshold(eta, lam), 0.0)
        root = (1 + 2 * lam * r * model.second) ** 0.5
        high = (1 + root) / max(r * h, 1e-307)  # h may underflow, too
        return low, min(high, LARGEST_BETA)
    rh = r * h * eta
    rows = [
        [(-2 * (1 + lam),), (h * eta,), (2 * eta,)],
        [(r * rh,), (-2 * r * lam, -2 * r * eta, r * rh), (2 * r * eta, -2 * r * rh)],
        [(r * eta,), (eta, -rh), (rh - 1 - (1 + r) * lam, -r * eta)],
    ]
    (a, b, c), (d, e, f), (g, i, j) = [[Polynomial(entry) for entry in row] for row in rows]
    determinant = a * (e * j - f * i) - b * (d * j - f * g) + c * (d * i - e * g)
    slope, ends = determinant.deriv(), [0.0]
    for end in sorted(float(z.real) for z in determinant.roots() if abs(z.imag) < 1e-6 * abs(z)):
        for _ in range(4):  # small roots beside large ones are rough
            end -= float(determinant(end) / slope(end))
        if end > ends[-1]:
            ends.append(end)
    for low, high in pairwise(ends):
        beta = np.sqrt(low * high) if low else 0.5 * high
        matrix = np.array(
            [[entry(beta) for entry in row] for row in ((a, b, c), (d, e, f), (g, i, j))]
        )
        if np.linalg.eigvals(matrix).real.max() < 0:
            return low, high
    return None


def sampled_window(model: Constants) -> tuple[float, float] | None:
    """Return the values of beta between which sampled latents without a signal have collapsed.

    Below the first they fit more noise than `ACTIVE` nats, and beyond the second, where the
    noise of steps drives itself, what they fit is not stable; None where there is no such beta.
    """
    plain = noise_window(model._replace(sampled=0.0))
    top = min(4 * plain[1], 1e12) if plain else 16 * (model.eta + 1 / model.h)
    betas = np.geomspace(1e-6 * model.eta, top, 400)

    def stable(betas: np.ndarray) -> np.ndarray:
        c = model._replace(beta=betas).many()
        one = on_noise(c)
        there = np.isfinite(one.Q)
        found = [own_jacobian(one, c)[:, 2:, 2:]]
        if model.latent > 1:
            found.append(cross_jacobian(one, one, c)[:, 4:, 4:])
        growth = [largest(np.where(there[:, None, None], J, 0)) for J in found]
        return there & (np.max(growth, axis=0) < 0)

    def little(betas: np.ndarray) -> np.ndarray:
        c = model._replace(beta=betas).many()
        return (kl_of(on_noise(c), c) <= ACTIVE) & stable(betas)

    low = _switched(little, betas, True)
    if low is None:
        return None
    high = _switched(stable, np.concatenate([[low], betas[betas > low]]), False)
    return low if low > betas[0] else 0.0, LARGEST_BETA if high is None else high


def _switched(
    condition: Callable[[np.ndarray], np.ndarray], betas: np.ndarray, to: bool
) -> float | None:
    """Return the first beta from which on a condition is as given, to 1e-12, or None."""
    for _ in range(9):
        reached = condition(betas) == to
        at = int(np.argmax(reached))
        if not reached[at]:
            return None
        if at == 0:
            return float(betas[0])
        betas = np.geomspace(betas[at - 1], betas[at], 41)
    return float(betas[-1])


def noise(model: Constants) -> float | None:
    """Return the beta above which a collapsed latent does not fit background noise."""
    window = noise_window(model)
    return window and window[0]


def lives(model: Constants, rho: float) -> bool:
    """Return whether a single latent that is alive on a signal, or on noise (0), stays so."""
    constants = model.many()
    one = _alone(constants, rho)
    if np.isnan(one.Q[0]):
        return False
    J = own_jacobian(one, constants)[:, (0 if rho else 2) :, (0 if rho else 2) :]
    return bool(largest(J)[0] < 0)


def fold(model: Constants, rho: float) -> float:
    """Return the beta up to which a single latent lives on a signal, or on noise (0), to 1e-11.

    That is the threshold of collapse, or a fold beyond it.
    """
    s = rho + model.eta
    limit = max(collapse_threshold(s, model.lam), 1e-6 * s)
    low, high = limit, 8 * max(limit, s * (1 + model.h))
    for count in (400, *[40] * 7):
        betas = np.geomspace(low, high, count)
        alive = np.isfinite(_alone(model._replace(beta=betas).many(), rho).Q)
        alive[0] = True
        last = int(np.argmin(alive)) - 1 if not alive.all() else count - 2
        low, high = betas[last : last + 2]
    return float(low)


def _alone(constants: Constants, rho: float) -> Latent:
    if rho:
        return on_signal(constants, np.full(len(constants.beta), rho))
    return on_noise(constants)


def _first_sign_change(growth: Callable[[float], float], scale: float) -> float | None:
    """Return the smallest beta at which `growth` turns negative, to 1e-13, or None."""
    grid = scale * np.concatenate([[1e-9], np.geomspace(1e-3, 1e3, 61)])
    before = grid[0]
    if growth(before) <= 0:
        return None
    for beta in grid[1:]:
        if growth(beta) < 0:
            return root(growth, before, beta)
        before = beta
    return None


def max_lr(model: Constants, configuration: Configuration) -> float | None:
    """Return the largest learning rate up to which a fixed point stays stable, to 1e-10.

    It becomes unstable there, or ceases to exist. None when it is unstable at
    once, and where nothing happens below 10^4.
    """

    def stable(lr: float) -> bool:
        units = Units(model._replace(lr=lr))
        if any(units.state(unit) is None for unit in configuration):
            return False
        return units.growth(configuration) < 0

    if not stable(model.lr):
        return None
    low, high = model.lr, 1.25 * model.lr
    while stable(high):
        low, high = high, 1.25 * high
        if high > LARGEST_LR:
            return None
    while high > 1.001 * low:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if stable(middle) else (low, middle)
    living, ends = {unit for unit in configuration if unit.alive}, (0.999 * low, 1.002 * high)
    for first in (True, False):  # other branches matter only where the first ones do not end
        near = Continuation(lambda lr: model._replace(lr=lr), *ends, living, 12, first)
        for chosen in near.choices(configuration)[: 1 if first else None]:
            branch = near.branch(configuration, chosen)
            if branch is not None and branch.events and branch.growth[0] < 0:
                return float(min(at for _, at in branch.events))
    return low
