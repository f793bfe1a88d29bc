"""The user's own units of the KL weight, as options give them."""

import functools
import logging
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from typing import Any

import click
from click.core import ParameterSource

from vaedyn.data.convention import LEARNED, OWN, Convention
from vaedyn.data.judge import Judged, check_asked, judge
from vaedyn.data.look import Look
from vaedyn.data.presets import PRESETS
from vaedyn.errors import ParameterError

log = logging.getLogger("vaedyn.cli")
SCALING = ("loss", "decoder_variance", "reconstruction_weight", "kl", "batch_sum", "likelihood")
"""Options that a preset decides."""
BESIDE = ("dispersion", "batch_size", "scale")


class Variance(click.ParamType):
    """A number, or learned."""

    name = "variance"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "FLOAT|learned"

    def convert(self, value: Any, param: Any, ctx: Any) -> float | str:
        try:
            return value if value == LEARNED else float(value)
        except ValueError:
            return self.fail(f"expected a number or {LEARNED}, got {value!r}", param, ctx)


def with_convention(function: Callable) -> Callable:
    """Hand what is said of a loss over as one argument, `convention`."""

    @functools.wraps(function)
    def call(**options: Any) -> Any:
        like = options.pop("like")
        chosen = {name: options.pop(name) for name in (*SCALING, *BESIDE)}
        convention = _like(like, chosen) if like else convention_of(**chosen)
        given = click.get_current_context().params
        if convention is not None and convention.kl == "mean" and "latent" in given:
            convention = replace(convention, latent=given["latent"])
            convention.factor(1, convention.kind)
        return function(convention=convention, **options)

    return call


def convention_of(
    loss: str | None, decoder_variance: float | str | None, scale: float, **others: Any
) -> Convention | None:
    """Return the user's convention, or None where it is the model's own."""
    gaussian = others.get("likelihood", "gaussian") == "gaussian"
    if loss is None and decoder_variance is None and gaussian:
        found = replace(OWN, scale=scale, **others)
        return None if found == replace(OWN, batch_size=found.batch_size) else found
    return Convention(loss or "sum", decoder_variance, scale, **others)


def _like(like: str, chosen: dict[str, Any]) -> Convention:
    """Return the convention of a known code.

    Raises
    ------
    ParameterError
        When an option is given that it decides.
    """
    preset = PRESETS[like]
    for name in SCALING:
        source = click.get_current_context().get_parameter_source(name)
        if source not in (None, ParameterSource.DEFAULT):
            reason = (
                f"and --like {like} exclude each other: it stands for {spelt(preset.convention)}"
            )
            raise ParameterError(name, reason)
    if preset.refused:
        raise ParameterError("like", f"{like}: {preset.refused}")
    log.info("%s: %s (%s)", like, preset.source, preset.seen)
    if preset.note:
        log.warning("%s: %s", like, preset.note)
    return replace(preset.convention, **{name: chosen[name] for name in BESIDE})


def spelt(convention: Convention) -> str:
    """Return the options that a convention stands for."""
    usual, words = asdict(Convention()), []
    for field in fields(convention):
        value = getattr(convention, field.name)
        if value != usual[field.name] or field.name == "loss":
            shown = f"{value:g}" if isinstance(value, float) else value
            words.append(f"--{field.name.replace('_', '-')} {shown}")
    return " ".join(words)


def only_gaussian(convention: Convention | None, what: str) -> None:
    """Refuse losses of another likelihood, and a learned decoder variance.

    Raises
    ------
    ParameterError
    """
    if convention is not None and convention.kind != "gaussian":
        learned = convention.kind == LEARNED
        name = "decoder_variance" if learned else "likelihood"
        other = "a learned one" if learned else convention.kind
        reason = f"{what} is derived for a gaussian of given variance, not for {other}"
        raise ParameterError(name, f"{reason}: `vaedyn spectrum` has its thresholds")


def check_judged(weight: float | None, beta: float | None) -> None:
    """Refuse what cannot be judged, before the data are read.

    Raises
    ------
    click.UsageError, ParameterError
        When both are given, or one is not above zero.
    """
    if weight is not None and beta is not None:
        raise click.UsageError("--weight and --beta exclude each other")
    check_asked(weight, beta)


def judged(
    found: Look,
    weight: float | None,
    beta: float | None,
    latents: int | None,
    convention: Convention | None,
) -> Judged | None:
    """Return what the KL weight or the beta does that is to be judged, if one of them is given."""
    if weight is None and beta is None:
        return None
    asked = {"weight": weight, "beta": beta, "latents": latents}
    return judge(found, **asked, convention=convention or OWN)
