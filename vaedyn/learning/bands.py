"""How far one run at finite N may stray from the ODE: the linear-noise approximation."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Unpack

import numpy as np

from ..model.asked import STEPS, params_of
from ..model.numerics import NUMERICS
from ..model.params import Fields, Params
from ..model.progress import Asked, shows
from ..model.records import Computed, Store, Variables, kept
from ..model.results import Trajectory
from ..model.state import aligned, matched, moments, pack, places, unpack
from .theory import integrate

RTOL, ATOL = 1e-5, 1e-8  # of the covariance's integration
SAMPLES = 1024  # of the fluctuations, where eps_g is not smooth on their scale
KINK = 0.02  # part of the standard deviation that may come from deviations from linearity
LARGE = 0.25  # relative spread of an overlap that is too much for a linear theory
GROWN = 0.1  # of the largest one: an overlap that matters
MOST_DIM = 1e9  # beyond it no advice
AT_ONCE = 250_000  # numbers that are worked on at once, so that they stay in the cache

Gain = Callable[[np.ndarray], np.ndarray]
"""What weights gain in eps_g, of ``m diag(rho)^{1/2}`` (..., latent, signal)."""


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
        from ..kernels.fluctuations import entries

        start = pack(**params.overlaps())
        at, _ = entries(params.latent, params.signal)
        P = covariance_of_start(params)[tuple(at.T)] if random_start else np.zeros(len(at))
        y, solver = integrate(
            params,
            np.concatenate([start, P]),
            params.times(),
            params.schedule,
            rtol=RTOL,
            atol=ATOL,
            progress=progress,
        )
        y, P = np.split(y, [len(start)], axis=1)
        return from_covariance(params, y, P / params.dim, solver).to_kept()

    record = {**params.to_dict(), "random_start": bool(random_start), "numerics": NUMERICS["bands"]}
    return Bands.from_kept(params, kept(store, "bands", record, compute))


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
    `vaedyn.kernels.fluctuations.entries`.
    """
    from ..kernels.fluctuations import entries

    M, K = params.latent, params.signal
    _, which = entries(M, K)
    stds: Any = unpack(np.sqrt(np.maximum(C[:, np.diag(which)], 0)), M, K)
    smooth: Any = _std_of_smooth(params, y, C)
    gains: list[Gain] = [matched]
    if M > 1 or K > 1:  # else nothing is to match or to rotate
        gains.append(aligned)
    errors = stds_of_errors(gains, params, y, C)
    sizes = np.abs(unpack(y, M, K)["m"])
    grown = (sizes > 0) & (sizes >= GROWN * sizes.max(axis=(0, 1)))
    spread = stds["m"] / np.where(grown, sizes, np.sqrt(params.strengths))
    return Bands(
        params=params,
        t=params.times(),
        **stds,
        eps_g=errors[0],
        eps_g_rotation=errors[-1],
        **smooth,
        spread=spread.max(axis=(1, 2)),
        info={"solver": solver},
    )


def _std_of_smooth(params: Params, y: np.ndarray, C: np.ndarray) -> dict[str, np.ndarray]:
    """Return the standard deviations of KL divergences and distortion, to first order."""
    from ..kernels.fluctuations import entries, free

    each = gradients_of_kl(params, y)
    gradients = np.concatenate(
        [each, each.sum(axis=-1, keepdims=True), gradient_of_distortion(params, y)[..., None]],
        axis=-1,
    )
    first, own = free(params.latent, params.signal)
    changes = np.zeros((len(y), len(first), gradients.shape[2]))  # in independent entries
    np.add.at(changes, (slice(None), own), gradients)
    which = entries(params.latent, params.signal)[1][np.ix_(first, first)]
    variances = np.empty((len(y), gradients.shape[2]))
    for rows in _blocks(len(y), which.size):
        change = changes[rows]
        variances[rows] = (change * (C[rows][:, which] @ change)).sum(axis=1)
    std = np.sqrt(np.maximum(variances, 0))
    return {"kl_per_latent": std[:, :-2], "kl": std[:, -2], "distortion": std[:, -1]}


def _blocks(length: int, width: int) -> Iterator[slice]:
    """Yield slices of `length` rows, of about `AT_ONCE` numbers where a row has `width`."""
    step = max(1, AT_ONCE // width)
    for start in range(0, length, step):
        yield slice(start, start + step)


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


def stds_of_errors(
    gains: Sequence[Gain], params: Params, y: np.ndarray, C: np.ndarray
) -> list[np.ndarray]:
    """Return the standard deviations of generalisation errors, (times,) each.

    The error ``sum_k rho_k - 2 gain + tr Q`` depends on m and on tr Q. Where its gain is linear
    in m over the fluctuations, the gradient is enough; elsewhere, near a change of sign or of
    match, the rest beyond the gradient is averaged over gaussian samples.
    """
    x, C = _of_errors(params, y, C)
    values, vectors = np.linalg.eigh(C)
    factor = vectors * np.sqrt(np.maximum(values, 0))[:, None, :]
    normals = _even_normals(C.shape[-1])
    found = []
    for gain in gains:
        gradient = _gradient(gain, params, x)
        variance = np.maximum((gradient * (C @ gradient[..., None])[..., 0]).sum(axis=1), 0)
        found.append((gain, gradient, variance))
    few = 2 * normals[:16]
    apart = [np.empty(len(x)) for _ in found]
    for rows in _blocks(len(x), few.size):
        moved = factor[rows] @ few.T
        for beyond, (gain, gradient, _) in zip(apart, found, strict=True):
            rest = _rest(gain, params, x[rows], moved, gradient[rows])[1]
            beyond[rows] = (rest**2).mean(axis=1)
    bent = [beyond > KINK**2 * each[2] for beyond, each in zip(apart, found, strict=True)]
    at = np.flatnonzero(np.any(bent, axis=0))
    for block in _blocks(len(at), normals.size):
        rows = at[block]
        moved = factor[rows] @ normals.T
        for here, (gain, gradient, variance) in zip(bent, found, strict=True):
            if here[rows].any():
                linear, rest = _rest(gain, params, x[rows], moved, gradient[rows])
                more = 2 * (linear * rest).mean(axis=1) + rest.var(axis=1)
                variance[rows] += np.where(here[rows], more, 0)
    return [np.sqrt(np.maximum(variance, 0)) for _, _, variance in found]


def _of_errors(params: Params, y: np.ndarray, C: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the entries of m and tr Q (times, overlaps + 1), and their covariance."""
    from ..kernels.fluctuations import entries

    at, (_, which) = places(params.latent, params.signal), entries(params.latent, params.signal)
    m, Q = at["m"].ravel(), np.diag(at["Q"])
    both = np.empty((len(y), len(m) + 1, len(m) + 1))
    both[:, :-1, :-1] = C[:, which[np.ix_(m, m)]]
    both[:, :-1, -1] = both[:, -1, :-1] = C[:, which[np.ix_(m, Q)]].sum(axis=-1)
    both[:, -1, -1] = C[:, which[np.ix_(Q, Q)]].sum(axis=(-2, -1))
    return np.append(y[:, m], y[:, Q].sum(axis=1, keepdims=True), axis=1), both


def _gains(gain: Gain, params: Params, m: np.ndarray) -> np.ndarray:
    """Return the gain of overlaps m (..., latent signal)."""
    shape = (*m.shape[:-1], params.latent, params.signal)
    return gain(m.reshape(shape) * np.sqrt(params.strengths))


def _gradient(gain: Gain, params: Params, x: np.ndarray) -> np.ndarray:
    """Return the derivatives of the error in `x` (times, overlaps + 1), by differences."""
    step = 1e-6 * np.sqrt(max(1.0, float(np.abs(x).max())))
    gradient = np.ones_like(x)
    for j in range(x.shape[1] - 1):
        shift = np.zeros(x.shape[1] - 1)
        shift[j] = step
        rise = _gains(gain, params, x[:, :-1] + shift) - _gains(gain, params, x[:, :-1] - shift)
        gradient[:, j] = -rise / step
    return gradient


def _rest(
    gain: Gain, params: Params, x: np.ndarray, moved: np.ndarray, gradient: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the linear change of the error in samples, and the rest, (times, samples) each.

    Samples stand beside each other: ``moved`` is (times, overlaps + 1, samples).
    """
    linear = (gradient[:, None] @ moved)[:, 0]
    m = x[:, :-1, None] + moved[:, :-1]
    m = m.reshape(len(m), params.latent, params.signal, -1)
    m *= np.sqrt(params.strengths)[:, None]
    if gain is aligned and min(m.shape[1:3]) > 2:
        there = _nuclear_norms(m)
    else:
        there = gain(np.moveaxis(m, 3, 1))
    rise = there - _gains(gain, params, x[:, :-1])[:, None]
    return linear, moved[:, -1] - 2 * rise - linear


def _nuclear_norms(m: np.ndarray) -> np.ndarray:
    """Return the sum of singular values of matrices m (times, latent, signal, samples)."""
    from ..kernels.nuclear import nuclear_norms

    if m.shape[1] < m.shape[2]:
        m = np.swapaxes(m, 1, 2)
    times, rows, columns, samples = m.shape
    out = np.empty((times, samples))
    nuclear_norms(m.reshape(times, rows * columns, samples), columns, out)
    return out


@lru_cache
def _even_normals(dimensions: int) -> np.ndarray:
    """Return points as evenly spread under the normal law as can be, (SAMPLES, dimensions).

    They are images of a Kronecker sequence whose steps are powers of a generalised golden
    ratio, and their mirror images.
    """
    from scipy.special import ndtri

    ratio = 2.0
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / (dimensions + 1))
    steps = ratio ** -np.arange(1.0, dimensions + 1)
    half = ndtri((0.5 + np.outer(np.arange(SAMPLES // 2), steps)) % 1)
    return np.stack([half, -half], axis=1).reshape(SAMPLES, dimensions)
