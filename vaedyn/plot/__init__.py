"""Figures of results, as `vaedyn plot` draws them, for scripts and notebooks.

Every function returns the Axes that it has drawn into: one, or an array of several panels.
Those are `ax`, or `axes`, if given. They then get the colours and lines of the project, and the
first one a legend, but no title or caption, and the rest of that figure stays as it is.

Without `ax` there is a new figure, with a caption above and a legend below. Notebooks and
``matplotlib.pyplot.show`` show it, and ``ax.figure.savefig`` saves it. Keywords then choose its
`width` in inches, its `title`, whether it has a `caption` (True), and the ends of the first
panel's axes, `x_lim` and `y_lim`, pairs of numbers or None.
"""

from .of_data import collapse, course, diagnose, heldout, rate_distortion, spectrum
from .of_models import (
    annealing,
    branches,
    cascade,
    concentration,
    escape,
    learning_curve,
    order_parameters,
    passages,
    phase_diagram,
    schedule,
    sweep,
)

__all__ = [
    "annealing",
    "branches",
    "cascade",
    "collapse",
    "concentration",
    "course",
    "diagnose",
    "escape",
    "heldout",
    "learning_curve",
    "order_parameters",
    "passages",
    "phase_diagram",
    "rate_distortion",
    "schedule",
    "spectrum",
    "sweep",
]
