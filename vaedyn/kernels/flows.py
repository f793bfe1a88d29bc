"""The drifts that the integrators can follow, all called alike: by an address, see `pointers`.

Each takes the KL weight, a state, behind which there may be other numbers, and one flat array
with all else, its *box*: latent, signal,
eta, lam, lr, encoder, variances, batch and sampled, as in `vaedyn.kernels.constants`, the
strengths of signals, and then whatever this drift needs.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import types

from . import adam, classes, fluctuations, general, ode, one
from .constants import Constants
from .independent import free
from .jit import leaf
from .pointers import NONE, NUMBER, NUMBERS, address_of, run

LEADING = 9  # numbers of a box before the strengths
NEVER, AFTER_KINKS, EVER = range(3)  # when modes that have died limit steps most


class Flow(NamedTuple):
    """A drift, all that it works in, and what integrators have to know of its states.

    Attributes
    ----------
    drift : int
        Address.
    norm : int
        Address of the norm of errors, `NONE` where it is the root mean square.
    box : (numbers,)
    size : int
        Number of order parameters, which states begin with; D stands last among them.
    latent : int
    stiff : int
        Whether steps are watched for modes that have died, which are most where there are many
        directions, or rates apart.
    """

    drift: int
    norm: int
    box: np.ndarray
    size: int
    latent: int
    stiff: int


def head(c: Constants) -> list[float]:
    """Return the numbers that every box begins with."""
    return [c.latent, len(c.rho), c.eta, c.lam, c.lr, c.encoder, c.variances, c.batch,
            c.sampled, *c.rho.tolist()]  # fmt: skip


def boxed(c: Constants, numbers: Any, room: int) -> np.ndarray:
    """Return the box with these `numbers` behind the constants, and `room` for others."""
    begin = head(c)
    box = np.empty(len(begin) + len(numbers) + room)
    box[: len(begin)] = begin
    box[len(begin) : len(box) - room] = numbers
    return box


def of_sgd(c: Constants) -> Flow:
    """Return the drift of order parameters in white noise under SGD."""
    M, K = c.latent, c.signal
    entry, box = _of_sgd(c)
    size = 2 * M * K + 3 * M * M + M
    return Flow(address(entry), NONE, box, size, M, NEVER if c.plain else EVER)


def _of_sgd(c: Constants) -> tuple[Callable, np.ndarray]:
    """Return the quickest drift under SGD, and its box."""
    M, K = c.latent, c.signal
    if M == K == 1:
        return one.drift, boxed(c, (), 0)
    return _plain_or_not(c)


def _plain_or_not(c: Constants) -> tuple[Callable, np.ndarray]:
    """Return the drift with as few rates as there are, for any number of latents, and its box."""
    M, K = c.latent, c.signal
    if c.plain:
        return plain, boxed(c, (), scratch(ode, M, K))
    return with_rates, boxed(c, (), general.RATES * M + scratch(general, M, K))


def derivative(c: Constants, y: np.ndarray) -> np.ndarray:
    """Return dy/dt of order parameters under SGD at constant beta, (values,)."""
    return derivatives(c, y[None])[0]


def derivatives(c: Constants, states: np.ndarray) -> np.ndarray:
    """Return `derivative` at many states, (states, values)."""
    beta, lacking = float(c.beta), 6 - states.shape[1]
    if _written_out(c):
        box = _box_of_one(c)
        return np.array([one.plainly(beta, _of_six(y), box)[lacking:] for y in states])
    entry, box = _of_sgd(c)
    if entry is one.drift:
        entry, box = with_rates, boxed(c, (), general.RATES + scratch(general, 1, 1))
    rates = np.empty_like(states)
    for y, out in zip(states, rates, strict=True):
        entry(beta, y, box, out)
    return rates


def _written_out(c: Constants) -> bool:
    """Return whether `one.drift` is as good without machine code.

    Where latents are sampled, a state may rest on terms that cancel to the last digit.
    """
    return c.latent == 1 and c.signal <= 1 and c.plain


def _box_of_one(c: Constants) -> list[float]:
    """Return the box of `one.drift`: without a signal, its strength is 0."""
    return head(c)[:LEADING] + (c.rho.tolist() or [0.0])


def _of_six(y: np.ndarray) -> list[float]:
    """Return the state of `one.drift`: without a signal, its overlaps are 0."""
    return [0.0] * (6 - len(y)) + y.tolist()


def jacobian(c: Constants, y: np.ndarray) -> np.ndarray:
    """Return d `derivative`_i / d y_j (values, values), exact to rounding (complex step)."""
    if not len(y):  # no latent
        return np.empty((0, 0))
    if _written_out(c):
        lacking = 6 - len(y)
        return one.jacobian(float(c.beta), _of_six(y), _box_of_one(c))[lacking:, lacking:]
    return (ode if c.plain else general).jacobian(y, c)


def with_bands(c: Constants) -> Flow:
    """Return the drift of order parameters and their covariance, see `fluctuations`."""
    M, K, sampled = c.latent, c.signal, bool(c.sampled)
    first, which = free(M, K)
    pairs = fluctuations.products(M, K, sampled)[first]
    entry, inner = _plain_or_not(c)
    places = [address(entry), len(inner), len(which), len(first), *first, *which, *pairs.ravel()]
    room = np.empty(fluctuations.room(M, K, sampled, len(first)))
    box = boxed(c, np.concatenate([np.array(places, np.int64).view(float), room, inner]), 0)
    return Flow(address(and_covariance), NONE, box, len(which), M, NEVER)


def in_classes(c: Constants, variances: np.ndarray, shares: np.ndarray) -> Flow:
    """Return the drift for data of any covariance, see `classes`."""
    M, K, C = c.latent, c.signal, len(variances)
    box = boxed(c, [C, *variances, *shares], scratch(classes, M, K))
    size = 2 * M * K + 3 * C * M * M + M
    return Flow(address(noise_in_classes), NONE, box, size, M, AFTER_KINKS)


def under_adam(c: Constants, dim: int, beta2: float, epsilon: float) -> Flow:
    """Return the drift of order parameters and second moments, see `adam`."""
    M, K = c.latent, c.signal
    room, rates, *numbers = adam.workspace(M, K, dim, beta2, epsilon)
    box = boxed(c, numbers, len(room) + rates.size)
    size = adam.count.py_func(M, K) - adam.MOMENTS * M - 1
    return Flow(address(with_moments), norm_address(), box, size, M, EVER)


def scratch(module: Any, latent: int, signal: int) -> int:
    """Return how many numbers a drift needs for its intermediate results."""
    return module.scratch.py_func(latent, signal)


@cache
def address(entry: Callable) -> int:
    """Return the address of a drift."""
    return address_of(entry, NUMBER, NUMBERS, NUMBERS, NUMBERS)


@cache
def norm_address() -> int:
    """Return the address of the norm of errors under Adam."""
    return address_of(norm_with_moments, *[NUMBERS] * 3, NUMBER, NUMBER, NUMBERS)


@cache
def beta_address() -> int:
    """Return the address of `ode.beta_at`."""
    return address_of(ode.beta_at, NUMBER, types.intp, NUMBERS)


@leaf
def opened(beta, box):
    """Return the constants in a box, and what stands behind them, for leaves alone.

    Both are views, and leaves count no references.
    """
    latent, signal = int(box[0]), int(box[1])
    rho = box[LEADING : LEADING + signal]
    c = Constants(
        beta, rho, box[2], box[3], box[4], latent, box[5], box[6], box[7], box[8]
    )  # fmt: skip
    return c, box[LEADING + signal :]


@leaf
def apart(rest, latent):
    """Return room, and rates of each latent, as `general` takes them, out of one array."""
    return rest[general.RATES * latent :], rest[: general.RATES * latent].reshape(
        general.RATES, latent
    )


@leaf
def plain(beta, y, box, out):
    """Write the drift of `ode`."""
    c, room = opened(beta, box)
    ode.drift(y, c, room, out)


@leaf
def with_rates(beta, y, box, out):
    """Write that of `general`."""
    c, rest = opened(beta, box)
    general.of_sgd(y, c, apart(rest, c.latent), out)


@leaf
def noise_in_classes(beta, y, box, out):
    """Write that of `classes`."""
    c, rest = opened(beta, box)
    count = np.int64(rest[0])
    variances, shares = rest[1 : 1 + count], rest[1 + count : 1 + 2 * count]
    classes.drift(y, c, (rest[1 + 2 * count :], variances, shares), out)


@leaf
def for_adam(rest, latent):
    """Return what `adam.drift` works in."""
    room, rates = apart(rest[3:], latent)
    return room, rates, rest[0], rest[1], rest[2]


@leaf
def with_moments(beta, y, box, out):
    """Write that of `adam`."""
    c, rest = opened(beta, box)
    adam.drift(y, c, for_adam(rest, c.latent), out)


@leaf
def norm_with_moments(x, y, z, rtol, atol, box):
    """Return the norm of `adam`."""
    c, _ = opened(0.0, box)
    values = adam.count(c.latent, c.rho.size)
    return adam.norm(x[:values], y, z, rtol, atol, c)


@leaf
def and_covariance(beta, y, box, out):
    """Write the drift at an address, see `with_bands`, and that of the covariance."""
    c, rest = opened(beta, box)
    numbers = rest[:4].view(np.int64)
    drift, inner, values, free = numbers[0], numbers[1], numbers[2], numbers[3]
    run(drift, (beta, y, box[box.size - inner :], out))
    places = rest[4 : 4 + values + 5 * free].view(np.int64)
    pairs = places[free + values :].reshape(free, 4)
    first, which, room = places[:free], places[free : free + values], rest[4 + len(places) :]
    fluctuations.spread(y, c, first, which, pairs, room, out)
