"""The command that makes a record again, of every kind, word by word."""

import shlex
from types import SimpleNamespace

import pytest

from vaedyn.cli.again import command_of

TABLE = {"file": "a b.csv", "columns": "x,y", "missing": "drop"}


def again(kind, length=None, info=(), **params):
    return command_of(SimpleNamespace(kind=kind, params=params, info=dict(info), length=length))


@pytest.mark.parametrize("kind", ["spectrum", "heldout"])
@pytest.mark.parametrize("standardise", [False, True])
def test_tables(kind, standardise):
    own = {"spectrum": ("leading", "passes"), "heldout": ("folds", "seed")}[kind]
    params = {"data": "d", own[0]: 7, own[1]: 3, "standardise": standardise}
    flag = ["--standardise"] * standardise
    end = [*flag, f"--{own[0]}=7", f"--{own[1]}=3"]
    words = ["vaedyn", kind, "a b.csv", "--columns", "x,y", "--missing", "drop", *end]
    assert shlex.split(again(kind, info=TABLE, **params)) == words
    assert shlex.split(again(kind, **params)) == ["vaedyn", kind, "DATA", *end]
    bare = {"file": "f.npy", "columns": "", "missing": None}
    assert shlex.split(again(kind, info=bare, **params)) == ["vaedyn", kind, "f.npy", *end]


def test_pictures_of_the_report():
    made = {"panel": "p", "content": "c", "drawing": "d"}
    assert again("panel", quick=True, seed=0, **made) == "vaedyn reproduce --quick --seed 0"
    assert again("panel", quick=False, seed=3, **made) == "vaedyn reproduce --seed 3"


@pytest.mark.parametrize("kind", ["phases", "check", "unheard"])
def test_what_no_command_makes_alone(kind):
    assert again(kind, beta=1.5) is None


MODELS = {
    "theory": ("theory", {"rtol": 1e-7, "atol": 1e-9}),
    "fixedpoints": (
        "fixedpoints",
        {"rtol": 1e-7, "atol": 1e-9, "groups": 1, "search": 20, "search_seed": 3},
    ),
    "cycle": ("fixedpoints --cycle", {}),
    "simulate": ("simulate", {"engine": "vector", "seed": 3, "random_start": True}),
    "bands": ("theory --bands", {"random_start": True}),
    "convergence": ("theory", {"tol": 0.02, "rtol": 1e-7, "atol": 1e-9}),
    "annealing": (
        "anneal",
        {"family": "free", "knots": 4, "tol": 0.02, "criterion": "elbo", "rtol": 1e-7,
         "atol": 1e-9},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", MODELS)
def test_models(kind):
    command, options = MODELS[kind]
    spelt = []
    for name, value in options.items():
        word = name.replace("_", "-")
        spelt += [f"--{word}"] if value is True else [f"--{word}", str(value)]
    words = again(kind, numerics=4, beta=1.5, **options).split()
    assert words == ["vaedyn", *command.split(), "--beta", "1.5", *spelt]
    assert again(kind, beta=1.5) == f"vaedyn {command} --beta 1.5"


def test_runs_are_the_length():
    assert again("simulate", 7, beta=1.5, seed=2) == "vaedyn simulate --beta 1.5 --seed 2 --runs 7"
    assert again("simulate", 0, beta=1.5) == "vaedyn simulate --beta 1.5 --runs 0"


def test_branches_and_cycles_vary_one_constant():
    along = {"beta": 1.5, "groups": 1, "varied": "lr", "from": 0.5, "to": 2.25}
    end = "--beta 1.5 --groups 1 --vary lr=0.5:2.25"
    assert again("branches", **along) == f"vaedyn fixedpoints {end}"
    assert again("cycles", **along) == f"vaedyn fixedpoints --cycle {end}"


def test_curves_vary_two_constants():
    axes = {"x_varied": "beta", "x_from": 0.5, "x_to": 2.25, "x_log": True}
    axes |= {"y_varied": "lr", "y_from": 0.125, "y_to": 4.0, "y_log": False}
    wanted = "vaedyn fixedpoints --eta 3.0 --vary beta=log:0.5:2.25 --vary lr=0.125:4.0"
    assert again("curves", eta=3.0, follow=[], **axes) == wanted
    words = f"{wanted} --follow hopf --follow q=0.5"
    assert again("curves", eta=3.0, follow=["hopf", "q=0.5"], **axes) == words


@pytest.mark.parametrize(
    ("kind", "command"),
    [("data", "simulate"), ("rows", "simulate"), ("course", "theory"), ("warmup", "anneal")],
)
def test_training_on_tables(kind, command):
    params = {
        "dim": 5, "signal": 2, "rho": [3.0], "eta": 2.0,  # which the table gives
        "latent": 3, "beta": 0.5, "data": "abc standardised", "numerics": 3,
        "seed": 7, "family": "linear", "tol": 0.25, "rtol": 1e-7, "atol": 1e-9,
    }  # fmt: skip
    info = {**TABLE, "estimator": "median", "spikes": 0, "standardise": False, "samples": 9}
    wanted = (
        f"vaedyn {command} --data 'a b.csv' --standardise --estimator median --spikes 0 "
        "--latent 3 --beta 0.5 --seed 7 --family linear --tol 0.25 --rtol 1e-07 --atol 1e-09 "
        "--columns x,y --missing drop"
    )
    assert again(kind, info=info, **params) == wanted
    bare = again(kind, data="abc", beta=0.5)
    assert bare == f"vaedyn {command} --data DATA --beta 0.5"
