"""Phase diagrams: which fixed point attracts learning, over two constants of the model."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Unpack

import numpy as np

from ..errors import ParameterError
from ..kernels.constants import Constants
from ..machine import cores
from ..model.asked import STEPS, params_of
from ..model.numerics import NUMERICS
from ..model.params import IN_TIME, Fields, Params
from ..model.progress import Asked, shows
from ..model.records import Computed, Kept, Store, extended, variable
from ..model.results import Brief
from .attractors import PHASES, UNDECIDED, attractors
from .outcomes import outcomes
from .trained_on_rows import best_beta, ends
from .varied import VARIED, ratios, shape, with_value

AT_ONCE = 8000  # points solved at once
PIECE = 2000  # points whose closed forms are solved at once by a thread
DIGITS = 12  # of the values on the axes
MAPPED = (*VARIED, "batch", "alpha")  # what may be an axis

LABELS = {
    "phase": "number of the phase: " + ", ".join(PHASES),
    "eps_g": "generalisation error of the attracting fixed point",
    "active": "number of latents that are alive there, -1 without one",
    "growth": "largest real part of its Jacobian's eigenvalues",
    "stable": "number of stable fixed points in which every latent lives alone",
}

Axis = tuple[str, Sequence[float] | np.ndarray]
"""The name of a constant, and its values."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PhaseDiagram(Brief):
    """Where learning ends, over two constants.

    Attributes
    ----------
    params : Params
        The constants that are not varied.
    x_name, y_name : str
    x : (nx,)
    y : (ny,)
    phase : (nx, ny) int
        Index into `names`.
    eps_g : (nx, ny)
        Generalisation error at the attracting fixed point; nan where there is none.
    active : (nx, ny) int
        How many latents are alive there; -1 where there is none.
    growth : (nx, ny)
        The largest real part of its eigenvalues, per unit of time; nan likewise.
    stable : (nx, ny) int
        How many fixed points of single latents are stable: of more than one, the
        start decides which attracts.
    best : (n,) or None
        Only with rows that are used again, and beta as an axis: the beta of least `eps_g` at
        each value of the other axis; nan where none beats collapse.
    names : tuple of str
    reused : int
        How many columns (values of x) came whole from the store.
    info : dict
        ``computed``, the number of grid points that were not in the store, and
        ``keys``, the records' keys when there is a store.
    """

    params: Params
    x_name: str
    x: np.ndarray
    y_name: str
    y: np.ndarray
    phase: np.ndarray
    eps_g: np.ndarray
    active: np.ndarray
    growth: np.ndarray
    stable: np.ndarray
    best: np.ndarray | None = None
    names: tuple[str, ...] = PHASES
    reused: int = 0
    info: dict[str, Any] = field(default_factory=dict)


@shows("phase diagram", "points")
def phase_diagram(
    params: Params | None = None,
    x: Axis | None = None,
    y: Axis | None = None,
    *,
    store: Store | None = None,
    progress: Asked = None,
    **changes: Unpack[Fields],
) -> PhaseDiagram:
    """Find the attracting fixed point at each point of a grid of two constants.

    It is the stable one among those made of single latents (see
    `vaedyn.fixedpoints.configurations`, with groups of one); of several the one of lowest
    loss, distortion + beta KL + weight decay. Where none is stable the ODE is
    integrated from a gaussian start, see `vaedyn.fixedpoints.outcomes`: a pair of latents may
    be stable (``entangled``), the order parameters oscillate, or learning diverges.

    With `alpha`, given or as an axis, the same rows are used again and again, and the state is
    that of `vaedyn.trained_on_rows`, at small learning rates; growth rates are then not known.

    Parameters
    ----------
    params : Params, optional
        All other constants. Annealing, the start and the times do not matter.
    x, y : (str, array), optional
        Name and ascending values of a constant: beta, eta, lam, lr (of the decoder; others
        keep their ratio to it), batch, alpha, or rho, which
        scales all signals so that the strongest has the value. Values are
        rounded to 12 digits; on an evenly spaced axis y, start and step are. Default:
        20 values each of beta from 0.05 to 3, and of eta from 0.1 to 2.
    store : ResultStore, optional
        Where to look for columns of the diagram first, and to keep them. One that
        is there for fewer y at the same spacing is continued.
    progress : bool or callable, optional
        True shows a bar; a function is called as ``progress(done, total)`` with numbers of grid
        points that are not stored.
    **changes
        Parameters of the model, in place of those of `params` or of the defaults.

    Raises
    ------
    ParameterError
        When an axis is not as described or out of the model's range, or beta is 0.
    """
    params = params_of(phase_diagram, params, changes, derived=("alpha", *STEPS))
    params = params.replace(anneal="constant")
    x = x or ("beta", np.linspace(0.05, 3, 20))
    y = y or ("eta", np.linspace(0.1, 2, 20))
    grid = _Grid(params, _axis(params, "x", x), _axis(params, "y", y))
    if grid.x_name == grid.y_name:
        raise ParameterError("y", f"must vary another constant than x, {grid.x_name}")
    if params.beta == 0 and "beta" not in (grid.x_name, grid.y_name):
        raise ParameterError("beta", "must be > 0 for fixed points: D shrinks for ever at beta = 0")
    columns = grid.look(store)
    lacking = [i for i, column in enumerate(columns) if column.kept is None]
    wanted = sum(len(grid.y) - columns[i].first for i in lacking)
    done = 0
    for batch in _batches(lacking, -(-AT_ONCE // len(grid.y))):
        at = np.array([(i, j) for i in batch for j in range(columns[i].first, len(grid.y))])
        solved = grid.solve(*at.T)
        for i in batch:
            own = {name: values[at[:, 0] == i] for name, values in solved.items()}
            columns[i] = grid.keep(store, i, columns[i]._replace(values=own))
        done += len(at)
        if progress:
            progress(done, wanted)
    arrays: dict[str, Any] = {
        name: np.stack([column.values[name] for column in columns]) for name in LABELS
    }
    sources = [column.kept.source for column in columns if column.kept]
    return PhaseDiagram(
        params=params,
        x_name=grid.x_name,
        x=grid.x,
        y_name=grid.y_name,
        y=grid.y,
        **arrays,
        best=grid.best() if grid.of_rows else None,
        reused=len(columns) - len(lacking),
        info={"computed": wanted, "keys": [each.key for each in sources if each]},
    )


def _batches(items: Any, size: int) -> Iterator[Any]:
    for at in range(0, len(items), size):
        yield items[at : at + size]


def _axis(
    params: Params, option: str, axis: tuple[str, Sequence[float] | np.ndarray]
) -> tuple[str, np.ndarray]:
    """Return an axis after checking it."""
    name, given = axis
    if name not in MAPPED:
        raise ParameterError(option, f"expected one of {', '.join(MAPPED)}, got {name!r}")
    try:
        values = np.array(given, float)
    except (TypeError, ValueError):
        raise ParameterError(option, f"the values of {name} must be numbers") from None
    if values.ndim != 1 or len(values) < 2:
        raise ParameterError(option, f"give at least two values of {name}, in one row")
    if not np.isfinite(values).all():
        raise ParameterError(option, f"the values of {name} must be finite")
    values = _rounded(values)
    if not (np.diff(values) > 0).all():
        raise ParameterError(option, f"the values of {name} must ascend")
    if name == "batch" and (values != np.rint(values)).any():
        raise ParameterError(option, "the values of batch must be whole numbers")
    if name == "beta" and values[0] == 0:
        raise ParameterError(option, "beta must be > 0: D shrinks for ever at beta = 0")
    for value in values[[0, -1]]:
        try:
            with_value(params, name, value)
        except ParameterError as error:
            raise ParameterError(option, f"{name} {error.reason}") from None
    return name, values


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.array([float(f"{value:.{DIGITS}g}") for value in values])


class _Column(NamedTuple):
    """The grid points of one x: those from `first` on are not in the store."""

    first: int
    kept: Kept | None
    values: dict[str, np.ndarray]


class _LackingError(Exception):
    """Carries the first point of a column that is not in the store."""


class _Grid:
    """The points of a diagram, how to compute them, and how to store them."""

    def __init__(self, params: Params, x: tuple[str, np.ndarray], y: tuple[str, np.ndarray]):
        self.params = params
        self.x_name, self.x = x
        self.y_name, self.y = y
        self.of_rows = params.alpha is not None or "alpha" in (self.x_name, self.y_name)
        if self.of_rows and "lr" in (self.x_name, self.y_name):
            raise ParameterError("alpha", "is not derived for maps over lr, only for small ones")
        if self.of_rows and "batch" in (self.x_name, self.y_name):
            raise ParameterError("alpha", "is not derived for maps over batch, only for small lr")
        step = float(f"{(self.y[-1] - self.y[0]) / (len(self.y) - 1):.{DIGITS}g}")
        even = self.y[0] + step * np.arange(len(self.y))
        self.spacing: dict[str, Any] = {"y": self.y.tolist()}
        if np.abs(even - self.y).max() < 1e-9 * step:
            self.y = even
            self.spacing = {"y_start": self.y[0], "y_step": step}

    def record(self, i: int) -> dict[str, Any]:
        """Return the parameters under which column `i` is stored."""
        column = with_value(self.params, self.x_name, self.x[i])
        record = {key: x for key, x in column.to_dict().items() if key not in IN_TIME}
        record["rho"] = -np.sort(-column.strengths)
        if self.y_name == "rho":
            record["rho"] = -np.sort(-shape(column))
        else:
            record.pop(self.y_name, None)
        if self.y_name == "lr" and isinstance(column.lr, tuple):
            record["lr"] = ratios(column)
        return {**record, "y_name": self.y_name, **self.spacing, "numerics": NUMERICS["phases"]}

    def look(self, store: Store | None) -> list[_Column]:
        """Return what the store has of each column."""

        def refuse(first: int) -> Any:
            raise _LackingError(first)

        columns = []
        for i in range(len(self.x)):
            try:
                found = self.kept(store, i, refuse)
                columns.append(_Column(len(self.y), found, found.arrays))
            except _LackingError as lacking:
                columns.append(_Column(lacking.args[0], None, {}))
        return columns

    def kept(self, store: Store | None, i: int, blocks: Callable[[int], Any]) -> Kept:
        """Return column `i`, computed by `blocks` where it is not in the store."""
        return extended(store, "phases", self.record(i), blocks, len(self.y), "y")

    def solve(self, i: np.ndarray, j: np.ndarray) -> dict[str, np.ndarray]:
        """Return the attractors at the points (x[i], y[j]), (n,)."""
        p = self.params
        values = {self.x_name: self.x[i], self.y_name: self.y[j]}
        if self.of_rows:
            return self._on_rows(values)
        if "rho" in values:
            values["rho"] = values["rho"][:, None] * shape(p)
        if "lr" in values:
            values["lr"] = values["lr"] / (1 - p.momentum)
        c = Constants.of(p, **values).many()
        pieces = list(_batches(np.arange(len(i)), PIECE))
        with ThreadPoolExecutor(cores()) as pool:
            parts = list(pool.map(lambda rows: attractors(c.at(rows)), pieces))
        found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        left = np.flatnonzero(found["phase"] == UNDECIDED)
        if len(left):
            ends = outcomes(c.at(left), lambda n: self._at(int(i[left[n]]), int(j[left[n]])))
            for name, column in ends.items():
                found[name][left] = column
        return found

    def _at(self, i: int, j: int) -> Params:
        """Return the model at a point, the strongest signal first."""
        p = with_value(with_value(self.params, self.x_name, self.x[i]), self.y_name, self.y[j])
        return p.replace(rho=(-np.sort(-p.strengths)).tolist())

    def _on_rows(self, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return where training on rows ends, for `values` (n,) of both constants."""
        n = len(values[self.x_name])
        found: list[dict[str, np.ndarray]] = []
        others = {name: x for name, x in values.items() if name not in ("alpha", "beta")}
        columns = np.stack([*others.values(), np.zeros(n)], axis=1)
        _, group = np.unique(columns, axis=0, return_inverse=True)
        order = np.argsort(group.ravel(), kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(group.ravel()[order])) + 1):
            p = self.params
            for name, x in others.items():
                p = with_value(p, name, float(x[rows[0]]))
            own = [
                values.get(name, np.full(n, getattr(p, name)))[rows] for name in ("alpha", "beta")
            ]
            found.append(ends(p, *own))
        back = np.argsort(order)
        return {name: np.concatenate([each[name] for each in found])[back] for name in found[0]}

    def best(self) -> np.ndarray | None:
        """Return the best beta at each value of the axis that is not beta, if one is."""
        if "beta" not in (self.x_name, self.y_name):
            return None
        name, values = next(
            pair for pair in ((self.x_name, self.x), (self.y_name, self.y)) if pair[0] != "beta"
        )
        return np.array([best_beta(with_value(self.params, name, x))[0] for x in values])

    def keep(self, store: Store | None, i: int, column: _Column) -> _Column:
        """Store the computed values of column `i`, and return it whole."""

        def blocks(first: int) -> Iterator[Computed]:
            values, start = column.values, column.first
            if first < start:  # the record has been removed in the meantime
                at = np.arange(first, len(self.y))
                values, start = self.solve(np.full_like(at, i), at), first
            variables = {"y": variable(self.y_name, self.y[first:], ("y",))}
            for name, text in LABELS.items():
                variables[name] = variable(text, values[name][first - start :], ("y",))
            yield variables, {}

        found = self.kept(store, i, blocks)
        return _Column(column.first, found, found.arrays)
