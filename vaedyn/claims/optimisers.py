"""Beyond the paper: batches, momentum, sampled latents and Adam have their closed ODE, too."""

import numpy as np

from ..fixedpoints.fixed_points import fixed_points
from ..model.params import Params
from ..sweeps.grids import Point
from .evidence import FIXED_POINT, Lab, Panel, Recipe, Row, mean_and_error, statistical

START = "m=0.1,d=0.1,Q=1,E=1,R=0,D=1"
SMALLER = 4  # times fewer dimensions, to see by how much finite N shifts a mean
TRAININGS = {
    "SGD at rate 0.1": {"lr": 0.1},
    "SGD at 0.01 with momentum 0.9, b = 16, sampled latents": {
        "lr": 0.01, "momentum": 0.9, "batch": 16, "latents": "sampled",
    },
    "Adam at 0.02, b = 16, sampled latents": {
        "lr": 0.02, "optimiser": "adam", "batch": 16, "latents": "sampled",
    },
}  # fmt: skip


def optimisers(lab: Lab) -> list[Panel]:
    """Return learning curves of several ways to train, and what collapsed latents keep."""
    runs, dim = (6, 400) if lab.quick else (10, 1000)
    base = Params(dim=dim, rho=2.0, t_max=50, points=101, init=START)
    points = [
        Point({"trained by": name}, base.replace(**changes), {})
        for name, changes in TRAININGS.items()
    ]
    models = [point.params for point in points]
    ode = [lab.theory(model) for model in models]
    small = [model.replace(dim=dim // SMALLER) for model in models]
    found = lab.simulate([*models, *small], runs)
    sgd, smaller = found[: len(models)], found[len(models) :]
    rows = []
    for name, theory, own, other in zip(TRAININGS, ode, sgd, smaller, strict=True):
        at = int(np.argmax(theory.eps_g < 0.5 * theory.eps_g[0]))
        mean, error = mean_and_error(other.eps_g[:, at])
        shift = abs(mean - theory.eps_g[at]) + 3 * error
        rows.append(
            statistical(
                f"eps_g at t = {theory.t[at]:g}, {name}",
                float(theory.eps_g[at]),
                own.eps_g[:, at],
                known_to=shift / SMALLER,
            )
        )
    rows.append(_floor(lab, runs))
    return [
        Panel(
            name="optimisers",
            title="Beyond the paper: momentum, batches and Adam follow ODEs, too",
            rows=rows,
            data={"points": points, "ode": ode, "sgd": sgd},
            caption="Generalisation error in time under three ways to train: the ODE as lines, "
            "simulated training on weight vectors as markers, with the standard deviation of runs. "
            "Adam is SGD at rates that follow its running second moments.",
            known="Nothing: the paper takes one data point a step, one rate, and averages over the "
            "latents.",
            chosen="Everything: the model, the rates, the batch, the start and the number of runs.",
            recipes=[
                Recipe(
                    command="plot learning-curve",
                    params=model,
                    options={"runs": runs, "seed": lab.seed},
                )
                for model in models
            ],
        )
    ]


def _floor(lab: Lab, runs: int) -> Row:
    """Return the row of the decoder weights that a collapsed latent keeps, where z is drawn."""
    model = Params(
        dim=1000, beta=4.0, eta=0.8, lr=0.2, batch=2, latents="sampled", t_max=60, points=2,
        init="m=0,d=0,Q=0.04,E=0,R=0,D=1",
    )  # fmt: skip
    ends = lab.simulate([model], 4 * runs)[0].Q[:, -1, 0, 0]
    return statistical(
        "Q of a collapsed latent, latents sampled, b = 2",
        float(fixed_points(model).Q[0, 0, 0]),
        ends,
        origin=FIXED_POINT,
        known_to=3 / model.dim * float(ends.mean()),
    )
