"""The model that a call means by what it is given, refused where it is not derived for."""

from collections.abc import Callable, Collection
from dataclasses import fields
from functools import cache
from typing import Any

from ..errors import ParameterError
from .fields import Fields, refuse_unknown
from .params import Params

# how SGD may be trained otherwise than with one point a step and one rate
STEPS = ("batch", "momentum", "latents", "rates")
ADAM = ("optimiser", "adam_betas", "adam_epsilon")
TRAINING = (*STEPS, *ADAM)


@cache
def _later_fields(model: type[Params]) -> list[tuple[str, Any]]:
    """Return names and defaults of the fields that came later than the first records."""
    return [(each.name, each.default) for each in fields(model) if "later" in each.metadata]


def params_of(
    function: Callable[..., Any],
    params: Params | None,
    changes: Fields,
    derived: Collection[str] = (),
) -> Params:
    """Return the model that a call of `function` means by `params` and keywords.

    `derived` has the names of those `LATER` fields that the function knows what to do with,
    and "rates" where that holds for three learning rates.

    Raises
    ------
    ParameterError
        When a value is out of range, or not derived for.
    TypeError
        When `params` is something else, or a keyword is unknown.
    """
    refuse_unknown(function, changes)
    if params is None:
        params = Params(**changes)
    elif not isinstance(params, Params):
        raise TypeError(f"{function.__name__}() expects Params or keywords, got {params!r}")
    elif changes:
        params = params.replace(**changes)
    if isinstance(params.lr, tuple) and "rates" not in derived:
        what = function.__name__.replace("_", " ")
        raise ParameterError("lr", f"three rates are not derived for {what}; give one")
    for name, default in _later_fields(type(params)):
        if name not in derived and getattr(params, name) != default:
            what = function.__name__.replace("_", " ")
            which = "adam " if name == "optimiser" else ""
            raise ParameterError(name, f"{which}is not derived for {what}; leave it out")
    return params
