"""What has to come to rest before learning counts as converged: eps_g, or the loss."""

import numpy as np

from ..errors import ParameterError, did_you_mean
from ..model.params import Params
from ..model.results import Trajectory
from ..model.state import distortion, generalisation_error, kl_per_latent, moments, unpack

EPS_G, ELBO = CRITERIA = ("eps_g", "elbo")
IN_WORDS = {EPS_G: "eps_g", ELBO: "the loss"}


def criterion_of(name: object) -> str:
    """Return a criterion after checking it.

    ``eps_g`` is the generalisation error. ``elbo`` is the loss, distortion + beta KL with the
    final value of beta, whatever beta is meanwhile: the negative ELBO, less ``E|x|^2 / 2``,
    which no parameter changes. Weight decay is no part of it.

    Raises
    ------
    ParameterError
        When there is no such criterion.
    """
    if not isinstance(name, str) or name not in CRITERIA:
        hint = did_you_mean(name, CRITERIA) if isinstance(name, str) else ""
        raise ParameterError("criterion", f"expected {' or '.join(CRITERIA)}, got {name!r}{hint}")
    return name


def of_states(params: Params, y: np.ndarray, criterion: str = EPS_G) -> np.ndarray:
    """Return eps_g or the loss (times,) of flat states (times, values)."""
    parts = unpack(y, params.latent, params.signal)
    if criterion == EPS_G:
        return generalisation_error(parts["m"], parts["Q"], params.strengths)
    D = parts.pop("D")
    S, A = moments(**parts, rho=params.strengths, eta=params.eta)
    return distortion(S, A, parts["Q"], D) + params.beta * kl_per_latent(S, D).sum(axis=-1)


def of_runs(runs: Trajectory, criterion: str = EPS_G) -> np.ndarray:
    """Return eps_g or the loss of a trajectory, with its leading axes."""
    if criterion == EPS_G:
        return runs.eps_g
    return runs.distortion + runs.params.beta * runs.kl
