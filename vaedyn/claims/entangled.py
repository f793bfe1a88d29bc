"""Claim 3: latents are entangled first and disentangled later."""

from typing import Any

import numpy as np

from ..fixedpoints.fixed_points import FixedPoints, fixed_points
from ..fixedpoints.passages import Passage, courses, distances, passages
from ..model.params import Params
from ..model.results import Trajectory
from ..model.state import moments
from .evidence import ABSTRACT, FIXED_POINT, Lab, Panel, Recipe, Row, statistical

SIGNALS = {"equal": (1.0, 1.0), "unequal": (3.0, 1.0)}
# both latents overlap most with the same mixture of signals, as from small weights they come to
TILTED = [[0.2, 0.04], [0.16, -0.04]]
BALANCED = [[0.1, 0.1], [0.1, -0.099]]  # almost at 45 degrees to both signals
LATE = 8000.0  # over 20 relaxation times
SOLVED = 1e-6  # correlation that errors of the integration, 1e-8 a step, may leave
RTOL, ATOL = 1e-11, 1e-13  # of the trajectory whose escape is measured
FITTED = (3.0, 0.1)  # times the least distance, and distance, between which an escape is fitted


def correlations(result: Trajectory) -> dict[str, np.ndarray]:
    """Return off-diagonal over diagonal elements, of decoders (Q) and cov(mu), of two latents.

    Neither changes when signals of equal strength are rotated into one another.
    """
    S, _ = moments(
        result.m, result.d, result.Q, result.E, result.R, result.params.strengths, result.params.eta
    )
    return {
        name: x[..., 0, 1] / np.sqrt(x[..., 0, 0] * x[..., 1, 1])
        for name, x in (("Q", result.Q), ("S", S))
    }


def start(overlaps: list[list[float]]) -> dict[str, Any]:
    """Return a start with these overlaps of both decoder and encoder."""
    return {"m": overlaps, "d": overlaps, "Q": 1, "E": 1, "R": 0, "D": 1}


def entanglement(lab: Lab) -> list[Panel]:
    """Return how correlations of two latents rise and vanish, and the saddle that they pass."""
    runs = 6 if lab.quick else 20
    base = Params(latent=2, signal=2, lr=0.05, points=1001, init=start(TILTED))
    sizes = {"equal": (5000, 400.0), "unequal": (1000 if lab.quick else 5000, 2500.0)}
    models = {
        name: base.replace(rho=rho, dim=sizes[name][0], t_max=sizes[name][1])
        for name, rho in SIGNALS.items()
    }
    sgd = dict(zip(models, lab.simulate([*models.values()], runs), strict=True))
    rows, data, recipes = [], {}, []
    for name, params in models.items():
        ode = lab.theory(params)
        own, course = _judged(name, ode, sgd[name])
        rows += [*_from_random_starts(lab, name, params), *own]
        points = fixed_points(params, store=lab.store)
        passed = [each for each in passages(points, ode) if each.label == "entangled"]
        data[name] = {"ode": ode, "course": course, "passed": passed}
        options = {"runs": runs, "seed": lab.seed}
        recipes.append(Recipe(command="plot order-parameters", params=params, options=options))
        recipes.append(Recipe(command="fixedpoints", params=params, options={"along": True}))
    first = Panel(
        name="entangled",
        title="Latents are entangled first and disentangled later",
        rows=rows,
        data=data,
        caption="Correlation of the two latents, of decoder weights (Q) and of encoder means "
        f"(cov(mu)), normalised: the ODE, and {runs} runs of SGD with their standard deviation. "
        "Shaded: while a saddle at which both latents share a direction is the nearest of all "
        "fixed points; deviations from it grow by a factor e in the time given. With equal "
        "signals (left) any rotation of them leaves the data as they are: m itself ends in a "
        "rotation that depends on the start, and eps_g by matching latents to signals with it. "
        "Both correlations do not, nor does the verdict.",
        known="The paper states both stages in words, and its model gives all signals one "
        "common strength; we do not know the figure.",
        chosen="Strengths 3 and 1 for signals that are told apart, the start, N, the learning "
        "rate and the two correlations as the measure. From gaussian starts the rise varies; "
        "its average over starts is in the table.",
        recipes=recipes,
    )
    return [first, _escape(lab)]


def _judged(name: str, ode: Trajectory, sgd: Trajectory) -> tuple[list[Row], Any]:
    """Return the rows of SGD from one start, and both correlations in time."""
    course = {"ode": correlations(ode), "sgd": correlations(sgd)}
    theory, runs = course["ode"]["Q"], course["sgd"]["Q"]
    top = int(np.abs(theory).argmax())
    rows = [
        statistical(
            f"{name} signals, SGD: peak of the correlation", float(theory[top]), runs[:, top]
        ),
        statistical(
            f"{name} signals, SGD: it vanishes",
            0.0,
            runs[:, -1],
            origin=ABSTRACT,
            known_to=abs(float(theory[-1])),
        ),
    ]
    return rows, course


def _from_random_starts(lab: Lab, name: str, like: Params) -> list[Row]:
    """Return the rows of the ODE from gaussian starts."""
    found = []
    for seed in range(12 if lab.quick else 40):
        params = like.replace(dim=1000, init="gaussian", init_seed=seed, t_max=LATE, points=1601)
        found.append(np.abs(correlations(lab.theory(params))["Q"]))
    course = np.array(found)
    top = int(course.mean(axis=0).argmax())
    rise, before = course[:, top] - course[:, 0], float(course[:, 0].mean())
    return [
        statistical(
            f"{name} signals, random starts: correlation rises",
            before,
            rise,
            relation=">",
            above=before,
            origin="its value at the start",
        ),
        Row(
            claim=f"{name} signals, random starts: it vanishes",
            expected=0.0,
            origin=ABSTRACT,
            found=float(course[:, -1].max()),
            error=None,
            tolerance=SOLVED,
            basis="accuracy of the integration",
        ),
    ]


def _escape(lab: Lab) -> Panel:
    """Return how fast a trajectory leaves the saddle at which latents are mixed."""
    params = Params(
        dim=10000, latent=2, signal=2, rho=SIGNALS["unequal"], lr=0.05, t_max=3600,
        points=1201, init=start(BALANCED),
    )  # fmt: skip
    ode = lab.theory(params, rtol=RTOL, atol=ATOL)
    points = fixed_points(params, rtol=RTOL, atol=ATOL, store=lab.store)
    passed = passages(points, ode)
    saddle = next(each for each in reversed(passed) if each.label == "entangled")
    rate, error = growth(points, ode, saddle)
    row = Row(
        claim="rate at which the entangled saddle is left",
        expected=saddle.growth,
        origin=FIXED_POINT,
        found=rate,
        error=error,
        tolerance=error,
        basis="what the extrapolation to the saddle itself changes",
    )
    return Panel(
        name="escape",
        title="The entangled saddle, and how slowly it is left",
        rows=[row],
        data={
            "trajectory": ode,
            "found": passed,
            "distances": courses(points, ode, passed),
        },
        caption="Generalisation error, and distance from the fixed points that the ODE passes. "
        "Both latents first share the stronger signal, then are mixed over both of them; the "
        "deviation from that saddle grows at the rate of its only unstable mode (grey line). The "
        "rate in the table is the slope of the distance.",
        known="We know of no list of saddles in the paper.",
        chosen="Everything: a start almost at 45 degrees to both signals comes close to the "
        "saddle, which makes the rate visible over two decades.",
        recipes=[
            Recipe(command="plot passages", params=params, options={"rtol": RTOL, "atol": ATOL})
        ],
    )


def growth(points: FixedPoints, ode: Trajectory, saddle: Passage) -> tuple[float, float]:
    """Return the rate at which the distance from a saddle grows, next to it, and its uncertainty.

    The rate depends on the distance quadratically, since a deviation and its mirror
    image act alike: a line in the squared distance leads to the saddle itself.
    """
    away = distances(points, ode, [saddle.index])[0]
    rates = np.gradient(np.log(away), ode.t)
    near = (away > FITTED[0] * saddle.distance) & (away < FITTED[1])
    near &= (ode.t > saddle.time) & (ode.t < saddle.end)
    if near.sum() < 3:
        return np.nan, np.nan
    slope, rate = np.polyfit(away[near] ** 2, rates[near], 1)
    return float(rate), abs(float(slope)) * float((away[near] ** 2).mean())
