"""Cautions about users' data, and reasons why there may be no white noise in them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .dependence import alike, slow
from .findings import Analysis, columns_alone, lost_columns
from .spectrum import Spectrum
from .spiked import Sample, bulk_law, strength_error, threshold
from .whiteness import is_white

DISAGREEMENT = 1.2  # ratio of estimates of eta that is worth a warning
CROWD = 1 / 3  # share of all directions that spikes may be without a warning
MUCH = 0.1  # share of a row in the variance of a signal that is worth a warning
UNEVEN = 100  # ratio of columns' standard deviations that is worth a warning
SINGLE = 20  # such a ratio, where the column by itself makes a signal
HARDLY = "no floor of white noise is seen: "
STANDARD = "standardise them (--standardise)"
INACCURATE = 0.01  # relative error of a spike's eigenvalue that is worth a warning
WRONG = 0.05  # beyond which nothing can be said of the noise


def no_floor(spectrum: Spectrum, sample: Sample, analysis: Analysis, counted: bool) -> str | None:
    """Return why the rest beside the signals is no white noise, or None where it is."""
    spikes, few = len(analysis.rho), min(sample.dim, sample.freedom)
    if spectrum.doubts:
        return spectrum.doubts[0]
    if hang := alike(spectrum, sample, analysis):
        return hang
    if few < 2:
        return f"{HARDLY}the data vary in one direction only, so that signal and noise look alike"
    wrong = spectrum.error[:spikes] > WRONG * analysis.eigenvalue
    if not sample.complete and (wrong.any() or _unsure(spectrum, sample, analysis).any()):
        return f"{HARDLY}eigenvalues are not known well enough to count signals (raise --passes)"
    if counted and spikes == sample.most_spikes:
        if not sample.complete and spikes < few // 2:
            return f"{HARDLY}all eigenvalues that were computed but one stand out (raise --leading)"
        return f"{HARDLY}half of the {few} directions would count as signals"
    if is_white(sample, analysis.eta, spikes):
        # the rest is white, but is it noise, and are the signals real?
        others = (_units(spectrum, analysis), *_rows(spectrum, sample, analysis))
        return next(filter(None, others), None)
    left = sample.eigenvalues[spikes:]
    gamma, scale, _ = bulk_law(sample, spikes)
    low, high = (scale * analysis.eta * (1 + sign * np.sqrt(gamma)) ** 2 for sign in (-1, 1))
    beside = f"beside {spikes} signal{'' if spikes == 1 else 's'} " if spikes else ""
    return (
        f"{HARDLY}{beside}eigenvalues run from {left[0]:.3g} to {left[-1]:.3g} unlike "
        f"those of noise of one variance, which lie between {high:.3g} and {low:.3g}"
    )


def _unsure(spectrum: Spectrum, sample: Sample, analysis: Analysis) -> np.ndarray:
    """Return which eigenvalues are not counted, but may be signals for all that is known (k,)."""
    values, error = sample.eigenvalues, spectrum.error[: len(sample.eigenvalues)]
    if sample.complete:
        return np.zeros(len(values), bool)
    limit = threshold(sample, analysis.eta, len(analysis.rho))
    return (values <= limit) & (limit < values + error) & (error > INACCURATE * values)


class Caution(NamedTuple):
    """What to keep in mind, and how much it matters: 0 most, `DETAIL` hardly."""

    rank: int
    text: str


DETAIL = 9  # what explains a number, and asks for nothing


def warnings(spectrum: Spectrum, sample: Sample, analysis: Analysis) -> list[Caution]:
    """Return what to keep in mind, what matters most first."""
    found = [
        *(Caution(0, text) for text in spectrum.doubts),
        *_about_columns(spectrum, sample, analysis),
        *_about_rows(spectrum, sample, analysis),
        *_about_accuracy(spectrum, sample, analysis),
        *_about_signals(sample, analysis),
        *_about_noise(sample, analysis),
    ]
    return sorted(found, key=lambda caution: caution.rank)  # in this order where they are equal


def _about_accuracy(spectrum: Spectrum, sample: Sample, analysis: Analysis) -> Iterator[Caution]:
    spikes = len(analysis.rho)
    errors = spectrum.error[:spikes] / np.maximum(analysis.eigenvalue, 1e-300)
    if not spectrum.complete and (errors > INACCURATE).any():
        yield Caution(
            2,
            f"eigenvalues of signals are known to {100 * errors.max():.2g} % only: "
            "more passes over the data (--passes) make them exact",
        )
    unsure = int(_unsure(spectrum, sample, analysis).sum())
    if unsure:
        yield Caution(
            2,
            f"{unsure} eigenvalues that are not counted may be signals, they are not known well "
            "enough: more passes over the data (--passes) make them exact",
        )


def _about_columns(spectrum: Spectrum, sample: Sample, analysis: Analysis) -> Iterator[Caution]:
    constant, varying = len(spectrum.constant), spectrum.dim - len(spectrum.constant)
    if constant:
        columns = ", ".join(str(column + 1) for column in spectrum.constant[:5])
        yield Caution(
            4,
            f"{constant} of {spectrum.dim} columns are constant ({columns}"
            f"{', ...' if constant > 5 else ''}) and left out: N = {varying}",
        )
    lost = int(lost_columns(spectrum).sum())
    if lost:
        yield Caution(
            1,
            f"columns differ so much in scale that {lost} of them are lost to rounding: {STANDARD}",
        )
    elif sample.dim < varying:
        yield Caution(
            3,
            f"the data vary in {sample.dim} of {min(varying, sample.freedom)} directions only, to "
            "which eta belongs: columns are combinations of others, rows are there twice, or "
            f"there is no noise, and beta below {analysis.without_noise:.3g} is right",
        )
    units = None if lost else _units(spectrum, analysis)
    if units is not None:
        yield Caution(1, units)


def _units(spectrum: Spectrum, analysis: Analysis) -> str | None:
    """Return that signals may be columns in other units, if so."""
    deviations = np.sqrt(np.delete(spectrum.tails.variances, spectrum.constant))
    typical, largest = np.quantile(deviations, 0.25, method="lower"), deviations.max()
    own = np.sqrt(spectrum.tails.variances[columns_alone(spectrum, analysis)])
    if max(largest / UNEVEN, own.max(initial=0) / SINGLE) <= typical:
        return None
    return (
        f"standard deviations of columns are {largest:.3g} and {typical:.3g}, for example: "
        f"columns of large numbers count as signals; {STANDARD}"
    )


def _about_signals(sample: Sample, analysis: Analysis) -> Iterator[Caution]:
    spikes, limit = len(analysis.rho), f"rho = {analysis.detectable:.3g}"
    more = "more rows would show them"
    if not spikes:
        yield Caution(
            3, f"no signal stands out of the noise: only those stronger than {limit} would"
        )
    if sample.freedom + 1 < 2 * sample.dim:
        rows = f"few samples, {sample.freedom + 1} for N = {sample.dim}"
        yield Caution(3, f"{rows}: signals weaker than {limit} remain hidden, {more}")
    # another sample might have hidden them
    gamma = (sample.dim - spikes) / sample.freedom
    error = strength_error(analysis.rho, analysis.eta, gamma, sample.freedom)
    weak = int((analysis.rho < analysis.detectable + 2 * error).sum())
    if weak:
        text = f"{weak} of {spikes} signals are close to {limit}, below which none are seen"
        yield Caution(3, f"{text}: do not rely on their strengths")
    for group in analysis.groups if analysis.no_floor is None else ():
        yield Caution(
            3,
            f"signals {group.first + 1} to {group.last + 1} are closer than their errors: take "
            f"their mean for each, rho = {group.rho:.3g} +- {group.rho_error:.2g}",
        )
    few = min(sample.dim, sample.freedom)
    if spikes == sample.most_spikes and not sample.complete:
        yield Caution(
            2,
            f"all {spikes} eigenvalues that were computed but one are signals: "
            "compute more (--leading)",
        )
    elif spikes > CROWD * few or spikes == sample.most_spikes > 0:
        yield Caution(
            DETAIL if analysis.no_floor else 3,  # which says so
            f"{spikes} of {few} directions {'stands' if spikes == 1 else 'stand'} out as signals"
            f"{', where counting stops' if spikes == sample.most_spikes else ''}: "
            "the rest is hardly noise, and eta an upper bound",
        )


def _about_rows(spectrum: Spectrum, sample: Sample, analysis: Analysis) -> Iterator[Caution]:
    hang = alike(spectrum, sample, analysis)
    found = (
        (0, hang),
        (1, _single_rows(spectrum, sample, analysis)),
        (2, _heavy_tails(sample, analysis)),
        (3, slow(spectrum, analysis) if hang is None else None),
    )
    return (Caution(rank, text) for rank, text in found if text is not None)


def _rows(spectrum: Spectrum, sample: Sample, analysis: Analysis) -> Iterator[str]:
    """Yield problems of the rows that make signals."""
    found = (_single_rows(spectrum, sample, analysis), _heavy_tails(sample, analysis))
    yield from filter(None, found)


def _single_rows(spectrum: Spectrum, sample: Sample, analysis: Analysis) -> str | None:
    """Return which signals single rows make, if any."""
    spikes, n, tails = len(analysis.rho), sample.freedom, spectrum.tails
    share, seen = tails.share[:spikes], analysis.eigenvalue[: len(tails.share)]
    limit = threshold(sample, analysis.eta, spikes)
    # more than a gaussian sample has in 99.9 % of all cases; and much, or all that is no noise
    single = share > 2 * np.log(1000 * n) / n
    single &= (share > MUCH) | ((seen > limit) & (seen * (1 - share) < limit))
    if not single.any():
        return None
    some = np.flatnonzero(single)
    named = [f"{k + 1} (row {tails.row[k] + 1})" for k in some[:5]]
    return (
        f"signals come from single rows: {', '.join([*named, *['...'] * (len(some) > 5)])}, "
        f"by up to {100 * share[some].max():.0f} % of their variance: leave out outliers"
    )


def _heavy_tails(sample: Sample, analysis: Analysis) -> str | None:
    """Return how uneven the lengths of rows are, if they are too uneven for gaussian noise."""
    dim = max(sample.dim - len(analysis.rho), 1)
    # of gaussian noise it is 1, with a standard error of about sqrt((2 + 12/N)/n)
    if analysis.tails <= 1.25 + 5 * np.sqrt((2 + 12 / dim) / sample.freedom):
        return None
    return (
        f"squared lengths of rows vary {analysis.tails:.2g} times as much as those of gaussian "
        "noise: with such heavy tails, a few rows may look like signals; clip or transform them"
    )


def _about_noise(sample: Sample, analysis: Analysis) -> Iterator[Caution]:
    white = is_white(sample, analysis.eta, len(analysis.rho))
    rank = DETAIL if analysis.no_floor else 3
    for name, other in analysis.alternatives.items():
        ratio = max(other, analysis.eta) / max(min(other, analysis.eta), 1e-300)
        if ratio > DISAGREEMENT:
            yield Caution(
                rank,
                f"eta is {analysis.eta:.3g} by {analysis.estimator} but {other:.3g} by {name}: "
                + ("it is known so well only" if white else "the noise is not of one variance"),
            )
    if not white:
        yield Caution(
            rank,
            "the bulk is not that of noise of one variance: its law is off by "
            f"{analysis.distance:.2g}, its variances differ by about {100 * analysis.spread:.0f} %",
        )
