"""Which order parameters, and which entries of their covariance P, are independent.

Q, E and P are symmetric. Of P there are those of `free` order parameters, and of these the lower
triangle, row by row.
"""

from functools import lru_cache

import numpy as np


@lru_cache(8)
def free(latent, signal):
    """Return the places of independent order parameters (free,), and which one each is (values,).

    Of the two places of an entry of Q or E it is the first.
    """
    size, Q = latent * latent, 2 * latent * signal  # see `vaedyn.kernels.layout`
    E, R = Q + size, Q + 2 * size
    first = np.arange(R + size + latent)
    for square in (first[Q:E], first[E:R]):
        whole = square.reshape(latent, latent)
        square[:] = np.minimum(whole, whole.T).ravel()
    return _kept(*np.unique(first, return_inverse=True))


@lru_cache(8)
def entries(latent, signal):
    """Return the places in P of its independent entries, (2, entries), and which one each is.

    The latter is (values, values).
    """
    first, which = free(latent, signal)
    row, column = np.tril_indices(len(first))
    high, low = np.maximum(which[:, None], which), np.minimum(which[:, None], which)
    return _kept(np.stack([first[row], first[column]]), high * (high + 1) // 2 + low)


def _kept(*arrays):
    """Return arrays that are given to every caller, so that none may write to them."""
    for array in arrays:
        array.flags.writeable = False
    return arrays
