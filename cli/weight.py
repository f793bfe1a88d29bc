"""`vaedyn weight`: the KL weight that leads to what is wanted of users' data."""

from dataclasses import asdict
from typing import Any

import click

from vaedyn.data.beta_for import Wanted, before_learning, beta_for, check_wanted
from vaedyn.data.convention import LEARNED, OWN, Convention
from vaedyn.data.look import Look
from vaedyn.errors import ParameterError

from .data import ACCURACY_OPTIONS, DATA, DATA_OPTIONS, LOSS_OPTIONS, looked
from .options import OUTPUT_OPTIONS, RECOMPUTE_OPTIONS, STORE_OPTIONS, Command, add, option
from .output import number, plain, print_json, table
from .session import Session
from .spectrum import LATENT

MOST_ROWS = 25
WANTED_OPTIONS = [
    option(
        "Model",
        "--keep",
        type=click.IntRange(1),
        default=None,
        help="Wanted number of active units.",
        show_default="none",
    ),
    option(
        "Model",
        "--capacity",
        type=float,
        default=None,
        help="Wanted KL divergence of all latents, in nats.",
        show_default="none",
    ),
    option(
        "Model",
        "--explained",
        type=float,
        default=None,
        help="Wanted explained variance, as a share such as 0.9.",
        show_default="none",
    ),
]


@click.command(
    "weight",
    cls=Command,
    examples=[
        "vaedyn weight data.npy --keep 8 --like pytorch-vae",
        "vaedyn weight data.npy --capacity 10 --loss mean",
        "vaedyn weight data.npy --explained 0.9 --latent 20 --json",
    ],
)
@DATA
@add(
    WANTED_OPTIONS,
    DATA_OPTIONS,
    [LATENT],
    LOSS_OPTIONS,
    ACCURACY_OPTIONS,
    STORE_OPTIONS,
    RECOMPUTE_OPTIONS,
    OUTPUT_OPTIONS,
)
def command(
    session: Session,
    place: str,
    keep: int | None,
    capacity: float | None,
    explained: float | None,
    how: dict[str, Any],
    latent: int | None,
    convention: Convention | None,
) -> None:
    """Find the KL weight for so many active units, so much KL or explained variance of your data.

    It is that of a linear VAE trained on the rows of DATA (see `vaedyn spectrum`) with a squared
    error; its decoder variance may be learned. Without --keep, --capacity and --explained, all
    numbers of active units are listed, each with its range of KL weights and the most KL and
    explained variance that it reaches.
    """
    convention = convention or OWN
    learned = convention.kind == LEARNED
    if convention.kind not in ("gaussian", LEARNED):
        reason = f"KL and latents far below collapse are not derived for {convention.likelihood}"
        raise ParameterError("likelihood", reason)
    given = {"keep": keep, "capacity": capacity, "explained": explained}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if len(chosen) > 1:
        raise click.UsageError(" and ".join(f"--{name}" for name in chosen) + " exclude each other")
    check_wanted(**chosen)
    data = looked(session, place, **how)
    factor = convention.factor(data.spectrum.dim, convention.kind)
    found = beta_for(data, latents=latent, learned=learned, **chosen) if chosen else None
    if session.as_json:
        print_json(_describe(data, latent, factor, learned, chosen, found))
    elif found is None:
        _print_all(data, latent, factor, learned)
    else:
        click.echo(_sentence(found, factor, chosen))


def _sentence(found: Wanted, factor: float, chosen: dict[str, Any]) -> str:
    """Return in words which weight was found, and what happens there."""
    at = found.row
    own = factor == 1
    weight = f"beta = {number(found.beta)}"
    weight = weight if own else f"KL weight {number(found.beta * factor)} ({weight})"
    words = {
        "capacity": f"KL is {chosen.get('capacity', 0):g} nats at {weight}",
        "explained": f"{100 * at.explained:.4g} % explained variance is reached at {weight}",
    }
    latents = "1 active unit" if at.active == 1 else f"{at.active} active units"
    share = f"explained variance {100 * at.explained:.1f} %"
    rest = {
        "capacity": f"{latents}, {share}",
        "explained": f"{latents}, KL {at.kl:.4g} nats",
    }
    if "keep" not in chosen:
        (name,) = chosen
        return f"{words[name]}: {rest[name]}"
    low, high = found.low * factor, found.high * factor
    betas = f"beta from {number(found.low)} to just below {number(found.high)}"
    among = f"KL weights from {number(low)} to just below {number(high)} ({betas})"
    return (
        f"{latents} at {betas if own else among}; "
        f"at {number(found.beta * factor)}, for example: KL {at.kl:.4g} nats, {share}"
    )


def _ranges(
    data: Look, latents: int | None, learned: bool
) -> list[tuple[int, float, float, float, float]]:
    """Return numbers of latents, from and below which beta, and the most of KL and variance."""
    prediction, dim = data.prediction, data.spectrum.dim
    used = prediction.variances(latents)
    known = prediction.missing and (latents is None or latents > len(used))
    lines = []
    for k, high in enumerate(used.tolist(), start=1):
        low = float(used[k]) if k < len(used) else 0.0
        if known and k == len(used):
            break
        ends = [low, high]
        if learned:
            ends = [before_learning(prediction, x, dim, latents) for x in ends]
        kl = float(prediction.rate(low, latents)) if low else float("inf")
        lines.append((k, ends[0], ends[1], kl, float(prediction.explained(low, latents))))
    return lines


def _print_all(data: Look, latents: int | None, factor: float, learned: bool) -> None:
    lines = _ranges(data, latents, learned)
    rows = [
        [
            str(k), number(low * factor), number(high * factor), number(kl),
            f"{100 * explained:.1f} %",
        ]
        for k, low, high, kl, explained in lines[:MOST_ROWS]
    ]  # fmt: skip
    name = "beta" if factor == 1 else "KL weight"
    heading = ["active units", f"from {name}", "to below", "KL up to (nats)"]
    table([*heading, "explained variance up to"], rows)
    if len(lines) > MOST_ROWS:
        click.echo(f"and {len(lines) - MOST_ROWS} more: see --json")


def _describe(
    data: Look,
    latents: int | None,
    factor: float,
    learned: bool,
    chosen: dict[str, Any],
    found: Wanted | None,
) -> dict[str, Any]:
    """Return the result as plain data."""
    prediction = data.prediction
    result: dict[str, Any] = {
        "command": "weight",
        **(asdict(data.source) if data.source else {}),
        "samples": data.spectrum.samples,
        "dim": data.spectrum.dim,
        "latent": latents or len(prediction.variances()),
        "decoder_variance": LEARNED if learned else None,
        "wanted": chosen or None,
    }
    if found is not None:
        betas = {"beta": found.beta, "low": found.low, "high": found.high}
        weights = {name: value * factor for name, value in betas.items()}
        result |= {"found": betas | {"in_force": found.row.beta}, "weight": weights}
        result |= {"active_units": found.row.active}
        result |= {"explained": found.row.explained, "kl": found.row.kl}
    else:
        names = ("latent", "low", "high", "kl", "explained")
        lines = _ranges(data, latents, learned)
        result["table"] = [
            {**dict(zip(names, map(plain, line), strict=True)),
             "low_weight": line[1] * factor, "high_weight": line[2] * factor}
            for line in lines
        ]  # fmt: skip
        result["rate_distortion"] = prediction.rate_distortion(latents).tolist()
    return {**result, "warnings": list(data.analysis.warnings)}
