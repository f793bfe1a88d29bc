"""`vaedyn theory --data`, and when latents are learned, for all commands on users' data."""

import logging
from dataclasses import asdict
from typing import Any

import click
import numpy as np

from vaedyn.data.course import predicted_course, unknown
from vaedyn.data.curve import LearningCurve
from vaedyn.data.look import Look
from vaedyn.data.suited import suited
from vaedyn.data.watch import Watched

from .output import number, plain, print_json, table
from .session import Session

log = logging.getLogger("vaedyn.cli")
MEANING = "a latent is learned once its KL stays within half of its final value"


def report_course(
    session: Session, found: Look, settings: dict[str, Any], rtol: float, atol: float
) -> None:
    """Print the learning curve that theory predicts for training on a table."""
    params = suited(found, **settings)
    with session.progress("theory") as progress:
        curve = predicted_course(
            found, params, rtol=rtol, atol=atol, store=session.store, progress=progress
        )
    warnings = [*found.analysis.warnings, *notes(found, curve)]
    if session.as_json:
        assert curve.source is not None
        final = {
            "t": params.t_max, "kl_per_latent": plain(curve.kl_per_latent[-1]),
            "kl": float(curve.kl_per_latent[-1].sum()), "loss": float(curve.loss[-1]),
        }  # fmt: skip
        data = {"command": "theory", **asdict(curve.source), "unit": found.rows.unit}
        print_json({**data, "final": final, **as_json(curve), "warnings": warnings})
        return
    rows = [
        [str(n), number(curve.kl_per_latent[-1, i]), *timed(curve, i)]
        for n, i in enumerate(curve.order.tolist(), 1)
    ]
    table(["latent", f"KL at t = {params.t_max:g}", "learned at t", "SGD steps", "epochs"], rows)
    click.echo(said(curve))
    click.echo(f"beta = {number(params.beta)}, learning rate {number(params.lr)}")


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


def timed(curve: LearningCurve, latent: int) -> list[str]:
    """Return when a latent is learned: t, SGD steps and epochs; `-` if it has collapsed."""
    if not curve.active[latent]:
        return ["-", "-", "-"]
    t = curve.learned[latent]
    steps = t * curve.params.dim
    return [f"{t:.4g}", f"{round(steps)}", f"{steps / curve.samples:.3g}"]


def said(curve: LearningCurve) -> str:
    """Return in words when all is learned."""
    gone = int((~curve.active).sum())
    lost = f"; {gone} of {len(curve.active)} latents collapsed" if gone else ""
    return MEANING + lost


def as_json(curve: LearningCurve) -> dict[str, Any]:
    """Return when each latent is learned or has collapsed, in the order of latents."""
    t, alive = curve.learned, curve.active
    learned, lost = np.where(alive, t, np.nan), np.where(alive, np.nan, t)
    steps = learned * curve.params.dim
    return {
        "learned": {
            "t": plain(learned),
            "steps": plain(steps),
            "epochs": plain(steps / curve.samples),
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


def compared(seen: Watched) -> None:
    """Print when latents are learned: by theory, and in training."""
    measured, predicted = seen.measured, seen.predicted
    if predicted is None:
        log.warning("when latents are learned is not predicted: %s", seen.why)
    first = predicted or measured
    times = np.where(first.active, first.learned, np.inf)
    rows = []
    for n, i in enumerate(np.argsort(times, kind="stable").tolist(), 1):
        expected = timed(predicted, i)[:1] if predicted else []
        rows.append([str(n), *expected, *timed(measured, i)])
    names = ["predicted t"] if predicted else []
    click.echo()
    table(["learned", *names, "measured t", "SGD steps", "epochs"], rows)
