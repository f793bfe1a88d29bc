"""A schedule of the KL weight in a user's own steps and weights, to be called in training."""

import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from keyword import iskeyword
from typing import Any, Self

import numpy as np

from ..annealing.best_schedule import Tuning
from ..errors import ParameterError
from ..model.checks import integer, real
from ..model.params import Params
from ..model.schedule import Schedule
from ..model.schedules import Pairs, parse_schedule
from .convention import Convention
from .learn import DataParams
from .presets import Preset, as_convention
from .warm_up import WarmUp

ROWS = 100  # of a table of weights
NEAR = 1e-6  # relative, of learning rates that are taken for the same
ONE = 0.1  # of the largest variance, around 1, where SGD in a user's code is vaedyn's


@dataclass(frozen=True)
class KLSchedule:
    """The KL weight at each step of training, in the units of your own code.

    An instance is a plain function of the step: ``weight = schedule(step)``. It has no state, so
    that training can be resumed anywhere; it can be pickled and copied.

    Parameters
    ----------
    anneal : str, or (points, 2)
        The schedule in time t, as of `vaedyn.Params`; ``points`` have absolute values of beta.
    weight : float
        The final KL weight, in units of the loss that is trained.
    per_step : float
        How much of t a step takes: 1 if `anneal` counts steps.
    per_epoch : float, optional
        Number of steps in an epoch, for `at_epoch`.

    Raises
    ------
    ParameterError
        When an argument is out of range.

    Examples
    --------
    >>> schedule = KLSchedule("linear:500", weight=0.1)
    >>> schedule(250)
    0.05
    """

    anneal: str | Pairs
    weight: float = 1.0
    per_step: float = 1.0
    per_epoch: float | None = None

    def __post_init__(self) -> None:
        values: dict[str, Any] = {
            "anneal": parse_schedule(self.anneal).spec,
            "weight": real("weight", self.weight, least_allowed=True),
            "per_step": real("per_step", self.per_step),
        }
        if self.per_epoch is not None:
            values["per_epoch"] = real("per_epoch", self.per_epoch)
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if not self._schedule.end_value(1.0) > 0:
            raise ParameterError("anneal", "ends at 0, which no other weight can be scaled to")

    @classmethod
    def of(
        cls,
        found: Params | Tuning | WarmUp,
        *,
        convention: Convention | Preset | str | None = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        rows: int | None = None,
        drop_last: bool = False,
        unit: float | None = None,
    ) -> Self:
        """Return the schedule of a model, or one that was found, for your own training.

        Parameters
        ----------
        found : Params, Tuning or WarmUp
            What `vaedyn.best_schedule` or `vaedyn.warm_up` returns, or a model with `anneal`.
        convention : Convention, Preset or str, optional
            How the loss is scaled, or the name of a known code in `vaedyn.PRESETS`; otherwise
            like the model's.
        learning_rate : float, optional
            Of the optimiser in that code, which is the one of the model, with its momentum; the
            decoder's, if there are several. Under SGD the pace is in proportion to it (and to how
            the reconstruction is scaled), at small rates; under Adam it must be the rate that the
            schedule was found for, ``lr / dim``. None: a step is a step of the model, 1/N of t.
        batch_size, rows : int, optional
            Number of rows in a batch, and of all rows, for epochs. The mean over a batch is taken.
        drop_last : bool
            Whether the rows that are left over at the end of an epoch are skipped. Otherwise
            they are its last, smaller batch.
        unit : float, optional
            Largest variance of the data, for a `WarmUp` under SGD with a `learning_rate`.

        Raises
        ------
        ParameterError
            When a value is out of range, or the pace cannot be derived.
        """
        params, spec = _model_of(found)
        convention = as_convention(convention)
        if convention.kl == "mean" and convention.latent is None:
            convention = replace(convention, latent=params.latent)
        per_step = 1 / params.dim
        if learning_rate is not None:
            rate = real("learning_rate", learning_rate)
            per_step *= _pace(params, rate, convention, unit)
        per_epoch = None
        if rows is not None or batch_size is not None:
            if rows is None or batch_size is None:
                name = "rows" if rows is None else "batch_size"
                raise ParameterError(name, "is needed, too: an epoch has rows / batch_size steps")
            batch_size = integer("batch_size", batch_size, 1)
            whole, left = divmod(integer("rows", rows, 1), batch_size)
            per_epoch = whole + (left > 0 and not drop_last)
            if not per_epoch:
                raise ParameterError("rows", f"must fill a batch of {batch_size}, got {rows}")
        weight = convention.weight(params.beta, params.dim)
        return cls(spec, weight, per_step, per_epoch)

    @cached_property
    def _schedule(self) -> Schedule:
        return parse_schedule(self.anneal)

    @cached_property
    def _scaled(self) -> tuple[Schedule, float]:
        """Return a schedule of weights over time, and its final value."""
        end = self._schedule.end_value(1.0)
        return self._schedule.in_units(end), 1.0

    def __call__(self, step: float) -> float:
        """Return the KL weight of a step; the first is step 0.

        Raises
        ------
        ParameterError
            When `step` is negative, or no number.
        """
        try:
            number = float(step)
        except Exception:  # whatever arrays and tensors of several numbers raise
            raise ParameterError("step", f"must be a number, got {step!r}") from None
        if not number >= 0:
            raise ParameterError("step", f"must be >= 0, got {step}")
        schedule, end = self._scaled
        return self.weight * float(schedule(np.array(abs(number) * self.per_step), end))

    def at_epoch(self, epoch: float) -> float:
        """Return the KL weight of an epoch, or of a moment within one; the first is epoch 0.

        Raises
        ------
        ParameterError
            When it is not known how many steps an epoch has, or `epoch` is negative.
        """
        return self(real("epoch", epoch, least_allowed=True) * self._epoch)

    @property
    def _epoch(self) -> float:
        if self.per_epoch is None:
            raise ParameterError("per_epoch", "is not known: give batch_size and rows")
        return self.per_epoch

    @property
    def steps(self) -> float:
        """Number of steps until the weight stays within 10^-4 of its final value; inf if never."""
        schedule = self._schedule
        ends = np.isfinite(schedule.arrival())
        return schedule.warm_up() / self.per_step if ends else np.inf

    @property
    def epochs(self) -> float:
        """The same in epochs."""
        return self.steps / self._epoch

    def table(self) -> list[tuple[int, float]]:
        """Return steps and weights, about 100 of them, to the end of the warm-up.

        Straight lines between them are off by at most some thousandths of the final weight.
        """
        schedule, last = self._schedule, self._schedule.span()
        bends = schedule.kinks(last * (1 + 1e-12))
        times = np.concatenate([np.linspace(0, last, ROWS + 1), bends])
        steps = np.ceil(times / self.per_step)
        jumps = np.ceil(bends / self.per_step) - 1  # the last step before a bend
        every = np.unique(np.concatenate([steps, jumps[jumps >= 0]])).astype(int)
        return [(step, self(step)) for step in every.tolist()]

    def to_csv(self) -> str:
        """Return `table` as lines ``step,weight``."""
        lines = [f"{step},{weight!r}" for step, weight in self.table()]
        return "\n".join(["step,weight", *lines]) + "\n"

    def to_json(self) -> str:
        """Return all that is known of it as a JSON object, with `table`."""
        epochs = None if self.per_epoch is None else self.epochs
        numbers = {"steps": self.steps, "epochs": epochs}
        finite = {n: x if x is not None and np.isfinite(x) else None for n, x in numbers.items()}
        return json.dumps({**asdict(self), **finite, "table": self.table()})

    def to_python(self, name: str = "kl_weight") -> str:
        """Return the source of a function `name` of the step that needs Python alone.

        Parameters
        ----------
        name : str
            An identifier.
        """
        if not name.isidentifier() or iskeyword(name):
            raise ParameterError("name", f"must be an identifier, got {name!r}")
        schedule, _ = self._scaled
        numbers, body = schedule.source()
        constants = {"WEIGHT": self.weight, **numbers}
        if body != "return WEIGHT":  # which does not ask for the time
            constants["PER_STEP"] = self.per_step
            body = f"t = step * PER_STEP\n{body}"
        modules = {"from bisect import bisect": "bisect(", "import math": "math."}
        needed = [line for line, use in modules.items() if use in body]
        lines = [f"{key} = {value!r}" for key, value in constants.items()]
        return "\n".join(
            [
                *needed,
                *([""] if needed else []),
                *lines,
                "",
                "",
                f"def {name}(step):",
                f'    """Return the KL weight of a step, the first being 0: {schedule.name}."""',
                *(f"    {line}" for line in body.splitlines()),
                "",
            ]
        )


def _model_of(found: Any) -> tuple[Params, str]:
    """Return the model, and the schedule as text."""
    if isinstance(found, Params):
        return found, str(found.anneal)
    if isinstance(found, Tuning | WarmUp):
        return found.params, found.spec
    raise TypeError(f"KLSchedule.of() expects Params, Tuning or WarmUp, got {found!r}")


def _pace(params: Params, rate: float, convention: Convention, unit: float | None) -> float:
    """Return how many steps of the model a step at this learning `rate` is worth.

    A loss of c times ours, ``c (|x - W z|^2 / 2 + beta KL)``, moves weights by ``c rate`` times
    the gradient, where ours moves them by ``tau / N``.
    """
    own = float(params.rates[0]) / params.dim  # momentum speeds both up by the same
    if params.optimiser == "adam":
        if abs(rate / own - 1) > NEAR:
            raise ParameterError(
                "learning_rate",
                f"must be that which the schedule was found for, lr/N = {own:g}, got {rate:g}: the "
                "pace of Adam is not in proportion to it; find the schedule for --lr "
                f"{rate * params.dim:g}",
            )
        return 1.0
    if isinstance(params, DataParams):
        if unit is None:
            raise ParameterError("unit", "is needed under SGD: the largest variance of the data")
        variance = unit * convention.scale**2
        if abs(variance - 1) > ONE:
            raise ParameterError(
                "scale",
                "rates of SGD on data are derived where the largest variance is 1, and it is "
                f"{variance:.4g}: multiply the data by {variance**-0.5 * convention.scale:.4g}",
            )
    return convention.reconstruction(params.dim) * rate / own
