"""Find out from a few evaluations of somebody's loss which beta is in force in it."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ParameterError

PRECISE = 1e-3  # largest deviation, relative to what varies: single precision does better
AGREE = 1e-2  # of powers of the batch size
POINTS = 6  # evaluations of each term
TINY = np.finfo(float).tiny


@dataclass(frozen=True)
class Probed:
    """What a loss turned out to be.

    Attributes
    ----------
    beta : float or None
        The weight of KL in units of the model's loss, ``|x - x_hat|^2 / 2 + beta KL`` of
        a sample, or ``-ln p(x) + beta KL`` for other likelihoods; None where it is neither.
    reconstruction : str or None
        ``gaussian`` (quadratic in the error), ``bernoulli`` (cross entropy, x_hat being
        probabilities or logits), ``poisson`` (x_hat being means or their logarithms), or None.
    reconstruction_factor : float or None
        What the squared error, or ``-ln p(x)``, is multiplied by, summed over entries and over
        the batch that was given.
    kl_factor : float or None
        What the KL divergence is multiplied by, likewise summed over latents and the batch.
    batch : str or None
        ``mean`` or ``sum`` over the samples, or ``mixed``: then beta depends on the batch size;
        None where it is not known.
    text : str
        All this in words, or why there is no beta.
    """

    beta: float | None
    reconstruction: str | None
    reconstruction_factor: float | None
    kl_factor: float | None
    batch: str | None
    text: str


def probe(
    loss_fn: Callable[..., Any],
    x: Any,
    mu: Any,
    logvar: Any,
    *,
    convert: Callable[[np.ndarray], Any] | None = None,
    seed: int = 0,
) -> Probed:
    """Find the beta that is in force in a loss of your own, by evaluating it a few times.

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(x_hat, x, mu, logvar)`` returns the loss of a batch: a number, or something
        with a method ``item``, such as a tensor; or a tuple that begins with it, or a dict that
        holds it as ``"loss"``. x_hat is the output of the decoder, mu and logvar are mean and
        logarithm of the variance of the latents. Where your loss has them in another order, wrap
        it: ``lambda x_hat, x, mu, logvar: mine(x, x_hat, mu, logvar.exp())``.
    x : (batch, ...)
        At least two samples of data, in the units of training.
    mu, logvar : (batch, latents)
        Only their shapes matter.
    convert : callable, optional
        What makes of an array what `loss_fn` wants, such as ``torch.from_numpy``.
    seed : int
        Of the places at which the loss is evaluated.

    Raises
    ------
    ParameterError
        When shapes do not fit, or the loss fails, or returns no number.
    """
    x = np.asarray(x, float)
    latents = np.shape(mu)
    if x.ndim < 2 or len(x) < 2 or not np.isfinite(x).all():
        raise ParameterError("x", f"must be finite, two samples at least, got shape {x.shape}")
    if len(latents) != 2 or latents != np.shape(logvar) or latents[0] != len(x):
        raise ParameterError(
            "mu", f"and logvar must be (batch, latents), got {latents} and {np.shape(logvar)}"
        )
    loss = _Loss(loss_fn, x, latents[1], convert, np.random.default_rng(seed))
    first = loss(*loss.start)
    if not np.isfinite(first):
        return _none(f"the loss is {first:g} where KL is 0 and x_hat 0.5 everywhere")
    if first != loss(*loss.start):
        return _none("the loss is random: it differs at the same arguments. Is KL estimated from "
                     "samples? Give the mean over them, or the analytic KL")  # fmt: skip
    kl, kl_half = loss.kl(), loss.kl(half=True)
    if kl is None or kl_half is None:
        return _none(
            "the loss is not linear in the KL divergence of N(mu, exp(logvar)) from N(0, 1), all "
            "latents and samples alike: free bits, a target capacity, or another parametrisation?"
        )
    if abs(kl) < TINY:
        return _none("the KL divergence does not enter the loss")
    named = loss.reconstruction()
    if named is None:
        return _none("the loss is none of: squared error, binary cross entropy, Poisson; "
                     "or its weights differ from entry to entry", kl=kl)  # fmt: skip
    name, form, factor, factor_half = named
    if not (factor > 0 and kl > 0):
        return _none("the reconstruction or KL has the wrong sign", name, factor, kl)
    if not loss.adds_up(form, factor, kl):
        return _none("reconstruction and KL do not simply add up", name, factor, kl)
    unit = 2 * factor if name == "gaussian" else factor
    parts = len(x) / (len(x) // 2)
    return _answer(name, form, factor, kl, kl / unit, (factor_half / factor, kl_half / kl), parts)


def _none(
    text: str, name: str | None = None, factor: float | None = None, kl: float | None = None
) -> Probed:
    return Probed(None, name, factor, kl, None, f"no beta: {text}")


def _answer(
    name: str,
    form: str,
    factor: float,
    kl: float,
    beta: float,
    grown: tuple[float, float],
    parts: float,
) -> Probed:
    """Return the result in words; `grown` is how both factors change with a part of the batch."""
    ways = {1.0: "sum", parts: "mean"}
    kinds = [
        next((way for size, way in ways.items() if abs(each / size - 1) < AGREE), None)
        for each in grown
    ]
    text = f"reconstruction: {form}, times {factor:.6g}; KL: times {kl:.6g}, both as sums over "
    text += f"the batch; so beta = {beta:.6g}"
    if None in kinds:
        text += " for batches of this size: with a part of the batch, terms change unlike sums or "
        return Probed(beta, name, factor, kl, None, f"{text}means")
    batch = kinds[0] if kinds[0] == kinds[1] else "mixed"
    if batch == "mixed":
        text += f" for batches of this size only: over the batch, reconstruction is a {kinds[0]}"
        text += f", KL a {kinds[1]}"
    else:
        text += f", whatever the batch size (both are a {batch} over it)"
    return Probed(beta, name, factor, kl, batch, text)


class _Loss:
    """A user's loss as a function of arrays, and what is fitted to it."""

    def __init__(
        self,
        function: Callable[..., Any],
        x: np.ndarray,
        latents: int,
        convert: Callable[[np.ndarray], Any] | None,
        random: np.random.Generator,
    ) -> None:
        self.function, self.x, self.convert, self.random = function, x, convert, random
        zero = np.zeros((len(x), latents))
        inside = x.min() >= 0 and x.max() <= 1
        self.spread = float(x.std()) or 1.0
        self.strategies = ["unit", "around"] if inside else ["around", "unit"]
        self.fitting = self.strategies[0]
        self.start = (np.full_like(x, 0.5), zero, zero)  # which every likelihood takes
        with contextlib.suppress(ParameterError):
            if not inside and np.isfinite(self(x, zero, zero)):
                self.start = (x, zero, zero)  # where the reconstruction hides least of KL

    def __call__(
        self, x_hat: np.ndarray, mu: np.ndarray, logvar: np.ndarray, half: bool = False
    ) -> float:
        """Return the loss, of the first half of the batch only if wanted.

        Raises
        ------
        ParameterError
        """
        count = len(self.x) // 2 if half else len(self.x)
        given = [each[:count].copy() for each in (x_hat, self.x, mu, logvar)]
        try:
            with np.errstate(all="ignore"):  # where x_hat is none that this loss takes
                found = self.function(*(map(self.convert, given) if self.convert else given))
            found = found["loss"] if isinstance(found, dict) else found
            found = found[0] if isinstance(found, tuple) else found
            return float(found.item() if hasattr(found, "item") else found)
        except Exception as error:
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            reason = f"fails, or returns no number ({why}): does it need convert=torch.from_numpy?"
            raise ParameterError("loss_fn", reason) from error

    def latents(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield means and logarithms of variances, of small and large KL divergence."""
        shape = self.start[1].shape
        for k in range(POINTS):
            size = (0.1, 0.5, 1.5)[k % 3]
            yield size * self.random.normal(size=shape), size * self.random.normal(size=shape)

    def kl(self, half: bool = False) -> float | None:
        """Return the factor of the KL divergence, summed over the batch, or None."""
        x_hat, zero, _ = self.start
        count = len(self.x) // 2 if half else len(self.x)
        base = self(x_hat, zero, zero, half)
        values, sums = [], []
        for mu, logvar in self.latents():
            values.append(self(x_hat, mu, logvar, half) - base)
            sums.append(_kl(mu[:count], logvar[:count]))
        return _slope(sums, values, base, each=True)

    def reconstruction(self) -> tuple[str, str, float, float] | None:
        """Return what the reconstruction is, in a word and in words, and its two factors."""
        for strategy in self.strategies:
            points = [self._decoded(strategy) for _ in range(POINTS)]
            zero = self.start[1]
            whole = len(self.x)
            try:
                values = {
                    half: np.array([self(x_hat, zero, zero, half) for x_hat in points])
                    for half in (False, True)
                }
            except ParameterError:  # such as probabilities that are none
                continue
            for form, (name, energy) in FORMS.items():
                factors = []
                for half, losses in values.items():
                    count = whole // 2 if half else whole
                    with np.errstate(all="ignore"):
                        sums = [energy(x_hat[:count], self.x[:count]).sum() for x_hat in points]
                    factors.append(_slope(np.diff(sums), np.diff(losses), losses[0]))
                if factors[0] is not None and factors[1] is not None and factors[0] != 0:
                    self.fitting = strategy
                    return name, form, factors[0], factors[1]
        return None

    def _decoded(self, strategy: str) -> np.ndarray:
        if strategy == "unit":
            return self.random.uniform(0.05, 0.95, self.x.shape)
        size = self.spread * self.random.uniform(0.2, 1.5)
        return self.x + size * self.random.normal(size=self.x.shape)

    def adds_up(self, form: str, factor: float, kl: float) -> bool:
        """Return whether the loss is the sum of the two terms where both vary at once."""
        energy = FORMS[form][1]
        base = self(*self.start)
        for mu, logvar in self.latents():
            x_hat = self._decoded(self.fitting)
            change = factor * (energy(x_hat, self.x) - energy(self.start[0], self.x)).sum()
            divergence = kl * _kl(mu, logvar)
            size = max(abs(change), abs(divergence))
            off = self(x_hat, mu, logvar) - base - change - divergence
            if not abs(off) <= PRECISE * size + _noise(base):
                return False
        return True


def _kl(mu: np.ndarray, logvar: np.ndarray) -> float:
    """Return the KL divergence from N(0, 1), summed."""
    return float(0.5 * (mu**2 + np.expm1(logvar) - logvar).sum())


def _noise(size: float) -> float:
    """Return what single precision makes of a number."""
    return 1e-6 * abs(size)


def _slope(sums: Any, values: Any, base: float, *, each: bool = False) -> float | None:
    """Return the factor between two lists of numbers, or None where there is no single one."""
    sums, values = np.asarray(sums, float), np.asarray(values, float)
    if not (np.isfinite(sums).all() and np.isfinite(values).all() and sums.any()):
        return None
    factor = float(sums @ values / (sums @ sums))
    size = abs(factor * sums) if each else np.abs(factor * sums).max()
    off = np.abs(values - factor * sums)
    return factor if (off <= PRECISE * size + _noise(base)).all() else None


def _logistic(logits: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, logits)


FORMS: dict[str, tuple[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = {
    "squared error": ("gaussian", lambda y, x: (y - x) ** 2),
    "binary cross entropy of probabilities": (
        "bernoulli",
        lambda y, x: -x * np.log(y) - (1 - x) * np.log1p(-y),
    ),
    "binary cross entropy of logits": ("bernoulli", lambda y, x: _logistic(y) - x * y),
    "Poisson of means": ("poisson", lambda y, x: y - x * np.log(y)),
    "Poisson of logarithms of means": ("poisson", lambda y, x: np.exp(y) - x * y),
}
"""Negative logarithms of likelihoods of an entry x at the decoder's output y, but for constants."""
