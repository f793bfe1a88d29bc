"""Rows that hang on those before them: time series and repeated measurements.

Signals stand out of noise by the law of Marchenko and Pastur, which holds for independent rows.
Where each resembles the next, there are fewer of them in truth, and noise makes signals. So the
mean of ``x_t . x_(t+1)`` over ``|x|^2``, beside the signals, is compared with that of the same
rows in random order. Its variance there is the mean square of ``x_t . x_s`` for t and s that
differ, over n and the mean of ``|x|^2`` squared, whatever the law of the rows (Wald &
Wolfowitz 1943, Ann. Math. Stat. 14, 378). Tables that are sorted by classes are alike over many
rows, while their noise is independent: the likeness must fade with distance.
"""

import numpy as np

from .findings import Analysis
from .spectrum import Spectrum
from .spiked import Sample

SIGMAS = 4.5  # beyond which it is no accident
LEAST = 0.2  # autocorrelation r that matters for noise: it acts as (1 + r^2)/(1 - r^2)
SLOW = 0.5  # and that matters for a signal
FADING = 0.4  # share of it that is lost among rows far apart, unless they are sorted
WANTED = 0.1  # what is left of it between the rows that are kept


def alike(spectrum: Spectrum, sample: Sample, analysis: Analysis) -> str | None:
    """Return that neighbouring rows are alike beside the signals, if more so than distant ones."""
    spikes = len(analysis.rho)
    found = autocorrelation(spectrum, sample, spikes)
    if found is None or abs(found[0]) < LEAST or abs(found[0]) < SIGMAS * found[1]:
        return None
    lag, far = found[0], spectrum.tails.far_left[min(spikes, len(spectrum.tails.far_left) - 1)]
    if abs(lag - far) < FADING * abs(lag):  # as in a table that is sorted by classes
        return None
    apart = max(2, int(np.ceil(np.log(WANTED) / np.log(min(abs(lag), 0.99)))))
    return (
        f"neighbouring rows hang together (autocorrelation {lag:.2f}), so that noise looks like "
        f"signals: of a time series or repeated measurements keep one row in {apart} or so; if "
        "rows are only sorted, shuffle them"
    )


def autocorrelation(spectrum: Spectrum, sample: Sample, spikes: int) -> tuple[float, float] | None:
    """Return that of neighbouring rows beside spikes, and its standard error if there is none.

    None where it is not known, or nothing is left beside the spikes.
    """
    tails, n = spectrum.tails, spectrum.samples
    spikes = min(spikes, len(tails.lag_left) - 1)
    left = spectrum.total - spectrum.eigenvalues[:spikes].sum()
    lag = float(tails.lag_left[spikes])
    if sample.dim <= spikes or left <= 1e-9 * spectrum.total or np.isnan(lag):
        return None
    squares = (spectrum.eigenvalues[spikes:] ** 2).sum() + spectrum.remainder
    pairs = squares / left**2 - (1 + tails.lengths[spikes]) / n  # rows that differ
    return lag + 1 / n, float(np.sqrt(max(pairs, 1 / (sample.dim - spikes)) / n))


def slow(spectrum: Spectrum, analysis: Analysis) -> str | None:
    """Return which signals change slowly from row to row, if any do."""
    lag = spectrum.tails.lag[: len(analysis.rho)]
    some = np.flatnonzero((lag >= SLOW) & (lag * np.sqrt(spectrum.samples) >= SIGMAS))
    if not len(some):
        return None
    named = [str(k + 1) for k in some[:5]] + ["..."] * (len(some) > 5)
    one = len(some) == 1
    return (
        f"signal{'' if one else 's'} {', '.join(named)} change{'s' if one else ''} slowly down the "
        f"rows (autocorrelation {lag[some].max():.2f}): unless rows are only sorted, the error of "
        "rho is larger"
    )
