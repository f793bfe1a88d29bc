"""`vaedyn plot learning-curve --data`."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from vaedyn.data.look import Look
from vaedyn.data.watch import watch
from vaedyn.model.params import integer

from ..course import notes, warn_unpredicted
from ..ondata import typed
from ..session import Session
from .picture import checked, say_if_empty

WITHOUT = {"vary": "--vary", "animation": "--animate", "band": "--band", "y_scale": "--y-scale"}


def refuse_for_data() -> None:
    """Refuse options that make no sense for one training on data.

    Raises
    ------
    click.UsageError
    """
    for name, written in WITHOUT.items():
        if typed(name):
            raise click.UsageError(f"{written} and --data exclude each other")


def target_of(place: str, output: Path | None, x_scale: str, look: Any) -> Path:
    """Return where the figure goes, after checking that it can be written."""
    look.check(x_scale, "linear")
    return checked(output or Path(f"learning-curve_{Path(place.partition(':')[0]).stem}.pdf"))


def draw_course(
    session: Session,
    found: Look,
    settings: dict[str, Any],
    seed: int,
    target: Path,
    x_scale: str,
    look: Any,
    rtol: float,
    atol: float,
) -> None:
    """Train on a table, and draw its learning curve beside that of theory."""
    seen = watch(
        found,
        seed=integer("seed", seed, 0),
        rtol=rtol,
        atol=atol,
        store=session.store,
        watch=session.simulation,
        **settings,
    )
    warn_unpredicted(seen)
    said = notes(found, seen.measured) if seen.predicted else []

    from vaedyn.figures.course import course
    from vaedyn.figures.style import save

    figure = course(seen.predicted, seen.measured, x_scale=x_scale, look=look)
    say_if_empty(figure)
    pair = {"course": seen.predicted, "rows": seen.measured}
    sources = {kind: curve.source for kind, curve in pair.items() if curve and curve.source}
    records = [{"kind": kind, **asdict(source)} for kind, source in sources.items()]
    save(figure, target, keywords=[f"{each['kind']} {each['key']}" for each in records])
    data = {"command": "plot learning-curve", "output": str(target), "records": records}
    warnings = [*seen.training.warnings, *said]
    session.answer({**data, "why": seen.why or None, "warnings": warnings}, target)
