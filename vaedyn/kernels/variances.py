"""Variances of both generalisation errors, which are not smooth in the overlaps.

The error is ``const - 2 gain + tr Q``; its gain is the best sum of matches, or the sum of
singular values, of ``m diag(rho)^{1/2}``.
"""

import numpy as np

from .jit import kernel, leaf
from .lanes import fma
from .matches import PATHS, best_matches, sets
from .nuclear import ABREAST, in_lanes, nuclear_norms, of_two_columns
from .ode import U
from .product import multiply

GAINS = MATCHED, ALIGNED = 0, 1
KINK = 0.02  # part of the standard deviation that may come from deviations from linearity


@leaf
def gain(which, block, rows, columns, room):
    """Write the gains of overlaps `block` (more than overlaps, ABREAST) to ``room[0][which]``."""
    out, turned, sums, paths, four, _ = room
    if which == MATCHED:
        best_matches(block, rows, columns, sums, paths, out[which])
        return
    if columns == 2:
        of_two_columns(block, rows, out[which])
        return
    for i in range(rows * columns):
        for s in range(ABREAST):
            turned[i, s] = block[i, s]
    nuclear_norms(turned, rows, columns, four, out[which])


@leaf
def differentiate(which, x, steps, block, rows, columns, room, slope):
    """Write the derivatives of the error in the state `x` (overlaps + 1,), by differences.

    Returns the gain there.
    """
    overlaps, half = U(steps.size), ABREAST // 2
    found = room[0][which]
    slope[overlaps] = 1.0
    for start in range(U(0), overlaps, half):
        count = min(half, overlaps - start)
        for i in range(overlaps):
            for s in range(ABREAST):
                block[i, s] = x[i]
        for j in range(count):
            block[start + j, U(2) * j] += steps[start + j]
            block[start + j, U(2) * j + U(1)] -= steps[start + j]
        gain(which, block, rows, columns, room)
        for j in range(count):
            rise = found[U(2) * j] - found[U(2) * j + U(1)]
            slope[start + j] = -rise / steps[start + j]
    for i in range(overlaps):
        for s in range(ABREAST):
            block[i, s] = x[i]
    gain(which, block, rows, columns, room)
    return found[0]


@leaf
def add_samples(x, factor, normals, wanted, here, flat, block, rows, columns, room):
    """Add up, over samples, deviations from linearity, squares, and products with the linear part.

    Parameters
    ----------
    x : (overlaps + 1,)
    factor : (overlaps + 1 + 2, overlaps + 1)
        Of the covariance, and the linear part of both errors.
    normals : (blocks, overlaps + 1, ABREAST)
    wanted : (2,)
        Which errors are.
    here : (2,)
        Gains without fluctuations.
    flat, block : (numbers,), (overlaps + 1 + 2, ABREAST)
        The same room.
    """
    size, all_found, values, total = x.size, in_lanes(room[0]), in_lanes(block), in_lanes(room[5])
    parts = values.shape[1]
    for which in GAINS:
        for kind in range(3):
            for part in range(parts):
                total[which, kind, part] = 0.0
    width = size * ABREAST
    for n in range(normals.size // width):
        for i in range(size + 2):
            for part in range(parts):
                values[i, part] = x[i] if i < size - 1 else 0.0
        multiply(flat, U(0), factor, U(0), normals, U(n * width), U(size + 2), U(size), U(ABREAST))
        for which in GAINS:
            if wanted[which]:
                gain(which, block, rows, columns, room)
                for part in range(parts):
                    linear, found = values[size + which, part], all_found[which, part]
                    rest = fma(-2.0, found - here[which], values[size - 1, part]) - linear
                    total[which, 0, part] += rest
                    total[which, 1, part] = fma(rest, rest, total[which, 1, part])
                    total[which, 2, part] = fma(linear, rest, total[which, 2, part])


@kernel
def variances(x, C, root, steps, few, normals, columns, out):
    """Write the variances of both errors, `MATCHED` and `ALIGNED`, to `out` (times, 2).

    Where a gain is linear over the fluctuations, the gradient is enough; elsewhere the rest
    beyond the gradient is averaged over samples. Whether it is linear is seen from a few.

    Parameters
    ----------
    x : (times, overlaps + 1)
        Overlaps in units in which signals are of strength 1, row by row of matrices with at
        least as many rows as `columns`, and tr Q.
    C, root : (times, overlaps + 1, overlaps + 1)
        Their covariance, and a factor of it.
    steps : (overlaps,)
        Of differences.
    few, normals : (blocks * (overlaps + 1) * ABREAST,)
        Samples of the normal law, `ABREAST` of each dimension in turn. Half of `few` are zero.
    """
    times, size = x.shape
    rows = (size - 1) // columns
    flat, factor = np.empty((size + 2) * ABREAST), np.empty((size + 2) * size)
    block, slopes, here = flat.reshape(size + 2, ABREAST), np.zeros((2, size)), np.zeros(2)
    found, total = np.zeros((2, ABREAST)), np.zeros((2, 3, ABREAST))
    room = (
        found, np.empty((size, ABREAST)), np.empty((sets(columns), ABREAST)),
        np.empty((PATHS, rows + 1)), np.empty((4, ABREAST)), total,
    )  # fmt: skip
    wanted = np.empty(2, np.bool_)
    for t in range(times):
        for which in GAINS:
            here[which] = differentiate(
                which, x[t], steps, block, rows, columns, room, slopes[which]
            )
            variance = 0.0
            for i in range(size):
                for j in range(size):
                    variance += slopes[which, i] * C[t, i, j] * slopes[which, j]
            out[t, which] = max(variance, 0.0)
            wanted[which] = True
            for j in range(size):
                factor[(size + which) * size + j] = 0.0
        for i in range(size):
            for j in range(size):
                factor[i * size + j] = root[t, i, j]
                for which in GAINS:
                    factor[(size + which) * size + j] += slopes[which, i] * root[t, i, j]
        add_samples(x[t], factor, few, wanted, here, flat, block, rows, columns, room)
        for which in GAINS:
            squares = 2.0 * total[which, 1].sum() / ABREAST
            wanted[which] = squares > KINK * KINK * out[t, which]
        if not (wanted[MATCHED] or wanted[ALIGNED]):
            continue
        add_samples(x[t], factor, normals, wanted, here, flat, block, rows, columns, room)
        samples = normals.size // size
        for which in GAINS:
            if wanted[which]:
                mean = total[which, 0].sum() / samples
                spread = total[which, 1].sum() / samples - mean * mean
                both = 2.0 * total[which, 2].sum() / samples
                out[t, which] = max(out[t, which] + both + spread, 0.0)
