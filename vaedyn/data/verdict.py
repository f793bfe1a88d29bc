"""What the KL divergences of a VAE in training say about it, in a word and a line of advice.

They are compared with those that a linear VAE has in the end, see `vaedyn.data.prediction`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..model.quantities import ACTIVE, active
from .beta_in_force import MARGIN, InForce, likely_causes
from .report import Past
from .settling import ALIKE

MOVED = 0.1  # relative change of KL, since the last report, of a VAE that is still learning
SAME = 0.1  # relative difference of KL from the prediction that means nothing
FEW = 0.05  # of the predicted KL: latents with less, and `ALIKE` nats, need not be counted
SURE = 3  # standard errors by which KL must have moved
OTHER_BETA = 0.01  # relative change of beta after which KL moves for that reason
MOST_CAUSES = 2  # that are printed

VERDICTS = {
    "collapsed": "nothing is active, as it must be: beta is at or above the largest eigenvalue",
    "plateau": "nothing is active yet, but collapse is unstable: training will leave it",
    "learning": "KL has moved by more than 10 % since the last report, or biases must still move",
    "mismatch": "the beta in force is not the one that is meant: the loss has another scale",
    "noise": "as predicted, but more active units than signals: the others fit noise",
    "more": "more active units than any linear VAE keeps",
    "fewer": "less KL than predicted: less is learned than could be",
    "nonlinear": "as much KL as predicted or more, on as many active units or fewer: a nonlinear "
    "code",
    "expected": "active units and KL are as predicted",
    "unknown": "something is active, and nothing is predicted for this likelihood",
}
"""All verdicts, and what they mean."""


@dataclass(frozen=True)
class Seen:
    """What a verdict is about.

    Attributes
    ----------
    beta : float
    largest : float
        Eigenvalue, the beta at which collapse becomes stable.
    kl : (latent,)
        Measured, descending.
    predicted : (latent,) or None
        Likewise; None for likelihoods for which it is not derived.
    off_centre : float
        Nats that stem from means of mu other than 0.
    settled : bool or None
        Whether KL has stayed where it was since the last report; None if that is not known.
    in_force : InForce or None
        What the decoder shows.
    signals : int or None
        How many there are in white noise, if that is known.
    noise : float
        Largest eigenvalue beside those of the signals: above it, no latent fits noise.
    dim, batch : int
    factor : float
        KL weights of the user over beta.
    scale : float
        What the data were multiplied by.
    summed : bool
        Whether the squared error is said to be summed over entries.
    error : float or None
        The predicted squared error of a row, if that is known.
    """

    beta: float
    largest: float
    kl: np.ndarray
    predicted: np.ndarray | None
    off_centre: float
    settled: bool | None
    in_force: InForce | None
    signals: int | None
    noise: float
    dim: int
    batch: int
    factor: float
    scale: float
    summed: bool = True
    error: float | None = None

    @property
    def slowdown(self) -> float | None:
        """How many times as slowly as at half of the largest eigenvalue collapse is left.

        None where it is stable, or the prediction is not derived.
        """
        if self.predicted is None or self.beta >= self.largest:
            return None
        largest, beta = (self.scale**2 * each for each in (self.largest, self.beta))
        return growth(largest, largest / 2) / growth(largest, beta)

    def weight(self, beta: float) -> str:
        """Return a beta in words, in the user's units if these are others."""
        if self.factor == 1:
            return f"beta = {beta:.4g}"
        return f"KL weight {self.factor * beta:.4g} (beta = {beta:.4g})"

    @property
    def no_failure(self) -> str:
        """Below which squared error the loss is below that of a linear VAE, in words."""
        if self.error is None or self.predicted is None:
            return "no failure, as long as the loss at your beta is not above a linear VAE's"
        cheaper = float(self.predicted.sum() - self.kl.sum())
        most = self.error + 2 * self.scale**2 * self.beta * cheaper
        if most <= 0:
            return "KL alone costs more than all that a linear VAE loses: the loss is another"
        text = f"no failure, as long as the squared error of a row is below {most:.4g}"
        return f"{text} (summed over columns), where the loss is a linear VAE's"

    def or_another(self, word: str) -> str:
        """What else KL may be off for, a beta in force that the decoder does not show."""
        if self.in_force is not None and self.in_force.agree:
            return ""
        how = "vaedyn.probe" if self.in_force else "give the decoder, or vaedyn.probe"
        return f"; or the beta in force is {word} than yours ({how})"

    @property
    def if_averaged(self) -> str:
        """What else is to be said where nothing is active: of the loss that does that for good."""
        text = "if KL falls from report to report, collapse is stable and the beta in force larger"
        least = self.beta * self.dim / 2
        if self.summed and self.predicted is not None and least >= self.largest:
            cause = f"a squared error that is averaged over the {self.dim} entries makes it"
            return f"{text}: {cause} {least:.4g} or {2 * least:.4g} (vaedyn.probe)"
        return f"{text} (vaedyn.probe)"

    @property
    def if_settled(self) -> str:
        """What is to be said first where it is not known whether KL still moves."""
        return "" if self.settled else "if KL no longer moves (compare a later report): "


def settled(history: Sequence[Past], beta: float, kl: float, error: float) -> bool | None:
    """Return whether KL is where it was at the last report, or None if that is not known.

    It is not known at first, after beta has changed, or where few rows make it uncertain: a tenth
    is within the error, or more than a tenth is within three errors.
    """
    if not history:
        return None
    before = history[-1]
    change, room = abs(kl - before.kl), max(MOVED * max(kl, before.kl), ACTIVE)
    error = float(np.hypot(error, before.kl_error))
    if change > max(room, SURE * error):
        return False
    if max(change, error) > room or abs(beta - before.beta) > OTHER_BETA * before.beta:
        return None
    return True


def growth(variance: float, beta: float) -> float:
    """Return the rate at which a linear VAE leaves collapse, per unit of the learning rate.

    Along an eigenvector of eigenvalue s, decoder and encoder weights grow out of small ones as
    ``dw/dt = s v - w``, ``dv/dt = s w - beta s v`` in gradient descent on the model's loss, D
    being 1 up to second order. Near collapse that is ``s (s - beta)/(1 + beta s)``.
    """
    # model: linearisation, of gradient descent at the collapsed state
    s, middle = variance, (1 + beta * variance) / 2
    gap = s * (s - beta)
    return float(gap / (middle + np.sqrt(middle**2 + gap)))


def verdict(seen: Seen) -> tuple[str, str]:
    """Return one of `VERDICTS`, and a line of advice."""
    if not seen.beta:
        text = "beta is 0: KL grows as long as that lasts, and nothing is predicted"
        return "learning", f"{text}; compare reports at a beta above 0"
    units = int(active(seen.kl))
    if not units:
        return _inactive(seen)
    if seen.beta >= seen.largest and seen.kl[seen.kl > ACTIVE].sum() <= ALIKE:
        return "collapsed", f"what is left of KL dies out: {_below(seen)}"
    if seen.settled is False:
        return "learning", "go on, and compare later reports"
    if seen.off_centre > FEW * seen.kl.sum() + ALIKE:
        text = f"means of mu that are not 0 yet hold {seen.off_centre:.2g} nats of KL"
        return "learning", f"{text}: train longer, or subtract their mean from the data first"
    if seen.in_force and (text := mismatch(seen, seen.in_force)):
        return "mismatch", seen.if_settled + text
    if seen.predicted is None:
        text = "how many units are active below collapse is not derived for this likelihood"
        if seen.beta >= seen.largest:
            text = (
                "collapse is stable at this beta, yet units are active: they die out, or a "
                "nonlinear decoder keeps what it has learned"
            )
        return "unknown", text
    return _compared(seen, seen.predicted, units)


def mismatch(seen: Seen, in_force: InForce) -> str:
    """Return by how much the beta in force differs from the nominal one, and why, or nothing."""
    if not seen.beta:
        return ""
    ratio = in_force.beta / seen.beta
    if not in_force.agree or 1 / (1 + MARGIN) <= ratio <= 1 + MARGIN:
        return ""
    text = f"the beta in force is {in_force.beta:.3g}, {ratio:.3g} times yours"
    causes = likely_causes(ratio, seen.dim, len(seen.kl), seen.batch)
    if not causes:
        return f"{text}; vaedyn.probe measures what your loss is"
    return f"{text}; likely {', or '.join(causes[:MOST_CAUSES])}"


def notes_of(seen: Seen, word: str, by_variance: int) -> list[str]:
    """Return what to say besides a verdict: of a beta in force, and of the two ways to count."""
    notes = []
    if seen.in_force is not None and word != "mismatch":
        if not seen.in_force.agree and np.isfinite(seen.in_force.beta):
            text = "latents do not agree on the beta in force: training is not done, or the decoder"
            notes.append(f"{text} is far from linear")
        elif text := mismatch(seen, seen.in_force):
            notes.append(text)
    units = int(active(seen.kl))
    if abs(units - by_variance) > 1:
        text = f"{units} units are active by KL, {by_variance} by the variance of mu"
        notes.append(f"{text}: the two agree once training has settled")
    return notes


def _below(seen: Seen) -> str:
    return f"units become active below {seen.weight(seen.largest)} only"


def _inactive(seen: Seen) -> tuple[str, str]:
    """Return what is to be said where nothing is active."""
    if seen.beta >= seen.largest:
        return "collapsed", _below(seen)
    if seen.predicted is not None and seen.predicted[0] <= ACTIVE:
        text = f"beta is so close to the largest eigenvalue that no unit has {ACTIVE:g} nats"
        return "expected", f"{text}: {_below(seen)}"
    near = f"beta is {seen.beta / seen.largest:.3g} times the largest threshold"
    if seen.slowdown is None:
        text = f"{near}: train longer, or start from a smaller beta (a warm-up)"
        return "plateau", f"{text}; {seen.if_averaged}"
    if seen.beta < seen.largest / 2:
        text = f"{near}, far from collapse: train longer, or at a larger learning rate"
        return "plateau", f"{text}; {seen.if_averaged}"
    text = (
        f"{near}, where collapse is left {seen.slowdown:.2g} times as slowly as at half of it, and "
        "more slowly in deep networks"
    )
    text = f"{text}: train longer, or start from a smaller beta (a warm-up)"
    return "plateau", f"{text}; {seen.if_averaged}"


def _compared(seen: Seen, predicted: np.ndarray, units: int) -> tuple[str, str]:
    """Return what is to be said of active units beside those predicted."""
    kl, total = float(seen.kl.sum()), float(predicted.sum())
    expected = int((predicted > 0).sum())
    used = float(seen.kl[:expected].sum())  # without what is left in units that should be dead
    few = FEW * total + ALIKE
    if units > expected and seen.kl[expected:].sum() > few:
        return "more", seen.if_settled + _more(seen)
    spare = seen.signals is not None and min(units, expected) > seen.signals
    if spare and seen.kl[seen.signals :].sum() > few:
        advice = f"take as many latents, or at least {seen.weight(seen.noise)}"
        return "noise", f"signals that stand out of the noise: {seen.signals}; {advice}"
    room = SAME * total + ACTIVE
    if kl < total - room:
        text = "train longer, or at a smaller beta for a while (a warm-up)"
        text += f"; {seen.no_failure}{seen.or_another('larger')}"
        return "fewer", seen.if_settled + text
    if used > total + room or (units < expected and predicted[units:].sum() > few):
        text = seen.no_failure
        if used > total + room:
            text += seen.or_another("smaller")
        return "nonlinear", seen.if_settled + text
    return "expected", "nothing to do"


def _more(seen: Seen) -> str:
    """Return why more units may be active than predicted."""
    give = "" if seen.in_force else " (vaedyn.probe, or give the decoder)"
    rare = "few rows lie far from all others (see the KL of each row)"
    if seen.beta >= seen.largest:
        return (
            f"the model should have collapsed: is the beta in force another{give}, was beta raised "
            f"just now, or do {rare}? {seen.no_failure}"
        )
    return (
        "latents share directions, which longer training ends; or the beta in force is smaller"
        f"{give}; or {rare}; {seen.no_failure}"
    )
