"""`vaedyn fixedpoints`."""

from pathlib import Path

import click

from vaedyn.initial import NAMES
from vaedyn.params import Params
from vaedyn.stationary import FixedPoints, fixed_points

from ..store import ResultStore
from .options import THEORY_OPTIONS, Command, with_model
from .output import OBSERVABLES, number, plain, print_json, provenance, state_rows, table


@click.command(
    "fixedpoints",
    cls=Command,
    examples=["vaedyn fixedpoints --beta 1.5", "vaedyn fixedpoints --latent 2 --beta 0.5 --json"],
)
@with_model(THEORY_OPTIONS)
def command(
    params: Params, rtol: float, atol: float, store_path: Path, recompute: bool, as_json: bool
) -> None:
    """Find the fixed point where learning ends, and the collapsed one, with their stability.

    The end of the theory's trajectory is refined by Newton's method; the
    trajectory is reused if it is stored. Thresholds of beta are those of a
    small learning rate: above `collapse` nothing is learned, below `noise`
    spare latents fit noise.
    """
    store = ResultStore(store_path, recompute=recompute)
    result = fixed_points(params, rtol=rtol, atol=atol, store=store)
    if as_json:
        data = {**provenance(result, "fixedpoints"), "fixed_points": describe(result)}
        print_json({**data, "thresholds": result.thresholds})
        return
    count = len(result.labels)
    rows = [
        [
            "stable",
            *(
                "yes" if stable else "marginal" if marginal else "no"
                for stable, marginal in zip(result.stable, result.marginal, strict=True)
            ),
        ],
        ["max eigenvalue", *map(number, result.max_eigenvalue)],
        ["residual", *(f"{value:.1g}" for value in result.residual)],
        *state_rows(result, lambda x: [x[i] for i in range(count)]),
    ]
    table(["fixed point", *result.labels], rows)
    for name, value in result.thresholds.items():
        click.echo(f"threshold of beta, {name}: {value:.6g}")


def describe(result: FixedPoints) -> list[dict]:
    """Return the fixed points as plain data."""
    points = []
    for i, label in enumerate(result.labels):
        spectrum = zip(result.eigenvalues_re[i], result.eigenvalues_im[i], strict=True)
        points.append(
            {
                "label": label,
                "stable": bool(result.stable[i]),
                "max_eigenvalue": float(result.max_eigenvalue[i]),
                "residual": float(result.residual[i]),
                **{name: plain(getattr(result, name)[i]) for name in (*OBSERVABLES, *NAMES)},
                "eigenvalues": [[float(re), float(im)] for re, im in spectrum if re == re],
            }
        )
    return points
