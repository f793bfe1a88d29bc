"""What theory leaves out of training at finite N, where that may show: warnings."""

import numpy as np

from ..kernels.constants import Constants
from ..model.params import Params
from ..model.state import count, pack

SHORT = 0.1  # of the time of learning: a memory of gradients that does not matter
HARDLY = 1.0  # of that of Adam's first steps, which are much faster than what comes later
FEW = 20  # steps: second moments that are means over fewer scatter


def cautions(params: Params) -> list[str]:
    """Return warnings, one line each, that runs at this N may differ from theory, and why.

    They are about the memory of momentum, and about Adam where the start is not dominated by
    noise, or its second moments are means over few steps.
    """
    return _of_adam(params) if params.adam else _of_momentum(params)


def _of_momentum(params: Params) -> list[str]:
    """Warn where momentum remembers what learning has already changed."""
    if not params.momentum:
        return []
    fastest = max(params.rates) / (1 - params.momentum) * _largest_variance(params)
    time = 1 / ((1 - params.momentum) * params.dim)
    if fastest * time <= SHORT:
        return []
    return [
        f"momentum remembers the last t = {time:.3g}, which is not short against learning (t = "
        f"{1 / fastest:.3g}), as theory takes it: raise --dim, or lower --momentum or --lr"
    ]


def _of_adam(params: Params) -> list[str]:
    found = []
    steps = 1 / (1 - params.adam_betas[1])
    if steps < FEW * (1 - 1e-9):
        found.append(
            f"Adam's second moments are means over {steps:.3g} steps only and scatter, which "
            "theory leaves out: raise the second of --adam-betas"
        )
    mean, noise, rate = _of_start(params)
    memory = 1 / ((1 - params.adam_betas[0]) * params.dim)
    if rate * _largest_variance(params) * memory > HARDLY:
        found.append(
            f"Adam's first moment remembers the last t = {memory:.3g}, which is not short against "
            "learning, as theory takes it: lower the first of --adam-betas, or --lr"
        )
    share = float(np.max(mean / np.where(noise > 0, noise, np.inf)))
    if share > 1:
        found.append(
            f"the start is dominated by mean gradients (their square is {share:.3g} times the "
            "noise of a step): Adam then moves weights one by one, which theory leaves out; expect "
            "it to be 10 to 25 % fast until Q has come down to its noise"
        )
    return found


def _of_start(params: Params) -> tuple[np.ndarray, np.ndarray, float]:
    """Return mean and noise in the squares of gradients of W and V (2 M,), and the largest rate."""
    from ..kernels import adam

    M, K = params.latent, params.signal
    start, size = pack(**params.overlaps()), count(M, K)
    beta = float(params.schedule(np.zeros(1), params.beta)[0])
    work = adam.workspace(M, K, params.dim, 0.5, params.adam_epsilon)
    squares = []
    for batch in (params.batch, np.inf):
        y = np.append(start, np.zeros(adam.MOMENTS * M + 1))
        adam.begin(y, Constants.of(params, beta=beta, batch=float(batch)), work)
        squares.append(y[size : size + 2 * M] / y[-1])
    moved = squares[0] > 0
    roots = np.sqrt(squares[0][moved]) + params.adam_epsilon
    rates = np.repeat(params.rates[:2], M)[moved] / roots
    return squares[1], squares[0] - squares[1], float(rates.max(initial=0.0))


def _largest_variance(params: Params) -> float:
    return float(params.classes[0, 0] + params.strengths.max())
