"""A collapse monitor for people who train VAEs in their own code: latents beside eigenvalues."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ParameterError
from ..model.params import integer, real
from ..model.quantities import active
from ..tables.table import Data, Held, Table
from .beta_in_force import beta_in_force
from .collapse_thresholds import collapse_thresholds
from .convention import LEARNED, LEAST, Convention
from .judge import check_asked
from .latents import Moments, as_numbers
from .look import Look, look
from .presets import Preset, as_convention
from .report import Past, Report
from .verdict import Seen, notes_of, settled, verdict

BURDA = 0.01  # variance of the means above which a latent is active
WIDE = 1.05  # variances above it are no noise of training
ROUNDING = 1e-9  # of the largest eigenvalue, by which others may be below 0


class CollapseMonitor:
    """Watch the latents of a VAE in training, and report how they collapse and why.

    It knows neither your network nor your library: what it is given is turned into NumPy's arrays.

    Parameters
    ----------
    data_or_eigenvalues : (k,) array; or Look; or table
        Eigenvalues of the covariance of the rows with 1/rows, as training on them sees it (for
        another likelihood, those of `vaedyn.collapse_thresholds`); or what `vaedyn.look` returns,
        or anything that it takes.
    latents : int, optional
        How many there are; otherwise as many as the first batch has.
    convention : Convention, Preset or str, optional
        How your loss is scaled, or the name of a known code in `vaedyn.PRESETS`; otherwise like
        the model's: half of the squared error, summed, and beta times KL.
    dim : int, optional
        Number of columns of the data, which some losses need; with a table it is known.
    **how
        As of `vaedyn.look`, if a table is given, such as ``standardise=True``.

    Attributes
    ----------
    history : list of Past
        What is remembered of each report, as plain numbers.

    Raises
    ------
    ParameterError
        When eigenvalues or an argument make no sense, or the decoder's variance is learned.
    TableError
        When there is no such file, or no table in it.
    """

    def __init__(
        self,
        data_or_eigenvalues: Data | Look | Sequence[float],
        *,
        latents: int | None = None,
        convention: Convention | Preset | str | None = None,
        dim: int | None = None,
        **how: Any,
    ) -> None:
        self.convention = as_convention(convention)
        if self.convention.kind == LEARNED:
            reason = "learned is not watched: leave it out, and report on beta times that variance"
            raise ParameterError("decoder_variance", reason)
        self.latents = None if latents is None else integer("latents", latents, 1)
        self.dim = None if dim is None else integer("dim", dim, 1)
        self.signals: int | None = None
        self.noise = 0.0  # the largest eigenvalue beside those of the signals
        self.least = 0.0  # eigenvalues that are not known are below it
        self.total: float | None = None  # of all eigenvalues
        self.doubts: list[str] = []
        self.history: list[Past] = []
        if isinstance(data_or_eigenvalues, Look) or _is_table(data_or_eigenvalues):
            columns = self._see(data_or_eigenvalues, how)
            if self.dim not in (None, columns):
                raise ParameterError("dim", f"must be {columns}, as the data have, got {self.dim}")
            self.dim = columns
        else:
            _none_of(how, "goes with a table, not with eigenvalues")
            self.eigenvalues = _eigenvalues(data_or_eigenvalues)
        self._forget()

    def _see(self, data: Any, how: dict[str, Any]) -> int:
        """Take eigenvalues and signals from a table, and return how many columns it has."""
        convention = self.convention
        if convention.kind != "gaussian":
            if isinstance(data, Look):
                reason = f"a look has eigenvalues for a gaussian, not for {convention.kind}"
                raise ParameterError("likelihood", f"{reason}: give the table itself")
            asked: Any = {"dispersion": convention.dispersion, "scale": convention.scale}
            thresholds = collapse_thresholds(data, convention.likelihood, **asked, **how)
            self.eigenvalues = thresholds.eigenvalues
            self.doubts.extend(thresholds.warnings)
            return thresholds.dim
        if isinstance(data, Look):
            _none_of(how, "goes with a table, not with a look at it")
        found = data if isinstance(data, Look) else look(data, **how)
        self.eigenvalues = np.array(found.prediction.variances())
        self.total = found.prediction.total
        if found.prediction.missing:
            self.least = float(self.eigenvalues[-1])
        if found.analysis.no_floor is None:
            self.signals = int(found.prediction.latents)
            self.noise = float(max(self.eigenvalues[self.signals :], default=0.0))
        else:
            why = found.analysis.no_floor
            self.doubts.append(f"it is not known which active units fit noise, as {why}")
        return found.spectrum.dim

    def _forget(self) -> None:
        self._seen: tuple[Moments, Moments] | None = None
        self._batch = 0

    def update(self, mu: Any, logvar: Any) -> None:
        """Take in a batch.

        Parameters
        ----------
        mu : (batch, latent)
            Means of the posterior, an array or a tensor.
        logvar : (batch, latent) or (latent,)
            Logarithms of its variances, for each row or one for all.

        Raises
        ------
        ParameterError
            When shapes do not fit, or a number is not finite or overflows; it is a ValueError.
        """
        mu, logvar = as_numbers("mu", mu), as_numbers("logvar", logvar)
        if mu.ndim != 2 or 0 in mu.shape:
            raise ParameterError("mu", f"must have the shape (batch, latents), got {mu.shape}")
        if self.latents not in (None, mu.shape[1]):
            raise ParameterError("mu", f"must have {self.latents} latents, got shape {mu.shape}")
        if logvar.shape not in (mu.shape, mu.shape[1:]):
            reason = f"must have the shape {mu.shape} of mu, or {mu.shape[1:]} for all rows"
            raise ParameterError("logvar", f"{reason}, got {logvar.shape}")
        with np.errstate(over="ignore"):
            variance = np.broadcast_to(np.exp(logvar), mu.shape)
            kl = 0.5 * (mu**2 + np.expm1(logvar) - logvar)
            now = Moments.of(np.stack([kl, mu, variance], axis=1)), Moments.of(kl.sum(axis=1))
        if not (now[0].finite and now[1].finite):
            name = "mu" if logvar.max() < 300 else "logvar"
            raise ParameterError(name, "is so large that KL overflows")
        self.latents = mu.shape[1]
        if self._seen is not None:
            now = self._seen[0].merged(now[0]), self._seen[1].merged(now[1])
        self._seen, self._batch = now, max(self._batch, len(mu))

    def report(
        self,
        beta: float | None = None,
        *,
        weight: float | None = None,
        decoder: Any = None,
        reset: bool = True,
    ) -> Report:
        """Report on all batches since the last report, and remember it.

        Parameters
        ----------
        beta : float, optional
            The KL weight now, in units of the model; 0 where a warm-up starts there.
        weight : float, optional
            The same in units of the convention; one of the two is needed.
        decoder : (dim, latent), optional
            Weights of a linear decoder, or columns of the Jacobian of another one where latents
            usually are: the beta that is in force is read off.
        reset : bool
            Whether the next report is about new batches only.

        Raises
        ------
        ParameterError
            When no batch was seen, or an argument makes no sense.
        """
        if self.latents is None or self._seen is None:
            raise ParameterError("mu", "no batch was seen: call update before report")
        columns = None if decoder is None else self._decoder(decoder, self.latents)
        dim = self.dim if columns is None else len(columns)
        beta, factor = self._units(beta, weight, self.latents, dim)
        of_latents, of_rows = self._seen
        order = np.argsort(-of_latents.mean[0], kind="stable")
        kl, centre, variance = of_latents.mean[:, order]
        spread = (of_latents.squares[1] / of_latents.count)[order]
        scale, in_force = self.convention.scale, None
        if columns is not None:
            in_force = beta_in_force(columns[:, order], variance, kl, scale)
        total, error = float(kl.sum()), float(of_rows.error)
        seen = Seen(
            beta=beta,
            largest=float(self.eigenvalues[0]),
            kl=kl,
            predicted=self._predicted(beta, self.latents),
            off_centre=float(0.5 * (centre**2).sum()),
            settled=settled(self.history, beta, total, error),
            in_force=in_force,
            signals=self.signals,
            noise=self.noise,
            dim=dim or 0,
            batch=self.batch,
            factor=factor,
            scale=scale,
            summed=self.convention.loss == "sum",
            error=self._error(beta, self.latents),
        )
        word, advice = verdict(seen)
        units = int((spread > BURDA).sum())
        found = Report(
            verdict=word,
            advice=advice,
            notes=(*self._notes(beta, variance), *notes_of(seen, word, units)),
            beta=beta,
            weight=factor * beta,
            rows=of_latents.count,
            batch=self.batch,
            order=order,
            kl_per_latent=kl,
            predicted=seen.predicted,
            mean_variance=spread,
            posterior_variance=variance,
            kl=total,
            kl_error=error,
            predicted_error=seen.error,
            predicted_kl=None if seen.predicted is None else float(seen.predicted.sum()),
            active_kl=int(active(kl)),
            active_variance=units,
            predicted_active=int((self.eigenvalues[: self.latents] > beta).sum()),
            off_centre=seen.off_centre,
            settled=seen.settled,
            slowdown=seen.slowdown,
            in_force=in_force,
        )
        self.history.append(found.past)
        if reset:
            self._forget()
        return found

    @property
    def batch(self) -> int:
        """Rows in a batch, by the convention or, without, the most that were seen."""
        return self.convention.batch_size or self._batch

    def _units(
        self, beta: float | None, weight: float | None, latents: int, dim: int | None
    ) -> tuple[float, float]:
        """Return beta, and the user's weight over it."""
        check_asked(weight, beta, least=0.0)
        convention = self.convention
        if convention.kl == "mean":
            if convention.latent not in (None, latents):
                reason = f"must be {latents}, as mu has, got {convention.latent}"
                raise ParameterError("latent", reason)
            convention = replace(convention, latent=latents)
        kind = convention.kind
        factor = convention.factor(dim or 1, kind)
        if dim is None and factor != convention.factor(2, kind):
            raise ParameterError("dim", "is needed, as the loss is averaged over columns")
        if weight is not None:
            return float(weight) / factor, factor
        if beta is None:
            raise ParameterError("beta", "is needed, or weight, in units of your loss")
        return float(beta), factor

    def _predicted(self, beta: float, latents: int) -> np.ndarray | None:
        """Return the KL of each latent (latent,) of a linear VAE in the end, if derived."""
        # model: closed form, at small tau and lam = 0
        if self.convention.kind != "gaussian" or not beta:
            return None
        used = np.zeros(latents)
        known = self.eigenvalues[:latents]
        used[: len(known)] = known
        return 0.5 * np.log(np.maximum(used / beta, 1.0))

    def _error(self, beta: float, latents: int) -> float | None:
        """Return the squared error of a row of a linear VAE in the end, if it is known."""
        # model: closed form, at small tau and lam = 0
        used = self.eigenvalues[:latents]
        if self.total is None or (self.least > beta and latents > len(used)):
            return None
        learned = np.maximum(used - beta, 0.0).sum()
        return float(self.convention.scale**2 * (self.total - learned))

    def _decoder(self, decoder: Any, latents: int) -> np.ndarray:
        """Return the decoder's columns (dim, latent), checked."""
        if self.convention.kind != "gaussian":
            reason = f"beta is read off it for a gaussian only, not for {self.convention.kind}"
            raise ParameterError("decoder", reason)
        columns = as_numbers("decoder", decoder)
        wanted = f"({self.dim or 'dim'}, {latents})"
        if columns.ndim != 2 or columns.shape[1] != latents or not len(columns):
            cure = ": transpose it" if columns.shape[:1] == (latents,) else ""
            reason = f"must have the shape {wanted}, got {columns.shape}{cure}"
            raise ParameterError("decoder", reason)
        if self.dim not in (None, len(columns)):
            raise ParameterError("decoder", f"must have the shape {wanted}, got {columns.shape}")
        return columns

    def _notes(self, beta: float, variance: np.ndarray) -> list[str]:
        """Return doubts about eigenvalues, and about posterior variances (latent,)."""
        notes, latents = list(self.doubts), len(variance)
        if variance.min() > WIDE:
            text = "all posterior variances are above the prior's, where no training ends"
            notes.append(f"{text}: is logvar the logarithm of the variance?")
        if self.least > beta and latents > len(self.eigenvalues):
            text = f"only {len(self.eigenvalues)} eigenvalues are known, and the least of them"
            notes.append(f"{text} is above beta: the prediction is the least that there can be")
        return notes


def _is_table(given: Any) -> bool:
    """Return whether something is a table rather than a list of eigenvalues."""
    if isinstance(given, (str, Path, Table, Held)):
        return True
    try:
        return len(np.shape(given)) != 1
    except ValueError:  # such as rows of unequal lengths
        return True


def _eigenvalues(given: Any) -> np.ndarray:
    """Return eigenvalues (k,), descending.

    Raises
    ------
    ParameterError
    """
    values = np.sort(as_numbers("eigenvalues", given))[::-1]
    if values.ndim != 1 or not values.size:
        raise ParameterError("eigenvalues", f"must have the shape (k,), got {values.shape}")
    real("eigenvalues", values[0], LEAST)
    if values[-1] < -ROUNDING * values[0]:
        raise ParameterError("eigenvalues", f"must not be negative, got {values[-1]:g}")
    return np.maximum(values, 0.0)


def _none_of(how: dict[str, Any], reason: str) -> None:
    for name in how:
        raise ParameterError(name, reason)
