"""The best matches of rows to columns of many small matrices at once.

Row after row is added to the best sums within each set of columns (Held and Karp's method),
of matrices side by side. Of many columns there are too many sets, and each matrix is matched by
itself, by shortest augmenting paths (Kuhn and Munkres).
"""

import numpy as np

from .jit import kernel, leaf
from .nuclear import ABREAST

MOST = 10  # columns whose sets are gone through
PRICE, DISCOUNT, LEAST, OWNER, BEFORE, SEEN, MATCHED = range(7)  # rows of `paths`
PATHS = 7


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
    paths : (PATHS, rows + 1)
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
    paths[:] = 0.0
    paths[OWNER] = -1.0
    for new in range(columns):
        match(a, s, rows, columns, new, paths)
    return total(a, s, rows, columns, paths[OWNER])


@leaf
def match(a, s, rows, columns, new, paths):
    """Match the column `new`, too, by the path of least cost."""
    price, discount, owner = paths[PRICE], paths[DISCOUNT], paths[OWNER]
    least, before, seen = paths[LEAST], paths[BEFORE], paths[SEEN]
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
    owner[rows] = -1.0


@leaf
def total(a, s, rows, columns, owner):
    """Return the sum of sizes of the entries of matrix `s` that are matched."""
    found = 0.0
    for r in range(rows):
        if owner[r] >= 0.0:
            found += abs(a[r * columns + np.int64(owner[r]), s])
    return found


@leaf
def match_again(a, s, rows, columns, paths):
    """Return what `best_match` does, from the matches that it left in `paths` of another matrix.

    These stay where they cost least at the discounts of rows, all others are made anew.
    """
    price, discount, owner = paths[PRICE], paths[DISCOUNT], paths[OWNER]
    price[:] = np.inf
    for r in range(rows):
        for k in range(columns):
            price[k] = min(price[k], -abs(a[r * columns + k, s]) - discount[r])
    price[rows] = 0.0
    paths[MATCHED] = 0.0
    for r in range(rows):
        if owner[r] >= 0.0:
            k = np.int64(owner[r])
            if -abs(a[r * columns + k, s]) - discount[r] > price[k]:
                owner[r] = -1.0
            else:
                paths[MATCHED, k] = 1.0
    for k in range(columns):
        if paths[MATCHED, k] == 0.0:
            match(a, s, rows, columns, k, paths)
    for r in range(rows):
        if owner[r] < 0.0 and discount[r] < 0.0:  # those without a match must be at no discount
            return best_match(a, s, rows, columns, paths)
    return total(a, s, rows, columns, owner)


@kernel
def best_in_turn(a, chosen):
    """Match rows of matrices to columns, each matrix like the one before.

    Parameters
    ----------
    a : (n, few, many)
        Not below 0; there are at least as many columns as rows.
    chosen : (n, few)
        Is filled with the columns of rows, of the largest sums of entries.
    """
    few, many = a.shape[1:]
    paths, one = np.zeros((PATHS, many + 1)), np.empty((many * few, 1))
    for n in range(len(a)):
        for k in range(few):
            for r in range(many):
                one[r * few + k, 0] = a[n, k, r]
        if n == 0:
            best_match(one, 0, many, few, paths)
        else:
            match_again(one, 0, many, few, paths)
        for r in range(many):
            if paths[OWNER, r] >= 0.0:
                chosen[n, np.int64(paths[OWNER, r])] = r
