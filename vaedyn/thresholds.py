"""Values of beta and of the learning rate at which stability changes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .bifurcation import Continuation
from .configurations import Configuration
from .dynamics import Model, root
from .units import Unit, Units

LARGEST_LR = 1e4


def collapse_threshold(variance: float, lam: float) -> float:
    """Return the beta above which a latent stays collapsed on a direction of given data variance.

    The collapsed state is stable there iff ``(1 + lam)(s beta + lam) > s^2``
    (small learning rate); s is rho_k + eta along a signal, eta elsewhere. With weight
    decay a latent that is alive may survive beyond, for ``s^2 < 2 lam (1 + lam)^2 / (1 + 2 lam)``.
    """
    return float(variance / (1 + lam) - lam / variance)


def noise_threshold(eta: float, lr: float) -> float:
    """Return the beta above which no latent can live on noise, to first order in the learning rate.

    Without weight decay; `noise` finds it at any learning rate and with weight decay.
    """
    return eta + lr * eta**3 / (2 * (1 + eta**2))


def thresholds(model: Model, configuration: Configuration | None) -> dict[str, Any]:
    """Return the thresholds at the actual learning rate and weight decay.

    ``collapse`` holds for each signal the beta above which a collapsed latent
    does not learn it; ``noise`` is the beta above which a collapsed latent does
    not fit background noise, or None when it does so at any; ``max_lr`` is the
    largest learning rate at which the fixed point `configuration` is stable, or
    None when it is unstable at once or stable at any up to 10^4. A threshold of 0
    means that the collapsed state is stable for all beta > 0.
    """
    return {
        "collapse": [collapse(model, rho) for rho in model.rho.tolist()],
        "noise": noise(model),
        "max_lr": None if configuration is None else max_lr(model, configuration),
    }


def collapse(model: Model, rho: float) -> float:
    """Return the beta above which a collapsed latent does not learn a signal."""

    def growth(beta: float) -> float:
        values = Units(model._replace(beta=beta)).modes(Unit(1), Unit(0, (rho,)))
        return float(np.real(values).max()) / model.lr

    limit = collapse_threshold(rho + model.eta, model.lam)
    return _first_sign_change(growth, max(limit, rho + model.eta)) or 0.0


def noise(model: Model) -> float | None:
    """Return the beta above which a collapsed latent does not fit background noise."""

    def growth(beta: float) -> float:
        values = Units(model._replace(beta=beta)).modes(Unit(1))
        return float(np.real(values).max()) / model.lr

    found = _first_sign_change(growth, model.eta)
    if found is None and growth(1e-9 * model.eta) < 0:
        return 0.0
    return found


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


def max_lr(model: Model, configuration: Configuration) -> float | None:
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
    living = {unit for unit in configuration if unit.alive}
    near = Continuation(
        lambda lr: model._replace(lr=lr), 0.999 * low, 1.002 * high, living, steps=12
    )
    for chosen in near.choices(configuration):
        branch = near.branch(configuration, chosen)
        if branch is not None and branch.events and branch.growth[0] < 0:
            return float(min(at for _, at in branch.events))
    return low
