"""Results that are made up, for commands to print."""

import numpy as np

from vaedyn.model.quantities import NAMES, OBSERVABLES

ALL = (*OBSERVABLES, *NAMES)


def numbered(names, count=2, first=0.0):
    """Return arrays in which each name has numbers of its own."""
    return {name: first + 10 * i + np.arange(count) for i, name in enumerate(names)}
