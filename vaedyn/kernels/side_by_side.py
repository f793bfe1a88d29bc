"""The exact chain of many runs at once, in `Lanes`: run by run the same bits as one alone.

A step of one run waits most of the time for divisions and roots that depend on one another. Those
of other runs fill that time. Every run has a stream of its own. L below is `TOGETHER`.
"""

from math import sqrt

import numpy as np

from .exact import DRAWN, overlaps, overlaps_one, step, step_one, within
from .jit import leaf, strict_kernel
from .lanes import HALF, abreast, as_bits, as_float, fma, half_abreast, less, real
from .stream import (
    BLOCK,
    CURSOR,
    END,
    GROUP,
    LANES,
    SCALAR,
    TWO53,
    U,
    chi_square,
    pair,
    word_of,
)

AHEAD = BLOCK + GROUP  # normals that may have been drawn and not taken


@leaf
def halves_of(left):
    """Return how many halves of the lanes have all runs that go on."""
    for run in range(HALF, left.size):
        if left[run] < 0:
            return 2
    return 1


@leaf
def begin(streams, left, states, uniforms, ahead):
    """Copy `streams` of runs that go on into lanes; others get one of these.

    Parameters
    ----------
    states : (halves, SCALAR, HALF)
        Of the generators.
    uniforms : (4, L)
        State of the generators of uniforms.
    ahead : (values, L)
        Normals that are drawn and not yet taken, of which as many are returned.
    """
    going = 0
    for run in range(left.size - 1, -1, -1):
        if left[run] < 0:
            going = run
    cursor = np.int64(streams[going, CURSOR])
    for run in range(left.size):
        stream = streams[run if left[run] < 0 else going]
        if run < states.shape[0] * HALF:
            for j in range(SCALAR):
                states[run // HALF, j, run % HALF] = stream[j]
        for j in range(4):
            uniforms[j, run] = stream[SCALAR + j]
        for j in range(END - cursor):
            ahead[j, run] = as_float(stream[cursor + j])
    return END - cursor


@leaf
def draw(states, ahead, taken, drawn, wanted):
    """Draw ahead, so that as many normals as `wanted` follow those that are `taken`.

    These are dropped. Returns how many there are then. Where there are states of one half of
    the lanes only, the other one gets the same normals.

    Parameters
    ----------
    states : (halves, SCALAR)
    ahead : (values, 2)
    """
    for j in range(drawn - taken):
        for half in range(2):
            ahead[j, half] = ahead[taken + j, half]
    drawn -= taken
    while drawn < wanted:
        for half in range(states.shape[0]):
            own, other = states[half], half if states.shape[0] == 2 else 1
            for i in range(LANES):
                x, y = pair(own, i)
                ahead[drawn + i, half], ahead[drawn + LANES + i, half] = x, y
                ahead[drawn + i, other], ahead[drawn + LANES + i, other] = x, y
        drawn += BLOCK
    return drawn


@leaf
def end(states, uniforms, ahead, taken, drawn, stream, run):
    """Copy what `begin` has copied, and what was drawn since, back to the stream of a run."""
    for j in range(SCALAR):
        stream[j] = states[run // HALF, j, run % HALF]
    for j in range(4):
        stream[SCALAR + j] = uniforms[j, run]
    cursor = END - (drawn - taken)
    for j in range(drawn - taken):
        stream[cursor + j] = as_bits(ahead[taken + j, run])
    stream[CURSOR] = U(cursor)


@leaf
def draw_again(streams, left, dof, states, z):
    """Turn `z` (L,) into chi-squares one by one, by generators in the `states` (4, L)."""
    for run in range(left.size):
        if left[run] < 0:
            for j in range(4):
                streams[run, SCALAR + j] = states[j, run]
            z[run] = chi_square(streams[run], dof, z[run])
            for j in range(4):
                states[j, run] = streams[run, SCALAR + j]


@strict_kernel
def chi_squares(streams, left, dof, states, numbers):
    """Turn the last of all `numbers` (steps, values, L) into chi-squares.

    Uniforms are drawn by generators in the `states` (4, L).

    Every run gets what `chi_square` draws, see `vaedyn.kernels.stream`. With x the ``scale z`` of
    that function, it takes z with a probability of logarithm ``shape (-3/4 x^4 + 3/5 x^5 - ...)``.
    For -1/2 < x < 1 that is above ``-3/2 shape x^4``, and so is the probability above
    ``1 - z^4 / (54 shape)``: words below that are not looked at any closer. The difference of
    1e-14 (1 + shape) is more than rounding can make of it.
    """
    steps, last = numbers.shape[0], numbers.shape[1] - 1
    all_z = abreast(numbers)
    if dof < 2:
        for i in range(steps):
            all_z[i, last] = np.float64(dof) * all_z[i, last] * all_z[i, last]
        return
    shape = 0.5 * dof - 1.0 / 3.0
    scale = 1.0 / sqrt(9.0 * shape)
    slope = -1.0 / (54.0 * shape)
    most = 1.0 - 1e-14 * (1.0 + shape)
    words = abreast(states)
    a, b, c, d = words[0], words[1], words[2], words[3]
    for i in range(steps):
        z = all_z[i, last]
        v = fma(scale, z, 1.0)
        word, e, f, g, h = word_of(a, b, c, d)
        u = real(word >> U(11)) * TWO53
        if less(0.5, v) & less(v, 2.0) & less(u, fma(slope * (z * z), z * z, most)):
            all_z[i, last] = 2.0 * shape * (v * v * v)
            a, b, c, d = e, f, g, h
        else:
            words[0], words[1], words[2], words[3] = a, b, c, d
            draw_again(streams, left, dof, states, numbers[i, last])
            a, b, c, d = words[0], words[1], words[2], words[3]
    words[0], words[1], words[2], words[3] = a, b, c, d


@leaf
def move(of, to, run):
    """Copy the numbers of one run."""
    for i in range(of.shape[0]):
        to[i, run] = of[i, run]


@leaf
def save(seen, row, out):
    """Write what is `seen` (values, L) of every run to a row of `out` (runs, rows, values)."""
    for i in range(seen.shape[0]):
        for run in range(out.shape[0]):
            out[run, row, i] = seen[i, run]


@leaf
def enter(state, left, latent, inside):
    """Copy the `state` of runs that go on; others start anew."""
    for run in range(left.size):
        for i in range(state.shape[0]):
            neutral = 1.0 if i >= state.shape[0] - latent else 0.0
            inside[i, run] = state[i, run] if left[run] < 0 else neutral


@leaf
def leave(made, inside, latent, left, state, streams, drawn):
    """Keep the `state` and the stream of runs whose encoder variances have left (0, inf)."""
    for run in range(left.size):
        for i in range(inside.shape[0] - latent, inside.shape[0]):
            if left[run] < 0 and not 0.0 < inside[i, run] < np.inf:
                left[run] = made
                move(inside, state, run)
                end(*drawn, streams[run], run)
    enter(inside, left, latent, inside)


@strict_kernel
def advance(streams, betas, save_after, left, state, c, dim, first, out):
    """Make ``len(betas)`` SGD steps of every run, in place.

    Parameters
    ----------
    streams : (L, WORDS)
        As many numbers must have been taken from each, unless it belongs to a run that stays.
    betas, save_after, c, dim
        See `vaedyn.kernels.exact.advance`.
    left : (L,)
        -1 for runs that go on, and else any other number: these stay as they are. Where an
        encoder variance leaves (0, inf), it becomes the number of steps made before.
    state : (values, L)
        m, d, F and D of every run, one after the other.
    out : (runs, rows, values)
        Order parameters, flat, of the first runs; written from row `first` on.
    """
    latent, signal = c.latent, c.rho.size
    size, runs = state.shape
    last = signal + 2 * latent
    inside = np.empty((size, runs))
    enter(state, left, latent, inside)
    at_d, at_F, at_D = latent * signal, 2 * latent * signal, size - latent
    m = abreast(inside[:at_d].reshape((latent, signal, runs)))
    d = abreast(inside[at_d:at_F].reshape((latent, signal, runs)))
    F = abreast(inside[at_F:at_D].reshape((2 * latent, 2 * latent, runs)))
    D = abreast(inside[at_D:])
    rate = c.lr / dim
    noise = sqrt(c.eta)
    deviations = np.empty(signal)
    for k in range(signal):
        deviations[k] = sqrt(c.rho[k] + c.eta)
    states = np.empty((halves_of(left), SCALAR, HALF), np.uint64)
    uniforms = np.empty((4, runs), np.uint64)
    store = np.empty((AHEAD + (last + 1) * DRAWN, runs))
    taken, drawn = 0, begin(streams, left, states, uniforms, store)
    ahead = half_abreast(store.reshape((len(store), 2, HALF)))
    numbers = store[: (last + 1) * DRAWN].reshape((DRAWN, last + 1, runs))
    draws = abreast(numbers)
    x = abreast(np.empty((last + 1, runs)))
    room = (
        abreast(np.empty((signal, runs))),
        abreast(np.empty((2 * latent, runs))),
        abreast(np.empty((latent, runs))),
        abreast(np.empty((latent, runs))),
        abreast(np.empty((2 * latent, 2 * latent + 1, runs))),
    )
    seen = np.empty((out.shape[2], runs))
    row = abreast(seen)
    saved = 0
    for made in range(len(betas) + 1):
        while saved < len(save_after) and save_after[saved] == made:
            overlaps(m, d, F, D, row)
            save(seen, first + saved, out)
            saved += 1
        if made == len(betas):
            break
        if made % DRAWN == 0:
            steps = min(DRAWN, len(betas) - made)
            drawn = draw(half_abreast(states), ahead, taken, drawn, steps * (last + 1))
            taken = steps * (last + 1)
            chi_squares(streams, left, dim - last, uniforms, numbers[:steps])
        for k in range(signal):
            x[k] = deviations[k] * draws[made % DRAWN, k]
        for k in range(signal, last):
            x[k] = noise * draws[made % DRAWN, k]
        x[last] = c.eta * draws[made % DRAWN, last]
        if not step(x, betas[made], m, d, F, D, c, rate, room):
            leave(
                made, inside, latent, left, state, streams, (states, uniforms, store, taken, drawn)
            )
    for run in range(runs):
        if left[run] < 0:
            move(inside, state, run)
            end(states, uniforms, store, taken, drawn, streams[run], run)


@strict_kernel
def advance_one(streams, betas, save_after, left, state, c, dim, first, out):
    """Do what `advance` does for one latent and one signal, with states in registers."""
    size, runs = state.shape
    inside = np.empty((size, runs))
    enter(state, left, 1, inside)
    own = abreast(inside)
    m, d, f, g, h, D = own[0], own[1], own[2], own[4], own[5], own[6]
    rate = c.lr / dim
    noise = sqrt(c.eta)
    deviation = sqrt(c.rho[0] + c.eta)
    states = np.empty((halves_of(left), SCALAR, HALF), np.uint64)
    uniforms = np.empty((4, runs), np.uint64)
    store = np.empty((AHEAD + 4 * DRAWN, runs))
    taken, drawn = 0, begin(streams, left, states, uniforms, store)
    ahead = half_abreast(store.reshape((len(store), 2, HALF)))
    numbers = store[: 4 * DRAWN].reshape((DRAWN, 4, runs))
    draws = abreast(numbers)
    seen = np.empty((6, runs))
    row = abreast(seen)
    saved = 0
    for made in range(len(betas) + 1):
        while saved < len(save_after) and save_after[saved] == made:
            overlaps_one(m, d, f, g, h, D, row)
            save(seen, first + saved, out)
            saved += 1
        if made == len(betas):
            break
        if made % DRAWN == 0:
            steps = min(DRAWN, len(betas) - made)
            drawn = draw(half_abreast(states), ahead, taken, drawn, steps * 4)
            taken = steps * 4
            chi_squares(streams, left, dim - 3, uniforms, numbers[:steps])
        z = draws[made % DRAWN]
        x = deviation * z[0], noise * z[1], noise * z[2], c.eta * z[3]
        m, d, f, g, h, D = step_one(x, betas[made], m, d, f, g, h, D, c, rate)
        if not within(D):
            own[0], own[1], own[2], own[4], own[5], own[6] = m, d, f, g, h, D
            leave(made, inside, 1, left, state, streams, (states, uniforms, store, taken, drawn))
            m, d, f, g, h, D = own[0], own[1], own[2], own[4], own[5], own[6]
    own[0], own[1], own[2], own[4], own[5], own[6] = m, d, f, g, h, D
    for run in range(runs):
        if left[run] < 0:
            move(inside, state, run)
            end(states, uniforms, store, taken, drawn, streams[run], run)
