"""A tiny VAE that is trained to the end, by hand: gaussian encoder, linear decoder with a bias.

Given a row, the decoder's output of a column is gaussian, so that the mean of the loss over the
latents is an integral in one dimension for each entry, by the rule of Gauss and Hermite.
"""

import numpy as np
from scipy.optimize import minimize

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(12)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def logistic(a):
    return 0.5 * (1 + np.tanh(0.5 * a))


def slopes(likelihood, a, x, dispersion):
    """Return -ln p(x | a) but for constants, and its first and second derivative in a."""
    if likelihood == "bernoulli":
        p = logistic(a)
        return np.logaddexp(0, a) - x * a, p - x, p * (1 - p)
    if likelihood == "poisson":
        mean = np.exp(a)
        return mean - x * a, mean - x, mean
    if likelihood == "nb":
        mean, th = np.exp(a), dispersion
        share = mean / (th + mean)
        return (
            (x + th) * np.log1p(mean / th) - x * a,
            (x + th) * share - x,
            (x + th) * share * (1 - share),
        )
    return 0.5 * (a - x) ** 2, a - x, np.ones_like(a)


class TinyVAE:
    """Its parameters are one flat array; all gradients are written by hand."""

    def __init__(self, x, latent, beta, likelihood, dispersion=None):
        self.x, self.latent, self.beta = x, latent, beta
        self.likelihood, self.dispersion = likelihood, dispersion
        self.centre = x - x.mean(axis=0)
        self.spread = self.centre.std(axis=0)
        columns = x.shape[1]
        self.shapes = {"W": (columns, latent), "b": (columns,), "V": (columns, latent)}
        self.shapes |= {"c": (latent,), "logD": (latent,), "logpsi": (columns,)}

    def parts(self, flat):
        found, at = {}, 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape))
            found[name] = flat[at : at + size].reshape(shape)
            at += size
        return found

    def start(self, random, size):
        """Return weights of a small size beside the bias that is best without latents."""
        p = {name: size * random.normal(size=shape) for name, shape in self.shapes.items()}
        mean = self.x.mean(axis=0)
        links = {"bernoulli": lambda m: np.log(m / (1 - m)), "poisson": np.log, "nb": np.log}
        p["b"] = links.get(self.likelihood, lambda m: m)(mean)
        p["V"] = p["V"] / self.spread[:, None]
        p["c"], p["logD"], p["logpsi"] = 0 * p["c"], 0 * p["logD"], 2 * np.log(self.spread)
        return np.concatenate([p[name].ravel() for name in self.shapes])

    def loss(self, flat):
        """Return the mean loss of a row and its gradient."""
        p, x, count = self.parts(flat), self.x, len(self.x)
        W, V, D = p["W"], p["V"], np.exp(p["logD"])
        factor = self.likelihood == "factor"
        psi = np.exp(p["logpsi"]) if factor else np.ones(x.shape[1])
        mu = self.centre @ V + p["c"]
        mean, variance = mu @ W.T + p["b"], W**2 @ D
        root = np.sqrt(variance)
        energy, first, second = (
            np.tensordot(WEIGHTS, np.array(each), 1)
            for each in zip(
                *(slopes(self.likelihood, mean + root * z, x, self.dispersion) for z in NODES),
                strict=True,
            )
        )
        total = (energy / psi).sum() / count + 0.5 * np.log(psi).sum()
        kl = 0.5 * ((mu**2).mean(axis=0) + D - p["logD"] - 1)
        total += self.beta * kl.sum()
        by_mean = first / psi / count
        by_variance = (0.5 * second / psi).sum(axis=0) / count
        by_mu = by_mean @ W + self.beta * mu / count
        grad = {
            "W": by_mean.T @ mu + 2 * W * D * by_variance[:, None],
            "b": by_mean.sum(axis=0),
            "V": self.centre.T @ by_mu,
            "c": by_mu.sum(axis=0),
            "logD": D * ((W**2).T @ by_variance) + 0.5 * self.beta * (D - 1),
            "logpsi": 0.5 - (energy / psi).mean(axis=0) if factor else np.zeros(x.shape[1]),
        }
        return total, np.concatenate([grad[name].ravel() for name in self.shapes])

    def trained(self, random, size=0.05):
        """Return the KL divergence of each latent, descending, where the gradient has vanished."""
        options = {"maxiter": 2000, "ftol": 1e-14, "gtol": 1e-8}
        start = self.start(random, size)
        found = minimize(self.loss, start, jac=True, method="L-BFGS-B", options=options)
        return self.kl(found.x)

    def kl(self, flat):
        """Return the KL divergence of each latent, descending."""
        p = self.parts(flat)
        mu = self.centre @ p["V"] + p["c"]
        found = 0.5 * ((mu**2).mean(axis=0) + np.exp(p["logD"]) - p["logD"] - 1)
        return np.sort(found)[::-1]
