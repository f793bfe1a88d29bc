"""Parameters of the model as keywords, and what to say of one that there is not."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import signature
from typing import Any, TypedDict

import numpy as np

from ..errors import did_you_mean
from .noise import Classes
from .schedules import Pairs
from .start import Overlaps


class Fields(TypedDict, total=False):
    """Some of the parameters of `Params`, as keywords."""

    dim: int
    latent: int
    signal: int
    rho: float | Sequence[float] | np.ndarray
    eta: float
    beta: float
    lam: float
    lr: float | Sequence[float]
    t_max: float
    points: int
    anneal: str | Pairs
    init: str | Mapping[str, object] | Overlaps
    init_seed: int
    noise: str | Classes | None
    alpha: float | None
    batch: int
    momentum: float
    latents: str
    optimiser: str
    adam_betas: Sequence[float]
    adam_epsilon: float


def refuse_unknown(function: Callable[..., Any], names: Iterable[str]) -> None:
    """Raise TypeError if a name is not a parameter of the model, and say what is like it."""
    for name in names:
        if name not in Fields.__annotations__:
            known = [*Fields.__annotations__, *arguments(function)]
            raise TypeError(
                f"{function.__name__}() got an unexpected keyword argument {name!r}"
                f"{did_you_mean(name, known)}"
            )


def arguments(function: Callable[..., Any]) -> list[str]:
    """Return the names of a function's own arguments."""
    parameters = signature(function).parameters.values()
    return [each.name for each in parameters if each.kind is not each.VAR_KEYWORD]
