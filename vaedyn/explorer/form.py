"""What stands in the fields of the page, as texts, and the model that they describe."""

import json
from collections.abc import Mapping
from typing import Any

from ..errors import ParameterError
from ..model.command_line import short, start_of, word
from ..model.params import Params
from ..model.start import DRAWN
from ..model.state import count
from ..model.training import ADAM, SGD

MOMENTUM = "momentum"
OPTIMISERS = (SGD, MOMENTUM, ADAM)
WHOLE = ("latent", "signal", "dim", "batch", "init_seed")
NUMBERS = ("beta", "eta", "lam", "t_max", "momentum")
SEVERAL = ("rho", "lr")
TEXTS = ("anneal", "init", "optimiser")
FIELDS = (*WHOLE, *NUMBERS, *SEVERAL, *TEXTS)
"""Parameters that have a field; all others stay as they were given."""
MOST_ORDER, MOST_DRAWN = 20_000, 10**8  # order parameters, and entries of weights at the start


def texts_of(params: Params) -> dict[str, str]:
    """Return what the fields show for a model."""
    rho = params.strengths.tolist()
    values: dict[str, Any] = {name: getattr(params, name) for name in FIELDS}
    values["rho"] = rho[:1] if len(set(rho)) == 1 else rho
    values["init"] = start_of(params)
    if not params.adam and params.momentum:
        values["optimiser"] = MOMENTUM
    return {name: word(short(value)) for name, value in values.items()}


def model_of(texts: Mapping[str, str], base: Params) -> Params:
    """Return the model that fields describe.

    Parameters
    ----------
    texts : mapping
        What stands in each of `FIELDS`.
    base : Params
        Where a field shows what it has, it stays as it is, to the last digit. There are no more
        saved times than steps.

    Raises
    ------
    ParameterError
        When a field has no number, the model does not allow it, or it is too large for a page.
    """
    shown, changes = texts_of(base), {}
    for name in FIELDS:
        if texts[name].strip() != shown[name]:
            changes[name] = _value(name, texts[name].strip())
    _trained(changes, texts, base)
    if {"latent", "signal"} & {*changes} and "=" in shown["init"]:
        changes.setdefault("init", shown["init"])  # numbers, which fill matrices of any shape
    if changes.get("init", base.init) not in DRAWN:
        changes["init_seed"] = 0
    _of_a_size(changes, base)
    dim, t_max = changes.get("dim", base.dim), changes.get("t_max", base.t_max)
    if 0 < t_max * dim < base.points and dim > 0:
        changes["points"] = max(2, int(min(base.points, round(t_max * dim) + 1)))
    return base.replace(**changes) if changes else base


def _of_a_size(changes: dict[str, Any], base: Params) -> None:
    """Refuse what would fill the memory, or take a time in which nothing interrupts it."""
    if not {"latent", "signal", "dim", "init"} & {*changes}:
        return
    latent, signal, dim, init = (
        changes.get(name, getattr(base, name)) for name in ("latent", "signal", "dim", "init")
    )
    if latent > 0 and signal > 0 and count(latent, signal) > MOST_ORDER:
        name = "latent" if latent >= signal else "signal"
        raise ParameterError(name, f"is too large for this page (M = {latent}, M* = {signal})")
    if isinstance(init, str) and init in DRAWN and dim * (2 * latent + signal) > MOST_DRAWN:
        raise ParameterError(
            "dim",
            f"is too large for this page, got {dim}, with a start that is drawn: give the start by "
            "numbers, m=0.1,d=0.1,Q=1,E=1,R=0,D=1",
        )


def _value(name: str, text: str) -> Any:
    if name in WHOLE:
        number = _number(name, text)
        if number != int(number):
            raise ParameterError(name, f"expected a whole number, got {text!r}")
        return int(number)
    if name in NUMBERS:
        return _number(name, text)
    if name in SEVERAL:
        found = [_number(name, item) for item in text.split(",")]
        return found[0] if len(found) == 1 else found
    if name == "anneal" and text.startswith("file:"):
        raise ParameterError("anneal", "files are read by the command line only; give points:...")
    if name == "init" and text.startswith("{"):
        return _object(text)
    return text


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ParameterError(name, f"expected a number, got {text!r}") from None
    if number != number or abs(number) == float("inf"):
        raise ParameterError(name, f"expected a finite number, got {text!r}")
    return number


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ParameterError("init", "expected an object of the matrices m, d, Q, E, R, D")
    return found


def _trained(changes: dict[str, Any], texts: Mapping[str, str], base: Params) -> None:
    """Let one of three optimisers stand for the parameters that it is made of."""
    chosen = texts["optimiser"]
    if chosen not in OPTIMISERS:
        raise ParameterError("optimiser", f"expected {', '.join(OPTIMISERS)}, got {chosen!r}")
    if chosen != MOMENTUM:
        changes.pop("momentum", None)
        if base.momentum:
            changes["momentum"] = 0.0
    elif not changes.get("momentum", base.momentum):
        raise ParameterError("momentum", "is 0: choose sgd, or a momentum between 0 and 1")
    changes.pop("optimiser", None)
    wanted = ADAM if chosen == ADAM else SGD
    if wanted != base.optimiser:
        changes["optimiser"] = wanted
        if wanted == SGD:
            changes |= {"adam_betas": Params.adam_betas, "adam_epsilon": Params.adam_epsilon}


def beside(params: Params) -> dict[str, Any]:
    """Return what of a model no field shows and is not at its default."""
    usual, model = Params().to_dict(), params.to_dict()
    fields = (*FIELDS, "points")
    return {name: x for name, x in model.items() if x != usual.get(name) and name not in fields}
