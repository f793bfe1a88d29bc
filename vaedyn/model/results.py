"""What the computations return: named arrays with their parameters.

Results know how to turn themselves into labelled variables and back, which is all that a
store needs of them, see `vaedyn.model.records`.
"""

from dataclasses import dataclass, field, fields
from functools import cache
from importlib import import_module
from textwrap import shorten
from typing import Any, Self

import numpy as np

from .labelled import dataset
from .params import Params
from .quantities import NAMES, QUANTITIES
from .records import Computed, Kept, Source, Variables
from .state import covariances_of, observables, pack, unpack

SHOWN = 8  # numbers of an array that are worth printing
WIDTH = 200
UNSAVED = {"params", "t", "info", "source"}  # fields that are no quantities; `t` is kept as "time"


def label(name: str, lead: tuple[str, ...], values: Any) -> tuple[tuple[str, ...], Any, dict]:
    """Return `values` with the dims, long name and units of the quantity `name`.

    Raises
    ------
    KeyError
        When there is no such quantity.
    """
    if name not in QUANTITIES:
        raise KeyError(f"{name!r} is not in the table vaedyn/model/quantities.py")
    of = QUANTITIES[name]
    return (*lead, *of.dims), values, {"long_name": of.text, "units": of.unit}


@cache
def _saved(result: type) -> tuple[str, ...]:
    """Return the fields of a kind of result that are kept."""
    return tuple(each.name for each in fields(result) if each.name not in UNSAVED)


class Brief:
    """A summary that fits on a screen: shapes of long arrays, beginnings of other things."""

    def __repr__(self) -> str:
        lines = [f"  {name}: {_brief(value)}" for name, value in vars(self).items()]
        return "\n".join([type(self).__name__, *lines])

    def _repr_html_(self) -> str | None:
        """Return what a notebook shows; None for the summary, where there is nothing else."""
        # what is shown of all kinds of results stands above them: it is found by its name
        return import_module("vaedyn.listings.html").html_of(self)


def _brief(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.size > SHOWN:
        return str(value.shape)
    return shorten(repr(value), WIDTH, placeholder=" ...")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class OrderParameters(Brief):
    """Order parameters and observables; `lead` stands for the leading axes.

    Attributes
    ----------
    m, d : (lead, latent, signal)
    Q, E, R : (lead, latent, latent)
    D : (lead, latent)
    eps_g, eps_g_rotation, kl, distortion : (lead,)
    kl_per_latent : (lead, latent)
    info : dict
        How the result was computed.
    source : Source or None
        Its record, when a store was used.
    """

    params: Params
    m: np.ndarray
    d: np.ndarray
    Q: np.ndarray
    E: np.ndarray
    R: np.ndarray
    D: np.ndarray
    eps_g: np.ndarray
    eps_g_rotation: np.ndarray
    kl: np.ndarray
    kl_per_latent: np.ndarray
    distortion: np.ndarray
    info: dict[str, Any] = field(default_factory=dict)
    source: Source | None = None

    @classmethod
    def from_states(cls, params: Params, y: np.ndarray, **others: Any) -> Self:
        """Return the result for flat states `y`, (lead, values), S and A behind them or not."""
        parts = unpack(y, params.latent, params.signal)
        return cls(
            params=params,
            **parts,
            **observables(
                parts,
                params.strengths,
                params.eta,
                covariances_of(y, params.latent, params.signal),
            ),
            **others,
        )

    @property
    def states(self) -> np.ndarray:
        """The order parameters as flat states, (lead, values)."""
        return pack(**{name: getattr(self, name) for name in NAMES})

    @classmethod
    def from_kept(cls, params: Params, kept: Kept) -> Self:
        """Return the result that was looked up, or computed."""
        return cls(params=params, **cls._named(kept.arrays), info=kept.info, source=kept.source)

    @classmethod
    def _named(cls, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        """Return variables under the names of fields."""
        return {**arrays}

    def to_kept(self, *lead: str) -> Computed:
        """Return what a store keeps of the result, leading axes named `lead`."""
        return self.to_variables(*lead), self.info

    @property
    def _lead(self) -> tuple[str, ...]:
        """What the leading axes stand for."""
        return ("point",) * np.ndim(self.eps_g)

    def to_xarray(self) -> Any:
        """Return an `xarray.Dataset`: all arrays with their dims, long names and units.

        Its attributes are the parameters, and the key of the record, if there is one.
        """
        key = self.source.key if self.source else None
        about = {"result": type(self).__name__, "key": key}
        return dataset(self.to_variables(*self._lead), self.params, about)

    def to_variables(self, *lead: str) -> Variables:
        """Return all arrays with their dims and units, leading axes named `lead`."""
        return {name: label(name, lead, getattr(self, name)) for name in _saved(type(self))}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Trajectory(OrderParameters):
    """Order parameters in time: `lead` is (times,), or (runs, times) for a simulation.

    Attributes
    ----------
    t : (times,)
        Time, in units of N steps.
    """

    t: np.ndarray

    @property
    def _lead(self) -> tuple[str, ...]:
        return ("run",) * (np.ndim(self.eps_g) - 1)

    def to_variables(self, *lead: str) -> Variables:
        return {"time": label("time", ("time",), self.t), **super().to_variables(*lead, "time")}

    @classmethod
    def _named(cls, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        return {"t": arrays["time"], **{name: x for name, x in arrays.items() if name != "time"}}
