"""The user's own units of the KL weight, as options give them."""

from dataclasses import replace

import click

from vaedyn.data.convention import OWN, Convention
from vaedyn.data.judge import Judged, check_asked, judge
from vaedyn.data.look import Look


def convention_of(
    loss: str | None, decoder_variance: float | None, scale: float
) -> Convention | None:
    """Return the user's convention, or None where it is the model's own."""
    if loss is None and decoder_variance is None:
        return None if scale == 1 else replace(OWN, scale=scale)
    return Convention(loss or "sum", decoder_variance, scale)


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
