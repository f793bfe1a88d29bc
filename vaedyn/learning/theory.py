"""Learning in the limit of large N: the ODE of the order parameters, integrated."""

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from ..errors import ParameterError
from ..kernels.constants import Constants
from ..model.asked import TRAINING, params_of
from ..model.numerics import NUMERICS
from ..model.params import Fields, Params, real
from ..model.progress import Asked, shows
from ..model.records import Computed, Progress, Store, kept
from ..model.results import Trajectory
from ..model.schedule import Schedule
from ..model.state import count, pack
from ..model.training import pace
from .cautions import cautions
from .follow import follow, of_steps, start_of
from .on_rows import on_rows
from .solve import MOST_STEPS, Marks, Read, solve, steps_in_a_while

LONG = 2.0  # times lr (rho + eta): epochs in which noise of SGD does not cancel
VANISHED = 1e-8  # an encoder variance that is taken for zero

if TYPE_CHECKING:
    from ..kernels.flows import Flow

log = logging.getLogger(__name__)


@shows("theory")
def theory(
    params: Params | None = None,
    *,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    store: Store | None = None,
    progress: Asked = None,
    **changes: Unpack[Fields],
) -> Trajectory:
    """Integrate the order parameters' ODE (Theorem 4.2 of Ichikawa and Hukushima).

    With `alpha` it is that of P = alpha N rows which are shuffled and used again and again, see
    `vaedyn.learning.on_rows`, in the limit of an epoch that is short against learning: then
    the noise of SGD cancels, but for that of sampled latents. Order parameters are those with
    the true directions.

    Momentum is taken in the limit of a memory that is short against learning, and Adam as in
    `vaedyn.kernels.adam`; see `vaedyn.learning.cautions` for what that leaves out.

    Parameters
    ----------
    params : Params, optional
        The start is the one that `simulate` uses.
    rtol, atol : float
        Tolerated error of a step, relative and absolute.
    store : ResultStore, optional
        Where to look for the result first, and to keep it.
    progress : bool or callable, optional
        True shows a bar; a function is called as ``progress(done, total)`` with the time that is
        reached, and the last one.
    **changes
        Parameters of the model, in place of those of `params` or of the defaults.

    Returns
    -------
    Trajectory
        Leading axis (times,). ``info["solver"]`` counts accepted steps,
        evaluations of the drift, and steps limited by stability (`stiff`), and has the
        least encoder variance on the way.

    Raises
    ------
    ParameterError
        When a tolerance is out of range, or Adam is to learn in noise that is not white, or rows
        that are used again, for which it is not derived.
    DivergenceError
        When the solution leaves every bound or an encoder variance reaches zero.
    ConvergenceError
        When it takes more than 5 million steps.
    """
    params = params_of(theory, params, changes, derived=("noise", "alpha", *TRAINING))
    rtol, atol = tolerances(rtol, atol)
    for name in ("noise", "alpha"):
        if params.adam and getattr(params, name) is not None:
            raise ParameterError("optimiser", f"adam is not derived together with {name}")
    if params.alpha is not None:
        check_alpha(params)
    for text in cautions(params):
        log.warning(text)

    def compute() -> Computed:
        times = params.times()
        settings: Any = {"rtol": rtol, "atol": atol, "progress": progress}
        if params.alpha is not None:
            y, solver = on_same_rows(params, times, **settings)
        elif params.noise is None:
            start = pack(**params.overlaps())
            y, solver = integrate(params, start, times, params.schedule, **settings)
        else:
            y, solver = in_classes(params, times, **settings)
        info = {"solver": solver}
        return Trajectory.from_states(params, y, t=times, info=info).to_kept()

    record = {**params.to_dict(), "rtol": rtol, "atol": atol, "numerics": NUMERICS["theory"]}
    result = Trajectory.from_kept(params, kept(store, "theory", record, compute))
    _warn(result)
    return result


def in_classes(
    params: Params, times: np.ndarray, **settings: Any
) -> tuple[np.ndarray, dict[str, float]]:
    """Return the states at `times`, S and A behind them, and statistics, for noise in classes.

    `settings` are those of `follow`.
    """
    directions, start = start_of(params)
    bound = params.bound(pack(**params.overlaps()))
    course = follow(
        directions, start, times, beta=params.beta, schedule=params.schedule,
        bound=bound, **of_steps(params), **settings,
    )  # fmt: skip
    return course.states, course.info["solver"]


def on_same_rows(
    params: Params, times: np.ndarray, **settings: Any
) -> tuple[np.ndarray, dict[str, float]]:
    """Return the states at `times`, and statistics, on rows that are used again and again."""
    found, overlaps = on_rows(params), params.overlaps()
    course = follow(
        found.directions, found.start(**overlaps), times, beta=params.beta,
        schedule=params.schedule, cancelled=1.0, bound=params.bound(pack(**overlaps)),
        **of_steps(params), **settings,
    )  # fmt: skip
    m, d = course.m @ found.parts, course.d @ found.parts
    return pack(m, d, course.Q, course.E, course.R, course.D), course.info["solver"]


def check_alpha(params: Params) -> None:
    """Refuse rows in noise that is not white; warn of long epochs and of overlaps by chance.

    Raises
    ------
    ParameterError
        When the noise is not white.
    """
    if params.noise is not None:
        raise ParameterError("noise", "is not derived for rows used again; leave out alpha")
    assert params.alpha is not None
    epoch = params.alpha / params.batch
    long = params.rate * epoch * (params.eta + float(params.strengths.max()))
    if isinstance(params.init, str):
        log.warning(
            "the start has overlaps by chance, and those with the directions of the rows differ "
            "from table to table, which theory leaves out: give overlaps by --init"
        )
    if long > LONG:
        log.warning(
            "an epoch is long against learning (lr alpha (rho + eta)%s is %.2g): part of the noise "
            "of SGD is left, which theory takes to cancel; lower --lr",
            "/batch" if params.batch > 1 else "", long,
        )  # fmt: skip


def _warn(result: Trajectory) -> None:
    """Warn if D touches zero, which under Adam it comes close to only.

    Where beta falls to zero more slowly than at a rate tau Q^2/8, and rises again at once, D
    follows it, in proportion to beta, to zero and back.
    """
    if result.params.adam:
        return
    if result.info["solver"]["least_variance"] < VANISHED:
        log.warning(
            "D touches zero, as beta does for an instant: the KL divergence is infinite there, and "
            "SGD may end there; keep --anneal above zero"
        )


def tolerances(rtol: object, atol: object) -> tuple[float, float]:
    """Return both as floats, after checking them.

    Raises
    ------
    ParameterError
        When one is not a number between 0 and 1, or rtol is below 1e-14.
    """
    for name, value in (("rtol", rtol), ("atol", atol)):
        if real(name, value) >= 1:
            raise ParameterError(name, f"must be below 1, got {value!r}")
    if real("rtol", rtol) < 1e-14:
        raise ParameterError("rtol", f"must be at least 1e-14, got {rtol!r}")
    return real("rtol", rtol), real("atol", atol)


def integrate(
    params: Params,
    start: np.ndarray,
    times: np.ndarray,
    schedule: Schedule,
    *,
    rtol: float,
    atol: float,
    most: int | None = None,
    bound: float | None = None,
    progress: Progress | None = None,
    read: Read | None = None,
    marks: Marks | None = None,
) -> tuple[np.ndarray, dict[str, float]]:
    """Return the states at `times` (times, values) from `start` at the first, and statistics.

    `start` may go on with the covariance of fluctuations, see `vaedyn.kernels.fluctuations`.

    An order parameter beyond `bound` has diverged; default: `Params.bound`. `read` returns what
    is wanted of states, and `marks` go on from where the same integration has been before,
    see `solve`.

    Raises
    ------
    DivergenceError, ConvergenceError
        As `theory` does, the latter after `most` steps.
    """
    beta = float(schedule(times[:1], params.beta)[0])
    state, flow = _with_room(params, start, beta)
    y, solver = solve(
        flow,
        state,
        times,
        schedule,
        beta=params.beta,
        pace=partial(pace, params),
        rtol=rtol,
        atol=atol,
        bound=bound or params.bound(start),
        at_once=steps_at_once(params, len(start) > count(params.latent, params.signal)),
        most=most or MOST_STEPS,
        progress=progress,
        read=read,
        marks=marks,
    )
    return y if read else y[:, : len(start)], solver


def _with_room(params: Params, start: np.ndarray, beta: float) -> tuple[np.ndarray, "Flow"]:
    """Return a whole state at the start, where the KL weight is `beta`, and its drift."""
    from ..kernels import flows

    constants = Constants.of(params)
    if params.adam:
        from ..kernels import adam

        sizes, others = (params.latent, params.signal), (params.adam_betas[1], params.adam_epsilon)
        state = np.append(start, np.zeros(adam.MOMENTS * params.latent + 1))
        work = adam.workspace(*sizes, params.dim, *others)
        adam.begin(state, constants._replace(beta=beta), work)
        return state, flows.under_adam(constants, params.dim, *others)
    spread = len(start) > count(params.latent, params.signal)
    return start, (flows.with_bands if spread else flows.of_sgd)(constants)


def steps_at_once(params: Params, spread: bool = False) -> int:
    """Return how many steps take about as long as an interrupt may have to wait."""
    M, K = params.latent, params.signal
    one = 3e-7 + 1e-9 * (5 * M**3 + 5 * M**2 * K)
    return steps_in_a_while(7 * (one + seconds_of_spread(M, K) if spread else one))


def seconds_of_spread(latent: int, signal: int) -> float:
    """Return about how long one evaluation of dP/dt takes, see `vaedyn.kernels.tangent`."""
    M, K = latent, signal
    free = 2 * M * K + M * (M + 1) + M * M + M
    return 3e-6 + free * (4e-10 * (9 * M**3 + 8 * M**2 * K) + 5e-9 * free)
