"""Why what training on a table has come to is not what was predicted."""

from typing import NamedTuple

import numpy as np

from .learn import DataParams
from .look import Look
from .settling import ALIKE, settled_at
from .suited import pace, slow_modes

REACH = 1000.0  # times longer is more than anybody waits
ILL_SCALED = 1e-3  # ratio of variances that are hardly learned together


class Difference(NamedTuple):
    """Why KL divergences that were measured are not those predicted, and what helps.

    Attributes
    ----------
    text : str
        By how much they differ, why, and what to change.
    short : str
        Why, in a few words.
    """

    text: str
    short: str


def difference(
    found: Look, params: DataParams, predicted: np.ndarray, measured: np.ndarray
) -> Difference | None:
    """Return why measured KL divergences differ from those predicted, or None if they do not.

    Parameters
    ----------
    found : Look
    params : DataParams
        Of the training.
    predicted, measured : (latent,)
        In nats, descending.
    """
    off = np.abs(measured - predicted)
    if (off < ALIKE + 0.02 * predicted).all():
        return None
    end = float(params.schedule(np.array(params.t_max), params.beta))
    start = f"measured and predicted KL differ by up to {off.max():.2g}: "
    if abs(end - params.beta) > 0.01 * params.beta:
        text = f"{start}at the end beta is {end:.4g}, and {params.beta:.4g} in the prediction"
        return Difference(text, "beta still changes")
    rate = pace(found, params)
    late = [
        (time, mode)
        for mode in slow_modes(found, params.beta, params.latent)
        if (time := settled_at(mode, rate)) > params.t_max
    ]
    if not late:
        text = f"{start}lower --lr, which makes SGD's noise smaller, or raise --t-max"
        return Difference(text, "not settled, or SGD's noise")
    time, mode = max(late)
    values = " and ".join(f"{found.rows.unit * s:.4g}" for s in mode.variances)
    if mode.mixing:
        why = f"latents on neighbouring eigenvalues, such as {values}, stay mixed"
    else:
        why = f"learning is not settled on eigenvalue{'s' * (len(mode.variances) > 1)} {values}"
    cure = "raise --t-max, or --beta" if time < REACH * params.t_max else "raise --beta"
    if min(mode.variances) < ILL_SCALED:
        cure += f"; variances differ {1 / min(mode.variances):.2g} times"
        cure += "" if found.rows.origin["standardise"] else ": try --standardise"
    text = f"{start}{why} until about t = {time:.2g}: {cure}"
    return Difference(text, "latents still mixed" if mode.mixing else "not settled yet")
