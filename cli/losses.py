"""What `vaedyn spectrum` prints for other losses than a squared error of given variance."""

import logging
from dataclasses import asdict
from typing import Any

import click
import numpy as np

from vaedyn.data.collapse_thresholds import CollapseThresholds, collapse_thresholds
from vaedyn.data.convention import LEARNED, Convention
from vaedyn.data.learned_variance import LearnedVariance, learned_thresholds, learned_variance
from vaedyn.data.look import USUAL, Look
from vaedyn.data.prediction import steps
from vaedyn.errors import ParameterError
from vaedyn.listings import collapse_thresholds as listed
from vaedyn.tables.table import TableError

from .data import looked, opened
from .output import number, print_json, table
from .session import Session

log = logging.getLogger("vaedyn.cli")
BEYOND = 1.01  # of the threshold of total collapse: where a table of betas ends


def answer(
    session: Session,
    place: str,
    convention: Convention,
    latents: int | None,
    weight: float | None,
    beta: float | None,
    how: dict[str, Any],
) -> None:
    """Print thresholds of a likelihood, or what a decoder variance that is learned comes to.

    Raises
    ------
    click.BadParameter, ParameterError
        When there is no table, its entries do not fit, or an option does not apply.
    """
    if convention.kind == LEARNED:
        _only_many(convention, how)
        if latents is None and (weight, beta) != (None, None):
            raise ParameterError("latent", "is needed: the learned variance depends on it")
        data = looked(session, place, **how)
        _learned(session, data, convention, latents, weight, beta)
        return
    refuse_how(convention, how)
    table = opened(place)
    try:
        found = collapse_thresholds(
            table,
            convention.likelihood,
            dispersion=convention.dispersion,
            scale=convention.scale,
            leading=how["leading"],
            passes=how["passes"],
        )
    except TableError as error:
        raise click.BadParameter(str(error), param_hint="DATA") from error
    except ParameterError as error:
        if error.name != "data":
            raise
        raise click.BadParameter(error.reason, param_hint="DATA") from error
    log.info(table.found)
    for text in [*[table.note] * bool(table.note), *found.warnings]:
        log.warning(text)
    _thresholds(session, found, convention, latents, weight, beta)


def refuse_how(convention: Convention, how: dict[str, Any]) -> None:
    """Refuse ways to look at a table that mean nothing for another likelihood.

    Raises
    ------
    ParameterError
    """
    _only_many(convention, how)
    given = {"standardise": how["standardise"], "estimator": how["estimator"] != USUAL}
    given["spikes"] = how["spikes"] is not None  # 0 is a number of signals, too
    for name, value in given.items():
        if value:
            reason = f"does not apply to the likelihood {convention.likelihood}"
            raise ParameterError(name, reason)


def _only_many(convention: Convention, how: dict[str, Any]) -> None:
    if how["epochs"] != "many":
        raise ParameterError("epochs", f"only many is derived for {convention.kind}")


def _asked(
    convention: Convention, dim: int, weight: float | None, beta: float | None
) -> tuple[float, float] | None:
    """Return the user's KL weight and beta, if one of them is given."""
    kind = convention.kind
    if weight is not None:
        return weight, convention.beta(weight, dim, kind)
    return None if beta is None else (convention.weight(beta, dim, kind), beta)


def _thresholds(
    session: Session,
    found: CollapseThresholds,
    convention: Convention,
    latents: int | None,
    weight: float | None,
    beta: float | None,
) -> None:
    factor = convention.factor(found.dim, convention.kind)
    shown = found.eigenvalues[:latents]
    asked = _asked(convention, found.dim, weight, beta)
    unstable = None if asked is None else int((shown > asked[1]).sum())
    if session.as_json:
        data: dict[str, Any] = {
            "command": "spectrum",
            "likelihood": found.likelihood,
            "dispersion": found.dispersion,
            "samples": found.samples,
            "dim": found.dim,
            "left_out": [column + 1 for column in found.left_out],
            "complete": found.complete,
            "thresholds": [
                {"latent": k + 1, "beta": float(s), "weight": float(s * factor)}
                for k, s in enumerate(shown)
            ],
            "exact": listed.EXACT,
            "first_guess": listed.GUESS,
            "no_minimum": listed.NO_MINIMUM if found.likelihood == "factor" else None,
            "warnings": list(found.warnings),
        }
        if asked is not None:
            data["judged"] = {"weight": asked[0], "beta": asked[1], "unstable": unstable}
        print_json(data)
        return
    print_lost(shown, factor, "grows below beta")
    for line in listed.summary(found):
        click.echo(line)
    if asked is not None:
        text = _yours(asked, weight)
        if unstable:
            grow = "latent grows" if unstable == 1 else "latents grow"
            click.echo(f"{text}: total collapse is unstable, {unstable} {grow} out of it")
        else:
            click.echo(f"{text}: total collapse is stable")


def _yours(asked: tuple[float, float], weight: float | None) -> str:
    own = f"your KL weight {asked[0]:g} is beta = {number(asked[1])} here"
    return f"your beta is {number(asked[1])}" if weight is None else own


def print_lost(betas: np.ndarray, factor: float, heading: str) -> None:
    """Print a value of beta for each latent, and the KL weight that it stands for."""
    columns, rows, left, more = listed.table(betas.tolist(), factor, heading)
    table(columns, rows, left)
    if more:
        click.echo(f"and {more} more: see --json")


def _name(factor: float) -> list[str]:
    """Return the heading of KL weights, where they are not the same as beta."""
    return [] if factor == 1 else ["KL weight"]


def _own(beta: float, factor: float) -> list[str]:
    return [] if factor == 1 else [number(beta * factor)]


def _learned(
    session: Session,
    data: Look,
    convention: Convention,
    latents: int | None,
    weight: float | None,
    beta: float | None,
) -> None:
    """Print where a decoder variance that is learned goes, and the active units."""
    dim, scale = data.spectrum.dim, convention.scale
    factor = convention.factor(dim, LEARNED)
    lost = learned_thresholds(data.prediction.variances(), dim=dim, total=data.prediction.total)
    shown = lost[:latents]
    asked = _asked(convention, dim, weight, beta)
    degenerate = latents is not None and latents >= len(lost) and not data.prediction.missing
    lines = [] if latents is None else _lines(data, lost, latents, degenerate)
    yours = None if asked is None or latents is None else _at(data, asked[1], latents)
    none = f"up to beta = {number(float(dim / len(lost)))} sigma2 goes to 0, without a minimum"
    if session.as_json:
        print_json(
            {
                "command": "spectrum",
                **(asdict(data.source) if data.source else {}),
                "likelihood": "gaussian",
                "decoder_variance": LEARNED,
                "samples": data.spectrum.samples,
                "dim": dim,
                "latent": latents,
                "total_collapse": float(lost[0]),
                "thresholds": [
                    {"latent": k + 1, "beta": float(b), "weight": float(b * factor)}
                    for k, b in enumerate(shown)
                ],
                "no_minimum_up_to": float(dim / len(lost)) if degenerate else None,
                "table": [_plain(line, factor, scale) for line in lines],
                "warnings": list(data.analysis.warnings),
                **({} if yours is None else {"judged": _plain(yours, factor, scale)}),
            }
        )
        return
    print_lost(shown, factor, "collapses at beta")
    columns = "1 column" if dim == 1 else f"{dim} columns, all of which count"
    click.echo(
        f"{data.spectrum.samples} samples in {columns}; decoder variance "
        f"sigma2 learned; total collapse at beta = {number(float(lost[0]))}, the largest "
        "eigenvalue over the mean"
    )
    if latents is None:
        click.echo("sigma2 depends on the latent dimension: give --latent")
        return
    if degenerate:
        click.echo(f"so many latents can explain everything: {none}")
    heading = ["beta", *_name(factor), "sigma2", "beta sigma2", "active units"]
    table([*heading, "explained variance", "KL (nats)"], [_row(x, factor, scale) for x in lines])
    click.echo("beta sigma2 is the beta in force: a latent is active for each eigenvalue above it")
    if yours is not None and asked is not None:
        verb = "is" if 1 in (latents, yours.active) else "are"
        words = f"latent{'' if latents == 1 else 's'} {verb}"
        click.echo(
            f"{_yours(asked, weight)}: sigma2 = {number(yours.sigma2 * scale**2)}, "
            f"{yours.active} of {latents} {words} active"
        )


def _at(data: Look, beta: float, latents: int) -> LearnedVariance:
    dim, total = data.spectrum.dim, data.prediction.total
    try:
        return learned_variance(data.prediction.variances(), beta, latents, dim=dim, total=total)
    except ParameterError as error:
        raise ParameterError(error.name.replace("latents", "latent"), error.reason) from None


def _lines(data: Look, lost: np.ndarray, latents: int, degenerate: bool) -> list[LearnedVariance]:
    """Return what happens at a dozen values of beta, from where no latent is lost to collapse."""
    last = float(lost[:latents][-1])
    betas = steps(last if degenerate else min(0.5, 0.5 * last), BEYOND * float(lost[0]))
    betas = sorted({*betas, 1.0})
    if degenerate:
        betas = [beta for beta in betas if beta > last * (1 + 1e-9)]
    if data.prediction.missing and latents > len(lost):
        betas = [beta for beta in betas if beta >= lost[-1]]
    return [_at(data, beta, latents) for beta in betas]


def _row(at: LearnedVariance, factor: float, scale: float) -> list[str]:
    numbers = (at.sigma2 * scale**2, at.in_force * scale**2)
    shown = [number(at.beta), *_own(at.beta, factor), *map(number, numbers), str(at.active)]
    return [*shown, f"{100 * at.explained:.1f} %", f"{at.kl:.4g}"]


def _plain(at: LearnedVariance, factor: float, scale: float) -> dict[str, Any]:
    scaled = {"sigma2": at.sigma2 * scale**2, "in_force": at.in_force * scale**2}
    return {"weight": at.beta * factor, **asdict(at), **scaled}
