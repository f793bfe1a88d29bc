"""Learning dynamics of linear variational autoencoders.

``Params`` holds the model; ``theory`` integrates its order parameters in the
limit of large input dimension, ``simulate`` trains it by one-pass SGD, and
``fixed_points`` and ``phase_diagram`` tell where learning ends. ``sweep`` does
one of them over a grid of models. ``covariance_spectrum``, ``analyse`` and
``Prediction`` tell what somebody's own data lead to.
``vaedyn.store.ResultStore`` keeps their results.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import store as store
    from .analysis import Analysis as Analysis
    from .analysis import analyse as analyse
    from .bifurcation import Branches as Branches
    from .conventions import Convention as Convention
    from .convergence import Convergence as Convergence
    from .convergence import time_to_converge as time_to_converge
    from .doctor import examine as examine
    from .errors import ConvergenceError as ConvergenceError
    from .errors import DivergenceError as DivergenceError
    from .errors import ParameterError as ParameterError
    from .errors import VaedynError as VaedynError
    from .fluctuations import Bands as Bands
    from .fluctuations import bands as bands
    from .ode import theory as theory
    from .params import Params as Params
    from .phases import PhaseDiagram as PhaseDiagram
    from .phases import phase_diagram as phase_diagram
    from .plateau import Escape as Escape
    from .plateau import escape as escape
    from .prediction import Prediction as Prediction
    from .results import Trajectory as Trajectory
    from .saddles import Passage as Passage
    from .saddles import passages as passages
    from .sgd import simulate as simulate
    from .spectrum import Spectrum as Spectrum
    from .spectrum import covariance_spectrum as covariance_spectrum
    from .stationary import FixedPoints as FixedPoints
    from .stationary import fixed_points as fixed_points
    from .sweeps import Sweep as Sweep
    from .sweeps import sweep as sweep
    from .tuning import Tuning as Tuning
    from .tuning import best_schedule as best_schedule

__version__ = "0.1.0"

_here = Path(__file__).resolve().parent
if not (_here / "store").is_dir():  # a clone, where store and cli stand beside this folder
    __path__.append(str(_here.parent))

_HOMES = {
    "ConvergenceError": "errors",
    "DivergenceError": "errors",
    "ParameterError": "errors",
    "VaedynError": "errors",
    "Params": "params",
    "Trajectory": "results",
    "Bands": "fluctuations",
    "bands": "fluctuations",
    "Escape": "plateau",
    "escape": "plateau",
    "Branches": "bifurcation",
    "branches": "bifurcation",
    "Passage": "saddles",
    "passages": "saddles",
    "FixedPoints": "stationary",
    "fixed_points": "stationary",
    "PhaseDiagram": "phases",
    "phase_diagram": "phases",
    "Convergence": "convergence",
    "time_to_converge": "convergence",
    "examine": "doctor",
    "Tuning": "tuning",
    "best_schedule": "tuning",
    "Sweep": "sweeps",
    "sweep": "sweeps",
    "Spectrum": "spectrum",
    "covariance_spectrum": "spectrum",
    "Analysis": "analysis",
    "analyse": "analysis",
    "Prediction": "prediction",
    "Convention": "conventions",
    "simulate": "sgd",
    "theory": "ode",
}
__all__ = ["__version__", "store", *_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    # imported on first use, so that `import vaedyn` costs nothing
    if name == "store":
        return import_module(".store", __name__)
    if name in _HOMES:
        value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
