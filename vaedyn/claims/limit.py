"""Claims 1 and 2: SGD converges to the ODE, and both have the same learning curves."""

from dataclasses import replace

import numpy as np

from ..model.params import Params
from ..model.results import Trajectory
from ..sweeps.grids import grid
from .evidence import ODE, THEOREM_4_2, Lab, Panel, Recipe, Row, agreement, mean_and_error, quantile

START = "m=0.2,d=0.2,Q=1,E=1,R=0,D=1"
SCRIPT = "The authors' published script has M = M* = 1, rho = eta = 1 and N = 200."
EVERY = 10  # of the saved times are compared, as neighbouring ones fluctuate together
TINY = 1e-6  # in eps_g: errors of the integration do not count where runs hardly differ


def power_law(x: np.ndarray, y: np.ndarray, error: np.ndarray) -> tuple[float, float, float]:
    """Return exponent, its standard error and factor of the power law through `y` +- `error`."""
    weight = y / error
    design = np.stack([np.log(x), np.ones_like(x)], axis=1) * weight[:, None]
    covariance = np.linalg.inv(design.T @ design)
    exponent, offset = covariance @ design.T @ (np.log(y) * weight)
    return float(exponent), float(np.sqrt(covariance[0, 0])), float(np.exp(offset))


def at_infinity(x: np.ndarray, y: np.ndarray, error: np.ndarray) -> tuple[float, float]:
    """Return a of the best a + b/x through `y` +- `error`, and its standard error."""
    design = np.stack([np.ones_like(x), 1 / x], axis=1) / error[:, None]
    covariance = np.linalg.inv(design.T @ design)
    return float((covariance @ design.T @ (y / error))[0]), float(np.sqrt(covariance[0, 0]))


def convergence_in_dim(lab: Lab) -> list[Panel]:
    """Return how fast runs of SGD approach the ODE as N grows."""
    dims = (100, 300, 1000, 3000) if lab.quick else (100, 300, 1000, 3000, 10000)
    runs = 100 if lab.quick else 300
    base = Params(lr=0.05, t_max=100, points=101, init=START)
    ode = lab.theory(base)
    sgd = lab.simulate([replace(base, dim=dim) for dim in dims], runs)
    farthest = [np.linalg.norm(run.states - ode.states, axis=-1).max(axis=-1) for run in sgd]
    x = np.array(dims, float)
    distance, error = np.array([mean_and_error(each) for each in farthest]).T
    slope, slope_error, factor = power_law(x, distance, error)
    halfway = int(np.argmax(ode.eps_g < 0.5 * (ode.eps_g[0] + ode.eps_g[-1])))
    means, errors = np.array([mean_and_error(run.eps_g[:, halfway]) for run in sgd]).T
    mean, mean_error = at_infinity(x, means, errors)
    three = quantile(10**6)
    rows = [
        Row(
            claim="distance of SGD from the ODE: power of N",
            expected=-0.5,
            origin=THEOREM_4_2,
            found=slope,
            error=slope_error,
            tolerance=three * slope_error,
            basis="3 standard errors of the fit",
        ),
        Row(
            claim=f"eps_g of SGD at t = {ode.t[halfway]:g} (N to infinity)",
            expected=float(ode.eps_g[halfway]),
            origin=ODE,
            found=mean,
            error=mean_error,
            tolerance=three * mean_error,
            basis="3 standard errors of the fit",
        ),
    ]
    data = {
        "ode": ode,
        "sgd": [sgd[0], sgd[-1]],
        "dims": x,
        "distance": distance,
        "error": error,
        "fit": (slope, slope_error, factor),
    }
    return [
        Panel(
            name="limit",
            title="SGD converges to a deterministic process as 1/sqrt(N)",
            rows=rows,
            data=data,
            caption=f"Left: generalisation error of {runs} runs of SGD (mean and standard "
            f"deviation) for the smallest and the largest N, and the ODE. Right: largest distance "
            "in time of a run's order parameters (m, d, Q, E, R, D) from the ODE, averaged over "
            "runs, and the power law fitted to it.",
            known="The paper proves the rate (its Theorem 4.2). " + SCRIPT,
            chosen="All other numbers; the same overlaps to start from at every N, since those "
            "of gaussian weights depend on N; the exact engine, which has the law of SGD.",
            recipes=[
                Recipe(
                    command="sweep simulate",
                    params=base,
                    options={
                        "runs": runs,
                        "seed": lab.seed,
                        "vary": "dim=" + ",".join(map(str, dims)),
                    },
                )
            ],
        )
    ]


def learning_curves(lab: Lab) -> list[Panel]:
    """Return how far mean learning curves of SGD are from the ODE's, in standard errors."""
    betas = (0.5, 1.0, 1.5, 2.5, 3.0)
    runs = 10 if lab.quick else 20
    base = Params(dim=500 if lab.quick else 2000, points=301, init=START)
    points = grid(base, {"beta": list(betas)})
    ode = [lab.theory(point.params) for point in points]
    sgd = lab.simulate([point.params for point in points], runs)
    threshold = float(base.strengths[0] + base.eta)
    rows = []
    for side, text in ((-1, "below"), (1, "above")):
        pairs = [
            pair
            for beta, *pair in zip(betas, ode, sgd, strict=True)
            if side * (beta - threshold) > 0
        ]
        off = np.array([_off(*pair) for pair in pairs])
        rows.append(agreement(f"beta {text} rho + eta", off, runs))
    listed = ",".join(f"{beta:g}" for beta in betas)
    options = {"runs": runs, "seed": lab.seed, "vary": f"beta={listed}"}
    return [
        Panel(
            name="curves",
            title="SGD and the ODE have the same learning curves, below and above the threshold",
            rows=rows,
            data={"points": points, "ode": ode, "sgd": sgd},
            caption="Generalisation error in time: the ODE as lines, SGD as markers, with the "
            "standard deviation of runs. At beta = 2.5 and 3, above rho + eta = 2, the latent "
            "collapses, and the error goes to rho = 1.",
            known=SCRIPT + " Its learning rate is 0.01, and t goes to 1500.",
            chosen="N, the values of beta, the number of runs and the start.",
            recipes=[Recipe(command="plot learning-curve", params=base, options=options)],
        )
    ]


def _off(ode: Trajectory, sgd: Trajectory) -> np.ndarray:
    """Return how many standard errors the mean eps_g is away from the ODE's, (some times,)."""
    runs = sgd.eps_g[:, EVERY::EVERY]
    error = runs.std(axis=0, ddof=1) / np.sqrt(len(runs))
    return np.abs(runs.mean(axis=0) - ode.eps_g[EVERY::EVERY]) / np.hypot(error, TINY)
