"""A folder of computed results, found again by their parameters.

It knows nothing of the computations: give it a kind, parameters and a function,
and it hands back what the function returned, now or earlier.
"""

from importlib import import_module
from os import environ
from pathlib import Path
from typing import Any

from .hdf5 import read
from .key import SCHEMA, key_of
from .record import DamagedRecordError, OtherSchemaError, Record, StoreError
from .results import ResultStore

__all__ = [
    "SCHEMA",
    "DamagedRecordError",
    "OtherSchemaError",
    "Record",
    "ResultStore",
    "StoreError",
    "key_of",
    "open",
]


def open(key: str | Path, store: ResultStore | str | Path | None = None) -> Any:  # noqa: A001
    """Return the result that is stored under a key, as the function that computed it did.

    Parameters
    ----------
    key : str or Path
        That of a record, or its beginning; or the path of a record's file.
    store : ResultStore, str or Path, optional
        The store, or its folder; otherwise VAEDYN_STORE, or ``vaedyn-store`` here.

    Returns
    -------
    result
        A `Trajectory`, `Bands`, `FixedPoints`, `Branches`, `Convergence`, `Tuning`, `Spectrum`,
        `Heldout`, `LearningCurve` or `WarmUp`.

    Raises
    ------
    KeyError
        When no record has such a key, or several have.
    VaedynError
        When a record holds no result of its own, such as a part of a map.
    StoreError
        When it cannot be read.
    """
    # results stand above the store, which knows nothing of them: they are found by name
    opened = import_module("vaedyn.opened").opened
    if isinstance(key, Path) or key.endswith(".h5"):
        try:
            return opened(read(Path(key)))
        except FileNotFoundError:
            raise StoreError(f"there is no record {key}") from None
    if not isinstance(store, ResultStore):
        store = ResultStore(store or environ.get("VAEDYN_STORE") or "vaedyn-store")
    if not key:
        raise KeyError("expected a key, or its beginning, got nothing")
    return opened(store.find(key))
