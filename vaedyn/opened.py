"""Results from their records, whatever computed them: `vaedyn.store.open`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

from .annealing.best_schedule import best_schedule
from .annealing.time_to_converge import time_to_converge
from .data.curve import LearningCurve
from .data.heldout import Heldout
from .data.kept_spectrum import kept_spectrum
from .data.learn import DataParams
from .data.warm_up import WarmUp
from .errors import VaedynError
from .fixedpoints.bifurcation_curves import bifurcation_curves
from .fixedpoints.branches import branches
from .fixedpoints.fixed_points import fixed_points
from .fixedpoints.limit_cycle import limit_cycle
from .fixedpoints.limit_cycles import limit_cycles
from .learning.bands import bands
from .learning.simulate import simulate
from .learning.theory import theory
from .model.params import Params
from .model.records import Kept, Saved
from .model.results import Trajectory

TOLERANCES = ("rtol", "atol")
OF_MODELS: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "theory": (theory, TOLERANCES),
    "simulate": (simulate, ("seed", "engine", "random_start")),
    "bands": (bands, ("random_start",)),
    "fixedpoints": (fixed_points, ("groups", "search", "search_seed", *TOLERANCES)),
    "branches": (branches, ("groups",)),
    "curves": (bifurcation_curves, ("follow", "lines")),
    "cycle": (limit_cycle, ()),
    "cycles": (limit_cycles, ("groups",)),
    "convergence": (time_to_converge, ("tol", *TOLERANCES)),
    "annealing": (best_schedule, ("family", "knots", "tol", "criterion", *TOLERANCES)),
}
"""Functions by the kind of their records, and the arguments that these hold beside the model."""


class _Only:
    """A store that holds one record, whatever it is asked for."""

    def __init__(self, record: Saved):
        self.record = record

    def load_or_run(self, kind: str, params: Any, compute: Any) -> Saved:
        return self.record

    def load_or_extend(self, kind: str, params: Any, compute: Any, length: int, dim: str) -> Saved:
        return self.record


def opened(record: Any) -> Any:
    """Return the result that a record of the store was made of.

    Raises
    ------
    VaedynError
        When its kind has none of its own, or lacks what a later version keeps.
    """
    record = replace(record, reused=True)
    if record.kind in OF_MODELS:
        return _of_model(record)
    if record.kind in OF_DATA:
        return OF_DATA[record.kind](record)
    raise VaedynError(f"a record of kind {record.kind} holds no result of its own")


def _of_model(record: Any) -> Any:
    """Return a result by the function that has computed it, which looks it up."""
    run, names = OF_MODELS[record.kind]
    options = _some(record.params, names)
    if record.kind == "simulate":
        options["runs"] = record.length
    if record.kind in ("branches", "cycles"):
        options |= dict(zip(("name", "low", "high"), _range(record.params), strict=True))
    if record.kind == "curves":
        options |= {axis: _axis(record.params, axis) for axis in "xy"}
    params = _some(record.params, Params.__dataclass_fields__)
    return run(**params, **options, store=_Only(record))


def _range(params: Mapping[str, Any]) -> tuple[str, float, float]:
    return params["varied"], params["from"], params["to"]


def _axis(params: Mapping[str, Any], axis: str) -> tuple[Any, ...]:
    ends = (params[f"{axis}_{key}"] for key in ("varied", "from", "to"))
    return (*ends, *["log"] * bool(params[f"{axis}_log"]))


def _some(params: Mapping[str, Any], names: Any) -> dict[str, Any]:
    return {name: params[name] for name in names if name in params}


def _data_params(record: Any) -> DataParams:
    """Return the model that was trained on data."""
    return DataParams(**_some(record.params, DataParams.__dataclass_fields__))


def _kept(record: Any, name: str, what: str) -> Any:
    """Return what earlier versions have not kept."""
    if name not in record.info:
        text = (
            f"an earlier version has kept this record of kind {record.kind} without the number of"
        )
        cure = (
            "compute it again from the data, with --recompute or ResultStore(..., recompute=True)"
        )
        raise VaedynError(f"{text} {what}: {cure}")
    return record.info[name]


def _trained(record: Any) -> Trajectory:
    return Trajectory.from_kept(_data_params(record), Kept.of(record))


def _spectrum(record: Any) -> Any:
    def unread() -> NoReturn:
        raise AssertionError("the record has all")

    options = _some(record.params, ("standardise", "leading", "passes"))
    return kept_spectrum(unread, record.params["data"], **options, store=_Only(record))[0]


def _heldout(record: Any) -> Heldout:
    _kept(record, "width", "columns")
    return Heldout.from_kept(Kept.of(record))


def _curve(record: Any) -> LearningCurve:
    samples = _kept(record, "samples", "rows")
    return LearningCurve.from_kept(_data_params(record), samples, Kept.of(record))


def _warm_up(record: Any) -> WarmUp:
    samples, how = _kept(record, "samples", "rows"), _some(record.params, ("family", "tol"))
    return WarmUp.from_kept(_data_params(record), samples, Kept.of(record), **how)


OF_DATA: dict[str, Callable[[Any], Any]] = {
    "data": _trained,
    "rows": _curve,
    "course": _curve,
    "spectrum": _spectrum,
    "heldout": _heldout,
    "warmup": _warm_up,
}
"""What makes results of records that stand for data, which are not needed again."""
