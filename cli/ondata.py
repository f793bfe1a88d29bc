"""Training on somebody's own rows: `vaedyn simulate --data` and `vaedyn plot collapse`."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from click.core import ParameterSource

from vaedyn.datasets import standardised
from vaedyn.empirical import block_rows, learn
from vaedyn.params import Params
from vaedyn.results import Trajectory

from ..store import ResultStore
from ..store.tables import open_table
from .figure import OUTPUT, checked
from .options import Command, option, with_model
from .output import number, print_json, progress_bar, provenance, table
from .spectrum import DATA, Data, look

log = logging.getLogger("vaedyn.cli")
FROM_DATA = ("dim", "signal", "rho", "eta")
WITHOUT = ("runs", "jobs", "tol")
STEADY = 0.05  # learning rate, if none is given
LONG = 20.0  # time, in units of 1/tau over the least variance that is learned, if none is given
TINY = 1e-12
ACTIVE = 0.01  # nats: a latent of less KL divergence is not in use
DATA_OPTION = option(
    "Model",
    "--data",
    "place",
    metavar="DATA",
    default=None,
    help="Train on the rows of this table instead, see `vaedyn spectrum`; they give N, M*, rho "
    "and eta.",
    show_default="drawn from the model",
)
STANDARDISE = option(
    "Model",
    "--standardise",
    is_flag=True,
    show_default=False,
    help="Divide the columns of the data by their standard deviation first.",
)


BETAS = option(
    "Numerics",
    "--simulations",
    type=click.IntRange(2),
    default=10,
    help="Number of values of beta that are trained at.",
)
SEED = option("Numerics", "--seed", type=click.IntRange(0), default=0, help="Of the shuffling.")


class OnData(NamedTuple):
    """A table, what is known of it, and a model that fits it when its largest variance is 1.

    In such units all weights learn at comparable rates. Dividing the data by
    sqrt(unit) divides beta by unit, and changes no KL divergence.
    """

    place: str
    data: Data
    params: Params
    unit: float
    standardise: bool


def given(name: str) -> bool:
    """Return whether an option has been set by the user."""
    source = click.get_current_context().get_parameter_source(name)
    return source not in (None, ParameterSource.DEFAULT)


def prepare(place: str, params: Params, standardise: bool, **where: Any) -> OnData:
    """Return what training on a table needs; what is not given is chosen to suit the data.

    Raises
    ------
    click.UsageError
        When an option is given that the data decide.
    """
    for name in FROM_DATA:
        if given(name):
            raise click.UsageError(f"--{name} and data exclude each other: it is taken from them")
    for name in WITHOUT:
        if given(name):
            raise click.UsageError(f"--{name} does not apply to training on data, which is one run")
    data = look(place, "likelihood", None, "standard" if standardise else 1.0, **where)
    for text in data.analysis.warnings:
        log.warning(text)
    dim, unit = data.spectrum.dim, float(data.spectrum.eigenvalues[0])
    latent = params.latent if given("latent") else max(data.prediction.latents, 1)
    room = dim - 2 * latent
    if room < 1:
        raise click.BadParameter(
            f"must be below half of the {dim} columns, got {latent}", param_hint="--latent"
        )
    signal = max(1, min(data.prediction.latents, room, len(data.spectrum.directions)))
    eta = data.prediction.eta / unit
    strengths = np.maximum(data.spectrum.eigenvalues[:signal] / unit - eta, TINY)
    variances = data.spectrum.eigenvalues[:latent] / unit
    lr = params.lr if given("lr") else STEADY
    t_max = (
        params.t_max if given("t_max") else float(f"{LONG / (lr * max(variances[-1], eta)):.2g}")
    )
    chosen = replace(
        params,
        dim=dim,
        latent=latent,
        signal=signal,
        rho=tuple(strengths.tolist()),
        eta=eta,
        beta=params.beta / unit,
        lr=lr,
        t_max=t_max,
        points=min(params.points, max(2, int(t_max * dim))),
    )
    return OnData(place, data, chosen, unit, standardise)


def trained(it: OnData, seed: int, store: ResultStore) -> Trajectory:
    """Return what SGD on the rows has come to."""
    params = it.params
    found = open_table(it.place)
    rows, scale = block_rows(found.columns), it.unit**-0.5

    def blocks() -> Iterator[np.ndarray]:
        return found.blocks(rows)

    seen = standardised(blocks) if it.standardise else blocks
    with progress_bar("train on the data", "steps") as progress:
        return learn(
            params,
            lambda: (scale * block for block in seen()),
            scale * it.data.spectrum.mean,
            it.data.spectrum.directions[: params.signal],
            digest=f"{found.digest()} / {it.unit!r}{' standardised' * it.standardise}",
            seed=seed,
            store=store,
            progress=progress,
        )


def predicted(it: OnData) -> np.ndarray:
    """Return the KL divergence of each latent (latent,) that the sample's own spectrum leads to."""
    variances = np.zeros(it.params.latent)
    known = it.data.spectrum.eigenvalues[: it.params.latent]
    variances[: len(known)] = known / it.unit
    with np.errstate(divide="ignore"):
        return 0.5 * np.log(np.maximum(variances / it.params.beta, 1.0))


def report(it: OnData, seed: int, store_path: Path, recompute: bool, as_json: bool) -> None:
    """Train on the data, and print what was predicted beside what has come of it."""
    params = it.params
    result = trained(it, seed, ResultStore(store_path, recompute=recompute))
    measured = np.sort(result.info["kl"])[::-1]
    expected = predicted(it)
    used = [int((kl > ACTIVE).sum()) for kl in (expected, measured)]
    if result.info["passes"] > 1:
        log.info(
            "the %d rows were seen in %d passes, shuffled; theory takes fresh ones",
            it.data.spectrum.samples,
            result.info["passes"],
        )
    if as_json:
        data = {**provenance(result, "simulate"), "passes": result.info["passes"]}
        data |= {"unit": it.unit, "beta": it.params.beta * it.unit}
        kl = {"predicted": expected.tolist(), "measured": measured.tolist()}
        active = {"predicted": used[0], "measured": used[1]}
        print_json({**data, "kl_per_latent": kl, "active_units": active})
        return
    rows = [
        [str(i + 1), number(a), number(b)]
        for i, (a, b) in enumerate(zip(expected, measured, strict=True))
    ]
    rows.append(["active units", str(used[0]), str(used[1])])
    table(["KL of latent", "predicted", f"at t = {params.t_max:g}"], rows)


@click.command(
    "collapse",
    cls=Command,
    examples=["vaedyn plot collapse data.npy --latent 8 -o collapse.pdf"],
)
@DATA
@with_model([STANDARDISE, BETAS, SEED, OUTPUT])
def figure(
    params: Params,
    place: str,
    standardise: bool,
    simulations: int,
    seed: int,
    output: Path | None,
    store_path: Path,
    recompute: bool,
    as_json: bool,
) -> None:
    """Draw how latents collapse on your data as beta rises: predicted, and by SGD on the rows.

    Values of beta go from below the noise level to beyond the largest variance.
    """
    name = f"collapse_{Path(place.partition(':')[0]).stem}.pdf"
    chosen = checked(output or Path(name))
    it = prepare(place, params, standardise, store_path=store_path, recompute=recompute)
    top = float(it.data.spectrum.eigenvalues[0])
    betas = np.geomspace(0.5 * it.data.prediction.eta, 1.3 * top, simulations)
    betas = np.array([float(f"{beta:.4g}") for beta in betas])
    store = ResultStore(store_path, recompute=recompute)
    runs = [
        trained(it._replace(params=replace(it.params, beta=beta / it.unit)), seed, store)
        for beta in betas.tolist()
    ]

    from vaedyn import figures_spectrum
    from vaedyn.style import save

    variances = it.data.spectrum.eigenvalues[: it.params.latent]
    measured = [np.array(run.info["kl"])[: len(variances)] for run in runs]
    keys = [run.source.key for run in runs if run.source]
    drawn = figures_spectrum.collapse(variances, betas, measured, it.data.prediction.eta)
    save(drawn, chosen, keywords=keys)
    if as_json:
        print_json({"command": "plot collapse", "output": str(chosen), "keys": keys})
    else:
        click.echo(chosen)
