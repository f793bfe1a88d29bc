"""Order parameters of random weights, from which Newton's method may start."""

from typing import Any

import numpy as np

from ..kernels.constants import Constants
from ..model.state import count, pack

SCALES = (-1.0, 0.5)  # of random weights, as powers of 10 beside those of the data
COLLAPSED = 0.3  # share of columns of random weights that are 0
ON_SIGNAL = 0.6  # share of directions of groups that are signals
SMALLEST = 0.05  # share of a direction's variance that a group has at least


def trials(model: Constants, seed: int, first: int, last: int) -> np.ndarray:
    """Return states number `first` to `last` - 1 of a sequence, (states, values).

    They are overlaps of real weights on the signals and on as many directions of noise as there
    are latents. One in four has random weights of encoder and decoder, one random weights of the
    decoder, and an encoder and variances at rest for these. The others consist of groups of
    latents of any size on any directions, as weak as they are at small learning rates without
    weight decay (`vaedyn.fixedpoints.groups.closed_form`), turned at random.
    """
    states = np.empty((last - first, count(model.latent, model.signal)))
    for n in range(first, last):
        rng = np.random.default_rng([seed, n])
        W = _groups(model, rng) if grouped(n) else _random(model, rng)
        if n % 4 == 0:
            V, D = _random(model, rng), rng.uniform(0.05, 1.0, model.latent)
        else:
            Q = W.T @ W
            V = np.linalg.solve(Q + model.beta * np.eye(model.latent), W.T).T
            D = model.beta / (Q.diagonal() + model.beta)
        m, d = W[: model.signal].T, V[: model.signal].T
        states[n - first] = pack(m, d, W.T @ W, V.T @ V, W.T @ V, D)
    return states


def grouped(n: Any) -> Any:
    """Return whether states of these numbers consist of groups."""
    return n % 4 >= 2


def _random(model: Constants, rng: np.random.Generator) -> np.ndarray:
    """Return normal weights of a random scale on some directions, (directions, latent)."""
    s = np.concatenate([model.rho, np.zeros(model.latent)]) + model.eta
    W = rng.normal(size=(len(s), model.latent)) * np.sqrt(s)[:, None]
    W *= 10 ** rng.uniform(*SCALES) * (rng.random(len(s)) < rng.uniform(0.2, 1.0))[:, None]
    return W * (rng.random(model.latent) > COLLAPSED)


def _groups(model: Constants, rng: np.random.Generator) -> np.ndarray:
    """Return weights of groups that share no direction, (directions, latent)."""
    latents, signals = (list(rng.permutation(n)) for n in (model.latent, model.signal))
    noise = list(range(model.signal, model.signal + model.latent))
    W = np.zeros((model.signal + model.latent, model.latent))
    while latents:
        own = [latents.pop() for _ in range(rng.integers(1, len(latents) + 1))]
        rows = []
        for _ in range(rng.integers(len(own) + 1)):  # none for latents that have collapsed
            learned = signals and rng.random() < ON_SIGNAL
            rows.append((signals if learned else noise).pop())
        if not rows:
            continue
        s = np.array([model.rho[row] if row < model.signal else 0.0 for row in rows]) + model.eta
        w2 = _strengths(s, model.beta, len(own))
        turn = np.linalg.qr(rng.normal(size=(len(own), len(own))))[0][: len(rows)]
        W[np.ix_(rows, own)] = _levelled(np.sqrt(w2)[:, None] * turn)
    return W


def _strengths(s: np.ndarray, beta: float, latents: int) -> np.ndarray:
    """Return about what a group has on directions of variances `s`, (directions,)."""
    w2 = s / 2
    for _ in range(30):
        w2 = (w2 + np.maximum(np.sqrt(s * (w2.sum() / latents + beta)) - beta, 0.0)) / 2
    return np.maximum(w2, SMALLEST * s)


def _levelled(W: np.ndarray) -> np.ndarray:
    """Return weights (directions, latents) turned so that all latents are equally strong.

    Pairs are turned until one of them has the mean (Horn, American Journal of Mathematics 76,
    1954).
    """
    W = W.copy()
    for i in range(W.shape[1] - 1):
        size = (W**2).sum(axis=0)
        mean = size[i:].mean()
        j = i + 1 + int(np.argmax((size[i + 1 :] - mean) * np.sign(mean - size[i])))
        half, overlap = (size[i] - size[j]) / 2, W[:, i] @ W[:, j]
        radius = np.hypot(half, overlap)
        if radius > 1e-12 * mean:
            cosine = np.clip((mean - (size[i] + size[j]) / 2) / radius, -1.0, 1.0)
            angle = (np.arctan2(overlap, half) - np.arccos(cosine)) / 2
            c, s = np.cos(angle), np.sin(angle)
            W[:, [i, j]] = W[:, [i, j]] @ np.array([[c, -s], [s, c]])
    return W
