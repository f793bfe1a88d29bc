"""The user's own units of the KL weight, as options give them."""

from dataclasses import replace

import click

from vaedyn.data.convention import LEAST, Convention
from vaedyn.model.params import real

OWN = Convention("sum", 1.0)  # the model's: half of the squared error, and beta times KL


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
    for name, value in (("weight", weight), ("beta", beta)):
        if value is not None:
            real(name, value, LEAST, least_allowed=True)


def judged(
    weight: float | None, beta: float | None, convention: Convention | None, dim: int
) -> tuple[float, float] | None:
    """Return the KL weight that is to be judged and its beta, if one of them is given."""
    own = convention or OWN
    if beta is not None:
        return own.weight(beta, dim), beta
    return None if weight is None else (weight, own.beta(weight, dim))
