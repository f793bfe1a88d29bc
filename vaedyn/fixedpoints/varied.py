"""One constant of the model set to other values, and the others that go with it."""

from typing import Any

import numpy as np

from ..kernels.constants import Constants
from ..model.params import Params

VARIED = ("beta", "eta", "rho", "lam", "lr")
LOST = 1e-15  # noise of steps, relative to 1 and beta, that is lost in rounding


def constants_of(params: Params, **varied: Any) -> Constants:
    """Return the constants; latents are averaged over where samples leave nothing to be seen."""
    model = Constants.of(params, **varied)
    lost = model.h < LOST * min(1.0, model.beta)
    return model._replace(sampled=0.0) if lost else model


def vary(params: Params, name: str, x: float) -> Constants:
    """Return the constants with one of VARIED set to `x`.

    With ``rho`` all signals are scaled so that the strongest has strength `x`; ``lr`` is the
    rate of the decoder, and those of encoder and variances keep their ratio to it.
    """
    if name == "rho":
        return constants_of(params, rho=params.strengths / params.strengths.max() * x)
    return constants_of(params, **{name: x / (1 - params.momentum) if name == "lr" else x})


def with_value(params: Params, name: str, value: float) -> Params:
    """Return `params` with one constant set in the same way."""
    if name == "rho":
        return params.replace(rho=tuple((shape(params) * value).tolist()))
    if name == "lr":
        one, three = float(value), isinstance(params.lr, tuple)
        return params.replace(lr=tuple(one * r for r in ratios(params)) if three else one)
    change: Any = {name: int(value) if name == "batch" else float(value)}
    return params.replace(**change)


def shape(params: Params) -> np.ndarray:
    """Return the signals' strengths over the strongest one, (signal,)."""
    return params.strengths / params.strengths.max()


def ratios(params: Params) -> list[float]:
    """Return the three learning rates over that of the decoder."""
    return (params.rates / params.rates[0]).tolist()
