"""`vaedyn theory --data`, and when latents are learned, for all commands on users' data."""

import logging
from dataclasses import asdict
from typing import Any

import click
import numpy as np

from vaedyn.data.course import predicted_course, unknown
from vaedyn.data.curve import LearningCurve
from vaedyn.data.look import Look
from vaedyn.data.settling import ALIKE
from vaedyn.data.suited import suited
from vaedyn.data.train import predicted_kl
from vaedyn.data.watch import Watched
from vaedyn.listings import curve as listed

from .output import number, plain, print_json, table
from .session import Session

log = logging.getLogger("vaedyn.cli")


def report_course(
    session: Session, found: Look, settings: dict[str, Any], rtol: float, atol: float
) -> None:
    """Print the learning curve that theory predicts for training on a table."""
    params = suited(found, **settings)
    with session.progress("theory") as progress:
        curve = predicted_course(
            found, params, rtol=rtol, atol=atol, store=session.store, progress=progress
        )
    left = unsettled(found, curve)
    warnings = [*found.analysis.warnings, *notes(found, curve), *([left] if left else [])]
    if session.as_json:
        assert curve.source is not None
        final = {
            "t": params.t_max, "kl_per_latent": plain(curve.kl_per_latent[-1]),
            "kl": float(curve.kl_per_latent[-1].sum()), "loss": float(curve.loss[-1]),
        }  # fmt: skip
        data = {"command": "theory", **asdict(curve.source), "unit": found.rows.unit}
        print_json({**data, "final": final, **as_json(curve), "warnings": warnings})
        return
    table(*listed.table(curve)[:2])
    click.echo(listed.said(curve))
    if left:
        click.echo(left)
    if found.analysis.no_floor and "beta" not in settings:
        click.echo(f"this beta is no recommendation: {found.analysis.no_floor}")
    click.echo(f"beta = {number(params.beta)}, learning rate {number(params.rate)}")


def notes(found: Look, curve: LearningCurve) -> list[str]:
    """Say, and return, what the prediction leaves out."""
    texts = []
    if missing := unknown(found):
        texts.append(
            f"{missing} eigenvalues are not known: in the learning curve their mean stands for them"
        )
    if curve.epochs[-1] < 1:
        texts.append(
            "not all rows are used once: the learning curve is that of their own covariance all "
            "the same"
        )
    for text in texts:
        log.warning(text)
    return texts


def unsettled(found: Look, curve: LearningCurve) -> str | None:
    """Return in words that learning is not over at the last time, if so."""
    final = predicted_kl(found, curve.params)
    off = np.abs(np.sort(curve.kl_per_latent[-1])[::-1] - final)
    if (off < ALIKE + 0.02 * final).all():
        return None
    return (
        f"learning is not over at t = {curve.params.t_max:g}: KL is up to {off.max():.2g} nats "
        "from where it ends, and times are those of its value by then; raise --t-max"
    )


def as_json(curve: LearningCurve) -> dict[str, Any]:
    """Return when each latent is learned or has collapsed, in the order of latents."""
    t, alive = curve.learned, curve.active
    learned, lost = np.where(alive, t, np.nan), np.where(alive, np.nan, t)
    steps = learned * curve.params.dim
    return {
        "learned": {
            "t": plain(learned),
            "steps": plain(steps),
            "epochs": plain(steps * curve.params.batch / curve.samples),
        },
        "collapsed": {"t": plain(lost)},
    }


def compared_json(seen: Watched) -> dict[str, Any]:
    """Return the learning curves of training and of theory as entries of JSON."""
    pair = {"predicted": seen.predicted, "measured": seen.measured}
    data: dict[str, Any] = {
        name: curve and {**as_json(curve), "kl_per_latent": plain(curve.kl_per_latent[-1])}
        for name, curve in pair.items()
    }
    return {"learning_curve": {**data, "why": seen.why or None}}


def warn_unpredicted(seen: Watched) -> None:
    """Say why there is no learning curve of theory, if there is none."""
    if seen.why:
        log.warning("the learning curve is not predicted: %s", seen.why)


def compared(seen: Watched) -> None:
    """Print when the first, the second, ... latent is learned: by theory, and in training."""
    warn_unpredicted(seen)
    shown, remarks = listed.both(seen)
    if shown is None:
        return
    table(*shown[:2])
    for line in remarks:
        click.echo(line)
    click.echo()
