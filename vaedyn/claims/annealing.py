"""Claim 6: KL annealing speeds learning up, if it is tuned; and how fast learning relaxes."""

import numpy as np

from ..annealing.adiabatic import relaxation_time
from ..annealing.best_schedule import Tuning, best_schedule
from ..annealing.confirm import LONGER, Measured, arrivals, compare, lasting
from ..annealing.time_to_converge import spread, time_to_converge
from ..fixedpoints.attractors import attractors
from ..kernels.constants import Constants
from ..model.params import Params
from .evidence import (
    ABSTRACT,
    CLOSED_FORM,
    FIXED_POINT,
    Lab,
    Panel,
    Recipe,
    Row,
    extrapolated,
    quantile,
)

START = "m=0.2,d=0.2,Q=1,E=1,R=0,D=1"
FAMILY = "tanh"
TOL = 0.01
FASTER = 1.25  # times the best gamma: at the best one an overshoot just touches the tolerance
SLOW = (0.02, 0.01, 0.005)  # gamma/lr of schedules that are slower than learning
SMALL = 1e-6  # learning rate at which the noise of SGD does not matter
BETAS = (0.5, 1.25, 1.5, 1.75, 2.25, 2.5)
WINDOW = (1e-4, 1e-7)  # deviations between which a relaxation is measured
EXACT = {"rtol": 1e-12, "atol": 1e-15}


def annealing(lab: Lab) -> list[Panel]:
    """Return what the best and what slow schedules do to the time that learning takes."""
    base = Params(beta=1.5, lr=0.05, dim=5000 if lab.quick else 10000, init=START)
    runs = 12 if lab.quick else 20
    found = best_schedule(base, FAMILY, tol=TOL, store=lab.store)
    end = float(f"{LONGER * found.constant:.3g}")
    compared = compare(found, end, store=lab.store)
    number = float(f"{FASTER * float(found.spec.partition(':')[2]):.3g}")
    gain, error, points = _simulated(lab, base, number, runs, end)
    factor = quantile(runs - 1)
    rows = [
        Row(
            claim=f"gain of the best {FAMILY} schedule, ODE",
            expected=1.0,
            origin=ABSTRACT,
            found=found.gain,
            error=None,
            tolerance=0.0,
            basis="the ODE is exact to 8 digits",
            relation=">",
        ),
        Row(
            claim=f"gain of a {FASTER:g} times faster schedule, SGD",
            expected=1.0,
            origin=ABSTRACT,
            found=gain,
            error=error,
            tolerance=factor * error,
            basis=f"{factor:.2g} standard errors of {runs} runs",
            relation=">",
        ),
        _slowest(lab),
        _cost(lab, base, found),
    ]
    ensemble = {"runs": runs, "seed": lab.seed}
    return [
        Panel(
            name="annealing",
            title="KL annealing speeds learning up, if it is tuned",
            rows=rows,
            data={"compared": compared, "measured": points},
            caption="Left: time after which the error stays within the tolerance of its final "
            "value, against the rate of annealing: the ODE as a line, SGD as markers with standard "
            "errors; constant beta for comparison. Slow schedules (left end) cost more than they "
            "gain: the error follows beta (dashed), for a time of about ln(1/tol)/(4 gamma) at "
            "beta = eta; the table has the exact number for tol = 1e-5. Right: distance of the "
            "error from its final value in time. At the best rate an overshoot just touches the "
            f"tolerance, so that chance decides in SGD; it is measured at a rate {FASTER:g} times "
            "larger.",
            known="The paper anneals by beta tanh(gamma t); its abstract says that annealing, well "
            "tuned, makes learning converge sooner.",
            chosen="beta = 1.5, where there is more to gain than at eta; learning rate, N, "
            "tolerance, runs and the start.",
            recipes=[
                Recipe(
                    command="plot annealing",
                    params=base,
                    options={"family": FAMILY, "tol": TOL, **ensemble},
                ),
                Recipe(command="anneal", params=base, options={"family": FAMILY, "tol": TOL}),
                Recipe(
                    command="simulate",
                    params=lasting(base, f"{FAMILY}:{number!r}", end),
                    options={**ensemble, "tol": TOL},
                ),
            ],
        )
    ]


def _simulated(
    lab: Lab, base: Params, number: float, runs: int, end: float
) -> tuple[float, float, list[Measured]]:
    """Return the gain in simulations, its error, and times under some schedules for the figure."""
    others = [] if lab.quick else [float(f"{number * x:.3g}") for x in (0.4, 2, 4, 16)]
    models = [lasting(base, "constant", end)]
    for x in (number, *others):
        models.append(lasting(base, f"{FAMILY}:{x!r}", end if x >= number else 2 * end))
    times = [arrivals(run, TOL) for run in lab.simulate(models, runs)]
    gain, error = spread(times[0] / times[1])
    points = [
        Measured(x, *spread(each)) for x, each in zip([number, *others], times[1:], strict=True)
    ]
    return gain, error, [point for point in points if np.isfinite(point.time)]


def _slowest(lab: Lab) -> Row:
    """Return the row of the time that a slow schedule takes to come to its final value."""
    tol = 1e-5
    scaled = []
    for ratio in SLOW:
        gamma = ratio * SMALL
        params = Params(lr=SMALL, t_max=1 / gamma, anneal=f"tanh:{gamma!r}", init=START)
        scaled.append(gamma * time_to_converge(params, tol, store=lab.store).t)
    # eps_g = (1 - sqrt(2 - beta))^2 at rho = eta = 1, so that beta may lack 2 sqrt(tol) + tol
    exact = float(np.arctanh(1 - 2 * tol**0.5 - tol))
    about = np.log(1 / tol) / 4
    text = f"time x gamma of slow tanh, about ln(1/tol)/4 = {about:.4g}"
    return extrapolated(text, exact, scaled, "gamma", origin=CLOSED_FORM)


def _cost(lab: Lab, base: Params, found: Tuning) -> Row:
    """Return the row of a schedule five times slower than learning at constant beta."""
    slow = base.replace(anneal=f"tanh:{float(f'{0.2 / found.constant:.3g}')!r}")
    time = time_to_converge(slow, TOL, store=lab.store).t
    return Row(
        claim="time of a slow schedule over that of constant beta",
        expected=1.0,
        origin="constant beta",
        found=time / found.constant,
        error=None,
        tolerance=0.0,
        basis="the ODE is exact to 8 digits",
        relation=">",
    )


def relaxation(lab: Lab) -> list[Panel]:
    """Return how fast deviations from the end decay, against beta."""
    base = Params(lr=0.05, init=START)
    pairs = [(_rate(lab, base.replace(beta=beta)), beta) for beta in BETAS]
    expected = [relaxation_time(base.replace(beta=beta)) for beta in BETAS]
    ratios = [
        (rate * time, error * time)
        for ((rate, error), _), time in zip(pairs, expected, strict=True)
    ]
    worst = max(ratios, key=lambda pair: abs(pair[0] - 1) - pair[1])
    row = Row(
        claim="relaxation rate, ODE over fixed point (worst beta)",
        expected=1.0,
        origin=FIXED_POINT,
        found=worst[0],
        error=worst[1],
        tolerance=worst[1] + EXACT["rtol"] / WINDOW[1],
        basis="its change while the deviation shrinks 30 times, and errors of the integration",
    )
    axis = np.concatenate([np.linspace(0.05, 1.995, 196), np.linspace(2.005, 3, 100)])
    rates = -attractors(Constants.of(base, beta=axis).many())["growth"]
    listed = ",".join(f"{beta:g}" for beta in BETAS)
    return [
        Panel(
            name="relaxation",
            title="Learning slows down near collapse",
            rows=[row],
            data={
                "base": base,
                "beta": axis,
                "rates": rates,
                "measured": (np.array(BETAS), np.array([rate for (rate, _), _ in pairs])),
            },
            caption="Rate at which the slowest deviation from the stable fixed point decays, in "
            "units of the learning rate: eigenvalue of its Jacobian (line), and as measured late "
            "in the ODE (markers). It vanishes at beta = rho + eta, where learning takes longest.",
            known="We do not know whether the paper has such a figure.",
            chosen="The learning rate, the values of beta and the start.",
            recipes=[
                Recipe(command="sweep fixedpoints", params=base, options={"vary": f"beta={listed}"})
            ],
        )
    ]


def _rate(lab: Lab, params: Params) -> tuple[float, float]:
    """Return the rate at which the ODE comes to rest, and its uncertainty.

    It is that of the difference of the states at t and t + T, which needs no fixed point.
    """
    longest = float(f"{60 * relaxation_time(params):.3g}")
    ode = lab.theory(params.replace(t_max=longest, points=2401), **EXACT)
    y = ode.states
    apart = 40
    distance = np.linalg.norm(y[apart:] - y[:-apart], axis=1)
    t = ode.t[:-apart]
    rates = []
    for high, low in ((WINDOW[0], 30 * WINDOW[1]), (30 * WINDOW[1], WINDOW[1])):
        inside = (distance < high) & (distance > low)
        if inside.sum() < 3:
            return np.nan, np.nan
        rates.append(-np.polyfit(t[inside], np.log(distance[inside]), 1)[0])
    return float(rates[1]), abs(float(rates[1] - rates[0]))
