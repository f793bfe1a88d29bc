"""How a model is trained: the optimiser, its rates and batches, and how latents are treated."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ParameterError, did_you_mean
from .checks import integer, real

AVERAGED, SAMPLED = LATENTS = ("averaged", "sampled")
SGD, ADAM = OPTIMISERS = ("sgd", "adam")
ADAM_BETAS = (0.9, 0.999)
ADAM_EPSILON = 1e-8
RATES = ("decoder", "encoder", "encoder variances")  # what the three learning rates are of


def rates(lr: Any) -> float | tuple[float, ...]:
    """Return a learning rate, or three if they differ, after checking them."""
    given = [real("lr", value) for value in _numbers(lr)]
    if len(given) not in (1, len(RATES)):
        raise ParameterError("lr", f"expected one number or three ({', '.join(RATES)}), got {lr!r}")
    return given[0] if len(set(given)) == 1 else tuple(given)


def pace(params: Any) -> str:
    """Return the learning rates of a `vaedyn.Params`, and its momentum, if any, for messages."""
    given = (params.lr,) if isinstance(params.lr, float) else params.lr
    shown = ", ".join(f"{lr:g}" for lr in given)
    return f"{shown} and momentum {params.momentum:g}" if params.momentum else shown


def checked(
    batch: object,
    momentum: object,
    latents: object,
    optimiser: object,
    adam_betas: object,
    adam_epsilon: object,
) -> dict[str, Any]:
    """Return the values under their names, after checking that they go together."""
    values = {
        "batch": integer("batch", batch, 1),
        "momentum": _below_one("momentum", momentum, least_allowed=True),
        "latents": _one_of("latents", latents, LATENTS),
        "optimiser": _one_of("optimiser", optimiser, OPTIMISERS),
        "adam_betas": _betas(adam_betas),
        "adam_epsilon": real("adam_epsilon", adam_epsilon, least_allowed=True),
    }
    if values["optimiser"] == ADAM:
        if values["momentum"]:
            raise ParameterError("momentum", "belongs to sgd; Adam has its own, adam_betas")
    else:
        for name, neutral in (("adam_betas", ADAM_BETAS), ("adam_epsilon", ADAM_EPSILON)):
            if values[name] != neutral:
                raise ParameterError(name, "applies to the optimiser adam only")
    return values


def _numbers(value: Any) -> Sequence[object]:
    """Return one value or several as a list."""
    return np.ravel(np.asarray(value, dtype=object)).tolist()


def _betas(value: object) -> tuple[float, float]:
    given = _numbers(value)
    if len(given) != 2:
        raise ParameterError("adam_betas", f"expected two numbers, got {value!r}")
    first = _below_one("adam_betas", given[0], least_allowed=True)
    return first, _below_one("adam_betas", given[1])


def _below_one(name: str, value: object, *, least_allowed: bool = False) -> float:
    number = real(name, value, least_allowed=least_allowed)
    if number >= 1:
        raise ParameterError(name, f"must be below 1, got {number:g}")
    return number


def _one_of(name: str, value: object, words: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in words:
        hint = did_you_mean(value, words) if isinstance(value, str) else ""
        raise ParameterError(name, f"expected {' or '.join(words)}, got {value!r}{hint}")
    return value
