"""What is found out about losses that are known, by evaluating them."""

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.shared.other_losses import LOSSES, WEIGHT, flat, kl_of, whole_squares
from vaedyn import PRESETS, ParameterError, probe

LATENT, BATCH = 4, 6
NOISE = np.random.default_rng(0)


def table(seed=0, shape=(5, 3), scale=1.0):
    random = np.random.default_rng(seed)
    x = scale * random.uniform(0, 1, (BATCH, *shape))
    return x, np.zeros((BATCH, LATENT)), np.zeros((BATCH, LATENT))


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "scvi"])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_loss_of_every_preset_is_read(name, seed):
    convention = PRESETS[name].convention
    if convention.kl == "mean":
        convention = replace(convention, latent=LATENT)
    found = probe(LOSSES[name], *table(seed), seed=seed)
    assert found.reconstruction == convention.likelihood
    assert found.beta == pytest.approx(convention.beta(WEIGHT, 15, convention.likelihood), rel=1e-6)
    assert found.batch == ("sum" if name == "pytorch-example" else "mean")
    assert f"beta = {found.beta:.6g}, whatever the batch size" in found.text


@pytest.mark.parametrize("scale", [1e-3, 1.0, 255.0, -40.0])
def test_data_of_any_size_will_do(scale):
    x, mu, logvar = table(2, scale=scale)
    found = probe(LOSSES["pytorch-vae"], x, mu, logvar)
    assert found.beta == pytest.approx(WEIGHT * 15 / 2, rel=1e-5)
    assert found.reconstruction_factor == pytest.approx(1 / (15 * BATCH), rel=1e-5)
    assert found.kl_factor == pytest.approx(WEIGHT / BATCH, rel=1e-5)


def test_single_precision_will_do():
    def loss(*arrays):
        return np.float32(LOSSES["pythae"](*(each.astype(np.float32) for each in arrays)))

    for scale in (1.0, 255.0):
        assert probe(loss, *table(3, (40,), scale)).beta == pytest.approx(WEIGHT, rel=1e-2)


def test_what_losses_return():
    x, mu, logvar = table()

    class Tensor:
        def __init__(self, array):
            self.array = array

        def item(self):
            return float(self.array)

    for wrap in (Tensor, lambda v: (v, 1, 2), lambda v: {"loss": v, "KLD": 3}, np.array):
        found = probe(lambda *a, wrap=wrap: wrap(LOSSES["pythae"](*a)), x, mu, logvar)
        assert found.beta == pytest.approx(WEIGHT)
    lists = probe(
        lambda *a: LOSSES["pythae"](*map(np.array, a)), x, mu, logvar, convert=np.ndarray.tolist
    )
    assert lists.beta == pytest.approx(WEIGHT)


def test_logits_and_counts_are_recognised():
    def logits(y, x, mu, logvar):
        return np.mean(flat(np.logaddexp(0, y) - x * y).sum(axis=1)) + 2 * kl_of(
            mu, logvar
        ).sum() / len(x)

    def log_means(y, x, mu, logvar):
        return np.sum(np.exp(y) - x * y) + 3 * kl_of(mu, logvar).sum()

    def means(y, x, mu, logvar):
        if (y <= 0).any():
            raise ValueError("no means")
        return np.sum(y - x * np.log(y)) + 3 * kl_of(mu, logvar).sum()

    x, mu, logvar = table(1)
    found = probe(logits, x, mu, logvar)
    assert (found.reconstruction, found.beta) == ("bernoulli", pytest.approx(2))
    counts = np.random.default_rng(0).poisson(3.0, x.shape)
    for loss in (log_means, means):
        found = probe(loss, counts, mu, logvar)
        assert (found.reconstruction, found.beta) == ("poisson", pytest.approx(3, rel=1e-6))


def test_a_sum_beside_a_mean_over_the_batch_is_noticed():
    def mixed(y, x, mu, logvar):
        return np.mean((y - x) ** 2) + WEIGHT * kl_of(mu, logvar).sum()

    found = probe(mixed, *table())
    assert found.batch == "mixed"
    assert found.beta == pytest.approx(WEIGHT * BATCH * 15 / 2)
    assert "for batches of this size only" in found.text
    assert "reconstruction is a mean, KL a sum" in found.text


@pytest.mark.parametrize(
    ("loss", "reason"),
    [
        (LOSSES["scvi"], "none of: squared error, binary cross entropy, Poisson"),
        (lambda y, x, m, v: whole_squares(y, x, m, v, tolerance=0.5), "not linear in the KL"),
        (lambda y, x, m, v: np.abs(y - x).sum() + kl_of(m, v).sum(), "none of"),
        (
            lambda y, x, m, v: ((y - x) ** 2 * np.linspace(1, 3, 3)).sum() + kl_of(m, v).sum(),
            "none of",
        ),
        (lambda y, x, m, v: ((y - x) ** 2).sum() + abs(kl_of(m, v).sum() - 5), "not linear"),
        (lambda y, x, m, v: ((y - x) ** 2).sum() + kl_of(m, 2 * v).sum(), "not linear"),
        (lambda y, x, m, v: ((y - x) ** 2).sum() + (m**2).sum(), "not linear"),
        (
            lambda y, x, m, v: ((y - x) ** 2).sum() + (kl_of(m, v) * [1, 1, 1, 2]).sum(),
            "not linear",
        ),
        (lambda y, x, m, v: ((y - x) ** 2).sum(), "does not enter"),
        (lambda y, x, m, v: ((y - x) ** 2).sum() - kl_of(m, v).sum(), "wrong sign"),
        (lambda y, x, m, v: -((y - x) ** 2).sum() + kl_of(m, v).sum(), "wrong sign"),
        (lambda y, x, m, v: np.log(((y - x) ** 2).sum()) + kl_of(m, v).sum(), "none of"),
        (
            lambda y, x, m, v: kl_of(m, v).sum() + ((y - x) ** 2).sum() * (1 + (m * v).sum() ** 2),
            "not linear|add up",
        ),
        (lambda y, x, m, v: ((y - x) ** 2).sum() + NOISE.normal(), "random"),
    ],
)
def test_what_is_no_such_loss_is_said_plainly(loss, reason):
    found = probe(loss, *table())
    assert found.beta is None
    assert found.text.startswith("no beta: ")
    assert re.search(reason, found.text), found.text


def test_bad_arguments_are_named():
    x, mu, logvar = table()
    loss = LOSSES["pythae"]
    for arguments, name in (
        ((x[:1], mu[:1], logvar[:1]), "x"),
        ((x[:, 0, 0], mu, logvar), "x"),
        ((np.where(x > 0.9, np.nan, x), mu, logvar), "x"),
        ((x, mu[:3], logvar[:3]), "mu"),
        ((x, mu, logvar[:, :2]), "mu"),
        ((x, mu[0], logvar[0]), "mu"),
    ):
        with pytest.raises(ParameterError, match=f"^{name}: "):
            probe(loss, *arguments)
    for fails in (
        lambda *a: 1 / 0,
        lambda *a: "no number",
        lambda *a: {"total": 1},
        lambda y, x: 0,
    ):
        with pytest.raises(ParameterError, match="^loss_fn: fails, or returns no number"):
            probe(fails, x, mu, logvar)


@pytest.mark.parametrize("samples", [2, 3, 5, 7, 8, 15])
def test_batches_of_odd_sizes_are_cut_in_two_as_well(samples):
    x, zero = np.random.default_rng(samples).normal(size=(samples, 6)), np.zeros((samples, 3))

    def kl(mu, logvar):
        return 0.5 * (mu**2 + np.exp(logvar) - logvar - 1)

    ways = {"mean": np.mean, "sum": np.sum}
    for one, first in ways.items():
        for other, second in ways.items():

            def loss(x_hat, x, mu, logvar, first=first, second=second):
                return first(((x_hat - x) ** 2).sum(1)) + second(kl(mu, logvar).sum(1))

            found = probe(loss, x, zero, zero)
            assert found.batch == (one if one == other else "mixed")
            ratio = {"mean": samples, "sum": 1}
            assert found.beta == pytest.approx(0.5 * ratio[one] / ratio[other])
    # neither a sum nor a mean
    found = probe(
        lambda y, x, mu, lv: (((y - x) ** 2).sum() + kl(mu, lv).sum()) / len(x) ** 0.5,
        x, zero, zero,
    )  # fmt: skip
    assert (found.beta, found.batch) == (pytest.approx(0.5), None)
    assert "whatever the batch size" not in found.text


def test_a_loss_that_takes_only_some_outputs_is_tried_quietly(recwarn):
    counts, zero = np.random.default_rng(1).poisson(3, (16, 10)) * 1.0, np.zeros((16, 4))

    def loss(rate, x, mu, logvar):
        kl = 0.5 * (mu**2 + np.exp(logvar) - logvar - 1)
        return (rate - x * np.log(rate)).sum(1).mean() + 3 * kl.sum(1).mean()

    found = probe(loss, counts, zero, zero)
    assert (found.beta, found.reconstruction) == (pytest.approx(3), "poisson")
    assert not recwarn.list
    text = probe(lambda *_: np.nan, counts, zero, zero).text
    assert text == "no beta: the loss is nan where KL is 0 and x_hat 0.5 everywhere"
