"""The spectrum of users' data, kept under their fingerprint."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..model.numerics import NUMERICS
from ..model.records import Computed, Source, Store, Variables, kept, variable
from .blocks import Blocks, Standardised
from .columns import Watch
from .spectrum import PASSES, Spectrum, covariance_spectrum
from .tails import Tails

LEADING = 200  # directions that are kept


def kept_spectrum(
    blocks: Blocks,
    digest: str,
    *,
    standardise: bool = False,
    leading: int = LEADING,
    passes: int = PASSES,
    name: str = "",
    asked: Mapping[str, str] | None = None,
    check: Callable[[Spectrum], object] | None = None,
    store: Store | None = None,
) -> tuple[Spectrum, Source | None]:
    """Return the covariance spectrum of data, and the record that holds it.

    Parameters
    ----------
    blocks : callable
        Called for every pass; yields blocks (rows, dim).
    digest : str
        Fingerprint of the data, which a stored result is found by.
    standardise : bool
        Whether columns are divided by their standard deviation first.
    leading, passes : int
        As of `vaedyn.data.spectrum.covariance_spectrum`.
    name : str
        What the data are called, for people who look into the store.
    asked : mapping, optional
        How they were read, for the same people.
    check : callable, optional
        Called with what has been computed, and kept only if this raises nothing.
    store : ResultStore, optional
        Where to look for the result first, and to keep it.

    Raises
    ------
    ParameterError
        As `vaedyn.data.spectrum.covariance_spectrum` does.
    """

    def compute() -> Computed:
        watch = Watch()
        seen = Standardised(blocks, watch) if standardise else blocks
        found = covariance_spectrum(seen, leading, passes=passes)
        if check:
            check(found)
        if standardise:  # codes and counts are those of the numbers as they are
            found = replace(found, doubts=watch.doubts())
        dims: dict[str, tuple[str, ...]] = {"mean": ("column",), "eigenvalues": ("mode",)}
        dims |= {"error": ("mode",), "directions": ("direction", "column")}
        dims |= {"share": ("direction",), "row": ("direction",), "kurtosis": ("direction",)}
        dims |= {"lengths": ("directions_left_out",), "variances": ("column",)}
        dims |= {"lag": ("direction",), "lag_left": ("directions_left_out",)}
        dims |= {"far_left": ("directions_left_out",)}
        arrays: Variables = {
            name: variable(TEXTS[name], values, dims[name])
            for name, values in {**vars(found), **found.tails._asdict()}.items()
            if name in TEXTS
        }
        return arrays, {
            "file": name,
            **(asked or {}),
            **{key: getattr(found, key) for key in NUMBERS},
        }

    record = {"data": digest, "standardise": standardise, "leading": leading}
    record |= {"passes": passes, "numerics": NUMERICS["spectrum"]}
    found = kept(store, "spectrum", record, compute)
    arrays: Any = found.arrays
    earlier = (("lag", "share"), ("lag_left", "lengths"), ("far_left", "lengths"))
    for name, like in earlier:  # versions have not kept them
        arrays.setdefault(name, np.full_like(arrays[like], np.nan))
    tails = Tails(**{name: arrays.pop(name) for name in Tails._fields})
    numbers: Any = {key: found.info[key] for key in NUMBERS}
    numbers |= {key: tuple(found.info[key]) for key in ("constant", "doubts")}
    return Spectrum(**arrays, **numbers, tails=tails), found.source


NUMBERS = ("samples", "dim", "total", "complete", "remainder", "constant", "doubts")
TEXTS = {
    "mean": "mean of the samples",
    "eigenvalues": "eigenvalues of the sample covariance",
    "error": "distance within which there is an eigenvalue",
    "directions": "leading principal directions",
    "share": "largest share of one row in the variance of a direction",
    "row": "that row, counted from 0",
    "kurtosis": "excess kurtosis of the data along a direction",
    "lengths": "relative variance of squared lengths of rows, without leading directions",
    "variances": "variances of the columns",
    "lag": "autocorrelation of rows that follow each other, along a direction",
    "lag_left": "autocorrelation of rows that follow each other, without leading directions",
    "far_left": "autocorrelation of rows that are far apart, without leading directions",
}
