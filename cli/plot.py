"""`vaedyn plot`: one subcommand a figure."""

import json
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from vaedyn.ode import theory
from vaedyn.params import Params
from vaedyn.results import Trajectory
from vaedyn.sgd import simulate

from ..store import ResultStore
from .options import SIMULATION_OPTIONS, THEORY_OPTIONS, Command, option, with_model
from .output import print_json, progress_bar, source_of

FORMATS = (".pdf", ".svg", ".png")
X_SCALE = option(
    "Output", "--x-scale", type=click.Choice(["linear", "log"]), default="linear", help="Time axis."
)
Y_SCALE = option(
    "Output", "--y-scale", type=click.Choice(["linear", "log"]), default="log", help="Error axis."
)
FIGURE_OPTIONS = [
    option(
        "Output",
        "-o",
        "--output",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Name of the figure: .pdf, .svg or .png.",
        show_default="a name made of the model, .pdf",
    ),
    option(
        "Output",
        "--band",
        type=click.Choice(["std", "sem"]),
        default="std",
        help="Band of the runs: standard deviation, or standard error of the mean.",
    ),
    X_SCALE,
]


@click.group("plot")
def command() -> None:
    """Draw figures, computing what is missing and reusing what is there."""


def default_name(figure: str, params: Params, options: dict[str, Any]) -> Path:
    """Return a file name that tells `figure` and all that differs from the defaults."""
    chosen = {**params.to_dict(), **options}
    context = click.get_current_context()
    usual = {option.name: option.default for option in context.command.params}
    usual = {**usual, **Params().to_dict()}
    parts = [figure]
    for name, value in chosen.items():
        if name in usual and value != usual[name]:
            if isinstance(value, dict):
                value = sha256(json.dumps(value).encode()).hexdigest()[:8]
            text = "-".join(f"{x:g}" for x in value) if isinstance(value, list) else _short(value)
            parts.append(f"{name.replace('_', '-')}-{text}".replace(":", "-"))
    return Path("_".join(parts) + ".pdf")


def _short(value: object) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _draw(name: str, style: dict[str, str], **options: Any) -> None:
    """Compute or load both trajectories, draw them, and tell what was done."""
    params: Params = options["params"]
    numerics = {key: options[key] for key in ("runs", "seed", "engine", "rtol", "atol")}
    output: Path = options["output"] or default_name(name, params, {**numerics, **style})
    if output.suffix.lower() not in FORMATS:
        raise click.BadParameter(
            f"expected a name ending in .pdf, .svg or .png, got {str(output)!r}",
            param_hint="--output",
        )
    if not output.resolve().parent.is_dir():
        raise click.BadParameter(f"no folder {str(output.parent)!r}", param_hint="--output")
    ode, sgd = _trajectories(**options)

    from vaedyn import figures
    from vaedyn.style import save

    records = [
        {"kind": kind, **asdict(source_of(result))}
        for kind, result in (("theory", ode), ("simulate", sgd))
    ]
    keywords = [f"{record['kind']} {record['key']}" for record in records]
    figure = getattr(figures, name.replace("-", "_"))(ode, sgd, **style)
    save(figure, output, keywords=keywords)
    if not options["as_json"]:
        click.echo(output)
        return
    print_json({"command": f"plot {name}", "output": str(output), "records": records})


def _trajectories(
    params: Params, store_path: Path, recompute: bool, **options: Any
) -> tuple[Trajectory, Trajectory]:
    store = ResultStore(store_path, recompute=recompute)
    ode = theory(params, rtol=options["rtol"], atol=options["atol"], store=store)
    with progress_bar("simulate", "steps") as progress:
        sgd = simulate(
            params,
            **{name: options[name] for name in ("runs", "seed", "engine", "jobs")},
            store=store,
            progress=progress,
        )
    return ode, sgd


@command.command(
    "learning-curve",
    cls=Command,
    examples=[
        "vaedyn plot learning-curve --beta 1.5 -o fig1.pdf",
        "vaedyn plot learning-curve --x-scale log --band sem --runs 20",
    ],
)
@with_model(SIMULATION_OPTIONS, THEORY_OPTIONS, [*FIGURE_OPTIONS, Y_SCALE])
def learning_curve(band: str, x_scale: str, y_scale: str, **options: Any) -> None:
    """Draw the generalisation error in time: theory as a line, simulation with its band."""
    style = {"band": band, "x_scale": x_scale, "y_scale": y_scale}
    _draw("learning-curve", style, **options)


@command.command(
    "order-parameters",
    cls=Command,
    examples=[
        "vaedyn plot order-parameters",
        "vaedyn plot order-parameters --latent 2 --signal 2 --rho 2,1 -o fig2.svg",
    ],
)
@with_model(SIMULATION_OPTIONS, THEORY_OPTIONS, FIGURE_OPTIONS)
def order_parameters(band: str, x_scale: str, **options: Any) -> None:
    """Draw m, d, Q, E, R and D in time, one panel each."""
    _draw("order-parameters", {"band": band, "x_scale": x_scale}, **options)
