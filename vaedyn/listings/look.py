"""What is found in a table: signals, what is recommended, and active units at each KL weight."""

import numpy as np

from ..data.convention import OWN, Convention
from ..data.findings import columns_alone
from ..data.judge import Judged, overview
from ..data.look import Look
from .listing import Listing, Table, counted, number, with_error

MOST_ROWS = 25
WHICH = {
    "many": "the eigenvalue of the rows counts, as they are used again and again; on ever fresh "
    "data the population's would (--epochs one)",
    "one": "the population's eigenvalue rho + eta counts, as every sample is fresh; in many "
    "epochs that of the rows would (--epochs many)",
}
"""Which threshold counts when, in a line."""


def weight_of(convention: Convention | None, beta: float, dim: int) -> float | None:
    """Return the KL weight of a beta, or None without a convention."""
    return None if convention is None else convention.weight(beta, dim)


def signals(data: Look, convention: Convention | None = None) -> tuple[Table, list[str]]:
    """Return signals in white noise, where each is lost, on the rows and on fresh data, and why."""
    analysis = data.analysis
    crowded = {k for group in analysis.groups for k in range(group.first, group.last + 1)}
    away = np.abs(data.thresholds[:, 0] - data.thresholds[:, 1])
    both, rows = bool((away > analysis.rho_error).any()), []
    for k, (own, fresh) in enumerate(data.thresholds[:MOST_ROWS].tolist()):
        error = float(analysis.rho_error[k])
        shown = [number(own), with_error(fresh, error)]
        if data.epochs == "one":
            shown.reverse()
        counts = own if data.epochs == "many" else fresh
        weight = weight_of(convention, counts, data.spectrum.dim)
        rows.append(
            [
                str(k + 1),
                with_error(float(analysis.rho[k]), error) + "*" * (k in crowded),
                *shown[: 1 + both],
                *([number(weight)] if weight is not None else []),
            ]
        )
    heading = ["signal", "strength rho", "collapses at beta"]
    heading += ["on fresh data" if data.epochs == "many" else "on these rows"] * both
    heading += ["KL weight"] if convention else []
    lines = [
        f"* {group.first + 1} to {group.last + 1} repel each other; their mean: rho = "
        f"{with_error(group.rho, group.rho_error)}"
        for group in analysis.groups
    ]
    more = max(len(analysis.rho) - MOST_ROWS, 0)
    return Table(heading, rows, more=more), [*lines, WHICH[data.epochs]]


def alone(data: Look) -> list[str]:
    """Return which columns by themselves are signals, that is perhaps of other units only."""
    found = [str(k + 1) for k in columns_alone(data.spectrum, data.analysis).tolist()]
    if not found:
        return []
    shown = ", ".join([*found[:MOST_ROWS], *["..."] * (len(found) > MOST_ROWS)])
    return [
        f"signals of single columns: {shown}; where columns have units of their own, "
        "these are no signals: standardise them (--standardise)"
    ]


def answer(data: Look, convention: Convention | None = None) -> list[str]:
    """Return what is recommended, or why nothing is, in lines."""
    spectrum, analysis, prediction = data.spectrum, data.analysis, data.prediction
    size = f"{spectrum.samples} samples in {counted(analysis.dim, 'dimension')}"
    if analysis.no_floor is not None:
        lines = [f"{size}: {reason(data)}"]
    else:
        others = ", ".join(f"{name} {number(eta)}" for name, eta in analysis.alternatives.items())
        others = others or "the other estimators need all eigenvalues"
        eta = f"noise eta = {number(analysis.eta)} ({analysis.estimator}; {others})"
        lines = [f"{size}, {eta}", recommendation(data, convention)]
        if data.epochs == "many" and prediction.latents:
            best, at_eta = (
                float(prediction.fresh_error(x)) for x in (prediction.beta, analysis.eta)
            )
            lines.append(
                f"expected error eps_g on fresh data: {best:.4g} ({at_eta:.4g} at beta = eta)"
            )
        if prediction.latents < len(prediction.variances()):
            most = prediction.variances()[prediction.latents]
            own = weight_of(convention, float(most), spectrum.dim)
            words = f"KL weight {number(own)}" if own is not None else f"beta = {number(most)}"
            of_rows = " of these rows" if data.epochs == "many" else ""
            lines.append(f"more latents than that fit noise{of_rows} below {words}")
    if data.without_noise is not None:
        lines.append(
            f"if there is no noise: beta below {number(data.without_noise)}, "
            f"latent dimension M = {analysis.dim}"
        )
    return lines


def recommendation(data: Look, convention: Convention | None) -> str:
    """Return in words which KL weight and how many latents are recommended."""
    beta = number(data.prediction.beta)
    own = weight_of(convention, data.prediction.beta, data.spectrum.dim)
    words = (
        f"KL weight beta = {beta}" if own is None else f"KL weight {number(own)} (beta = {beta})"
    )
    count = data.prediction.latents
    text = f"recommended: {words}, latent dimension M = {count}"
    if not count:
        return f"{text}: no signal stands out of the noise, which is all that latents would fit"
    if not data.prediction.active(data.prediction.beta, count):
        return f"{text}: there all collapse, as signals so weak leave no trace in so few rows"
    return text


def reason(data: Look) -> str | None:
    """Return in a sentence why nothing is recommended, or None."""
    why = data.analysis.no_floor
    return None if why is None else f"no beta is recommended, as {why}"


def weights(
    data: Look,
    latents: int | None = None,
    convention: Convention | None = None,
    yours: Judged | None = None,
) -> Table:
    """Return how many latents are in use at each weight, by the data's own eigenvalues."""
    rows = []
    for weight, at, _, mark in overview(
        data, latents=latents, convention=convention or OWN, yours=yours
    ):
        least = "" if at.exact else ">= "
        shown = f"{at.active} of {latents}" if latents else f"{at.active}"
        explained = f"{100 * at.explained:.1f} %"
        rows.append(
            [number(weight), least + shown, least + explained, least + f"{at.kl:.4g}", mark]
        )
    name = "KL weight" if convention else "KL weight beta"
    marks = any(cells[-1] for cells in rows)
    heading = [name, "active units", "explained variance", "KL (nats)", *([""] * marks)]
    return Table(heading, [cells[: len(heading)] for cells in rows], [""])


def listing(data: Look) -> Listing:
    """Return what is shown of a look."""
    size, *others = answer(data)
    tables, lines = [], []
    if data.analysis.no_floor is None:
        first = others.pop(0)
        lines.append(size)
        if len(data.analysis.rho):
            found, said = signals(data)
            tables.append(found)
            lines += said + ([] if data.rows.origin.get("standardise") else alone(data))
    else:
        first = size
        others.append("rows held out can choose a KL weight: vaedyn.heldout")
    tables.append(weights(data))
    return Listing(first, tables, [*lines, *others], data.analysis.warnings)
