"""The claims of the paper's abstract, each with the function that gathers evidence for it.

That on rows that are used again is of another paper by the same authors, and the last one,
on other ways to train, of nobody else that we know of.

Every function takes a `Lab` and returns panels: a figure's data, and rows of a number
expected beside the number found. Tolerances are statistical errors, what an
extrapolation is uncertain by, or the accuracy of the integration, so that a row fails
when its number is wrong; a statistical one, by chance, once in 370 times.
"""

from collections.abc import Callable

from .annealing import annealing, relaxation
from .collapse import collapse, superfluous
from .entangled import entanglement
from .evidence import Lab, Panel
from .finite import finite_rows
from .limit import convergence_in_dim, learning_curves
from .optimisers import optimisers

CLAIMS: dict[str, Callable[[Lab], list[Panel]]] = {
    "convergence to the ODE": convergence_in_dim,
    "learning curves": learning_curves,
    "entanglement": entanglement,
    "posterior collapse": collapse,
    "superfluous latents": superfluous,
    "relaxation": relaxation,
    "KL annealing": annealing,
    "finite rows": finite_rows,
    "other optimisers": optimisers,
}
