"""Batches, momentum, three rates and sampled latents in theory, beside training of vectors."""

import numpy as np
import pytest

import vaedyn
from vaedyn.model.quantities import NAMES
from vaedyn.model.state import pack

START = {
    "m": [[0.5, 0.1], [-0.1, 0.4]], "d": [[0.4, 0.1], [0, 0.3]], "Q": [[1, 0.1], [0.1, 0.9]],
    "E": [[0.8, 0.05], [0.05, 1.1]], "R": [[0.2, 0], [0.1, 0.2]], "D": [0.8, 0.9],
}  # fmt: skip
TWO = {
    "latent": 2, "signal": 2, "rho": (2.2, 1.1), "beta": 0.6, "lam": 0.05, "init": START,
    "dim": 1000, "t_max": 12, "points": 5, "lr": (0.4, 0.3, 0.7), "momentum": 0.3, "batch": 2,
    "latents": "sampled", "anneal": "tanh:0.3",
}  # fmt: skip
AGAIN = {
    "rho": 2.0, "eta": 0.8, "beta": 4.0, "lam": 0.02, "dim": 400, "alpha": 2.0, "t_max": 40,
    "points": 5, "lr": 0.3, "batch": 2, "latents": "sampled",
    "init": "m=0.5,d=0.5,Q=1,E=1,R=0.1,D=1",
}  # fmt: skip
CASES = {
    "white": ({**TWO, "eta": 0.7}, 12, ["latents", "batch", "momentum", "lr"]),
    "in classes": (
        {**TWO, "noise": "1.3*0.25,0.6*0.75"}, 12, ["latents", "batch", "momentum", "lr"],
    ),
    "rows used again": (AGAIN, 8, ["latents"]),
}  # fmt: skip
PLAIN = {"latents": "averaged", "batch": 1, "momentum": 0.0, "lr": 0.4}


def flat(result):
    return pack(*(getattr(result, name) for name in NAMES))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_training_follows_theory(case):
    """Means within four errors and 0.01, at all times but the first ones on rows.

    Not so where one of the four is left out of theory. On rows there, epochs are not short; what
    sampled latents add to collapsed ones is seen at the end.
    """
    model, runs, parts = case
    params = vaedyn.Params(**model)
    trained = flat(vaedyn.simulate(params, runs=runs, engine="vector"))
    mean, error = trained.mean(axis=0), trained.std(axis=0, ddof=1) / np.sqrt(runs)
    late = slice(-2, None) if params.alpha else slice(None)

    def off(params):
        away = np.abs(mean - flat(vaedyn.theory(params))) - 4 * error
        return away[late].max()

    assert off(params) < 0.01
    for name in parts:
        assert off(params.replace(**{name: PLAIN[name]})) > 0.02, name
