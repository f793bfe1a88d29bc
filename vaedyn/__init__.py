"""Learning dynamics of linear variational autoencoders.

``Params`` holds the model; ``theory`` integrates its order parameters in the
limit of large input dimension, ``simulate`` trains it by one-pass SGD, and
``fixed_points`` and ``phase_diagram`` find where learning ends. ``sweep`` does
one of them over a grid of models. ``look`` finds signals and noise in your own data,
and ``train`` learns them. ``vaedyn.plot`` draws their results, and
``vaedyn.store.ResultStore`` keeps them.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import plot as plot
    from . import store as store
    from .annealing.best_schedule import Tuning as Tuning
    from .annealing.best_schedule import best_schedule as best_schedule
    from .annealing.confirm import Comparison as Comparison
    from .annealing.confirm import Measured as Measured
    from .annealing.confirm import compare as compare
    from .annealing.confirm import simulated_times as simulated_times
    from .annealing.examine import examine as examine
    from .annealing.time_to_converge import Convergence as Convergence
    from .annealing.time_to_converge import time_to_converge as time_to_converge
    from .data.analyse import Analysis as Analysis
    from .data.analyse import analyse as analyse
    from .data.beta_for import Wanted as Wanted
    from .data.beta_for import beta_for as beta_for
    from .data.beta_in_force import InForce as InForce
    from .data.collapse import Collapse as Collapse
    from .data.collapse import collapse as collapse
    from .data.collapse_monitor import CollapseMonitor as CollapseMonitor
    from .data.collapse_thresholds import CollapseThresholds as CollapseThresholds
    from .data.collapse_thresholds import collapse_thresholds as collapse_thresholds
    from .data.confirm import confirm_warm_up as confirm_warm_up
    from .data.convention import Convention as Convention
    from .data.course import course as course
    from .data.curve import LearningCurve as LearningCurve
    from .data.difference import Difference as Difference
    from .data.heldout import Heldout as Heldout
    from .data.heldout import Score as Score
    from .data.heldout import heldout as heldout
    from .data.judge import Judged as Judged
    from .data.judge import judge as judge
    from .data.judge import overview as overview
    from .data.kl_schedule import KLSchedule as KLSchedule
    from .data.learn import DataParams as DataParams
    from .data.learn import learn as learn
    from .data.learned_variance import LearnedVariance as LearnedVariance
    from .data.learned_variance import learned_thresholds as learned_thresholds
    from .data.learned_variance import learned_variance as learned_variance
    from .data.look import Look as Look
    from .data.look import look as look
    from .data.prediction import Prediction as Prediction
    from .data.presets import PRESETS as PRESETS
    from .data.presets import Preset as Preset
    from .data.probe import Probed as Probed
    from .data.probe import probe as probe
    from .data.report import Past as Past
    from .data.report import Report as Report
    from .data.rows import Rows as Rows
    from .data.spectrum import Spectrum as Spectrum
    from .data.spectrum import covariance_spectrum as covariance_spectrum
    from .data.suited import suited as suited
    from .data.train import Training as Training
    from .data.train import train as train
    from .data.warm_up import WarmUp as WarmUp
    from .data.warm_up import warm_up as warm_up
    from .data.watch import Watched as Watched
    from .data.watch import watch as watch
    from .errors import ConvergenceError as ConvergenceError
    from .errors import DivergenceError as DivergenceError
    from .errors import ParameterError as ParameterError
    from .errors import VaedynError as VaedynError
    from .explorer.explore import explore as explore
    from .fixedpoints.bifurcation_curves import BifurcationCurves as BifurcationCurves
    from .fixedpoints.bifurcation_curves import bifurcation_curves as bifurcation_curves
    from .fixedpoints.branches import Branches as Branches
    from .fixedpoints.branches import branches as branches
    from .fixedpoints.cascade import Cascade as Cascade
    from .fixedpoints.cascade import cascade as cascade
    from .fixedpoints.fixed_points import fixed_points as fixed_points
    from .fixedpoints.limit_cycle import LimitCycle as LimitCycle
    from .fixedpoints.limit_cycle import limit_cycle as limit_cycle
    from .fixedpoints.limit_cycles import LimitCycles as LimitCycles
    from .fixedpoints.limit_cycles import limit_cycles as limit_cycles
    from .fixedpoints.passages import Passage as Passage
    from .fixedpoints.passages import passages as passages
    from .fixedpoints.phase_diagram import PhaseDiagram as PhaseDiagram
    from .fixedpoints.phase_diagram import phase_diagram as phase_diagram
    from .fixedpoints.points import FixedPoints as FixedPoints
    from .fixedpoints.thresholds import thresholds as thresholds
    from .fixedpoints.trained_on_rows import TrainedOnRows as TrainedOnRows
    from .fixedpoints.trained_on_rows import best_beta as best_beta
    from .fixedpoints.trained_on_rows import trained_on_rows as trained_on_rows
    from .learning.bands import Bands as Bands
    from .learning.bands import bands as bands
    from .learning.concentration import ensembles as ensembles
    from .learning.escape import Escape as Escape
    from .learning.escape import Escaped as Escaped
    from .learning.escape import escape as escape
    from .learning.escape import escapes as escapes
    from .learning.simulate import simulate as simulate
    from .learning.theory import theory as theory
    from .model.command_line import command_line as command_line
    from .model.params import Params as Params
    from .model.records import Source as Source
    from .model.results import OrderParameters as OrderParameters
    from .model.results import Trajectory as Trajectory
    from .sweeps.grids import Point as Point
    from .sweeps.grids import evenly as evenly
    from .sweeps.grids import geometric as geometric
    from .sweeps.sweep import Sweep as Sweep
    from .sweeps.sweep import sweep as sweep
    from .tables.lines import TableError as TableError

__version__ = "0.2.0"

_here = Path(__file__).resolve().parent
if not (_here / "store").is_dir():  # a clone, where store and cli stand beside this folder
    __path__.append(str(_here.parent))

_HOMES = {  # as above
    "ConvergenceError": "errors",
    "DivergenceError": "errors",
    "ParameterError": "errors",
    "VaedynError": "errors",
    "Params": "model.params",
    "command_line": "model.command_line",
    "OrderParameters": "model.results",
    "Source": "model.records",
    "Trajectory": "model.results",
    "Bands": "learning.bands",
    "bands": "learning.bands",
    "Escape": "learning.escape",
    "escape": "learning.escape",
    "Escaped": "learning.escape",
    "escapes": "learning.escape",
    "ensembles": "learning.concentration",
    "simulate": "learning.simulate",
    "theory": "learning.theory",
    "BifurcationCurves": "fixedpoints.bifurcation_curves",
    "bifurcation_curves": "fixedpoints.bifurcation_curves",
    "Branches": "fixedpoints.branches",
    "branches": "fixedpoints.branches",
    "Cascade": "fixedpoints.cascade",
    "cascade": "fixedpoints.cascade",
    "FixedPoints": "fixedpoints.points",
    "fixed_points": "fixedpoints.fixed_points",
    "LimitCycle": "fixedpoints.limit_cycle",
    "limit_cycle": "fixedpoints.limit_cycle",
    "LimitCycles": "fixedpoints.limit_cycles",
    "limit_cycles": "fixedpoints.limit_cycles",
    "Passage": "fixedpoints.passages",
    "passages": "fixedpoints.passages",
    "PhaseDiagram": "fixedpoints.phase_diagram",
    "phase_diagram": "fixedpoints.phase_diagram",
    "thresholds": "fixedpoints.thresholds",
    "TrainedOnRows": "fixedpoints.trained_on_rows",
    "best_beta": "fixedpoints.trained_on_rows",
    "trained_on_rows": "fixedpoints.trained_on_rows",
    "Tuning": "annealing.best_schedule",
    "best_schedule": "annealing.best_schedule",
    "Comparison": "annealing.confirm",
    "compare": "annealing.confirm",
    "Measured": "annealing.confirm",
    "simulated_times": "annealing.confirm",
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
    "Spectrum": "data.spectrum",
    "covariance_spectrum": "data.spectrum",
    "Look": "data.look",
    "look": "data.look",
    "Heldout": "data.heldout",
    "Score": "data.heldout",
    "heldout": "data.heldout",
    "Judged": "data.judge",
    "judge": "data.judge",
    "overview": "data.judge",
    "Training": "data.train",
    "train": "data.train",
    "WarmUp": "data.warm_up",
    "warm_up": "data.warm_up",
    "confirm_warm_up": "data.confirm",
    "Watched": "data.watch",
    "watch": "data.watch",
    "LearningCurve": "data.curve",
    "course": "data.course",
    "Difference": "data.difference",
    "Collapse": "data.collapse",
    "collapse": "data.collapse",
    "CollapseMonitor": "data.collapse_monitor",
    "InForce": "data.beta_in_force",
    "Past": "data.report",
    "Report": "data.report",
    "suited": "data.suited",
    "KLSchedule": "data.kl_schedule",
    "DataParams": "data.learn",
    "learn": "data.learn",
    "Rows": "data.rows",
    "PRESETS": "data.presets",
    "Preset": "data.presets",
    "Probed": "data.probe",
    "probe": "data.probe",
    "CollapseThresholds": "data.collapse_thresholds",
    "collapse_thresholds": "data.collapse_thresholds",
    "LearnedVariance": "data.learned_variance",
    "learned_thresholds": "data.learned_variance",
    "learned_variance": "data.learned_variance",
    "Wanted": "data.beta_for",
    "beta_for": "data.beta_for",
    "TableError": "tables.lines",
    "explore": "explorer.explore",
}
__all__ = ["__version__", "plot", "store", *_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    # imported on first use, so that `import vaedyn` costs nothing
    if name in ("plot", "sklearn", "store"):  # sklearn is an extra, and not in __all__
        return import_module(f".{name}", __name__)
    if name in _HOMES:
        value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
