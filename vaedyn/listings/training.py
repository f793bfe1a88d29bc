"""What training on a table has come to, beside the prediction; at one beta or at many."""

from ..data.collapse import Collapse
from ..data.train import Training
from ..data.watch import Watched
from ..model.quantities import ACTIVE, active
from ..model.training import pace
from . import curve as curves
from .listing import Listing, Table, number

WHEN = f"a latent is active where its KL is above 0, measured: above {ACTIVE:g} nats"


def table(result: Training) -> Table:
    """Return predicted and measured KL of each latent."""
    rows = [
        [str(i + 1), number(a), number(b)]
        for i, (a, b) in enumerate(zip(result.predicted, result.measured, strict=True))
    ]
    rows.append(["active units", *map(str, result.active)])
    return Table(["KL of latent", "predicted", f"at t = {result.params.t_max:g}"], rows)


def settings(result: Training) -> str:
    """Return KL weight and learning rate in words."""
    params = result.params
    rate = number(params.rate) if params.plain else pace(params)
    return f"KL weight beta = {number(params.beta)}, learning rate {rate}"


def of_betas(found: Collapse) -> Table:
    """Return predicted and measured KL and active units at each beta of a trained VAE."""
    heading = ["KL weight beta", "KL predicted", "measured", "active units predicted"]
    rows = []
    for beta, predicted, measured in zip(
        found.beta.tolist(), found.predicted, found.measured, strict=True
    ):
        units = [str(int((predicted > 0).sum())), str(int(active(measured)))]
        rows.append([number(beta), number(predicted.sum()), number(measured.sum()), *units])
    return Table([*heading, "measured"], rows)


def listing(found: Training | Watched | Collapse) -> Listing:
    """Return what is shown of trainings."""
    if isinstance(found, Collapse):
        return _of_collapse(found)
    training = found.training if isinstance(found, Watched) else found
    predicted, measured = training.active
    first = f"{measured} of {len(training.measured)} latents are active, {predicted} predicted"
    warnings, tables, lines = list(training.warnings), [table(training)], []
    if isinstance(found, Watched):
        if found.why:
            warnings.append(f"the learning curve is not predicted: {found.why}")
        learned, lines = curves.both(found)
        tables = [*([learned] if learned else []), *tables]
    lines += [training.slowed] if training.slowed else []
    return Listing(first, tables, [*lines, WHEN, settings(training)], warnings)


def _of_collapse(found: Collapse) -> Listing:
    gone = found.lines[:, 0] == 0
    first = f"{len(found.beta)} VAEs were trained, at beta from {number(found.beta[0])} to "
    first += number(found.beta[-1])
    if gone.any():
        first += f"; predicted: all latents collapse at beta = {number(found.fine[gone][0])}"
    missed = len(found.missed)
    first += f"; {missed} missed the prediction" if missed else ""
    warnings = [*found.look.analysis.warnings, *found.missed]
    return Listing(first, [of_betas(found)], [WHEN], warnings)
