"""Looks at tables that are made up, for commands to print."""

from types import SimpleNamespace

import click

from tests.shared.kept import SOURCE


def made(**others):
    usual = {
        "rows": SimpleNamespace(unit=3.0, origin={"file": "a b.npy"}), "epochs": "many",
        "analysis": SimpleNamespace(warnings=("beware",), no_floor=None, weighty=1),
        "spectrum": SimpleNamespace(samples=30, dim=5),
        "prediction": SimpleNamespace(beta=0.75), "source": SOURCE,
    }  # fmt: skip
    return SimpleNamespace(**{**usual, **others})


UNSURE = SimpleNamespace(warnings=("beware",), no_floor="noise is not white", weighty=1)
UNIT = {"without": "this beta is no recommendation: noise is not white"}


def context(**given):
    """Return a context in which options come from somewhere."""
    found = click.Context(click.Command("x"))
    for name, source in given.items():
        found.set_parameter_source(name, getattr(click.core.ParameterSource, source))
    return found
