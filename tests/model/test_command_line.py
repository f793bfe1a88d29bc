"""The command line of a model describes that very model."""

import shlex

import click
import pytest

import vaedyn
from vaedyn.cli import main as cli

START = {"m": [[0.9], [0.1]], "d": [[0.45], [0.1]], "Q": 1, "E": 0.5, "R": 0.4, "D": 0.5}
MODELS = [
    {},
    {"latent": 3, "signal": 2, "rho": (2, 2), "dim": 5000, "points": 7, "t_max": 12.5},
    {"signal": 2, "rho": (3.125, 0.1), "lr": (0.1, 0.2, 0.3), "batch": 4, "momentum": 0.9},
    {"optimiser": "adam", "adam_betas": (0.8, 0.99), "lr": 1.25, "latents": "sampled"},
    {"noise": "1.2*0.5,0.6*0.5", "beta": 1e-7},
    {"anneal": "points:0.0=0.0,1.5=2.5", "beta": 2.5, "lam": 0.03, "init_seed": 3},
    {"latent": 2, "init": START, "alpha": 1.5},
    {"init": "m=0.1,d=-0.2,Q=1,E=1,R=0,D=1", "anneal": "cyclical:3:0.25", "t_max": 30},
]  # fmt: skip


def parsed(line):
    """Return the model that the program makes of a command line."""
    words = shlex.split(line)
    group = click.Context(cli.command, **cli.command.context_settings)
    command = cli.command.get_command(group, words[1])
    options = command.make_context(words[1], words[2:], parent=group).params
    return vaedyn.Params(**{name: options[name] for name in vaedyn.Params.__dataclass_fields__})


@pytest.mark.parametrize("model", MODELS)
def test_a_command_line_describes_the_same_model(model):
    params = vaedyn.Params(**model)
    assert parsed(vaedyn.command_line(params)) == params


def test_defaults_are_left_out():
    assert vaedyn.command_line(vaedyn.Params()) == "vaedyn theory"


def test_other_options_follow_and_what_varies_is_left_out():
    params = vaedyn.Params(rho=2, beta=0.5, lr=0.1)
    line = vaedyn.command_line(params, "plot branches", vary="rho=1:3", quiet=True, json=False)
    assert line == "vaedyn plot branches --beta 0.5 --lr 0.1 --vary rho=1:3 --quiet"
    unequal = vaedyn.Params(signal=2, rho=(3, 1))
    assert vaedyn.command_line(unequal, vary="rho=1:3") == (
        "vaedyn theory --signal 2 --vary rho=1:3"
    )
