"""Why learning is slow in the middle: the fixed points that a trajectory passes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np

from ..errors import ConvergenceError
from ..learning.theory import integrate
from ..model.params import Params
from ..model.progress import Asked, shows
from ..model.records import Progress
from ..model.results import OrderParameters, Trajectory
from ..model.state import pack, places, unpack
from .points import FixedPoints

EXACT = 4  # up to this many latents, all orders and signs of them are tried
NEAR = 0.5  # of the typical distance between fixed points: a nearer one is passed
STAY = 0.5  # of its relaxation time: one that is the nearest for longer is passed
FINE = 64  # steps into which the times around a nearest approach are divided
SAMPLES = 16  # states for which images are sought when they are too many to be tried
AT_ONCE = 4096  # states that are compared with all images in one go


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A fixed point on the way.

    Attributes
    ----------
    index : int
        Of the fixed point in `FixedPoints`.
    type, label : str
        What its latents live on, and its label, as in `FixedPoints`.
    stable : bool
    time, distance : float
        When the trajectory is nearest to it and how near, see `distance`. The fixed
        point that is reached comes nearer until the last time: both are taken there.
    growth : float
        Largest real part of its eigenvalues, per unit of time.
    escape_time : float
        Time in which the fastest deviation from it grows by a factor e; inf unless
        it is unstable.
    start, end : float
        Between these times it is the nearest of all fixed points.
    """

    index: int
    type: str
    label: str
    stable: bool
    time: float
    distance: float
    growth: float
    escape_time: float
    start: float
    end: float

    @property
    def residence(self) -> float:
        """How long it is the nearest of all fixed points."""
        return self.end - self.start


@shows("distances", "points")
def passages(
    points: FixedPoints, trajectory: Trajectory, *, progress: Asked = None
) -> list[Passage]:
    """Find the fixed points that a trajectory of the ODE passes, in order of time.

    A fixed point is passed when it is the nearest of all for more than half of its own
    relaxation time (or until the trajectory ends), so that it holds learning up, when
    its distance has a minimum in that while (at the first or last time, too), and
    when this minimum is less than half of its median distance from the other fixed
    points. The median does not mind a few others close by: near a threshold fixed
    points meet, and act alike.
    The last one listed is the fixed point that is reached, whether or not the
    trajectory is long enough to come close to it; if not, its residence is empty.

    Parameters
    ----------
    points : FixedPoints
        With an annealed beta they are those of its final value.
    trajectory : Trajectory, leading axis (times,)
        From `vaedyn.theory` at the same parameters. Minima of the distance are sought
        at its saved times and then refined by integrating the ODE around them; ends
        of residences are interpolated.
    progress : bool or callable, optional
        True shows a bar; a function is called as ``progress(done, total)`` with numbers of fixed
        points.

    Raises
    ------
    ConvergenceError
        When it is not known where the trajectory leads.
    ValueError
        When the trajectory has other latents or signals than the fixed points, or runs.
    """
    if points.reached is None:
        raise ConvergenceError(f"it is not known where the trajectory leads: {points.lost}")
    if trajectory.m.shape != (len(trajectory.t), *points.m.shape[1:]):
        raise ValueError("expected one trajectory with the latents and signals of the fixed points")
    t, away = trajectory.t, distances(points, trajectory, progress=progress)
    found = []
    for first, last in _residences(away.argmin(axis=0)):
        i = int(away[:, first].argmin())
        start = t[0] if first == 0 else _overtaken(t, away, first)
        end = t[-1] if last == len(t) - 1 else _overtaken(t, away, last + 1)
        if end == t[-1] and i == points.reached:
            break
        at = first + int(away[i, first : last + 1].argmin())
        stays = end == t[-1] or end - start > STAY * points.relaxation_time[i]
        if stays and _turns(away[i], at) and away[i, at] < NEAR * _typical(points, i):
            time, nearest = _refined(points, i, trajectory, at)
            if start <= time <= end:
                found.append(_passage(points, i, time, nearest, (start, end)))
    else:
        start = t[-1]
    i = points.reached
    return [*found, _passage(points, i, t[-1], away[i, -1], (start, t[-1]))]


def distances(
    points: FixedPoints,
    states: OrderParameters,
    which: Sequence[int] | None = None,
    *,
    progress: Progress | None = None,
) -> np.ndarray:
    """Return the distance of every state from every fixed point, or `which`, (points, states)."""
    y, chosen = states.states, points.states[slice(None) if which is None else which]
    found = []
    for point in chosen:
        found.append(distance(points.params, point, y))
        if progress:
            progress(len(found), len(chosen))
    return np.array(found)


def courses(
    points: FixedPoints, states: Trajectory, found: Sequence[Passage]
) -> dict[int, np.ndarray]:
    """Return the distance (times,) from each fixed point that is passed, by its index, in time."""
    return {i: distances(points, states, [i])[0] for i in {each.index for each in found}}


def distance(params: Params, point: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Return how far `states` (n, values) are from any image of the state `point`, (n,).

    It is the root mean square difference of all entries of m, d, Q, E, R and D, least
    over all that the symmetries of the ODE turn `point` (values,) into: orders and
    signs of the latents, signs of the signals, and rotations among signals of equal
    strength. Rotations and signs of signals are solved for (orthogonal Procrustes
    problem); all orders and signs of up to 4 latents are tried. With more latents
    a few orders and signs are found by linear assignment and swaps, for states spread
    over all that are given, and the distance is an upper bound.
    """
    images = _images(params, point, states)
    found = []
    for y in np.array_split(states, -(-len(states) // AT_ONCE)):
        best = images[_agreement(params, images, y).argmax(axis=1)]
        found.append(np.sqrt(((y - _turned(params, best, y)) ** 2).mean(axis=1)))
    return np.concatenate(found)


def _residences(nearest: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield the first and last index of all stretches of equal numbers."""
    starts = np.flatnonzero(np.diff(nearest, prepend=-1))
    yield from zip(starts.tolist(), [*(starts[1:] - 1).tolist(), len(nearest) - 1], strict=True)


def _overtaken(t: np.ndarray, away: np.ndarray, at: int) -> float:
    """Return when the fixed point nearest at `at` became so, since the saved time before."""
    before, after = away[:, at - 1].argmin(), away[:, at].argmin()
    behind, ahead = away[after, at - 1 : at + 1] - away[before, at - 1 : at + 1]
    return float(t[at - 1] + (t[at] - t[at - 1]) * behind / (behind - ahead))


def _turns(away: np.ndarray, at: int) -> bool:
    """Return whether there is a local minimum at `at`, perhaps at either end."""
    return bool(away[at] <= away[max(at - 1, 0) : at + 2].min())


def _typical(points: FixedPoints, i: int) -> float:
    """Return the median distance of a fixed point from the others."""
    states = points.states
    others = np.delete(states, i, axis=0)
    return float(np.median(distance(points.params, states[i], others))) if len(others) else np.inf


def _refined(points: FixedPoints, i: int, trajectory: Trajectory, at: int) -> tuple[float, float]:
    """Return when the trajectory is nearest to a fixed point next to the saved time `at`."""
    params = trajectory.params
    low, high = max(at - 1, 0), min(at + 1, len(trajectory.t) - 1)
    t = np.linspace(trajectory.t[low], trajectory.t[high], FINE + 1)
    first = 0 if params.adam else low  # second moments remember all that was before
    start, times = trajectory.states[first], np.append(trajectory.t[first:low], t)
    y = integrate(params, start, times, params.schedule, rtol=1e-10, atol=1e-12)[0][low - first :]
    away = distance(points.params, points.states[i], y) ** 2
    if (k := int(away.argmin())) in (0, FINE):
        return float(t[k]), float(np.sqrt(away[k]))
    left, here, right = away[k - 1 : k + 2]
    bend, slope = (left - 2 * here + right) / 2, (right - left) / 2
    shift = -slope / (2 * bend) if bend > 0 else 0.0
    return float(t[k] + shift * (t[1] - t[0])), float(np.sqrt(max(here + shift * slope / 2, 0)))


def _passage(
    points: FixedPoints, i: int, time: float, nearest: float, residence: tuple[float, float]
) -> Passage:
    unstable = points.max_eigenvalue[i] > 0 and not points.marginal[i]
    return Passage(
        index=i,
        type=points.types[i],
        label=points.labels[i],
        stable=bool(points.stable[i]),
        time=float(time),
        distance=float(nearest),
        growth=float(points.max_eigenvalue[i]),
        escape_time=float(points.relaxation_time[i]) if unstable else np.inf,
        start=float(residence[0]),
        end=float(residence[1]),
    )


def _classes(params: Params) -> list[np.ndarray]:
    """Return the indices of signals of equal strength, for each strength."""
    return [np.flatnonzero(params.strengths == rho) for rho in np.unique(params.strengths)]


def _overlaps(params: Params, y: np.ndarray) -> np.ndarray:
    """Return m and d below one another, (..., 2 latent, signal)."""
    rows = 2 * params.latent
    return y[..., : rows * params.signal].reshape(*y.shape[:-1], rows, params.signal)


def _images(params: Params, point: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Return what orders and signs of latents make of `point`, (images, values).

    Of those that signs and rotations of signals turn into one another there is one; a
    flip of all signs is among these, so that the first latent keeps its own.
    """
    M = params.latent
    if M <= EXACT:
        flips = [(1, *others) for others in product((1, -1), repeat=M - 1)]
        pairs = list(product(permutations(range(M)), flips))
    else:
        chosen = np.unique(np.linspace(0, len(states) - 1, SAMPLES).round().astype(int))
        pairs = [_assigned(params, point, y) for y in states[chosen]]
    orders, signs = (np.array(each) for each in zip(*pairs, strict=True))
    images = _transformed(params, point, orders, signs.astype(float))
    both = _overlaps(params, images)
    squares = [both[..., k] @ both[..., k].swapaxes(-1, -2) for k in _classes(params)]
    rest = images[:, 2 * M * params.signal :]
    invariant = np.concatenate([rest, *[s.reshape(len(images), -1) for s in squares]], axis=1)
    _, first = np.unique(invariant.round(12) + 0.0, axis=0, return_index=True)
    return images[first]


def _transformed(
    params: Params, point: np.ndarray, order: np.ndarray, sign: np.ndarray
) -> np.ndarray:
    """Return `point` with its latents in each `order` and with each `sign`, (images, values)."""
    parts = unpack(point, params.latent, params.signal)
    both = sign[:, :, None] * sign[:, None, :]
    moved = {name: parts[name][order] * sign[..., None] for name in "md"}
    for name in "QER":
        moved[name] = parts[name][order[:, :, None], order[:, None, :]] * both
    return pack(**moved, D=parts["D"][order])


def _agreement(params: Params, images: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Return the scalar products of states and images, signals turned best, (states, images)."""
    start = places(params.latent, params.signal)["Q"].item(0)  # behind m and d
    total = states[:, start:] @ images[:, start:].T
    X, Y = _overlaps(params, images), _overlaps(params, states)
    for k in _classes(params):
        if len(k) == 1:
            total += np.abs(Y[..., k[0]] @ X[..., k[0]].T)
        else:
            products = np.einsum("iag,nah->nigh", X[..., k], Y[..., k])
            total += np.linalg.svd(products, compute_uv=False).sum(axis=-1)
    return total


def _turned(params: Params, images: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Return each image (n, values) with its signals turned to be next to its state."""
    turned = images.copy()
    X, Y = _overlaps(params, turned), _overlaps(params, states)
    for k in _classes(params):
        left, _, right = np.linalg.svd(X[..., k].swapaxes(-1, -2) @ Y[..., k])
        X[..., k] = X[..., k] @ (left @ right)
    return turned


def _assigned(params: Params, point: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return an order and signs of latents (latent,) that bring `point` close to `y`.

    Latents are assigned by what has no sign, then swapped in pairs while it helps.
    """
    from scipy.optimize import linear_sum_assignment

    M, seen = params.latent, [_signless(params, state) for state in (y, point)]
    _, order = linear_sum_assignment(seen[0] @ seen[1].T, maximize=True)
    pairs = [(0, 0), *((i, j) for i in range(M) for j in range(i))]
    best, found = -np.inf, (order, np.ones(M))
    while True:
        orders = np.tile(found[0], (len(pairs), 1))
        for row, (i, j) in zip(orders, pairs, strict=True):
            row[[i, j]] = row[[j, i]]
        signs = _signs(params, point, y, orders)
        images = _transformed(params, point, orders, signs)
        agreement = _agreement(params, images, y[None])[0]
        at = int(agreement.argmax())
        if agreement[at] <= best + 1e-12 * abs(agreement[at]):
            return found
        best, found = agreement[at], (orders[at], signs[at])


def _signless(params: Params, y: np.ndarray) -> np.ndarray:
    """Return features that tell latents apart whatever the signs, (latent, features)."""
    parts = unpack(y, params.latent, params.signal)
    lengths = [np.linalg.norm(parts[name][:, k], axis=1) for name in "md" for k in _classes(params)]
    own = [np.diag(parts[name]) for name in "QER"]
    others = [np.linalg.norm(parts[name] - np.diag(np.diag(parts[name])), axis=1) for name in "QER"]
    return np.stack([*lengths, *own, *others, parts["D"]], axis=1)


def _signs(params: Params, point: np.ndarray, y: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Return signs for latents in each of the `orders`, each to suit the others, (orders, latent).

    They are to make signs in Q, E and R, and in the scalar products of two latents'
    overlaps with signals, those of `y`.
    """
    x, z = (unpack(state, params.latent, params.signal) for state in (point, y))
    rows, columns = orders[:, :, None], orders[:, None, :]
    alike = np.zeros((len(orders), params.latent, params.latent))
    for name in "QER":
        alike += z[name] * x[name][rows, columns]
    for k in _classes(params):
        for name in "md":
            products = [parts[name][:, k] @ parts[name][:, k].T for parts in (z, x)]
            alike += products[0] * products[1][rows, columns]
    alike += alike.swapaxes(-1, -2)
    signs = np.zeros(orders.shape)
    for i in [*range(params.latent)] * 3:
        signs[:, i] = 0
        signs[:, i] = np.where((alike[:, i] * signs).sum(axis=1) < 0, -1.0, 1.0)
    return signs
