"""Models, starts and states that tests of several rooms use."""

from dataclasses import replace

import numpy as np

from vaedyn.model.quantities import NAMES
from vaedyn.model.state import pack

SHIFTED = "m=0.3,d=0.3,Q=1,E=1,R=0.1,D=1"


RUNS = 500


GROUPS = 20


def random_state(latent, signal, seed=0):
    """Return overlaps that some weights have, away from all symmetries."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((40, 2 * latent + signal)) / np.sqrt(40)
    rows[:, 2 * latent :] = np.linalg.qr(rows[:, 2 * latent :])[0]
    gram = rows.T @ rows
    W, V, K = slice(latent), slice(latent, 2 * latent), slice(2 * latent, None)
    D = rng.uniform(0.5, 1.5, latent)
    return pack(gram[W, K], gram[V, K], gram[W, W], gram[V, V], gram[W, V], D)


def ratios(sgd, bands):
    """Return measured over predicted spread, and its standard error, of all that fluctuates."""
    found, errors = [], []
    for name in (*NAMES, "eps_g", "eps_g_rotation", "kl_per_latent", "kl", "distortion"):
        values, predicted = getattr(sgd, name), getattr(bands, name)
        for at in (len(sgd.t) // 4, len(sgd.t) // 2, -1):
            v = values[:, at].reshape(len(values), -1)
            square = (v - v.mean(axis=0)) ** 2
            variance = square.mean(axis=0)
            ratio = np.sqrt(variance) / predicted[at].ravel()
            kurtosis = (square**2).mean(axis=0) / variance**2
            found.append(ratio)
            errors.append(0.5 * ratio * np.sqrt((kurtosis - 1) / len(v)))
    return np.concatenate(found), np.concatenate(errors)


def pooled(sgd, bands):
    """Return the mean logarithm of all ratios, and its error by leaving out groups of runs."""
    group = np.arange(len(sgd.eps_g)) % GROUPS

    def without(left_out):
        values = {
            name: getattr(sgd, name)[group != left_out]
            for name in sgd.to_variables("run")
            if name != "time"
        }
        return np.log(ratios(replace(sgd, **values), bands)[0]).mean()

    each = np.array([without(n) for n in range(GROUPS)])
    return without(None), np.sqrt((GROUPS - 1) * each.var())
