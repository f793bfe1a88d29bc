"""Where the order parameters stand in the flat state, for compiled code.

m (M M*), d (M M*), Q, E, R (M M each), D (M), each in row-major order. For arrays
`vaedyn.model.state` says the same.
"""

from .jit import leaf


@leaf
def offsets(latent, signal):
    """Return where d, Q, E, R and D begin, of the type of the arguments; m stands first."""
    d = latent * signal
    Q = d + d
    E = Q + latent * latent
    R = E + latent * latent
    D = R + latent * latent
    return d, Q, E, R, D
