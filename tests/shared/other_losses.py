"""The losses of published codes as functions of a batch, in NumPy, by what their sources say."""

import numpy as np

WEIGHT = 0.37  # of KL, wherever users can choose it


def kl_of(mu, logvar):
    """Return the KL divergence of each latent of each sample."""
    return 0.5 * (mu**2 + np.exp(logvar) - logvar - 1)


def flat(x):
    return x.reshape(len(x), -1)


def cross_entropy(y, x):
    return -(x * np.log(y) + (1 - x) * np.log(1 - y))


def mean_loss(y, x, mu, logvar):
    """All entries are averaged; KL is summed over latents and averaged over samples."""
    return np.mean((y - x) ** 2) + WEIGHT * kl_of(mu, logvar).sum(axis=1).mean()


def half_squares(y, x, mu, logvar):
    squares = 0.5 * (flat(y - x) ** 2).sum(axis=1)
    return np.mean(squares + WEIGHT * kl_of(mu, logvar).sum(axis=1))


def entropy_mean(y, x, mu, logvar):
    entropy = flat(cross_entropy(y, x)).sum(axis=1).mean()
    return entropy + WEIGHT * kl_of(mu, logvar).sum(axis=1).mean()


def entropy_sum(y, x, mu, logvar):
    return cross_entropy(y, x).sum() + WEIGHT * kl_of(mu, logvar).sum()


def all_averaged(y, x, mu, logvar):
    return np.mean((y - x) ** 2) + WEIGHT * np.mean(kl_of(mu, logvar))


def whole_squares(y, x, mu, logvar, tolerance=0.0):
    """With a tolerance, the KL of a sample costs nothing below so much for each latent."""
    squares = (flat(y - x) ** 2).sum(axis=1).mean()
    kl = np.maximum(kl_of(mu, logvar).sum(axis=1), tolerance * mu.shape[1])
    return squares + WEIGHT * kl.mean()


def negative_binomial(y, x, mu, logvar, dispersion=2.0):
    """Means are shares of each row's sum, by a softmax."""
    y, x = flat(y), flat(x)
    share = np.exp(y) / np.exp(y).sum(axis=1, keepdims=True)
    mean = x.sum(axis=1, keepdims=True) * share
    logarithm = (x + dispersion) * np.log(dispersion + mean) - x * np.log(mean)
    return np.mean(logarithm.sum(axis=1) + WEIGHT * kl_of(mu, logvar).sum(axis=1))


def normalised(y, x, mu, logvar):
    """The weight is that of KL per latent beside a log-likelihood per entry: beta_norm."""
    beta = WEIGHT * flat(x).shape[1] / mu.shape[1]
    squares = 0.5 * (flat(y - x) ** 2).sum(axis=1)
    return np.mean(squares + beta * kl_of(mu, logvar).sum(axis=1))


LOSSES = {
    "pytorch-vae": mean_loss,
    "pythae": half_squares,
    "keras": entropy_mean,
    "pytorch-example": entropy_sum,
    "bolts": all_averaged,
    "higgins": normalised,
    "worldmodels": whole_squares,
    "scvi": negative_binomial,
}
