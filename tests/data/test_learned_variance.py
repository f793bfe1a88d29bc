"""A decoder variance that is learned: against plain iteration, scikit-learn, and training."""

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from sklearn.datasets import load_digits, load_wine
from sklearn.decomposition import PCA

from vaedyn import ParameterError, learned_thresholds, learned_variance

SPECTRUM = np.array([5.0, 3.0, 1.2, 0.7, 0.7, 0.3, 0.1])
DIM = 9


def error(v, beta, latents, values=SPECTRUM):
    """Return the squared error that is left by the best latents at a decoder variance v."""
    used = np.minimum(values[:latents], beta * v).sum()
    return used + values[latents:].sum()


def loss(v, beta, latents, values=SPECTRUM, dim=DIM):
    """Return the least loss at a decoder variance v."""
    ratio = np.maximum(values[:latents] / (beta * v), 1)
    kl = 0.5 * np.log(ratio).sum()
    return error(v, beta, latents, values) / (2 * v) + dim / 2 * np.log(v) + beta * kl


@pytest.mark.parametrize("latents", [1, 2, 4, 6, 7, 20])
@pytest.mark.parametrize("beta", [0.2, 0.7, 1.0, 1.4, 2.3, 4.0, 9.0])
def test_it_is_where_iteration_of_the_mean_squared_error_ends(beta, latents):
    if latents >= 7 and beta <= DIM / 7:
        with pytest.raises(ParameterError, match=r"up to 1\.28571, and the loss has no minimum"):
            learned_variance(SPECTRUM, beta, latents, dim=DIM)
        assert np.diff([loss(v, beta, latents) for v in (1e-3, 1e-6, 1e-9)]).max() < 0
        return
    found = learned_variance(SPECTRUM, beta, latents, dim=DIM)
    for v in (1e-6, 0.3, 50.0):  # one solution from wherever it starts
        for _ in range(3000):
            v = error(v, beta, latents) / DIM
        assert found.sigma2 == pytest.approx(v, rel=1e-9)
    best = minimize_scalar(lambda u: loss(np.exp(u), beta, latents), bounds=(-12, 5)).x
    assert found.sigma2 == pytest.approx(np.exp(best), rel=1e-3)
    live = SPECTRUM[:latents][SPECTRUM[:latents] > beta * found.sigma2]
    assert found.active == len(live)
    assert found.in_force == pytest.approx(beta * found.sigma2)
    assert found.kl == pytest.approx(0.5 * np.log(live / found.in_force).sum())
    assert found.explained == pytest.approx(
        1 - error(found.sigma2, beta, latents) / SPECTRUM.sum(), abs=1e-12
    )


def test_rounding_of_the_sum_makes_no_minimum():
    for dim in (7, DIM):
        for off in (-1e-15, 0, 1e-15):
            total = SPECTRUM.sum() * (1 + off)
            with pytest.raises(ParameterError, match="no minimum"):
                learned_variance(SPECTRUM, dim / 7, 7, dim=dim, total=total)


def test_each_latent_is_lost_at_its_threshold_whatever_their_number():
    lost = learned_thresholds(SPECTRUM, dim=DIM)
    assert lost[0] == pytest.approx(SPECTRUM[0] / (SPECTRUM.sum() / DIM))
    assert lost[-1] == pytest.approx(DIM / len(SPECTRUM))
    assert lost[3] == pytest.approx(lost[4])  # their eigenvalues are equal
    assert (np.diff(lost) < 1e-12).all()
    for k, beta in enumerate(lost[:6]):
        for latents in range(k + 1, 7):
            below = learned_variance(SPECTRUM, beta * (1 - 1e-6), latents, dim=DIM)
            above = learned_variance(SPECTRUM, beta * (1 + 1e-6), latents, dim=DIM)
            equal = k in (3, 4) and latents > 4
            assert (below.active, above.active) == ((5, 3) if equal else (k + 1, k))


@pytest.mark.parametrize("load", [load_digits, load_wine])
def test_at_beta_1_it_is_probabilistic_pca(load):
    x = load().data
    values = np.linalg.eigvalsh(np.cov(x.T))[::-1].clip(0)
    for latents in (1, 5, 10):
        found = learned_variance(values, 1.0, latents, dim=x.shape[1])
        discarded = PCA(latents).fit(x).noise_variance_
        assert found.active == latents
        # scikit-learn's mean is over the directions that were discarded, as ours at beta = 1
        assert found.sigma2 == pytest.approx(discarded, rel=1e-9)


def trained(x, beta, latents, steps=6000, lr=0.02):
    """Train a linear VAE and ln sigma2 on rows by Adam, all gradients written by hand."""
    random = np.random.default_rng(5)
    x = x - x.mean(axis=0)
    rows, dim = x.shape
    covariance = x.T @ x / rows
    p = [0.1 * random.normal(size=(dim, latents)) for _ in range(2)]
    p += [np.zeros(latents), np.array(np.log(covariance.trace() / dim))]
    m, v = [np.zeros_like(each) for each in p], [np.zeros_like(each) for each in p]
    for k in range(1, steps + 1):
        W, V, logD, logs = p
        D, s = np.exp(logD), np.exp(logs)
        inner = W.T @ W
        S = V.T @ covariance @ V
        squared = covariance.trace() - 2 * (W.T @ covariance @ V).trace()
        squared += (inner @ S).trace() + np.diag(inner) @ D
        g = [
            (-covariance @ V + W @ (S + np.diag(D))) / s,
            (-covariance @ W + covariance @ V @ inner) / s + beta * covariance @ V,
            0.5 * D * np.diag(inner) / s + 0.5 * beta * (D - 1),
            0.5 * dim - 0.5 * squared / s,
        ]
        size = lr * min(1.0, 2 * (1 - k / steps))
        for i in range(4):
            m[i] = 0.9 * m[i] + 0.1 * g[i]
            v[i] = 0.99 * v[i] + 0.01 * g[i] ** 2
            step = size * (m[i] / (1 - 0.9**k)) / (np.sqrt(v[i] / (1 - 0.99**k)) + 1e-10)
            p[i] = p[i] - step
    kl = 0.5 * (np.diag(p[1].T @ covariance @ p[1]) + np.exp(p[2]) - p[2] - 1)
    return float(np.exp(p[3])), np.sort(kl)[::-1]


@pytest.mark.parametrize(("beta", "latents"), [(1.0, 3), (1.7, 3), (1.7, 8), (3.0, 3), (8.0, 3)])
def test_training_on_rows_ends_there(beta, latents):
    random = np.random.default_rng(2)
    x = random.normal(size=(200, 8)) * [2.2, 1.8, 1.3, 1, 0.9, 0.8, 0.6, 0.5]
    values = np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1]
    found = learned_variance(values, beta, latents, dim=8)
    sigma2, kl = trained(x, beta, latents)
    assert sigma2 == pytest.approx(found.sigma2, rel=2e-3)
    assert (kl > 1e-3).sum() == found.active
    assert kl.sum() == pytest.approx(found.kl, abs=5e-3)


def test_eigenvalues_that_are_missing_are_asked_for():
    part, total = SPECTRUM[:3], SPECTRUM.sum()
    whole = learned_variance(SPECTRUM, 2.0, 3, dim=DIM)
    known = learned_variance(part, 2.0, 3, dim=DIM, total=total)
    assert known.sigma2 == pytest.approx(whole.sigma2, rel=1e-12)
    np.testing.assert_allclose(
        learned_thresholds(part, dim=DIM, total=total), learned_thresholds(SPECTRUM, dim=DIM)[:3]
    )
    few = learned_thresholds(SPECTRUM, dim=DIM)[2]
    assert learned_variance(part, 1.01 * few, 6, dim=DIM, total=total).active == 2
    with pytest.raises(ParameterError, match="^leading: is needed"):
        learned_variance(part, 0.99 * few, 6, dim=DIM, total=total)


@pytest.mark.parametrize(
    ("values", "options", "name"),
    [
        ([1.0, 2.0], {}, "eigenvalues"),
        ([2.0, np.nan], {}, "eigenvalues"),
        ([2.0, -1.0], {}, "eigenvalues"),
        ([0.0, 0.0], {}, "eigenvalues"),
        ([], {}, "eigenvalues"),
        ([3.0, 2.0, 1.0], {"dim": 2}, "eigenvalues"),
        ([2.0, 1.0], {"total": 2.5}, "total"),
        ([2.0, 1.0], {"total": np.inf}, "total"),
        ([2.0, 1.0], {"beta": 0.0}, "beta"),
        ([2.0, 1.0], {"beta": np.inf}, "beta"),
        ([2.0, 1.0], {"latents": 0}, "latents"),
        ([2.0, 1.0], {"dim": 2.5}, "dim"),
    ],
)
def test_bad_arguments_are_named(values, options, name):
    chosen = {"beta": 1.0, "latents": 1, "dim": 3, **options}
    beta, latents = chosen.pop("beta"), chosen.pop("latents")
    with pytest.raises(ParameterError, match=f"^{name}: "):
        learned_variance(values, beta, latents, **chosen)


def test_the_threshold_solves_its_equation_for_a_power_law():
    """By a root of K(v) that knows nothing of the formula."""
    values = np.arange(1, 31) ** -1.3
    for k in (1, 4, 12):

        def excess(beta, k=k):
            v = 1.0
            for _ in range(4000):
                v = error(v, beta, 20, values) / 40
            return values[k - 1] - beta * v

        root = brentq(excess, 1.5, 40, xtol=1e-9)
        assert learned_thresholds(values, dim=40)[k - 1] == pytest.approx(root, rel=1e-6)
