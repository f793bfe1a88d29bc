"""One constant of the model set to other values, and the others that go with it."""

from typing import Any

import numpy as np

from ..kernels.constants import Constants
from ..model.params import Params

VARIED = ("beta", "eta", "rho", "lam", "lr")


def vary(params: Params, name: str, x: float) -> Constants:
    """Return the constants with one of VARIED set to `x`.

    With ``rho`` all signals are scaled so that the strongest has strength `x`; ``lr`` is the
    rate of the decoder, and those of encoder and variances keep their ratio to it.
    """
    model = Constants.of(params)
    if name == "rho":
        return model._replace(rho=model.rho / model.rho.max() * x)
    return model._replace(**{name: x / (1 - params.momentum) if name == "lr" else x})


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
