"""Training on somebody's own rows: what suits them, and whether it has come as predicted."""

import logging
from collections.abc import Callable, Iterator
from functools import cache
from math import floor, log10
from typing import Any, NamedTuple

import click
import numpy as np
from click.core import ParameterSource

from vaedyn.data.settling import ALIKE, Mode, kl_of, modes, settled_at, steady_rate
from vaedyn.data.spectrum_of import standardised
from vaedyn.data.training import DataParams, Rows, learn
from vaedyn.errors import ParameterError
from vaedyn.model.params import integer, real
from vaedyn.model.results import Trajectory
from vaedyn.model.schedules import parse_schedule

from .again import FROM_DATA
from .complete import files
from .data import AT_ONCE, DATA_OPTIONS, Data, look, opened
from .options import SIMULATION, option
from .output import number, print_json, provenance, table
from .session import Session

log = logging.getLogger("vaedyn.cli")
WITHOUT = (*(name for name in SIMULATION if name != "seed"), "tol")
BUDGET = 30.0  # seconds of training, about, if no time is given
AT_LEAST = 20.0  # times 1/lr that training takes if there is time
SHORTEST = 100.0  # time that is trained however long it takes
TINY = 1e-12
LEAST = 1e-20  # of the largest variance, for beta; training takes for ever far above it
ENDLESS = 1e12  # steps: enough for any number of saved times
REACH = 1000.0  # times longer is more than anybody waits
HARDLY = 0.8  # of the usual learning rate: nobody notices
LONG = 5.0  # times the mean squared length of rows: hardly any gaussian row is so long
ILL_SCALED = 1e-3  # ratio of variances that are hardly learned together
DATA_OPTION = option(
    "Model",
    "--data",
    "place",
    metavar="DATA",
    default=None,
    shell_complete=files,
    help="Train on the rows of this table instead, see `vaedyn spectrum`; they give N, M*, rho "
    "and eta.",
    show_default="drawn from the model",
)
ON_DATA = [DATA_OPTION, *DATA_OPTIONS]


class OnData(NamedTuple):
    """A table, what is known of it, and what the user has set."""

    data: Data
    rows: Rows
    settings: dict[str, Any]

    @property
    def variances(self) -> np.ndarray:
        """Eigenvalues of the data covariance in units of the largest."""
        return self.data.spectrum.eigenvalues / self.rows.unit


def given(name: str) -> bool:
    """Return whether an option has been set by the user."""
    source = click.get_current_context().get_parameter_source(name)
    return source not in (None, ParameterSource.DEFAULT)


def typed(name: str) -> bool:
    """Return whether an option stands on the command line: others may be meant for elsewhere."""
    source = click.get_current_context().get_parameter_source(name)
    return source == ParameterSource.COMMANDLINE


def without_data() -> None:
    """Refuse options that go with data only.

    Raises
    ------
    click.UsageError
    """
    for name in ("standardise", "estimator", "spikes"):
        if typed(name):
            raise click.UsageError(f"--{name} goes with --data")


def prepare(
    session: Session,
    place: str,
    model: dict[str, Any],
    standardise: bool,
    estimator: str,
    spikes: int | None,
) -> OnData:
    """Return what training on a table needs; warnings about the data are given.

    Raises
    ------
    click.UsageError
        When an option is given that the data decide.
    """
    for name in FROM_DATA:
        if typed(name):
            raise click.UsageError(f"--{name} and data exclude each other: it is taken from them")
    for name in WITHOUT:
        if typed(name):
            option = name.replace("_", "-")
            raise click.UsageError(
                f"--{option} does not apply to training on data, which is one run"
            )
    settings = {name: value for name, value in model.items() if given(name)}
    found = opened(place)
    _check(settings, found.columns)
    data = look(session, place, standardise, estimator, spikes)
    for text in data.analysis.warnings:
        log.warning(text)
    count = max(1, int(AT_ONCE / (8 * found.columns)))

    @cache
    def seen() -> Callable[[], Iterator[np.ndarray]]:
        # a pass over the data that what is stored does without
        return standardised(lambda: found.blocks(count)) if standardise else blocks

    def blocks() -> Iterator[np.ndarray]:
        return found.blocks(count)

    unit = float(data.spectrum.eigenvalues[0])
    digest = f"{data.source.params['data']} / {unit!r}{' standardised' * standardise}"
    origin = {"file": place, "standardise": standardise, "estimator": estimator, "spikes": spikes}
    rows = Rows(lambda: seen()(), data.spectrum.mean, data.spectrum.samples, unit, digest, origin)
    return OnData(data, rows, settings)


def _check(settings: dict[str, Any], columns: int) -> None:
    """Refuse values of the user's before anything is computed; the others are not known yet."""
    trial = {"t_max": ENDLESS / columns, "points": 2, **settings}
    if "beta" in settings:
        real("beta", settings["beta"])
    else:
        parse_schedule(trial.pop("anneal", "constant"))
    DataParams(**{**trial, "dim": columns, "signal": 1})


def chosen(it: OnData, beta: float | None = None, share: float = 1.0) -> DataParams:
    """Return the model; what is not given is chosen to suit the data.

    Parameters
    ----------
    it : OnData
    beta : float, optional
        Instead of the user's, or the recommended one.
    share : float
        Of the time that training may take, where none is given.
    """
    data, unit, settings = it.data, it.rows.unit, dict(it.settings)
    dim = data.spectrum.dim
    beta = real("beta", settings.get("beta", data.prediction.beta) if beta is None else beta)
    if beta < LEAST * unit:
        least = f"must be at least {LEAST * unit:.3g}, {LEAST:g} of the largest variance"
        raise ParameterError("beta", f"{least}, got {beta:g}")
    latent = integer("latent", settings.get("latent", max(data.prediction.latents, 1)), 1)
    signal = max(1, min(data.prediction.latents, len(data.spectrum.directions)))
    strengths = data.spectrum.eigenvalues[:signal] - data.prediction.eta
    lr = real("lr", settings["lr"] if "lr" in settings else _rate(it, beta))
    needed = max((settled_at(mode, lr) for mode in _modes(it, beta, latent)), default=0.0)
    # about what a step takes
    seconds = 5e-7 + 2e-10 * dim * latent * (6 + 1.5 * latent)
    most = max(share * BUDGET / (seconds * dim), SHORTEST)
    warm_up = parse_schedule(settings.get("anneal", "constant")).warm_up()
    settings.setdefault("t_max", _rounded_up(min(max(needed, AT_LEAST / lr) + warm_up, most)))
    settings.setdefault("points", min(401, max(2, int(settings["t_max"] * dim))))
    values = {"beta": beta, "latent": latent, "lr": lr, "dim": dim, "signal": signal}
    values |= {"rho": tuple(np.maximum(strengths, TINY * unit).tolist())}
    return DataParams(**{**settings, **values, "eta": data.prediction.eta})


def _rate(it: OnData, beta: float) -> float:
    return steady_rate(it.data.spectrum.dim, beta / it.rows.unit, it.rows.longest[1])


def slowed(it: OnData, beta: float) -> str | None:
    """Return why the learning rate is smaller than rows of equal length would have it, if it is."""
    dim, (row, length) = it.data.spectrum.dim, it.rows.longest
    lr, usual = _rate(it, beta), steady_rate(dim, beta / it.rows.unit)
    count = it.rows.samples
    times = length * dim / (it.data.spectrum.total * (1 - 1 / count) / it.rows.unit)
    if given("lr") or lr > HARDLY * usual or times < LONG:
        return None
    return (
        f"single long rows limit the learning rate to {lr:.3g} (others would allow {usual:.3g}): "
        f"learning takes longer. Row {row + 1} has {times:.3g} times the mean squared length"
    )


def _rounded_up(time: float) -> float:
    """Return a time with two digits that is not earlier."""
    near = float(f"{time:.2g}")
    return near if near >= time else float(f"{near + 10.0 ** (floor(log10(time)) - 1):.2g}")


def _modes(it: OnData, beta: float, latent: int) -> list[Mode]:
    return list(modes(it.variances, beta / it.rows.unit, latent))


def trained(session: Session, it: OnData, params: DataParams, seed: int) -> Trajectory:
    """Return what SGD on the rows has come to."""
    directions = it.data.spectrum.directions[: params.signal]
    with session.progress("train on the data", "steps") as progress:
        return learn(params, it.rows, directions, seed=seed, store=session.store, progress=progress)


def predicted(it: OnData, params: DataParams, beta: float | None = None) -> np.ndarray:
    """Return the KL divergence of each latent (latent,) that the sample's own spectrum leads to."""
    variances = np.zeros(params.latent)
    known = it.data.spectrum.eigenvalues[: params.latent]
    variances[: len(known)] = known
    return kl_of(variances, params.beta if beta is None else beta, params.lam)


def disagreement(it: OnData, params: DataParams, measured: np.ndarray) -> str | None:
    """Return why the KL divergences that were measured are not those predicted, if they are not."""
    expected = predicted(it, params)
    if (np.abs(measured - expected) < ALIKE + 0.02 * expected).all():
        return None
    end = float(params.schedule(np.array(params.t_max), params.beta))
    start = f"measured and predicted KL differ by up to {np.abs(measured - expected).max():.2g}: "
    if abs(end - params.beta) > 0.01 * params.beta:
        return f"{start}at the end beta is {end:.4g}, and {params.beta:.4g} in the prediction"
    late = [
        (time, mode)
        for mode in _modes(it, params.beta, params.latent)
        if (time := settled_at(mode, params.lr)) > params.t_max
    ]
    if not late:
        return f"{start}lower --lr, which makes SGD's noise smaller, or raise --t-max"
    time, mode = max(late)
    values = " and ".join(f"{it.rows.unit * s:.4g}" for s in mode.variances)
    if mode.mixing:
        why = f"latents on neighbouring eigenvalues, such as {values}, stay mixed"
    else:
        why = f"learning is not settled on eigenvalue{'s' * (len(mode.variances) > 1)} {values}"
    cure = "raise --t-max, or --beta" if time < REACH * params.t_max else "raise --beta"
    if min(mode.variances) < ILL_SCALED:
        cure += f"; variances differ {1 / min(mode.variances):.2g} times"
        cure += "" if given("standardise") else ": try --standardise"
    return f"{start}{why} until about t = {time:.2g}: {cure}"


def report(session: Session, it: OnData, seed: int) -> None:
    """Train on the data, and print what was predicted beside what has come of it."""
    params = chosen(it)
    result = trained(session, it, params, seed)
    measured = np.sort(result.info["kl"])[::-1]
    expected = predicted(it, params)
    used = [int((kl > ALIKE).sum()) for kl in (expected, measured)]
    passes, samples = result.info["passes"], it.data.spectrum.samples
    if passes > 1:
        log.info(
            "the %d rows were seen in %g passes, shuffled; theory takes fresh ones",
            samples,
            round(passes, 1),
        )
    else:
        log.info("%d of %d rows were used, drawn at random", params.steps, samples)
    slow = slowed(it, params.beta)
    if slow:
        log.info(slow)
    why, unsure = disagreement(it, params, measured), it.data.analysis.no_floor
    if why:
        log.warning(why)
    if session.as_json:
        data = {**provenance(result, "simulate"), "passes": passes, "unit": it.rows.unit}
        kl = {"predicted": expected.tolist(), "measured": measured.tolist()}
        active = {"predicted": used[0], "measured": used[1]}
        warnings = [*it.data.analysis.warnings, *([why] if why else [])]
        found = {"kl_per_latent": kl, "active_units": active, "warnings": warnings}
        print_json({**data, **found, "why": unsure and f"no beta is recommended, as {unsure}"})
        return
    rows = [
        [str(i + 1), number(a), number(b)]
        for i, (a, b) in enumerate(zip(expected, measured, strict=True))
    ]
    rows.append([f"above {ALIKE:g} nats", str(used[0]), str(used[1])])
    table(["KL of latent", "predicted", f"at t = {params.t_max:g}"], rows)
    if why:
        click.echo("measured and predicted KL do not agree: the warning says why")
    if unsure and not given("beta"):
        click.echo(f"this beta is no recommendation: {unsure}")
    click.echo(f"beta = {number(params.beta)}, learning rate {number(params.lr)}")
