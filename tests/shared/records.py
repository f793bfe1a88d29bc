"""Records that are made up, for a store to keep."""

from pathlib import Path

import numpy as np

from vaedyn.store import (
    key_of,
    record,
)

NOTES = {"long_name": "time", "units": "s"}


def made(path, size=3, info=None, params=None, kind="theory"):
    given = {"beta": 0.5, **(params or {})}
    return record.Record(
        kind=kind, key=key_of(kind, given), params=given,
        variables={"t": (("t",), np.arange(float(size)), NOTES),
                   "x": (("t", "a"), np.ones((size, 2), np.float32), {})},
        info={} if info is None else info,
        provenance={"created": "2024-05-06T07:08:09+00:00", "seconds": 1.5}, path=Path(path),
    )  # fmt: skip
