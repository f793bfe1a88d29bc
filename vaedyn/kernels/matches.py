"""The best matches of rows to columns of many small matrices at once.

Row after row is added to the best sums within each set of columns (Held and Karp's method),
of matrices side by side. Of many columns there are too many sets, and each matrix is matched by
itself, by shortest augmenting paths (Kuhn and Munkres).
"""

import numpy as np

from .jit import leaf
from .nuclear import ABREAST

MOST = 10  # columns whose sets are gone through


@leaf
def sets(columns):
    """Return how many sums `best_matches` needs room for."""
    return 1 << columns if columns <= MOST else 1


@leaf
def best_matches(a, rows, columns, sums, paths, out):
    """Write the largest sums of sizes of entries, no two of a row or column, to `out`.

    Parameters
    ----------
    a : (rows * columns, ABREAST)
        Entries of matrices, row by row; there are at least as many rows as columns.
    sums : (`sets`, ABREAST)
    paths : (6, rows + 1)
    out : (ABREAST,)
    """
    if columns > MOST:
        for s in range(ABREAST):
            out[s] = best_match(a, s, rows, columns, paths)
        return
    count = 1 << columns
    for chosen in range(count):
        for s in range(ABREAST):
            sums[chosen, s] = 0.0
    for r in range(rows):
        for chosen in range(count - 1, 0, -1):  # those of fewer columns are without this row yet
            total = sums[chosen]
            for k in range(columns):
                if chosen >> k & 1:
                    rest, entry = sums[chosen ^ (1 << k)], a[r * columns + k]
                    for s in range(ABREAST):
                        found = rest[s] + abs(entry[s])
                        total[s] = found if found > total[s] else total[s]
    for s in range(ABREAST):
        out[s] = sums[count - 1, s]


@leaf
def best_match(a, s, rows, columns, paths):
    """Return the largest sum of sizes of entries of matrix `s`, see `best_matches`.

    Column after column is matched by the path of least cost to a row that is free. Prices of
    columns and rows keep all costs above zero, and those of matches at it.
    """
    price, discount, least, owner, before, seen = paths
    price[:] = 0.0
    discount[:] = 0.0
    owner[:] = -1.0
    for new in range(columns):
        least[:] = np.inf
        seen[:] = 0.0
        row = rows  # stands for none, which the new column owns
        owner[rows] = new
        while owner[row] >= 0.0:
            seen[row] = 1.0
            column = np.int64(owner[row])
            shortest, following = np.inf, 0
            for r in range(rows):
                if seen[r] == 0.0:
                    cost = -abs(a[r * columns + column, s]) - price[column] - discount[r]
                    if cost < least[r]:
                        least[r], before[r] = cost, row
                    if least[r] < shortest:
                        shortest, following = least[r], r
            for r in range(rows + 1):
                if seen[r] == 1.0:
                    price[np.int64(owner[r])] += shortest
                    discount[r] -= shortest
                else:
                    least[r] -= shortest
            row = following
        while row != rows:
            earlier = np.int64(before[row])
            owner[row] = owner[earlier]
            row = earlier
    total = 0.0
    for r in range(rows):
        if owner[r] >= 0.0:
            total += abs(a[r * columns + np.int64(owner[r]), s])
    return total
