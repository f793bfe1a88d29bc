"""Lists of fixed points, maps, and the time to converge."""

import numpy as np

import vaedyn

from .measure import Contender, compare


def fixed_points_rows() -> list[dict]:
    """Measure lists of fixed points, at equal signals and at different ones, and a map."""
    equal = vaedyn.Params(latent=6, signal=6)
    apart = equal.replace(rho=(3, 2.6, 2.2, 1.8, 1.4, 1))
    contenders = [
        Contender("equal signals", lambda: vaedyn.fixed_points(equal), 1),
        Contender("different signals", lambda: vaedyn.fixed_points(apart), 1),
    ]
    rows = compare("fixed points, M = M* = 6", "s", 1, contenders)
    two = vaedyn.Params(latent=2, signal=2, rho=(3, 1))
    axes = ("beta", np.linspace(0.05, 5, 30)), ("lr", np.linspace(0.02, 1.6, 30))
    small = axes[0], ("eta", np.linspace(0.1, 2, 30))
    contenders = [
        Contender("beta and eta", lambda: vaedyn.phase_diagram(two, *small), 900),
        Contender("beta and lr", lambda: vaedyn.phase_diagram(two, *axes), 900),
    ]
    rows += compare("a point of a phase diagram, M = M* = 2", "ms", 1e3, contenders)
    many = vaedyn.Params(latent=60, signal=60, dim=500)
    contenders = [
        Contender("theory to t = 1500", lambda: vaedyn.theory(many), 1),
        Contender("time to converge", lambda: vaedyn.time_to_converge(many), 1),
    ]
    return rows + compare("time to converge, M = M* = 60", "s", 1, contenders)
