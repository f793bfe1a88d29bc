"""A model that suits a table: learning rate, time and latents for training on its rows."""

from dataclasses import fields
from inspect import signature
from math import floor, inf, log, log10
from typing import Any

import numpy as np

from ..errors import ParameterError, did_you_mean
from ..learning.epochs import check_batch
from ..model.params import integer, real
from ..model.schedules import parse_schedule
from .learn import FROM_DATA, DataParams
from .look import Look, look
from .settling import Mode, modes, rate_of_draws, settled_at, steady_rate

BUDGET = 30.0  # seconds of training, about, if no time is given
AT_LEAST = 20.0  # times 1/lr that training takes if there is time
SHORTEST = 100.0  # time that is trained however long it takes
TINY = 1e-12
LEAST = 1e-20  # of the largest variance, for beta; training takes for ever far above it
ENDLESS = 1e12  # steps: enough for any number of saved times
ARRIVED = 2.0  # times the time that a variance takes at the least under Adam
HARDLY = 0.8  # of the usual learning rate: nobody notices
LONG = 5.0  # times the mean squared length of rows: hardly any gaussian row is so long


def check_settings(columns: int, beta: float | None = None, **settings: Any) -> None:
    """Refuse settings that no table of so many columns allows, before anything is computed.

    Raises
    ------
    ParameterError
        When a value is out of range, or is one that the data decide.
    TypeError
        When there is no such setting.
    """
    known = [field.name for field in fields(DataParams)]
    for name in (each for each in settings if each not in known):
        hint = did_you_mean(name, known)
        if name in signature(look).parameters:
            hint = f": look at the data first, look(data, {name}=...), and give what that returns"
        raise TypeError(f"got an unexpected keyword argument {name!r}{hint}")
    for name in FROM_DATA:
        if name in settings:
            raise ParameterError(name, "cannot be given: it is taken from the data")
    trial = {"t_max": ENDLESS / columns, "points": 2, **settings}
    if beta is None:
        parse_schedule(trial.pop("anneal", "constant"))
    else:
        trial["beta"] = real("beta", beta)
    params = DataParams(**{**trial, "dim": columns, "signal": 1})
    if params.adam and params.lam:
        raise ParameterError("lam", "is not derived for Adam on data; leave it out")


def suited(
    found: Look, beta: float | None = None, *, share: float = 1.0, **settings: Any
) -> DataParams:
    """Return a model to train on a table; what is not given is chosen to suit the data.

    Parameters
    ----------
    found : Look
    beta : float, optional
        Otherwise the noise level.
    share : float
        Of the time that training may take, about 30 s, where no `t_max` is given.
    **settings
        Other fields of `DataParams`. Otherwise `latent` is the number of signals, `lr` is such
        that SGD's noise hardly moves KL divergences (see `pace`), and `t_max` such that all has
        settled; for one epoch, the rows are used up at the latest.

    Raises
    ------
    ParameterError
        When a value is out of range.
    """
    spectrum, prediction, unit = found.spectrum, found.prediction, found.rows.unit
    dim = spectrum.dim
    beta = real("beta", prediction.eta if beta is None else beta)
    if beta < LEAST * unit:
        least = f"must be at least {LEAST * unit:.3g}, {LEAST:g} of the largest variance"
        raise ParameterError("beta", f"{least}, got {beta:g}")
    latent = integer("latent", settings.get("latent", max(prediction.latents, 1)), 1)
    signal = max(1, min(prediction.latents, len(spectrum.directions)))
    strengths = spectrum.eigenvalues[:signal] - prediction.eta
    values: dict[str, Any] = {"beta": beta, "latent": latent, "dim": dim, "signal": signal}
    values |= {"rho": tuple(np.maximum(strengths, TINY * unit).tolist()), "eta": prediction.eta}
    for_ever = {"t_max": ENDLESS / dim, "points": 2}
    if "lr" not in settings:
        unpaced = DataParams(**{**settings, **values, **for_ever, "lr": 1.0})
        rate = _rate(found, beta)
        if unpaced.sampled and not unpaced.adam:
            rate = min(rate, rate_of_draws(dim, beta / unit, unpaced.batch) / 4)
        settings["lr"] = rate / pace(found, unpaced)
    params = DataParams(**{**settings, **values, **for_ever})
    check_batch(params, spectrum.samples)
    lr = pace(found, params)
    needed = max((settled_at(mode, lr) for mode in slow_modes(found, beta, latent)), default=0.0)
    if params.adam:  # a step changes log D by 1/N of its rate at most
        needed = max(needed, ARRIVED * max(0.0, log(unit / beta)) / float(params.rates[2]))
    # about what a step takes
    seconds = 5e-7 + 2e-10 * dim * latent * (6 + 1.5 * latent)
    most = max(share * BUDGET / (seconds * dim * params.batch), SHORTEST)
    warm_up = parse_schedule(settings.get("anneal", "constant")).warm_up()
    usual = _rounded_up(min(max(needed, AT_LEAST / lr) + warm_up, most))
    last = one_epoch(found, params.batch)
    settings.setdefault("t_max", min(usual, last))
    if settings["t_max"] > last * (1 + 1e-9):
        fresh = f"one epoch of {spectrum.samples} rows ends at {last:.6g}"
        raise ParameterError("t_max", f"{fresh}, got {settings['t_max']:g}")
    settings.setdefault("points", min(401, max(2, int(settings["t_max"] * dim))))
    return DataParams(**{**settings, **values})


def pace(found: Look, params: DataParams) -> float:
    """Return the learning rate of plain SGD that learns about as fast, at the least.

    Momentum makes rates 1/(1 - p) times as large, and the slowest of three counts. Adam divides
    gradients by the root of their second moment, about ``mean variance/batch`` where z is of
    order 1.
    """
    if not params.adam:
        return float(params.rates.min()) / (1 - params.momentum)
    spectrum = found.spectrum
    mean = spectrum.total / spectrum.dim / found.rows.unit
    return float(params.rates.min() * np.sqrt(params.batch / mean))


def one_epoch(found: Look, batch: int = 1) -> float:
    """Return the time when all rows have been used once; inf where they may be used again."""
    spectrum = found.spectrum
    return spectrum.samples / (spectrum.dim * batch) if found.epochs == "one" else inf


def slow_modes(found: Look, beta: float, latent: int) -> list[Mode]:
    """Return the modes that learning settles by, in units of the largest variance."""
    unit = found.rows.unit
    return list(modes(found.spectrum.eigenvalues / unit, beta / unit, latent))


def slowed_by(found: Look, beta: float) -> str | None:
    """Return which row makes the learning rate that suits smaller than others would, if any."""
    dim, (row, length) = found.spectrum.dim, found.rows.longest
    lr, usual = _rate(found, beta), steady_rate(dim, beta / found.rows.unit)
    count = found.rows.samples
    times = length * dim / (found.spectrum.total * (1 - 1 / count) / found.rows.unit)
    if lr > HARDLY * usual or times < LONG:
        return None
    return (
        f"single long rows limit the learning rate to {lr:.3g} (others would allow {usual:.3g}): "
        f"learning takes longer. Row {row + 1} has {times:.3g} times the mean squared length"
    )


def _rate(found: Look, beta: float) -> float:
    return steady_rate(found.spectrum.dim, beta / found.rows.unit, found.rows.longest[1])


def _rounded_up(time: float) -> float:
    """Return a time with two digits that is not earlier."""
    near = float(f"{time:.2g}")
    return near if near >= time else float(f"{near + 10.0 ** (floor(log10(time)) - 1):.2g}")
