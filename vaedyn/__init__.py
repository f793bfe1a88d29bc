"""Learning dynamics of linear variational autoencoders.

``Params`` holds the model; ``theory`` integrates its order parameters in the
limit of large input dimension, ``simulate`` trains it by one-pass SGD, and
``fixed_points`` and ``phase_diagram`` find where learning ends. ``sweep`` does
one of them over a grid of models. ``covariance_spectrum``, ``analyse`` and
``Prediction`` do the same for your own data. ``vaedyn.plot`` draws
their results, and ``vaedyn.store.ResultStore`` keeps them.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import plot as plot
    from . import store as store
    from .annealing.best_schedule import Tuning as Tuning
    from .annealing.best_schedule import best_schedule as best_schedule
    from .annealing.examine import examine as examine
    from .annealing.time_to_converge import Convergence as Convergence
    from .annealing.time_to_converge import time_to_converge as time_to_converge
    from .data.analyse import Analysis as Analysis
    from .data.analyse import analyse as analyse
    from .data.convention import Convention as Convention
    from .data.prediction import Prediction as Prediction
    from .data.settling import steady_rate as steady_rate
    from .data.spectrum import Spectrum as Spectrum
    from .data.spectrum import covariance_spectrum as covariance_spectrum
    from .data.training import DataParams as DataParams
    from .data.training import Rows as Rows
    from .data.training import learn as learn
    from .errors import ConvergenceError as ConvergenceError
    from .errors import DivergenceError as DivergenceError
    from .errors import ParameterError as ParameterError
    from .errors import VaedynError as VaedynError
    from .fixedpoints.branches import Branches as Branches
    from .fixedpoints.branches import branches as branches
    from .fixedpoints.fixed_points import FixedPoints as FixedPoints
    from .fixedpoints.fixed_points import fixed_points as fixed_points
    from .fixedpoints.passages import Passage as Passage
    from .fixedpoints.passages import passages as passages
    from .fixedpoints.phase_diagram import PhaseDiagram as PhaseDiagram
    from .fixedpoints.phase_diagram import phase_diagram as phase_diagram
    from .fixedpoints.thresholds import thresholds as thresholds
    from .learning.covariance import Bands as Bands
    from .learning.covariance import bands as bands
    from .learning.escape import Escape as Escape
    from .learning.escape import escape as escape
    from .learning.simulate import simulate as simulate
    from .learning.theory import theory as theory
    from .model.params import Params as Params
    from .model.results import OrderParameters as OrderParameters
    from .model.results import Source as Source
    from .model.results import Trajectory as Trajectory
    from .sweeps.grids import Point as Point
    from .sweeps.grids import evenly as evenly
    from .sweeps.grids import geometric as geometric
    from .sweeps.sweep import Sweep as Sweep
    from .sweeps.sweep import sweep as sweep

__version__ = "0.1.0"

_here = Path(__file__).resolve().parent
if not (_here / "store").is_dir():  # a clone, where store and cli stand beside this folder
    __path__.append(str(_here.parent))

_HOMES = {  # as above
    "ConvergenceError": "errors",
    "DivergenceError": "errors",
    "ParameterError": "errors",
    "VaedynError": "errors",
    "Params": "model.params",
    "OrderParameters": "model.results",
    "Source": "model.results",
    "Trajectory": "model.results",
    "Bands": "learning.covariance",
    "bands": "learning.covariance",
    "Escape": "learning.escape",
    "escape": "learning.escape",
    "simulate": "learning.simulate",
    "theory": "learning.theory",
    "Branches": "fixedpoints.branches",
    "branches": "fixedpoints.branches",
    "FixedPoints": "fixedpoints.fixed_points",
    "fixed_points": "fixedpoints.fixed_points",
    "Passage": "fixedpoints.passages",
    "passages": "fixedpoints.passages",
    "PhaseDiagram": "fixedpoints.phase_diagram",
    "phase_diagram": "fixedpoints.phase_diagram",
    "thresholds": "fixedpoints.thresholds",
    "Tuning": "annealing.best_schedule",
    "best_schedule": "annealing.best_schedule",
    "examine": "annealing.examine",
    "Convergence": "annealing.time_to_converge",
    "time_to_converge": "annealing.time_to_converge",
    "Point": "sweeps.grids",
    "evenly": "sweeps.grids",
    "geometric": "sweeps.grids",
    "Sweep": "sweeps.sweep",
    "sweep": "sweeps.sweep",
    "Analysis": "data.analyse",
    "analyse": "data.analyse",
    "Convention": "data.convention",
    "Prediction": "data.prediction",
    "steady_rate": "data.settling",
    "Spectrum": "data.spectrum",
    "covariance_spectrum": "data.spectrum",
    "DataParams": "data.training",
    "Rows": "data.training",
    "learn": "data.training",
}
__all__ = ["__version__", "plot", "store", *_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    # imported on first use, so that `import vaedyn` costs nothing
    if name in ("plot", "store"):
        return import_module(f".{name}", __name__)
    if name in _HOMES:
        value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
