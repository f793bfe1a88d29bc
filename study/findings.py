"""What the results of the study come to, beside the predictions for linear VAEs."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import vaedyn
from study.settings import HIDDEN

RESULTS = Path(__file__).with_name("results.json")
MODELS = tuple(HIDDEN)
BELOW = (0.1, 0.3, 0.5, 0.7, 0.85)  # values of beta/l_1 at which VAEs are compared
ACTIVE = 0.01  # nats: of a latent in use, and of all latents together where the last has died
MOVING = 0.1  # share by which KL changes in the last fifth where training has not settled
UNSTABLE = 0.98  # beta/l_1 below which collapse is not where training ends
CONVERGED = 0.1  # of the fall of the loss from collapse: what is left once converged
SMOOTH, LAST = 5, 20  # looks at the loss whose mean is taken: in time, and in the end

Results = dict[str, Any]


def load() -> Results:
    return json.loads(RESULTS.read_text())


def run_of(results: Results, table: str, model: str, kind: str) -> dict[str, Any]:
    """Return one run: from ``scratch``, at a beta that was ``raised``, or with ``warm-up``."""
    (found,) = (
        each
        for each in results["runs"]
        if (each["table"], each["model"], each["kind"]) == (table, model, kind)
    )
    return found


def largest(results: Results, table: str) -> float:
    """Return l_1, the largest eigenvalue of the rows' covariance."""
    return results["tables"][table]["eigenvalues"][0]


def prediction(results: Results, table: str) -> vaedyn.Prediction:
    """Return what a linear VAE learns of the rows, by their eigenvalues."""
    values = np.array(results["tables"][table]["eigenvalues"])
    none = np.zeros(0)
    return vaedyn.Prediction(none, 0.0, len(values), eigenvalues=values, total=values.sum())


class Death(NamedTuple):
    """Where the last latent dies, in units of l_1; `beyond` if it lives at all values tried."""

    beta: float
    beyond: bool

    def __str__(self) -> str:
        return f"> {self.beta:.1f}" if self.beyond else f"{self.beta:.2f}"


def death(run: dict[str, Any]) -> Death | None:
    """Return the beta beyond which the KL of all latents stays below `ACTIVE`.

    None if it is so at all values tried, as nothing was learned before beta was raised. Between
    values that were tried, the logarithm of KL is taken as a line.
    """
    beta, kl = np.array(run["beta"]), np.array(run["kl_per_latent"]).sum(axis=1)
    (alive,) = np.nonzero(kl > ACTIVE)
    if not len(alive):
        return None
    last = alive[-1]
    if last == len(beta) - 1:
        return Death(float(beta[-1]), True)
    share = np.log(kl[last] / ACTIVE) / np.log(kl[last] / kl[last + 1])
    return Death(float(beta[last] + share * (beta[last + 1] - beta[last])), False)


class Below(NamedTuple):
    """One VAE below collapse: latents in use, KL and error over prediction, and if it settled."""

    active: int
    expected: int
    kl: float
    error: float
    settled: bool


def below(results: Results, table: str, model: str, beta: float) -> Below:
    """Return how a VAE trained from scratch compares with the prediction at beta/l_1."""
    run = run_of(results, table, model, "scratch")
    expected, at = prediction(results, table), beta * largest(results, table)
    latents = results["tables"][table]["latents"]
    i = run["beta"].index(beta)
    kl = np.array(run["kl_per_latent"][i])
    moving = abs(kl.sum() - run["kl_before"][i]) > MOVING * max(kl.sum(), ACTIVE)
    each = expected.kl_per_latent(at, latents)
    return Below(
        active=int((kl > ACTIVE).sum()),
        expected=int((each > ACTIVE).sum()),
        kl=float(kl.sum() / each.sum()),
        error=float(run["error"][i] / expected.error(at, latents)),
        settled=not moving and (kl.sum() > ACTIVE or beta > UNSTABLE),
    )


class WarmUp(NamedTuple):
    """What a warm-up changes, as medians over seeds."""

    steps: int
    gain: float  # steps to converge with constant beta over those with the warm-up
    active: float  # latents in use, less those with constant beta


def warm_ups(results: Results, table: str, model: str) -> tuple[float, list[WarmUp]]:
    """Return the steps to converge with constant beta, and what each warm-up changes.

    Each run has converged once the loss at the final beta stays within `CONVERGED` of its own
    fall, from collapse to the mean of the last looks.
    """
    run = run_of(results, table, model, "warm-up")
    steps, seeds = np.array(run["warm_up"]), sorted(set(run["seed"]))
    loss = np.array(run["loss"]).reshape(-1, len(seeds), len(run["loss"][0]))
    active = (np.array(run["kl_per_latent"]) > ACTIVE).sum(axis=1).reshape(-1, len(seeds))
    smooth = np.lib.stride_tricks.sliding_window_view(loss, SMOOTH, axis=2).mean(axis=3)
    final = loss[:, :, -LAST:].mean(axis=2)
    above = smooth > (final + CONVERGED * (run["collapsed"] - final))[..., None]
    # looks until it stays below
    times = above.shape[2] - np.argmax(above[:, :, ::-1], axis=2)
    found = [
        WarmUp(
            steps=int(steps[i * len(seeds)]),
            gain=float(np.median(times[0] / times[i])),
            active=float(np.median(active[i] - active[0])),
        )
        for i in range(1, len(loss))
    ]
    return float(np.median(times[0])) * results["settings"]["every"], found
