"""On which side Hopf bifurcations of latents alone are: first Lyapunov coefficients, of many."""

from typing import Any

import numpy as np

from ..kernels.constants import Constants
from ..model.state import pack
from .groups import Unit, assemble
from .normal_forms import Forms, first_lyapunov
from .single import Latent


def lyapunov(c: Constants, kinds: tuple[int, ...], latents: dict[int, Latent]) -> np.ndarray:
    """Return first Lyapunov coefficients of states of these latents, and their sizes, (n, 2).

    A critical pair in what two latents share, or in one of them, acts on these latents only. nan
    where there is no such state, or not just one pair of imaginary eigenvalues. See
    `vaedyn.fixedpoints.normal_forms`.
    """
    return np.array([_at(c, kinds, latents, n) for n in range(len(c.eta))])


def _at(
    c: Constants, kinds: tuple[int, ...], latents: dict[int, Latent], n: int
) -> tuple[float, float]:
    scalars: Any = {
        name: float(x[n]) for name, x in c._asdict().items() if name not in ("rho", "latent")
    }
    units, states = [], []
    for kind in kinds:
        one = Latent(*(np.asarray(x)[n] for x in latents[kind]))
        if not np.isfinite(one).all() or np.imag(one).any():
            return np.nan, np.nan
        own = (float(c.rho[n, kind]),) if kind >= 0 else ()
        units.append(Unit(1, own, int(kind < 0)))
        parts: dict[str, Any] = {
            name: np.full((1, 1), np.real(getattr(one, name))) for name in "QER"
        }
        parts |= {name: np.full((1, len(own)), np.real(getattr(one, name))) for name in "md"}
        states.append(pack(**parts, D=np.array([np.real(one.D)])))
    model = Constants(**scalars, rho=c.rho[n], latent=c.latent)
    try:
        _, found = first_lyapunov(Forms(*assemble(model, units, states)))
    except (ValueError, np.linalg.LinAlgError):
        return np.nan, np.nan
    return found.value, found.size
