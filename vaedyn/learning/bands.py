"""How far one run at finite N may stray from the ODE: the linear-noise approximation."""

import logging
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from ..kernels.independent import entries, free
from ..model.asked import STEPS, params_of
from ..model.numerics import NUMERICS
from ..model.params import Fields, Params
from ..model.progress import Asked, shows
from ..model.records import Computed, Store, Variables, kept
from ..model.results import Trajectory
from ..model.state import moments, pack, places, unpack
from .spread_of_errors import blocks, seconds_of_samples, stds_of_errors
from .theory import integrate, seconds_of_spread

RTOL, ATOL = 1e-5, 1e-8  # of the covariance's integration
LARGE = 0.25  # relative spread of an overlap that is too much for a linear theory
GROWN = 0.1  # of the largest one: an overlap that matters
MOST_DIM = 1e9  # beyond it no advice
USUAL = 500  # evaluations of dP/dt
LONG = 10.0  # seconds that are worth a note

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Bands(Trajectory):
    """Standard deviations over runs of all order parameters and observables.

    The fields of `Trajectory` hold standard deviations here, leading axis (times,).

    Attributes
    ----------
    spread : (times,)
        Largest relative spread of an overlap m_ik of one latent with one signal; the theory
        is linear in it. Where the overlap is below a tenth of the signal's largest one with
        all latents, its spread is taken relative to ``sqrt(rho_k)``.
    """

    spread: np.ndarray

    def to_variables(self, *lead: str) -> Variables:
        variables = super().to_variables(*lead)
        for name, (_, _, attributes) in variables.items():
            if name not in ("time", "spread"):
                attributes["long_name"] = f"standard deviation of {attributes['long_name']}"
        return variables

    @property
    def warning(self) -> str | None:
        """Where the approximation is poor and what to do, in one line."""
        poor = self.spread > LARGE
        if not poor.any():
            return None
        worst = float(self.spread.max())
        first, last = self.t[poor][[0, -1]]
        advice = "larger N does not help, as gaussian weights overlap less there"
        if not isinstance(self.params.init, str):
            enough = 1.05 * self.params.dim * (worst / LARGE) * (worst / LARGE)
            advice = f"--dim {float(f'{enough:.2g}'):.15g} is large enough"
            if not enough < MOST_DIM:
                advice = "no feasible --dim is large enough"
        return (
            f"bands are unreliable around t = {first:.4g} to {last:.4g}, where runs differ by up "
            f"to {float(f'{100 * worst:.2g}'):.15g} % of an overlap m: too much for a theory that "
            f"is linear in the differences; {advice}"
        )


@shows("bands")
def bands(
    params: Params | None = None,
    *,
    random_start: bool = False,
    store: Store | None = None,
    progress: Asked = None,
    **changes: Unpack[Fields],
) -> Bands:
    """Return the standard deviations of single runs around `vaedyn.theory`.

    To leading order in 1/N, deviations from the ODE are gaussian. Their covariance
    obeys a linear equation along the trajectory, see `vaedyn.kernels.fluctuations`.
    The generalisation errors, which are not smooth where overlaps or matches change,
    are averaged over gaussian samples there.

    Parameters
    ----------
    params : Params, optional
        N = `params.dim` is that of the runs. With momentum p, that of plain SGD at the rate
        tau / (1 - p) is returned, to which runs come closer the larger (1 - p) N is. The
        spread under Adam is not derived.
    random_start : bool
        Every run draws its own initial weights: gaussian with the given overlaps on
        average. Otherwise all start from the same weights.
    store : ResultStore, optional
        Where to look for the result first, and to keep it.
    progress : bool or callable, optional
        True shows a bar; a function is called as ``progress(done, total)`` with the time that is
        reached, and the last one.
    **changes
        Parameters of the model, in place of those of `params` or of the defaults.

    Raises
    ------
    ParameterError
        When a parameter is not derived for.
    DivergenceError, ConvergenceError
        As `vaedyn.theory` does.
    """
    params = params_of(bands, params, changes, derived=STEPS)

    def compute() -> Computed:
        note_if_long(params)
        start = pack(**params.overlaps())
        size = len(start)
        P = covariance_of_start(params) if random_start else np.zeros((size, size))
        y, solver = integrate(
            params,
            np.concatenate([start, P.ravel()]),
            params.times(),
            params.schedule,
            rtol=RTOL,
            atol=ATOL,
            progress=progress,
        )
        (row, column), _ = entries(params.latent, params.signal)
        C = y[:, size + row * size + column] / params.dim
        return from_covariance(params, y[:, :size], C, solver).to_kept()

    record = {**params.to_dict(), "random_start": bool(random_start), "numerics": NUMERICS["bands"]}
    return Bands.from_kept(params, kept(store, "bands", record, compute))


def note_if_long(params: Params) -> None:
    """Log about how long bands take if that is more than `LONG`."""
    M, K = params.latent, params.signal
    seconds = USUAL * seconds_of_spread(M, K) + seconds_of_samples(M, K, params.points)
    if seconds > LONG:
        log.info(
            "bands at M = %d, M* = %d take about %s seconds: a covariance of %s entries is "
            "integrated; fewer latents or signals take less",
            M, K, f"{float(f'{seconds:.2g}'):,.0f}", f"{len(entries(M, K)[0][0]):,}",
        )  # fmt: skip


def covariance_of_start(params: Params) -> np.ndarray:
    """Return N times the covariance of the order parameters of random weights, (values, values).

    The rows of [W V] are gaussian around what the overlaps m and d say, with the
    covariance that gives the other overlaps on average.
    """
    parts = params.overlaps()
    M, K = params.latent, params.signal
    along = np.concatenate([parts["m"], parts["d"]])
    gram = np.block([[parts["Q"], parts["R"]], [parts["R"].T, parts["E"]]])
    rest = gram - along @ along.T
    # every order parameter is an entry (a, b) of the Gram matrix of [W V W*]
    size = 2 * M + K
    mean, cov = np.eye(size), np.zeros((size, size))
    mean[: 2 * M, : 2 * M] = along @ along.T
    mean[: 2 * M, 2 * M :] = along
    mean[2 * M :, : 2 * M] = along.T
    cov[: 2 * M, : 2 * M] = rest
    W, V, signal = np.arange(M), M + np.arange(M), 2 * M + np.arange(K)
    pairs = [
        np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1).reshape(-1, 2)
        for first, second in ((W, signal), (V, signal), (W, W), (V, V), (W, V))
    ]
    a, b = np.concatenate(pairs).T
    both = [
        cov[np.ix_(p, r)] * cov[np.ix_(q, s)]
        + mean[np.ix_(p, r)] * cov[np.ix_(q, s)]
        + cov[np.ix_(p, r)] * mean[np.ix_(q, s)]
        for p, q, r, s in ((a, b, a, b), (a, b, b, a))
    ]
    P = np.zeros((len(a) + M, len(a) + M))  # D does not vary
    P[: len(a), : len(a)] = both[0] + both[1]
    return P


def from_covariance(params: Params, y: np.ndarray, C: np.ndarray, solver: dict) -> Bands:
    """Return the bands around states `y` (times, values).

    `C` (times, entries) are the independent entries of the covariance of one run, see
    `vaedyn.kernels.independent`.
    """
    stds: Any = stds_of(params, y, C, stds_of_errors(params, y, C))
    sizes = np.abs(unpack(y, params.latent, params.signal)["m"])
    grown = (sizes > 0) & (sizes >= GROWN * sizes.max(axis=(0, 1)))
    spread = stds["m"] / np.where(grown, sizes, np.sqrt(params.strengths))
    return Bands(
        params=params,
        t=params.times(),
        **stds,
        spread=spread.max(axis=(1, 2)),
        info={"solver": solver},
    )


def stds_of(
    params: Params, y: np.ndarray, C: np.ndarray, errors: tuple[np.ndarray, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the standard deviations of all quantities by name, as of `from_covariance`.

    Those of both generalisation errors are given, eps_g first.
    """
    _, which = entries(params.latent, params.signal)
    stds = np.sqrt(np.maximum(C[:, np.diag(which)], 0))
    return {
        **unpack(stds, params.latent, params.signal),
        "eps_g": errors[0],
        "eps_g_rotation": errors[1],
        **_std_of_smooth(params, y, C),
    }


def _std_of_smooth(params: Params, y: np.ndarray, C: np.ndarray) -> dict[str, np.ndarray]:
    """Return the standard deviations of KL divergences and distortion, to first order."""
    each = gradients_of_kl(params, y)
    gradients = np.concatenate(
        [each, each.sum(axis=-1, keepdims=True), gradient_of_distortion(params, y)[..., None]],
        axis=-1,
    )
    first, own = free(params.latent, params.signal)
    # in independent entries, of which each gathers those at its places
    changes = (own == np.arange(len(first))[:, None]).astype(float) @ gradients
    which = entries(params.latent, params.signal)[1][np.ix_(first, first)]
    variances = np.empty((len(y), gradients.shape[2]))
    for rows in blocks(len(y), which.size):
        change = changes[rows]
        variances[rows] = (change * (C[rows][:, which] @ change)).sum(axis=1)
    std = np.sqrt(np.maximum(variances, 0))
    return {"kl_per_latent": std[:, :-2], "kl": std[:, -2], "distortion": std[:, -1]}


def gradients_of_kl(params: Params, y: np.ndarray) -> np.ndarray:
    """Return the derivatives of each latent's KL divergence, (times, values, latent)."""
    # model: observable, derivatives of kl_per_latent
    M, K = params.latent, params.signal
    parts = unpack(y, M, K)
    gradients = np.zeros((*y.shape, M))
    at = places(M, K)
    for i in range(M):
        gradients[:, at["d"][i], i] = params.strengths * parts["d"][:, i]
        gradients[:, at["E"][i, i], i] = 0.5 * params.eta
        gradients[:, at["D"][i], i] = 0.5 * (1 - 1 / parts["D"][:, i])
    return gradients


def gradient_of_distortion(params: Params, y: np.ndarray) -> np.ndarray:
    """Return the derivatives of the distortion, (times, values)."""
    # model: observable, derivatives of distortion
    m, d, Q, E, R, D = unpack(y, params.latent, params.signal).values()
    S, _ = moments(m, d, Q, E, R, params.strengths, params.eta)
    one = np.broadcast_to(np.eye(params.latent), Q.shape)
    return pack(
        m=-d * params.strengths,
        d=(Q @ d - m) * params.strengths,
        Q=0.5 * (S + D[..., None] * one),
        E=0.5 * params.eta * Q,
        R=-params.eta * one,
        D=0.5 * np.diagonal(Q, axis1=-2, axis2=-1),
    )
