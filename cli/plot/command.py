"""`vaedyn plot`: one subcommand a figure."""

from importlib import import_module

import click

from ..options import Group

FIGURES = (
    "annealing", "branches", "cascade", "collapse", "concentration", "diagnose", "escape",
    "heldout", "learning_curve", "order_parameters", "passages", "phase_diagram",
    "rate_distortion", "schedule", "spectrum", "sweep",
)  # fmt: skip


@click.group("plot", cls=Group)
def command() -> None:
    """Draw figures; missing results are computed, stored ones reused."""


for name in FIGURES:
    command.add_command(import_module(f".{name}", __package__).command)
