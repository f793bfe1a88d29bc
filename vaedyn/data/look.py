"""Look at a table: its spectrum, the noise and signals in it, and what a VAE learns of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ..errors import ParameterError
from ..model.progress import Asked, shows
from ..model.records import Progress, Source, Store
from ..model.results import Brief
from ..tables.table import Columns, Data, as_table
from .analyse import Analysis, analyse
from .blocks import Blocks, Standardised
from .kept_spectrum import LEADING, kept_spectrum
from .prediction import EPOCHS, Prediction, eigenvalues_of_rows
from .rows import Rows
from .spectrum import PASSES, Spectrum, passes_over
from .spiked import ESTIMATORS

AT_ONCE = 32e6  # bytes of rows that are read together
USUAL = next(iter(ESTIMATORS))


@dataclass(frozen=True, eq=False, repr=False)
class Look(Brief):
    """A table that was looked at: its spectrum, noise and signals.

    Attributes
    ----------
    spectrum : Spectrum
        Eigenvalues and directions of the covariance.
    analysis : Analysis
        Noise level and signals; `analysis.warnings` is what to keep in mind, and
        `analysis.no_floor` why no beta can be recommended, if so.
    prediction : Prediction
        What a linear VAE learns of the rows; `prediction.beta` and `prediction.latents` are
        recommended, if any are.
    rows : Rows
        To train on.
    source : Source or None
        The record of the spectrum, when a store was used.
    epochs : {"many", "one"}
        What the prediction is for: rows that are used again and again, or ever fresh samples.
    """

    spectrum: Spectrum
    analysis: Analysis
    prediction: Prediction
    rows: Rows
    source: Source | None = None
    epochs: str = "many"

    @property
    def thresholds(self) -> np.ndarray:
        """Beta at and beyond which a signal is lost on the rows and on fresh data, (signals, 2)."""
        own = eigenvalues_of_rows(self.spectrum)[: len(self.analysis.rho)]
        return np.stack([own, self.prediction.collapse], axis=1)

    @property
    def without_noise(self) -> float | None:
        """Least eigenvalue of the rows, where that may mean that there is no noise."""
        least = self.analysis.without_noise
        return None if least is None else least * (1 - 1 / self.spectrum.samples)

    def to_frame(self) -> Any:
        """Return a `pandas.DataFrame` of the spectrum's eigenvalues, beside signals in them.

        Columns are ``eigenvalue`` and ``error``, as of `Spectrum`, ``of_rows``, which training
        sees, and for signals ``rho``, ``rho_error`` and ``collapse_on_rows`` and
        ``collapse_on_fresh_data``, as `thresholds`; nan for all others.
        """
        found = self.spectrum.to_frame()
        signals, some = len(self.analysis.rho), np.full(len(found), np.nan)
        found["of_rows"] = found["eigenvalue"] * (1 - 1 / self.spectrum.samples)
        rows, fresh = self.thresholds.T
        for name, values in (
            ("rho", self.analysis.rho),
            ("rho_error", self.analysis.rho_error),
            ("collapse_on_rows", rows),
            ("collapse_on_fresh_data", fresh),
        ):
            column = some.copy()
            column[:signals] = values
            found[name] = column
        return found

    def seen(self, epochs: str | None) -> "Look":
        """Return the same look, with the prediction for other epochs; as it is for None.

        Raises
        ------
        ParameterError
            As `vaedyn.Prediction.of` does.
        """
        if epochs in (None, self.epochs):
            return self
        prediction = Prediction.of(self.spectrum, self.analysis, epochs)
        return replace(self, prediction=prediction, epochs=epochs)


def counted(blocks: Blocks, total: int, progress: Progress) -> Blocks:
    """Return the same blocks, whose rows are counted as they are read."""
    done = 0

    def again() -> Iterator[np.ndarray]:
        nonlocal done
        for block in blocks():
            yield block
            done += len(block)
            progress(min(done, total), total)

    return again


@shows("look", "rows")
def look(
    data: Data,
    *,
    columns: Columns | None = None,
    missing: str | None = None,
    standardise: bool = False,
    estimator: str = USUAL,
    spikes: int | None = None,
    epochs: str = "many",
    leading: int = LEADING,
    passes: int = PASSES,
    store: Store | None = None,
    progress: Asked = None,
) -> Look:
    """Find the spectrum of a table, noise and signals in it, and what a linear VAE learns of it.

    Parameters
    ----------
    data : (samples, dim), or str or Path
        A table with independent samples as rows: whatever becomes an array, or a table of
        pandas, Polars or PyArrow; or the name of a file that holds one, see `open_table` in
        `vaedyn.tables.table`, with ``file.h5:/path/to/dataset`` where there are several. It
        may be larger than memory.
    columns : str or sequence, optional
        Which columns to take, by names and numbers: ``"age,3-7"``, without some ``"-id"``, or
        a list, in which numbers count from 0. Otherwise all that hold numbers.
    missing : {"drop", "mean"}, optional
        Leave out rows in which a number is missing, or fill in the mean of its column.
    standardise : bool
        Whether columns are divided by their standard deviation first.
    estimator : {"likelihood", "median", "matching"}
        How the noise level is estimated, as of `vaedyn.analyse`.
    spikes : int, optional
        Number of signals; otherwise all that stand out of the noise.
    epochs : {"many", "one"}
        Whether training uses the rows again and again, or every sample is a fresh one, as of
        `vaedyn.Prediction.of`.
    leading, passes : int
        As of `vaedyn.covariance_spectrum`.
    store : ResultStore, optional
        Where to look for the spectrum first, and to keep it.
    progress : bool or callable, optional
        True shows a bar; a function is called as ``progress(done, total)`` with numbers of rows
        that are read, pass by pass.

    Raises
    ------
    ParameterError
        When the entries or an argument make no sense.
    TableError
        When there is no such file, or no table in it; it is a ValueError, too.
    """
    table = as_table(data, columns=columns, missing=missing)
    if spikes is not None and spikes >= table.columns:  # before anything is kept
        raise ParameterError("spikes", f"must be below {table.columns}, the columns, got {spikes}")
    blocks = partial(table.blocks, max(1, int(AT_ONCE / (8 * table.columns))))
    digest = table.digest()
    if epochs not in EPOCHS:
        raise ParameterError("epochs", f"expected {' or '.join(EPOCHS)}, got {epochs!r}")
    may_fail = spikes is not None or estimator != USUAL or epochs != "many"

    def predicted(spectrum: Spectrum) -> tuple[Analysis, Prediction]:
        analysis = analyse(spectrum, estimator, spikes)
        return analysis, Prediction.of(spectrum, analysis, epochs)

    total = table.rows * (passes_over(table.rows, table.columns, passes) + standardise)
    spectrum, source = kept_spectrum(
        counted(blocks, total, progress) if progress else blocks,
        digest,
        standardise=standardise,
        leading=leading,
        passes=passes,
        name=table.place,
        asked=table.asked,
        check=predicted if may_fail else None,
        store=store,
    )
    analysis, prediction = predicted(spectrum)
    unit = float(spectrum.eigenvalues[0])
    rows = Rows(
        Standardised(blocks) if standardise else blocks,
        spectrum.mean,
        spectrum.samples,
        unit,
        f"{digest} / {unit!r}{' standardised' * standardise}",
        {
            "file": table.place,
            **table.asked,
            "standardise": standardise,
            "estimator": estimator,
            "spikes": spikes,
        },
    )
    return Look(spectrum, analysis, prediction, rows, source, epochs)
