"""Sums of singular values of many small matrices at once.

Columns are rotated into each other, two at a time, until all are orthogonal: Jacobi's method
from one side. Their lengths are the singular values. Matrices are taken side by side, so that
every operation is one of SIMD registers.
"""

from math import sqrt

import numpy as np

from .jit import kernel, leaf

ABREAST = 32  # matrices taken side by side
ORTHOGONAL = 1e-18  # squared cosine of two columns whose next rotation changes no length
SWEEPS = 30  # at most; five or six are usual


@leaf
def turn(a, p, q, rows, columns, room):
    """Rotate columns p and q of all matrices into orthogonal ones; return their worst cosine^2."""
    first, second, both, off = room
    for s in range(ABREAST):
        first[s] = 0.0
        second[s] = 0.0
        both[s] = 0.0
    for r in range(rows):
        left, right = a[r * columns + p], a[r * columns + q]
        for s in range(ABREAST):
            first[s] += left[s] * left[s]
            second[s] += right[s] * right[s]
            both[s] += left[s] * right[s]
    for s in range(ABREAST):
        off[s] = both[s] * both[s] / (first[s] * second[s] + 1e-300)
        gap = second[s] - first[s]
        twice = 2.0 * both[s] if gap >= 0.0 else -2.0 * both[s]
        tangent = twice / (abs(gap) + sqrt(gap * gap + twice * twice) + 1e-300)
        first[s] = 1.0 / sqrt(1.0 + tangent * tangent)
        second[s] = first[s] * tangent
    for r in range(rows):
        left, right = a[r * columns + p], a[r * columns + q]
        for s in range(ABREAST):
            x, y = left[s], right[s]
            left[s] = first[s] * x - second[s] * y
            right[s] = second[s] * x + first[s] * y
    worst = 0.0
    for s in range(ABREAST):
        worst = max(worst, off[s])
    return worst


@kernel
def nuclear_norms(x, columns, out):
    """Write the sum of singular values of each matrix to `out`.

    Parameters
    ----------
    x : (sets, rows * columns, samples)
        Entries of matrices, row by row; there are at least as many rows as columns.
    columns : int
    out : (sets, samples)
    """
    entries = x.shape[1]
    rows = entries // columns
    a = np.zeros((entries, ABREAST))
    room = (np.empty(ABREAST), np.empty(ABREAST), np.empty(ABREAST), np.empty(ABREAST))
    for n in range(x.shape[0]):
        for start in range(0, x.shape[2], ABREAST):
            count = min(ABREAST, x.shape[2] - start)
            for e in range(entries):
                for s in range(count):
                    a[e, s] = x[n, e, start + s]
            for _ in range(SWEEPS):
                worst = 0.0
                for p in range(columns):
                    for q in range(p + 1, columns):
                        worst = max(worst, turn(a, p, q, rows, columns, room))
                if not worst > ORTHOGONAL:
                    break
            for s in range(count):
                out[n, start + s] = 0.0
            for p in range(columns):
                for s in range(count):
                    total = 0.0
                    for r in range(rows):
                        total += a[r * columns + p, s] * a[r * columns + p, s]
                    out[n, start + s] += sqrt(total)
