"""The directions of rows that are used again and again: where they vary, and where the truth is.

The ODE is that of data with the eigenvalues of the rows' covariance (see `follow`): outliers and
parts of the true directions are tracked, and the rest of the bulk is in classes. A signal's true
direction u has a part on its outlier, one in each class, and, with fewer rows than dimensions,
one in which the rows do not vary. These are orthogonal, and start with their share of the
overlap: W^T u is then the sum of all parts.
"""

from typing import NamedTuple

import numpy as np

from ..model.params import Params
from ..model.sample_covariance import (
    bulk_quantile,
    outlier,
    overlap,
    share_of_null,
    shares_of_truth,
)
from .follow import Directions

CLASSES = 40  # of eigenvalues in the bulk
FINE = 64  # nodes in each


class OnRows(NamedTuple):
    """The directions of rows, and the true ones in them.

    Attributes
    ----------
    directions : Directions
    parts : (tracked, signal)
        Products of tracked directions, of length 1, with the true ones.
    """

    directions: Directions
    parts: np.ndarray

    def start(self, m, d, Q, E, R, D) -> dict[str, np.ndarray]:
        """Return where `follow` starts for weights that know nothing of the rows."""
        count = len(self.directions.classes)
        rest = {"q": Q - m @ m.T, "e": E - d @ d.T, "r": R - m @ d.T}
        inside = {name: np.repeat(x[None], count, axis=0) for name, x in rest.items()}
        return {"m": m @ self.parts.T, "d": d @ self.parts.T, "D": D, **inside}


def on_rows(params: Params) -> OnRows:
    """Return the directions of P = alpha N rows for large N."""
    assert params.alpha is not None
    eta, gamma = params.eta, 1 / params.alpha
    angles, width = _nodes(gamma)
    x = 1 + gamma - 2 * np.sqrt(gamma) * np.cos(angles)
    weight = np.sin(angles) ** 2 / x * width  # of the law of Marchenko and Pastur
    held = weight.sum(axis=1)
    variances, shares = [eta * (x * weight).sum(axis=1) / held], [held / held.sum()]
    if gamma > 1:
        variances, shares = (
            [*variances, np.zeros(1)],
            [shares[0] / gamma, np.array([1 - 1 / gamma])],
        )
    tracked, parts = [], []
    for k, rho in enumerate(params.strengths):
        inside = shares_of_truth(rho, eta, gamma, angles) * width
        part = inside.sum(axis=1)
        at = eta * (x * inside).sum(axis=1) / part
        pairs = [(outlier(rho, eta, gamma), overlap(rho, eta, gamma))]
        pairs += [*zip(at, part, strict=True), (0.0, share_of_null(rho, eta, gamma))]
        for variance, square in pairs:
            if square > 0:
                tracked.append(float(variance))
                parts.append(np.sqrt(square) * np.eye(params.signal)[k])
    found = Directions(np.array(tracked), np.concatenate(variances), np.concatenate(shares))
    return OnRows(found, np.array(parts))


def _nodes(gamma: float) -> tuple[np.ndarray, np.ndarray]:
    """Return angles (classes, FINE) in the bulk, and the width of each node.

    Classes hold the less the closer they are to the largest eigenvalue, which decides in the end.
    """
    rest = 1 - np.arange(CLASSES + 1) / CLASSES
    x = bulk_quantile(1 - rest**2, gamma)
    ends = np.arccos(np.clip((1 + gamma - x) / (2 * np.sqrt(gamma)), -1, 1))
    ends[[0, -1]] = 0, np.pi
    width = np.diff(ends) / FINE
    angles = ends[:-1, None] + width[:, None] * (np.arange(FINE) + 0.5)
    return angles, np.repeat(width[:, None], FINE, axis=1)
