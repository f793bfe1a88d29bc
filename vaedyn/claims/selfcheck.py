"""Checks that an installation computes what it should, against known answers."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from ..fixedpoints.groups import Unit, Units
from ..fixedpoints.thresholds import collapse, noise
from ..kernels.constants import Constants
from ..learning.groups import FEWEST
from ..learning.simulate import simulate
from ..learning.theory import theory
from ..model.params import Params
from ..model.results import Trajectory
from ..model.state import observables, unpack
from .meanwhile import compiled_meanwhile

# Numbers without a closed form, all made with mpmath at 30 digits, from the matrix equations
# written out anew: the ODE by extrapolated midpoint steps of order 16, of which half as many
# agree to 14 digits; fixed point and threshold as roots of the drift and of the determinant of
# the growth matrix of (Q, E, R). The tests find them again by other means.
ONE_LATENT = 0.180185010417770381
TWO_LATENTS = -1.99135048191482172
LIFTED = 0.0847571955051575547
NOISE_THRESHOLD = 1.01257247742547478

SINGLE = Params(
    dim=100_000, lr=0.1, t_max=60, points=2, init="m=0.1,d=0.2,Q=1,E=1,R=0.3,D=1"
)  # fmt: skip
PAIR = Params(
    latent=2,
    signal=2,
    rho=(3, 1.5),
    eta=0.8,
    beta=0.9,
    anneal="tanh:0.05",
    lam=0.05,
    lr=0.1,
    t_max=30,
    points=2,
    init={
        "m": [[0.3, 0.1], [-0.2, 0.4]],
        "d": [[0.2, -0.1], [0.1, 0.3]],
        "Q": [[1.2, 0.2], [0.2, 0.9]],
        "E": [[1, -0.1], [-0.1, 1.1]],
        "R": [[0.3, 0.1], [-0.2, 0.2]],
        "D": [1, 0.8],
    },
)
COLLAPSING = Params(beta=3, lr=0.1, t_max=1000, points=2)
SMALL = Params(dim=20, lr=0.5, t_max=10, points=3)
RUNS = 2000
ENGINES = "from vaedyn.claims.selfcheck import use_engines; use_engines()"
MOST_Z = 6.0
"""Of 24 comparisons of the same law, one exceeds it with a probability of 5e-8."""
SLOW = 1e-9
"""A learning rate at which closed forms hold to nine digits."""


class Check(NamedTuple):
    """What one check found; `note` says what went wrong where it found nothing."""

    name: str
    found: float | str
    expected: float | str
    tolerance: float
    note: str = ""

    @property
    def deviation(self) -> float:
        """Distance of what was found from what was expected; nan where they are no numbers."""
        if isinstance(self.found, str) or isinstance(self.expected, str):
            return 0.0 if self.found == self.expected else float("nan")
        return abs(self.found - self.expected)

    @property
    def is_bound(self) -> bool:
        """Whether the number found must only be small, rather than equal to some number."""
        return self.expected == 0.0 and self.tolerance > 0

    @property
    def passed(self) -> bool:
        return self.deviation <= self.tolerance


class Question(NamedTuple):
    """A check to be made: `find` returns what should be within `tolerance` of `expected`."""

    name: str
    find: Callable[[], float | str]
    expected: float | str
    tolerance: float = 0.0

    def answer(self) -> Check:
        """Return the outcome; whatever goes wrong in between is one, too."""
        try:
            found, note = self.find(), ""
        except Exception as error:  # a broken installation may raise anything
            found, note = float("nan"), f"{type(error).__name__}: {error}"
        return Check(self.name, found, self.expected, self.tolerance, note)


def _learned(beta: float, rho: float, lr: float) -> dict[str, np.ndarray]:
    """Return observables of a latent alive on its signal, at eta = 1."""
    signal = np.array([rho])
    y = Units(Constants(beta, signal, 1.0, 0.0, lr, 1)).state(Unit(1, (rho,)))
    if y is None:
        raise ArithmeticError("there is no such fixed point")
    return observables(unpack(y, 1, 1), signal, 1.0)


def _differing(a: Trajectory, b: Trajectory) -> float:
    """Return how many order parameters are not the same in both, to the last bit."""
    return float((a.states != b.states).sum())


def _laws() -> float:
    """Return the largest z by which means and variances of both engines' runs differ."""
    exact, vector = (
        result.states[:, 1:]
        for result in (
            simulate(SMALL, runs=RUNS, seed=3),
            simulate(SMALL, runs=RUNS, seed=4, engine="vector"),
        )
    )
    largest = 0.0
    for power in (1, 2):
        # of the squares too, about the mean: their means are the variances
        a, b = (y if power == 1 else (y - y.mean(axis=0)) ** 2 for y in (exact, vector))
        error = np.sqrt((a.var(axis=0, ddof=1) + b.var(axis=0, ddof=1)) / RUNS)
        largest = max(largest, float((np.abs(a.mean(axis=0) - b.mean(axis=0)) / error).max()))
    return largest


def use_engines() -> None:
    """Use the kernels that `_laws` is the first to need, with as few runs as that takes."""
    simulate(SMALL, runs=FEWEST, jobs=1)
    simulate(SMALL, runs=1, engine="vector")


def _threads() -> float:
    """Return how many numbers depend on the number of threads, with both engines."""
    return sum(
        _differing(*(simulate(SMALL, runs=6, engine=engine, jobs=jobs) for jobs in (1, 4)))
        for engine in ("exact", "vector")
    )


def _seeds() -> float:
    """Return how many runs at two seeds end alike, with both engines."""
    ends = (
        [simulate(SMALL, runs=6, engine=engine, seed=seed).m[:, -1] for seed in (0, 1)]
        for engine in ("exact", "vector")
    )
    return float(sum((one == other).sum() for one, other in ends))


# with s = rho + eta: a latent on a signal has |m|^2 = Q = s - beta and D = beta/s in the limit of
# small learning rates, and a signal is lost at beta = s/(1 + lam) - lam/s
QUESTIONS = (
    Question(
        "fixed point, eps_g",
        lambda: float(_learned(1.5, 2.0, SLOW)["eps_g"]),
        2 - 1.5**0.5 * (2 * 2**0.5 - 1.5**0.5),
        1e-7,
    ),
    Question(
        "fixed point, KL", lambda: float(_learned(1.5, 2.0, SLOW)["kl"]), 0.5 * np.log(2.0), 1e-7
    ),
    Question(
        "fixed point at lr = 0.2, eps_g",
        lambda: float(_learned(1.0, 1.0, 0.2)["eps_g"]),
        LIFTED,
        1e-10,
    ),
    Question(
        "beta that loses a signal, lam = 0.3",
        lambda: collapse(Constants(1.0, np.array([2.0]), 1.0, 0.3, SLOW, 1), 2.0),
        3 / 1.3 - 0.3 / 3,
        1e-7,
    ),
    Question(
        "beta that loses noise, lr = 0.05",
        lambda: noise(Constants(1.0, np.array([1.0]), 1.0, 0.0, 0.05, 1)) or np.inf,
        NOISE_THRESHOLD,
        1e-9,
    ),
    Question("ODE at collapse, eps_g", lambda: float(theory(COLLAPSING).eps_g[-1]), 1.0, 1e-8),
    Question("ODE, M = M* = 1, eps_g", lambda: float(theory(SINGLE).eps_g[-1]), ONE_LATENT, 1e-7),
    Question(
        "ODE, M = M* = 2, annealed, distortion",
        lambda: float(theory(PAIR).distortion[-1]),
        TWO_LATENTS,
        1e-7,
    ),
    Question(
        "SGD at N = 10^5, ends at the ODE, eps_g",
        lambda: float(simulate(SINGLE, runs=1).eps_g[0, -1]),
        ONE_LATENT,
        0.007,  # seven standard deviations
    ),
    Question("exact and vector engine in law, z", _laws, 0.0, MOST_Z),
    Question("numbers that depend on threads", _threads, 0.0),
    Question("runs alike at two seeds", _seeds, 0.0),
)


def selfcheck(more: tuple[Question, ...] = ()) -> Iterator[Check]:
    """Make all checks, one after the other, and then those in `more`.

    Closed forms of fixed points and thresholds, the ODE against numbers of high
    precision, both engines of SGD against one another and the ODE, and seeds. All
    of it is deterministic.
    """
    from ..kernels import side_by_side, vector

    kernels = side_by_side.advance_one, vector.advance_one
    with compiled_meanwhile(kernels, ENGINES) as wait:
        for question in (*QUESTIONS, *more):
            if question.find is _laws:
                wait()
            yield question.answer()
