"""The learning curve of a table in theory: from the weights that training starts from.

Rows that are used again and again have the eigenvalues of their own covariance, and along
its eigenvectors the start is known. There m and d are followed one by one. The noise of
SGD on top of them is followed in classes of neighbouring eigenvalues, except along those
directions that latents end on: there it does not grow, as the ODE for noise of random sign
would say.
"""

from typing import Any, NamedTuple

import numpy as np

from ..errors import ParameterError
from ..learning.follow import Course, Directions, follow, of_steps
from ..learning.theory import tolerances
from ..model.numerics import NUMERICS
from ..model.progress import Asked, shows
from ..model.records import Computed, Progress, Store, kept
from ..model.schedule import Schedule
from ..tables.table import Data
from .curve import LearningCurve, steps_of
from .learn import DataParams
from .look import Look
from .suited import suited
from .train import looked

CLASSES = 4  # of noise


class Start(NamedTuple):
    """Where learning starts, in units in which the largest variance is 1.

    Attributes
    ----------
    directions : Directions
        Eigenvalues of the rows; those that are followed one by one, and classes of others.
    parts : dict
        m, d, q, e, r and D, as of `vaedyn.learning.follow.follow`.
    """

    directions: Directions
    parts: dict[str, np.ndarray]


@shows("course")
def course(
    data: Data | Look,
    *,
    beta: float | None = None,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    store: Store | None = None,
    progress: Asked = None,
    **settings: Any,
) -> LearningCurve:
    """Predict how a linear VAE learns the rows of a table in time, by the ODE on their spectrum.

    It starts from the weights that `vaedyn.train` starts from.

    Parameters
    ----------
    data : (samples, dim), str or Path, or Look
        As of `vaedyn.train`.
    beta : float, optional
        KL weight; otherwise the noise level.
    rtol, atol : float
        Tolerated error of a step, relative and absolute.
    store : ResultStore, optional
        Where to look for the result first, and to keep it.
    progress : bool or callable, optional
        True shows a bar; a function is called as ``progress(done, total)`` with the time that is
        reached, and the last one.
    **settings
        As of `vaedyn.train`.

    Raises
    ------
    ParameterError
        When the data or an argument make no sense, or weight decay `lam` is given or `epochs`
        of the look are "one", for which this is not derived.
    TableError
        When there is no such file, or no table in it.
    DivergenceError
        When the weights grow without bound or a variance reaches zero.
    ConvergenceError
        When the ODE takes more than 5 million steps.
    """
    found = looked(data, store, beta=beta, **settings)
    params = suited(found, beta, **settings)
    return predicted_course(found, params, rtol=rtol, atol=atol, store=store, progress=progress)


def predicted_course(
    found: Look,
    params: DataParams,
    *,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    store: Store | None = None,
    progress: Progress | None = None,
) -> LearningCurve:
    """Return the learning curve of a model that suits a table, see `course`."""
    refuse(found, params)
    rtol, atol = tolerances(rtol, atol)

    def compute() -> Computed:
        t = steps_of(params, params.points) / params.dim
        result = integrated(
            params, found, start_on(found, params), t, params.schedule, rtol, atol, progress
        )
        curve = as_curve(params, found, result)
        return curve.to_variables(), _info(found, result)

    record = {**params.to_dict(), "data": found.rows.digest, "rtol": rtol, "atol": atol}
    record |= {"known": len(found.spectrum.directions), "numerics": NUMERICS["course"]}
    kept_or_new = kept(store, "course", record, compute)
    return LearningCurve.from_kept(params, found.spectrum.samples, kept_or_new)


def _info(found: Look, result: Course) -> dict[str, Any]:
    about = {"solver": result.info["solver"], "samples": found.spectrum.samples}
    return {**found.rows.origin, **about}


def refuse(found: Look, params: DataParams) -> None:
    """Raise ParameterError for Adam, weight decay, and data that are fresh in every step."""
    if found.epochs != "many":
        reason = "is derived for many only in learning curves on data; leave it out"
        raise ParameterError("epochs", reason)
    if params.lam:
        raise ParameterError("lam", "is not derived for learning curves on data; leave it out")
    if params.adam:
        reason = "adam is not derived for learning curves on data; leave it out"
        raise ParameterError("optimiser", reason)


def integrated(
    params: DataParams,
    found: Look,
    start: Start,
    t: np.ndarray,
    schedule: Schedule,
    rtol: float,
    atol: float,
    progress: Progress | None = None,
) -> Course:
    """Return the order parameters in time, in units in which the largest variance is 1."""
    unit = found.rows.unit
    return follow(
        start.directions,
        start.parts,
        t,
        beta=params.beta / unit,
        schedule=schedule.in_units(unit),
        **{**of_steps(params), "lam": 0.0},
        rtol=rtol,
        atol=atol,
        progress=progress,
    )


def as_curve(params: DataParams, found: Look, result: Course) -> LearningCurve:
    """Return order parameters in the units of the data."""
    unit = found.rows.unit  # W grows by its root, and V falls, which leaves S as it is
    curve = {"Q": unit * result.Q, "S": result.S, "A": unit * result.A, "D": result.D}
    return LearningCurve(params=params, samples=found.spectrum.samples, t=result.t, **curve)


def start_on(found: Look, params: DataParams) -> Start:
    """Project the weights that training starts from onto the eigenvectors of the rows."""
    spectrum, dim = found.spectrum, params.dim
    W, V = params.weights()
    along = spectrum.directions
    m, d = (weights @ along.T / np.sqrt(dim) for weights in (W, V))
    W_rest, V_rest = W - np.sqrt(dim) * m @ along, V - np.sqrt(dim) * d @ along
    # of the rows themselves: the mean is over all of them
    s = spectrum.eigenvalues * (1 - 1 / spectrum.samples) / found.rows.unit
    tracked, others = s[: len(along)], s[len(along) :]
    used = min(params.latent, int((tracked > params.beta / found.rows.unit).sum()))
    noise, rest = _classes(tracked[used:]), _classes(others)
    if missing := dim - len(s):
        left = spectrum.total * (1 - 1 / spectrum.samples) / found.rows.unit - s.sum()
        known = not unknown(found)
        rest.append((0.0 if known else max(float(left), 0.0) / missing, missing))
    members = max(sum(count for _, count in rest), 1)
    # where vectors are not known, the rest of the weights is spread over them evenly
    grams = [
        np.concatenate(
            [np.zeros((len(noise), *gram.shape)), np.repeat(gram[None], len(rest), axis=0)]
        )
        for gram in (W_rest @ W_rest.T, V_rest @ V_rest.T, W_rest @ V_rest.T)
    ]
    parts = dict(zip("qer", (each / members for each in grams), strict=True))
    parts |= {"m": m, "d": d, "D": np.ones(params.latent)}
    classes = [*noise, *rest]
    values, counts = zip(*classes, strict=True) if classes else ((), ())
    shares = np.array(counts, float) / dim
    return Start(Directions(tracked, np.array(values, float), shares), parts)


def _classes(values: np.ndarray) -> list[tuple[float, int]]:
    """Return the mean and the number of values in each of a few classes of neighbours."""
    parts = np.array_split(values, CLASSES)
    return [(float(part.mean()), len(part)) for part in parts if len(part)]


def unknown(found: Look) -> int:
    """Return how many eigenvalues are neither known nor zero."""
    spectrum = found.spectrum
    return 0 if spectrum.complete else spectrum.dim - len(spectrum.eigenvalues)
