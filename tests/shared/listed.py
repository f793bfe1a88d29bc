"""Results made by hand that tests of several listings list."""

from types import SimpleNamespace as Made

import numpy as np

from vaedyn import Params


def cycle(**others):
    """Return a limit cycle of two latents in four points, with numbers apart."""
    eps_g, Q = np.array([1.0, 3.0, 2.0, 2.0]), np.zeros((4, 2, 2))
    Q[:, 0, 0], Q[:, 0, 1], Q[:, 1, 0] = eps_g, 5.0, 5.0
    made = Made(
        eps_g=eps_g, kl=2 * eps_g, m=-eps_g[:, None, None], d=1e-11 * eps_g[:, None, None], Q=Q,
        E=Q, R=Q, D=np.stack([eps_g, eps_g], axis=1) / 8, period=12.5, repeats=1, stable=True,
        params=Params(dim=300), multipliers=[0.5, 0.25 + 0.125j, -0.1], trivial=2.25e-9,
        closing=3.75e-11,
    )  # fmt: skip
    vars(made).update(others)
    return made
