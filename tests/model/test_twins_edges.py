"""Starts, noise in classes, samples' eigenvalues and schedules beside plain twins of theirs."""

import logging

import numpy as np
import pytest
from scipy import integrate

import vaedyn
from vaedyn import Params
from vaedyn.model import (
    coordinates,
    sample_covariance,
    start,
)

CLASSES = np.array([[1.5, 0.3], [0.75, 0.5], [0.25, 0.2]])
OVERLAPS = {
    "m": np.array([[0.3, -0.1], [-0.2, 0.25]]), "d": np.array([[0.25, 0.2], [0.1, -0.3]]),
    "Q": np.array([[1.25, 0.2], [0.2, 0.75]]), "E": np.array([[0.875, -0.1], [-0.1, 1.5]]),
    "R": np.array([[0.3, 0.1], [-0.2, 0.25]]), "D": np.array([1.0, 0.5]),
}  # fmt: skip


def gram(W, V, T):
    """Return the order parameters of weights (latent, dim) by their definition."""
    N = W.shape[1]
    return {
        "m": W @ T.T / N, "d": V @ T.T / N, "Q": W @ W.T / N, "E": V @ V.T / N, "R": W @ V.T / N
    }  # fmt: skip


def close(found, expected, **how):
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, **{"rtol": 1e-10, "atol": 1e-12, **how})


# ---- starts


@pytest.mark.parametrize("init", ["gaussian", "torch"])
@pytest.mark.parametrize("block", [7, 1 << 16])
def test_what_is_drawn_has_its_overlaps_in_blocks_of_any_size(monkeypatch, init, block):
    monkeypatch.setattr(start, "BLOCK", block)
    start._drawn_products.cache_clear()
    coordinates._drawn_products.cache_clear()
    N, M, K, seed = 23, 2, 3, 5
    W, V = start.drawn_weights(init, N, M, seed)
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    if init == "gaussian":
        drawn = rng.standard_normal((N, 2 * M))
    else:
        drawn = rng.uniform(-1, 1, (N, 2 * M)) * np.repeat([np.sqrt(N / M), 1.0], M)
    np.testing.assert_allclose(np.concatenate([W, V]).T, drawn, rtol=1e-14)
    angles = np.pi * (np.arange(N) + 0.5) / N
    T = np.stack([np.ones(N), np.sqrt(2) * np.cos(angles), np.sqrt(2) * np.cos(2 * angles)])
    close(start.drawn_overlaps(init, N, M, K, seed), gram(W, V, T) | {"D": np.ones(M)})
    np.testing.assert_allclose(start.teacher(N, K), T, rtol=1e-14)
    # with noise in classes, signals are coordinates
    counts = coordinates.counts(CLASSES, N, K).tolist()
    assert counts == [6, 10, 4]
    along, within = coordinates.drawn_products(init, CLASSES, N, M, K, seed)
    np.testing.assert_allclose(along, drawn[:K].T / np.sqrt(N), rtol=1e-12)
    at = K
    for own, count in zip(within, counts, strict=True):
        part = drawn[at : at + count]
        np.testing.assert_allclose(own, part.T @ part / N, rtol=1e-12)
        at += count
    T = np.sqrt(N) * np.eye(K, N)
    np.testing.assert_allclose(coordinates.teacher(N, K), T)
    found = coordinates.overlaps_of(along, within, np.ones(M))
    close(found, gram(W, V, T) | {"D": np.ones(M)})
    first = coordinates.drawn_products(init, CLASSES, N, M, K, seed)[0]
    first[:] = 0  # a copy
    assert coordinates.drawn_products(init, CLASSES, N, M, K, seed)[0].any()
    start._drawn_products.cache_clear()
    coordinates._drawn_products.cache_clear()


def test_mean_overlaps_of_what_is_drawn():
    assert start.drawn_mean("gaussian", 30, 2) == {
        "m": 0.0, "d": 0.0, "Q": 1.0, "E": 1.0, "R": 0.0, "D": 1.0
    }  # fmt: skip
    assert start.drawn_mean("torch", 30, 2) == {
        "m": 0.0, "d": 0.0, "Q": 5.0, "E": 1 / 3, "R": 0.0, "D": 1.0
    }  # fmt: skip


def test_a_start_that_takes_more_than_five_seconds_is_announced(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(start, "drawn_rows", lambda *_: iter(()))
    start._drawn_products.cache_clear()
    start.drawn_overlaps("torch", 124_000_000, 1, 1, 3)
    start.drawn_overlaps("torch", 31_500_000, 4, 1, 3)
    start._drawn_products.cache_clear()
    assert caplog.messages == [
        "reading the torch start off N = 3.15e+07 coordinates takes about 5 seconds; overlaps "
        "given by --init take none"
    ]


def test_factors_of_what_is_beyond_signals():
    F = start.remainder_factor(**OVERLAPS)
    both = np.concatenate([OVERLAPS["m"], OVERLAPS["d"]])
    whole = np.block([[OVERLAPS["Q"], OVERLAPS["R"]], [OVERLAPS["R"].T, OVERLAPS["E"]]])
    np.testing.assert_allclose(F.T @ F, whole - both @ both.T, atol=1e-14)
    assert (np.triu(F) == F).all()
    assert (F.diagonal() > 0).all()
    edge = {**OVERLAPS, "E": np.full((2, 2), 0.5), "R": np.zeros((2, 2))}
    edge["m"] = edge["d"] = np.zeros((2, 2))
    assert start.remainder_factor(**edge).diagonal()[-1] == pytest.approx(0, abs=1e-7)
    for off, fits in ((0.5e-12, True), (2e-12, False)):
        edge["E"] = np.diag([1.0, -off])
        if fits:
            start.remainder_factor(**edge)
        else:
            with pytest.raises(vaedyn.ParameterError, match="least eigenvalue is -2e-12"):
                start.remainder_factor(**edge)


def test_weights_of_given_overlaps():
    N = 40
    W, V = start.weights_with(N, **OVERLAPS)
    given = {name: value for name, value in OVERLAPS.items() if name != "D"}
    close(gram(W, V, start.teacher(N, 2)), given)
    W, V = coordinates.weights_with(CLASSES, N, **OVERLAPS)
    close(gram(W, V, coordinates.teacher(N, 2)), given)
    number = coordinates.counts(CLASSES, N, 2)
    assert number.tolist() == [11, 19, 8]
    rest = np.block([[given["Q"], given["R"]], [given["R"].T, given["E"]]])
    both = np.concatenate([given["m"], given["d"]])
    rest = rest - both @ both.T
    for found, shares in (
        (coordinates.products_at(number, **OVERLAPS), number / 38),
        (coordinates.products_with(CLASSES[:, 1], **OVERLAPS)[1], CLASSES[:, 1]),
    ):
        np.testing.assert_allclose(found, shares[:, None, None] * rest, atol=1e-13)
    at = 2
    for own, count in zip(coordinates.products_at(number, **OVERLAPS), number, strict=True):
        part = np.concatenate([W, V])[:, at : at + count]
        np.testing.assert_allclose(part @ part.T / N, own, atol=1e-12)
        at += count
    assert (coordinates.products_with(CLASSES[:, 1], **OVERLAPS)[0] == both).all()
    few = coordinates.products_at(np.array([4, 9]), **OVERLAPS)
    assert len(few) == 2
    with pytest.raises(vaedyn.ParameterError) as caught:
        coordinates.products_at(np.array([9, 3]), **OVERLAPS)
    assert str(caught.value) == (
        "noise: in a class of 3 directions there is no room for weights of the overlaps that init "
        "gives: raise --dim, or start with --init gaussian"
    )
    with pytest.raises(vaedyn.ParameterError, match="in a class of 1 direction there is no"):
        coordinates.products_at(np.array([9, 1]), **OVERLAPS)


class Recorded:
    """Random numbers that are known, and what was asked for."""

    def __init__(self):
        self.rng, self.asked = np.random.default_rng(4), []

    def standard_normal(self, size):
        found = self.rng.standard_normal(size)
        self.asked.append(("normal", size, found))
        return found

    def chisquare(self, freedom):
        found = self.rng.chisquare(freedom)
        self.asked.append(("chi", np.asarray(freedom).tolist(), found))
        return found


def test_random_weights_and_their_triangles():
    N, F = 40, start.remainder_factor(**OVERLAPS).T
    both = np.concatenate([OVERLAPS["m"], OVERLAPS["d"]])
    rng = Recorded()
    m, d, triangle, D = start.random_gram(N, rng, **OVERLAPS)
    (_, size, z), (_, square, normal), (_, freedom, chi) = rng.asked
    assert (size, square, freedom) == ((4, 2), (4, 4), [38, 37, 36, 35])
    np.testing.assert_allclose(np.concatenate([m, d]), both + F @ z / np.sqrt(N))
    bartlett = np.tril(normal, -1) + np.diag(np.sqrt(chi))
    np.testing.assert_allclose(triangle, F @ bartlett / np.sqrt(N))
    assert D.tolist() == [1.0, 0.5]
    rng = Recorded()
    W, V, D = start.random_weights(N, rng, **OVERLAPS)
    ((_, size, z),) = rng.asked
    assert size == (4, 40)
    np.testing.assert_allclose(np.concatenate([W, V]), F @ z + both @ start.teacher(N, 2))
    assert D.tolist() == [1.0, 0.5]
    rng = Recorded()
    W, V, D = coordinates.random_weights(N, rng, **OVERLAPS)
    ((_, size, z),) = rng.asked
    mean = both @ coordinates.teacher(N, 2)
    np.testing.assert_allclose(np.concatenate([W, V]), F @ z + mean)
    assert D.tolist() == [1.0, 0.5]


def test_random_triangles_in_classes():
    """Of 5 directions Bartlett's triangle is drawn, of 4 or fewer all are."""
    classes = np.array([[1.5, 0.3], [0.75, 0.5], [0.25, 0.2]])
    N, F = 22, start.remainder_factor(**OVERLAPS).T
    both = np.concatenate([OVERLAPS["m"], OVERLAPS["d"]])
    assert coordinates.counts(classes, N, 2).tolist() == [6, 10, 4]
    rng = Recorded()
    m, d, found, D = coordinates.random_factors(classes, N, rng, **OVERLAPS)
    assert [(kind, size) for kind, size, _ in rng.asked] == [
        ("normal", (4, 2)), ("normal", (4, 4)), ("chi", [6, 5, 4, 3]), ("normal", (4, 4)),
        ("chi", [10, 9, 8, 7]), ("normal", (4, 4)),
    ]  # fmt: skip
    np.testing.assert_allclose(
        np.concatenate([m, d]), both + F @ rng.asked[0][2] / np.sqrt(N)
    )  # fmt: skip
    for own, at in ((0, 1), (1, 3)):
        bartlett = np.tril(rng.asked[at][2], -1) + np.diag(np.sqrt(rng.asked[at + 1][2]))
        np.testing.assert_allclose(found[own], F @ bartlett / np.sqrt(N))
    weights = F @ rng.asked[5][2] / np.sqrt(N)
    np.testing.assert_allclose(found[2] @ found[2].T, weights @ weights.T, atol=1e-13)
    assert (found[2] == np.tril(found[2])).all()
    assert D.tolist() == [1.0, 0.5]
    few = coordinates.random_factors(classes, 12, Recorded(), **OVERLAPS)[2]
    assert (few[2][:, 2:] == 0).all()
    assert few[2][:, :2].any()


def test_triangles_of_products():
    number = np.array([7, 2])
    rng = np.random.default_rng(3)
    A, B = rng.normal(size=(4, 9)), rng.normal(size=(4, 2))
    found = coordinates.factors(number, np.stack([A @ A.T, B @ B.T]))
    np.testing.assert_allclose(found[0] @ found[0].T, A @ A.T, atol=1e-12)
    np.testing.assert_allclose(found[1] @ found[1].T, B @ B.T, atol=1e-7)
    assert (found[1][:, 2:] == 0).all()
    assert (found == np.tril(found)).all()


def test_overlaps_in_starts_of_a_model():
    noisy = Params(dim=40, latent=2, signal=2, rho=(2, 1), noise="1.5*0.3,0.75*0.5,0.25*0.2",
                   init={name: value.tolist() for name, value in OVERLAPS.items()})  # fmt: skip
    close(noisy.overlaps(), OVERLAPS)
    close(noisy.mean_overlaps(), OVERLAPS)
    W, V = noisy.weights()
    close(gram(W, V, coordinates.teacher(40, 2)), {k: OVERLAPS[k] for k in "mdQER"})
    along, within, D = noisy.products()
    assert (along.shape, within.shape, D.tolist()) == ((4, 2), (3, 4, 4), [1, 0.5])
    drawn = noisy.replace(init="torch", init_seed=4)
    assert drawn.products()[2].tolist() == [1, 1]
    close(drawn.mean_overlaps(), {"Q": 40 / 6 * np.eye(2), "E": np.eye(2) / 3, "D": np.ones(2)})
    white = noisy.replace(noise=None, eta=1.0)
    W, V = white.weights()
    close(gram(W, V, start.teacher(40, 2)), {k: OVERLAPS[k] for k in "mdQER"})


# ---- eigenvalues of samples


@pytest.mark.parametrize("gamma", [0.3, 1.0, 2.5])
def test_the_bulk_is_the_law_of_marchenko_and_pastur(gamma):
    low, high = (1 - np.sqrt(gamma)) ** 2, (1 + np.sqrt(gamma)) ** 2

    def density(x):
        return np.sqrt(max((high - x) * (x - low), 0)) / x

    whole = integrate.quad(density, low, high)[0]
    for share in (0.1, 0.5, 0.9):
        x = low + share * (high - low)
        exact = integrate.quad(density, low, x)[0] / whole
        assert sample_covariance.bulk_cdf(x, gamma) == pytest.approx(exact, abs=2e-7)
        assert sample_covariance.bulk_quantile(exact, gamma) == pytest.approx(x, rel=1e-5)
    assert sample_covariance.bulk_cdf(np.array([low - 0.1, high + 1]), gamma) == pytest.approx(
        [0, 1], abs=1e-12
    )
    assert sample_covariance.edge(0.75, gamma) == pytest.approx(0.75 * high)


def test_outliers_and_their_overlaps():
    rho, eta, gamma = 2.5, 0.75, 0.4
    apart = 1 - 0.4 * (0.75 / 2.5) ** 2
    assert sample_covariance.slope(rho, eta, gamma) == pytest.approx(apart)
    assert sample_covariance.outlier(rho, eta, gamma) == pytest.approx(3.25 * (1 + 0.3 / 2.5))
    assert sample_covariance.overlap(rho, eta, gamma) == pytest.approx(apart / (1 + 0.3 / 2.5))
    lost = 0.75 * np.sqrt(0.4)
    for share, there in ((1 + 1e-8, True), (1 + 1e-10, False), (0.9, False)):
        assert (sample_covariance.slope(share * lost, eta, gamma) > 0) == there
        assert (sample_covariance.outlier(share * lost, eta, gamma) == 0.75 * (
            1 + np.sqrt(0.4)
        ) ** 2) != there  # fmt: skip
    assert sample_covariance.share_of_null(rho, eta, 1.0) == 0.0
    assert sample_covariance.share_of_null(rho, eta, 2.0) == pytest.approx(1 / (1 + 3.25 / 0.75))
    assert sample_covariance.share_of_null(rho, eta, 1.5) == pytest.approx(1 / (1 + 3.25 / 0.375))
