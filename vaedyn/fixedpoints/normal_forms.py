"""Normal forms of bifurcations: coefficients on the centre manifold of a fixed point.

Kuznetsov, "Elements of Applied Bifurcation Theory", 3rd ed. (2004), sections 3.3, 5.4 and 8.7.
The drift is a polynomial of degree 4 in the order parameters, but for beta/D in that of D, whose
derivatives are written out: central differences of second and third order have no error but
rounding. Entries of Q and E count once, and critical vectors have the euclidean length 1.
All is in units of tau.
"""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..kernels.constants import Constants
from .newton import jacobian, symmetric, velocities

CRITICAL = 1e-6  # eigenvalues, of the largest one, that count as zero
VANISHING = 1e-6  # a sum, of the size of its terms, that counts as zero


class Coefficient(NamedTuple):
    """A coefficient of a normal form, and the size of the terms that it is the sum of."""

    value: float
    size: float

    @property
    def vanishes(self) -> bool:
        return not abs(self.value) > VANISHING * self.size


class Forms:
    """The derivatives of the drift at a fixed point, in independent order parameters (free,).

    Parameters
    ----------
    model : Constants
    y : (values,)
    """

    def __init__(self, model: Constants, y: np.ndarray):
        self.model, self.y = model, y
        self.spread, self.gather = symmetric(model.latent, model.signal)
        self.J = jacobian(model, y)
        self.values = np.linalg.eigvals(self.J).astype(complex)
        self.scale = float(np.abs(self.values).max(initial=1e-300))
        self._found: dict[bytes, np.ndarray] = {}

    def _around(self, u: np.ndarray) -> np.ndarray:
        """Return the drift of all but D at 2, 1, 0, -1 and -2 times `u` from here, (5, free)."""
        key = u.tobytes()
        if key not in self._found:
            way = np.outer([2, 1, -1, -2], self.spread @ u)
            self._found[key] = np.insert(self._drifts(self.y + way), 2, self._here, axis=0)
        return self._found[key]

    @cached_property
    def _here(self) -> np.ndarray:
        return self._drifts(self.y[None].copy())

    def _drifts(self, states: np.ndarray) -> np.ndarray:
        """Return the drift of all but D at `states` (n, values), (n, free)."""
        D = states[:, -self.model.latent :]
        D += (D == 0) * 1e-12  # D itself matters to its own drift only
        found = velocities(self.model, states) @ self.gather.T
        found[:, -self.model.latent :] = 0.0
        return found

    def _square(self, u: np.ndarray) -> np.ndarray:
        """Return the second derivative along `u`, (free,)."""
        # model: linearisation, beta/D beyond its first derivative
        M, c = self.model.latent, self.model
        found = np.array([-1, 16, -30, 16, -1]) @ self._around(u) / 12
        found[-M:] = c.variances * c.beta * u[-M:] ** 2 / self.y[-M:] ** 3
        return found

    def cube(self, u: np.ndarray) -> np.ndarray:
        """Return the third derivative along `u`, (free,)."""
        # model: linearisation, beta/D beyond its first derivative
        M, c = self.model.latent, self.model
        found = np.array([0.5, -1, 0, 1, -0.5]) @ self._around(u)
        found[-M:] = -3 * c.variances * c.beta * u[-M:] ** 3 / self.y[-M:] ** 4
        return found

    def second(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Return the second derivative along real `u` and `v`, (free,)."""
        return 0.25 * (self._square(u + v) - self._square(u - v))

    def third(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Return the third derivative along real `u`, and twice `v`, (free,)."""
        return (self.cube(u + v) + self.cube(u - v) - 2 * self.cube(u)) / 6

    def zeros(self, critical: float = CRITICAL) -> int:
        """Return how many eigenvalues vanish."""
        return int((np.abs(self.values) < critical * self.scale).sum())


class Steady:
    """The centre directions of a fixed point with vanishing eigenvalues.

    Attributes
    ----------
    count : int
        How many there are.
    projector : (free, free)
        Onto them, along all others.
    """

    def __init__(self, forms: Forms):
        from scipy.linalg import schur

        self.forms, self.count = forms, max(forms.zeros(), 1)  # at folds it is not quite zero
        sizes = np.append(np.sort(np.abs(forms.values)), forms.scale)
        last = max(sizes[self.count - 1], 1e-3 * CRITICAL * forms.scale)
        limit = float(np.sqrt(last * sizes[self.count]))  # between those that vanish and others

        def among(J: np.ndarray) -> np.ndarray:
            found: Any = schur(J, output="real", sort=lambda re, im: np.hypot(re, im) <= limit)
            return found[1][:, : self.count]

        right, left = among(forms.J), among(forms.J.T)
        self.right = right
        self.projector = right @ np.linalg.solve(left.T @ right, left.T)

    def coefficients(self, direction: np.ndarray) -> tuple[Coefficient, Coefficient]:
        """Return the quadratic and the cubic coefficient along `direction` (free,).

        Of several centre directions it is one that the flow on the centre manifold leaves
        invariant, as symmetries do: that of a branch. The cubic one is that of a pitchfork.
        """
        q = self.projector @ direction
        q = q / np.linalg.norm(q)
        p = self.projector.T @ q
        p = p / (p @ q)
        forms, P = self.forms, self.projector
        b = forms.second(q, q)
        quadratic = Coefficient(float(0.5 * p @ b), 0.5 * _length(p) * _length(b))
        h = b - P @ b
        h = np.linalg.solve(forms.J + forms.scale * P, -h)
        h = h - P @ h
        terms = p @ forms.cube(q) / 6, 0.5 * p @ forms.second(q, h)
        return quadratic, Coefficient(float(sum(terms)), float(np.abs(terms).sum()))


def _length(u: np.ndarray) -> float:
    return float(np.linalg.norm(u))


def first_lyapunov(forms: Forms) -> tuple[float, Coefficient]:
    """Return the angular frequency of the critical pair, and its first Lyapunov coefficient.

    The latter is that of section 5.4, with the real part over twice the frequency: it is the
    same in any unit of time.

    Raises
    ------
    ValueError
        When there is not exactly one critical pair.
    """
    values, vectors = np.linalg.eig(forms.J)
    values = values.astype(complex)
    near = np.abs(np.real(values)) < CRITICAL * forms.scale
    (at,) = np.flatnonzero(near & (np.imag(values) > CRITICAL * forms.scale))
    omega = float(values[at].imag)
    q = vectors[:, at] / np.linalg.norm(vectors[:, at])
    left, rows = np.linalg.eig(forms.J.T)
    p = rows[:, np.abs(left - values[at]).argmin()]
    p = p / (p @ q)  # without conjugation: a row vector
    a, b = q.real, q.imag
    aa, ab, bb = forms.second(a, a), forms.second(a, b), forms.second(b, b)
    own, other = aa - bb + 2j * ab, aa + bb
    third = forms.cube(a) + forms.third(a, b) + 1j * (forms.third(b, a) + forms.cube(b))
    mean = np.linalg.lstsq(forms.J, other, rcond=1e-10)[0]  # singular along neutral rotations
    twice = np.linalg.solve(2j * omega * np.eye(len(q)) - forms.J, own)
    both = forms.second(a, mean) + 1j * forms.second(b, mean)
    re, im = twice.real, twice.imag
    back = forms.second(a, re) + forms.second(b, im)
    back = back + 1j * (forms.second(a, im) - forms.second(b, re))
    terms = np.real([p @ third, -2 * (p @ both), p @ back]) / (2 * omega)
    return omega, Coefficient(float(terms.sum()), float(np.abs(terms).sum()))
