"""Sums of singular values of many small matrices at once.

Columns are rotated into each other, two at a time, until all are orthogonal: Jacobi's method
from one side. Their lengths are the singular values; of two columns, the sum has a closed form.
Matrices are taken side by side, so that every operation is one of SIMD registers.
"""

from math import sqrt

from .jit import leaf, part
from .lanes import TOGETHER, abreast, fma

ABREAST = 32  # matrices taken side by side
ORTHOGONAL = 1e-18  # squared cosine of two columns whose next rotation changes no length
SWEEPS = 30  # at most; five or six are usual


@leaf
def turn(a, p, q, rows, columns, room):
    """Rotate columns p and q of all matrices into orthogonal ones; return their worst cosine^2."""
    first, second, both, off = room[0], room[1], room[2], room[3]
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


@part
def in_lanes(a):
    """Return (..., ABREAST) as (..., ABREAST / TOGETHER) of lanes, of the same memory."""
    return abreast(a.reshape((*a.shape[:-1], ABREAST // TOGETHER, TOGETHER)))


@leaf
def of_two_columns(a, rows, out):
    """Write ``sqrt(|A|^2 + 2 sqrt(det A^T A))`` to `out`, the determinant by minors of A."""
    entries, norms = in_lanes(a), in_lanes(out)
    for k in range(len(norms)):
        norms[k] = 0.0
        squares = minors = norms[k]
        for r in range(rows):
            left, right = entries[2 * r, k], entries[2 * r + 1, k]
            squares += fma(left, left, right * right)
            for q in range(r):
                first, second = entries[2 * q, k], entries[2 * q + 1, k]
                minor = fma(left, second, -(right * first))
                minors = fma(minor, minor, minors)
        norms[k] = sqrt(fma(2.0, sqrt(minors), squares))


@leaf
def nuclear_norms(a, rows, columns, room, out):
    """Write the sums of singular values of `ABREAST` matrices to `out`.

    Parameters
    ----------
    a : (rows * columns, ABREAST)
        Entries of matrices, row by row; there are at least as many rows as columns. They are
        overwritten.
    room : (4, ABREAST)
    out : (ABREAST,)
    """
    for _ in range(SWEEPS):
        worst = 0.0
        for p in range(columns):
            for q in range(p + 1, columns):
                worst = max(worst, turn(a, p, q, rows, columns, room))
        if not worst > ORTHOGONAL:
            break
    total = room[0]
    for s in range(ABREAST):
        out[s] = 0.0
    for p in range(columns):
        for s in range(ABREAST):
            total[s] = 0.0
        for r in range(rows):
            each = a[r * columns + p]
            for s in range(ABREAST):
                total[s] += each[s] * each[s]
        for s in range(ABREAST):
            out[s] += sqrt(total[s])
