"""What vectors need where noise has a variance of its own in every coordinate.

For compiled callers, who hand over a number where noise is white, and an array where it is not.
"""

import numpy as np
from numba import types
from numba.extending import overload

from .jit import LEAF, reordered
from .stream import normals

U = np.uint64


def covariances(W, V, eta, out):
    """Write S and A behind the order parameters in `out` if `eta` is an array."""
    raise NotImplementedError("for compiled callers")


@overload(covariances, jit_options=LEAF)
def _covariances(W, V, eta, out):
    def nothing(W, V, eta, out):
        pass

    def in_classes(W, V, eta, out):
        # model: observable, second moments of mu and y, coordinate by coordinate
        latent, dim = W.shape
        at = out.size - 2 * latent * latent
        for i in range(latent):
            for j in range(latent):
                s = a = 0.0
                for k in range(dim):
                    s += eta[k] * V[i, k] * V[j, k]
                    a += eta[k] * W[i, k] * V[j, k]
                out[at + i * latent + j] = s / dim
                out[at + (latent + i) * latent + j] = a / dim

    return in_classes if isinstance(eta, types.Array) else nothing


def draw(stream, noise, here, out):
    """Fill `out` with noise for the coordinates from `here` on; `noise` is its deviation."""
    raise NotImplementedError("for compiled callers")


@overload(draw, jit_options=LEAF)
def _draw(stream, noise, here, out):
    def white(stream, noise, here, out):
        normals(stream, noise, out)

    def in_classes(stream, noise, here, out):
        normals(stream, 1.0, out)
        stretch(out, noise, here)

    return in_classes if isinstance(noise, types.Array) else white


@reordered
def stretch(out, noise, here):
    """Multiply every number of `out` by its deviation."""
    for j in range(U(out.size)):
        out[j] *= noise[here + j]
