"""Results as datasets of xarray and tables of pandas, which are imported only here, late."""

import json
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from .quantities import ORDER_PARAMETERS
from .records import Variables

DIMS = {
    "run": "number of the run",
    "point": "number of the point",
    "latent": "number of the latent",
    "latent_": "number of the other latent",
    "signal": "number of the signal",
    "mode": "number of the eigenvalue",
}


def needed(name: str) -> Any:
    """Return a package that vaedyn does without.

    Raises
    ------
    ImportError
        When it is not there, in one line that names it.
    """
    try:
        return import_module(name)
    except ImportError:
        raise ImportError(f"this needs {name}: pip install 'vaedyn[frames]'") from None


def dataset(variables: Variables, params: Any, attributes: Mapping[str, Any]) -> Any:
    """Return labelled variables as an `xarray.Dataset`.

    Parameters
    ----------
    variables : dict
        Those named like one of their dims are coordinates. Other dims of the model count
        from 0, and signals have their strengths as a coordinate, too.
    params : Params or None
        The model, whose constants become attributes.
    attributes : mapping
        Further ones.
    """
    xarray = needed("xarray")
    sizes = {
        dim: size
        for dims, values, _ in variables.values()
        for dim, size in zip(dims, np.shape(values), strict=True)
    }
    coords: dict[str, Any] = {name: x for name, x in variables.items() if x[0] == (name,)}
    for dim in sizes.keys() & DIMS.keys() - coords.keys():
        coords[dim] = (dim,), np.arange(sizes[dim]), {"long_name": DIMS[dim], "units": "1"}
    if params is not None and sizes.get("signal") == params.signal:
        text = {"long_name": "signal strength", "units": "1"}
        coords["strength"] = ("signal",), params.strengths, text
    constants = {} if params is None else params.to_dict()
    kept = {name: _attribute(x) for name, x in {**constants, **attributes}.items()}
    data = {name: x for name, x in variables.items() if name not in coords}
    return xarray.Dataset(data, coords, {name: x for name, x in kept.items() if x is not None})


def _attribute(value: Any) -> Any:
    """Return a value as files of netCDF take it: a number, a list of them, or text."""
    if value is None or (isinstance(value, (int, float, str)) and not isinstance(value, bool)):
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(x, (int, float)) for x in value):
        return list(value)
    return int(value) if isinstance(value, bool) else json.dumps(value)


def frame(rows: Iterable[Mapping[str, Any]], index: str | None, columns: Any = None) -> Any:
    """Return rows as a `pandas.DataFrame`, whose index counts from 0 and has the name `index`."""
    found = needed("pandas").DataFrame(list(rows), columns=columns)
    found.index.name = index
    return found


def scalars(name: str, value: Any) -> dict[str, Any]:
    """Return one quantity as columns: matrices by their entries, counted from 1."""
    if isinstance(value, Mapping):
        parts = [scalars(name, value[part]) for part in ("mean", "std")]
        mean, std = ({f"{key}_{part}": x for key, x in columns.items()}
                     for part, columns in zip(("mean", "std"), parts, strict=True))  # fmt: skip
        return {key: x for pair in zip(mean.items(), std.items(), strict=True) for key, x in pair}
    if isinstance(value, (str, bool)):
        return {name: value}
    array = np.asarray(value)
    places = ["".join(f"_{i + 1}" for i in place) for place in np.ndindex(array.shape)]
    return {f"{name}{place}": x for place, x in zip(places, array.ravel().tolist(), strict=True)}


def own_dims(name: str, ndim: int) -> tuple[str, ...]:
    """Return the dims of a quantity of a sweep by its name and the number of its axes."""
    if name in ORDER_PARAMETERS:
        return ORDER_PARAMETERS[name].dims
    return ("latent",) * ndim  # kl_per_latent, or none
