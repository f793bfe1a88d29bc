"""Claims 4 and 5: posterior collapse, and superfluous latents."""

from functools import partial
from itertools import pairwise

import numpy as np

from ..annealing.adiabatic import attracting_errors
from ..annealing.time_to_converge import time_to_converge
from ..fixedpoints.thresholds import noise
from ..kernels.constants import Constants
from ..model.params import Params
from .evidence import (
    ABSTRACT,
    CLOSED_FORM,
    FIXED_POINT,
    ROUNDING,
    THEOREM_5_1,
    Lab,
    Panel,
    Recipe,
    Row,
    agreement,
    extrapolated,
    limit,
    statistical,
)

LEARNED = "m=1,d=0.5,Q=1,E=0.25,R=0.5,D=0.5"  # what learning at beta = eta = rho = 1 comes to
SPARE = {"m": [[0.9], [0.1]], "d": [[0.45], [0.1]], "Q": 1, "E": 0.5, "R": 0.4, "D": 0.5}
LRS = (0.01, 0.005, 0.0025)  # from which numbers are extrapolated to 0
BEYOND = (2.04, 2.08, 2.16, 2.32)  # values of beta from which collapse is extrapolated back
SPAN = 12.0  # in units of 1/(lr (beta - threshold)): how long collapse is followed
SMALL = 1e-7  # learning rate at which the noise of SGD does not matter
LATE = (500.0, 1000.0, 2000.0, 4000.0)  # times, in units of 1/lr, of algebraic decay


def collapse(lab: Lab) -> list[Panel]:
    """Return where learning is lost, and which beta is best."""
    base = Params(lr=0.05, dim=500, t_max=2000, points=201, init=LEARNED)
    betas = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.25, 2.5, 3.0)
    runs = 6 if lab.quick else 20
    sgd = lab.simulate([base.replace(beta=beta) for beta in betas], runs)
    ends = np.array([run.eps_g[:, -1] for run in sgd])
    expected = np.array([lab.theory(run.params).eps_g[-1] for run in sgd])
    long = base.replace(dim=200, beta=2.5, lr=0.01, t_max=15000)
    (longest,) = lab.simulate([long], runs)
    best = [lowest(base.replace(lr=lr)) for lr in LRS]
    to_zero = partial(extrapolated, of="lr", origin=THEOREM_5_1)
    error = ends.std(axis=1, ddof=1) / np.sqrt(runs)
    off = np.abs(ends.mean(axis=1) - expected) / np.hypot(error, ROUNDING**0.5)
    rows = [
        _threshold(lab, base),
        statistical(
            f"eps_g of SGD at beta = 2.5, t = {long.t_max:g}, once learned",
            1.0,
            longest.eps_g[:, -1],
            origin=THEOREM_5_1,
            known_to=ROUNDING + abs(1.0 - float(lab.theory(long).eps_g[-1])),
        ),
        to_zero("beta of the least eps_g (lr to 0)", base.eta, [at for at, _ in best]),
        to_zero("the least eps_g (lr to 0)", 0.0, [least for _, least in best]),
        agreement("eps_g in the end", off, runs),
    ]
    axis = np.linspace(0.05, 3.2, 316)
    data = {
        "base": base,
        "beta": axis,
        "errors": {lr: attracting_errors(base.replace(lr=lr), axis) for lr in (base.lr, SMALL)},
        "least": lowest(base),
        "simulated": (np.array(betas), ends.mean(axis=1), ends.std(axis=1, ddof=1)),
        "runs": runs,
    }
    listed = ",".join(f"{beta:g}" for beta in betas)
    ensemble = {"runs": runs, "seed": lab.seed}
    return [
        Panel(
            name="collapse",
            title="Beyond beta = rho + eta the posterior collapses, however long one trains",
            rows=rows,
            data=data,
            caption="Generalisation error in the end against beta: the stable fixed point at this "
            "learning rate and in the limit of small ones, and SGD, with the standard deviation "
            "of runs. The noise of SGD lifts the minimum, and shifts it from beta = eta to "
            f"{lowest(base)[0]:.4g} at lr = {base.lr:g}. The threshold in the table is where the "
            "rate of collapse, measured in the ODE from a learned state, vanishes.",
            known="The paper gives the threshold and the error in closed form (its Theorem 5.1), "
            "for small learning rates.",
            chosen="N, learning rate, runs, the values of beta, and a learned state to start "
            "from, so that collapse is not just failure to learn.",
            recipes=[
                Recipe(
                    command="sweep simulate",
                    params=base,
                    options={**ensemble, "vary": f"beta={listed}"},
                ),
                Recipe(command="simulate", params=long, options=ensemble),
                Recipe(command="plot branches", params=base, options={"vary": "beta=0.05:3.2"}),
            ],
        )
    ]


def lowest(params: Params) -> tuple[float, float]:
    """Return the beta at which eps_g of the stable state of single latents is least, and eps_g."""
    from scipy.optimize import minimize_scalar

    eta = params.eta
    found = minimize_scalar(
        lambda beta: float(attracting_errors(params, np.array([beta]))[0]),
        bounds=(0.5 * eta, 1.5 * eta),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return float(found.x), float(found.fun)


def _threshold(lab: Lab, base: Params) -> Row:
    """Return the row of the beta at which the rate of collapse vanishes."""
    threshold = float(base.strengths[0] + base.eta)
    betas, rates = np.array(BEYOND), []
    for beta in BEYOND:
        span = SPAN / (base.rate * (beta - threshold))
        ode = lab.theory(base.replace(beta=beta, t_max=span, points=401), rtol=1e-11, atol=1e-30)
        late = slice(200, None)
        rates.append(-np.polyfit(ode.t[late], np.log(np.abs(ode.m[late, 0, 0])), 1)[0])
    # beta as a polynomial in the rate, at rate 0
    roots = [
        float(np.polyfit(rates[:count], betas[:count], count - 1)[-1])
        for count in (len(betas) - 1, len(betas))
    ]
    error = abs(roots[1] - roots[0])
    return Row(
        claim="beta above which what was learned is lost",
        expected=threshold,
        origin=THEOREM_5_1,
        found=roots[1],
        error=error,
        tolerance=error,
        basis="the last term of the extrapolation to rate 0",
    )


def superfluous(lab: Lab) -> list[Panel]:
    """Return what latents cost that have no signal."""
    base = Params(latent=2, lr=0.05, dim=500, t_max=800, points=201, init=SPARE)
    betas = (0.25, 0.5, 0.75, 1.5) if lab.quick else (0.25, 0.5, 0.75, 1.25, 1.5, 2.5)
    runs = 6 if lab.quick else 20
    sgd = lab.simulate([base.replace(beta=beta) for beta in betas], runs)
    ends = np.array([run.eps_g[:, -1] for run in sgd])
    half = next(i for i, beta in enumerate(betas) if beta == 0.5)
    alone = base.replace(latent=1, init="gaussian")
    expected = float(attracting_errors(base.replace(beta=0.5), np.array([0.5]))[0])
    decay, course = _decay(lab, base)
    rows = [
        *(
            extrapolated(
                f"eps_g per spare latent at beta = {beta:g} (lr to 0)",
                max(base.eta - beta, 0.0),
                [cost(alone.replace(lr=lr), beta) for lr in LRS],
                "lr",
                origin=CLOSED_FORM,
            )
            for beta in (0.5, 1.5)
        ),
        statistical(
            "eps_g of SGD with a spare latent, beta = 0.5",
            expected,
            ends[half],
            origin=FIXED_POINT,
        ),
        decay,
        _slowdown(lab, base, alone),
    ]
    axis = np.linspace(0.05, 2.6, 256)
    data = {
        "base": base,
        "beta": axis,
        "errors": {
            latent: attracting_errors(alone.replace(latent=latent), axis) for latent in (1, 2, 3)
        },
        "simulated": (np.array(betas), *np.array([ends.mean(axis=1), ends.std(axis=1, ddof=1)])),
        "runs": runs,
        "course": course,
    }
    listed = ",".join(f"{beta:g}" for beta in betas)
    options = {"runs": runs, "seed": lab.seed, "vary": f"beta={listed}"}
    return [
        Panel(
            name="superfluous",
            title="Superfluous latents fit background noise, and slow learning down",
            rows=rows,
            data=data,
            caption="Left: generalisation error in the end for one signal and M latents: stable "
            "fixed points as lines, SGD as markers with the standard deviation of runs. Right: "
            f"decay of the error with M = 2 in time, at a learning rate of {SMALL:g}, where noise "
            "of SGD does not matter: exponential for all beta but eta, where it ends as 1/(lr t).",
            known="The abstract states both effects, in words; we do not know the figure.",
            chosen="N, learning rates, runs, M = 1, 2, 3 and the start.",
            recipes=[
                Recipe(command="sweep simulate", params=base, options=options),
                Recipe(
                    command="plot sweep --vary beta=0.05:2.6:18",
                    params=alone,
                    options={"of": "fixedpoints", "vary": "latent=1,2,3"},
                ),
                Recipe(command="theory", params=_slow(base, base.eta)),
            ],
        )
    ]


def cost(params: Params, beta: float) -> float:
    """Return what each of two spare latents adds to eps_g in the end."""
    at = np.array([beta])
    few, many = (
        float(attracting_errors(params.replace(latent=count), at)[0])
        for count in (params.signal, params.signal + 2)
    )
    return (many - few) / 2


def _slow(base: Params, beta: float) -> Params:
    return base.replace(beta=beta, dim=10, lr=SMALL, t_max=LATE[-1] / SMALL, points=8001)


def _decay(lab: Lab, base: Params) -> tuple[Row, dict[float, tuple[np.ndarray, np.ndarray]]]:
    """Return the row of the power of time with which eps_g falls at beta = eta, and its course."""
    course, ode_at_eta = {}, lab.theory(_slow(base, base.eta))
    for beta in (0.8, base.eta, 1.2):
        params = _slow(base, beta)
        ode = ode_at_eta if beta == base.eta else lab.theory(params)
        end = float(attracting_errors(params, np.array([beta]))[0])
        course[beta] = (SMALL * ode.t, np.abs(ode.eps_g - end))
    t, eps_g = SMALL * ode_at_eta.t, ode_at_eta.eps_g
    at = [int(np.argmin(np.abs(t - time))) for time in LATE]
    powers = [float(np.log(eps_g[j] / eps_g[i]) / np.log(t[j] / t[i])) for i, j in pairwise(at)]
    found, _ = limit(powers)
    error = abs(found - powers[-1])  # all of it, since corrections go as ln(t)/t
    row = Row(
        claim="decay of eps_g at beta = eta: power of time",
        expected=-1.0,
        origin=CLOSED_FORM,
        found=found,
        error=error,
        tolerance=error,
        basis="the extrapolation to infinite time",
    )
    return row, course


def _slowdown(lab: Lab, base: Params, alone: Params) -> Row:
    """Return the row of how much later learning converges with a spare latent."""
    critical = noise(Constants.of(alone.replace(lr=0.01)))
    assert critical is not None
    beta = float(f"{critical:.6g}")  # that of eta, lifted by the noise of SGD
    times = [
        time_to_converge(params.replace(lr=0.01, beta=beta), 1e-2, store=lab.store).t
        for params in (base, alone.replace(init="m=0.2,d=0.2,Q=1,E=1,R=0,D=1"))
    ]
    return Row(
        claim=f"time with a spare latent over that without, beta = {beta:g}",
        expected=1.0,
        origin=ABSTRACT,
        found=times[0] / times[1],
        error=None,
        tolerance=0.0,
        basis="the ODE is exact to 8 digits",
        relation=">",
    )
