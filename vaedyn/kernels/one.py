"""The drift of the ODE for one latent and one signal, written out in numbers.

It is that of `vaedyn.kernels.general`, with which it is compared: a quarter of the time, and
compiled sooner.
"""

from typing import Any

import numpy as np

from .jit import leaf

STEP = 1e-100  # of complex differences: free of rounding errors


@leaf
def drift(beta, y, box, out):
    """Write dy/dt of m, d, Q, E, R and D into `out`; `box` as of `vaedyn.kernels.flows`.

    It also runs as it stands, on lists of numbers, real or complex.
    """
    # model: drift, of one latent and one signal
    _, _, eta, lam, lr, encoder, variances, batch, sampled, rho = (
        box[0], box[1], box[2], box[3], box[4], box[5], box[6], box[7], box[8], box[9]
    )  # fmt: skip
    m, d, Q, E, R, D = y[0], y[1], y[2], y[3], y[4], y[5]
    P, K, noise = rho + eta, Q + beta, lr / batch * eta
    S, A, Y = rho * d * d + eta * E, rho * m * d + eta * R, rho * m * m + eta * Q
    B, G = S + D + lam, A - K * S
    extra = sampled * D * Q  # of sampled latents
    Cn, Xn = Y - K * (A + G) + extra * Q, G - extra
    out[0] = lr * (P * d - B * m)
    out[1] = lr * encoder * (P * (m - K * d) - lam * d)
    out[2] = lr * (2.0 * (A - B * Q) + noise * (S + sampled * D))
    out[3] = lr * encoder * (2.0 * (G - lam * E) + encoder * noise * Cn)
    out[4] = lr * (S - B * R + encoder * (Y - A * K - lam * R + noise * Xn))
    out[5] = -0.5 * lr * variances * (K - beta / D)


def plainly(beta: float, y: Any, box: Any) -> list:
    """Return what `drift` writes, without machine code: nan where it divides by zero."""
    out = [0.0] * len(y)
    try:
        drift.py_func(beta, y, box, out)
    except ZeroDivisionError:
        return [np.nan] * len(y)
    return out


def jacobian(beta: float, y: list, box: list) -> np.ndarray:
    """Return d drift_i / d y_j (6, 6), exact to rounding (complex step), without machine code."""
    columns = []
    for j, number in enumerate(y):
        shifted = [*y[:j], complex(number, STEP), *y[j + 1 :]]
        columns.append([complex(x).imag / STEP for x in plainly(beta, shifted, box)])
    return np.array(columns).T.copy()
