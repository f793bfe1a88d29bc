"""Conventions and presets, against losses of single samples written out in plain NumPy."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from tests.shared.other_losses import LOSSES, WEIGHT, kl_of, mean_loss
from vaedyn import PRESETS, Convention, ParameterError
from vaedyn.data.convention import OWN

SHAPE, LATENT, BATCH = (6, 2), 5, 8


def batch(seed=0):
    random = np.random.default_rng(seed)
    x = random.uniform(0.1, 0.9, (BATCH, *SHAPE))
    y = random.uniform(0.1, 0.9, x.shape)
    return y, x, random.normal(size=(BATCH, LATENT)), random.normal(size=(BATCH, LATENT))


def beta_of(loss, likelihood="gaussian"):
    """Return the beta of a loss: what KL is multiplied by once the reconstruction is ours."""
    y, x, mu, logvar = batch()
    zero = np.zeros_like(mu)
    other = batch(1)[0]
    base = loss(y, x, zero, zero)
    energies = {
        "gaussian": lambda y: 0.5 * ((y - x) ** 2).sum() / BATCH,
        "bernoulli": lambda y: -(x * np.log(y) + (1 - x) * np.log(1 - y)).sum() / BATCH,
    }
    energy = energies[likelihood]
    unit = (loss(other, x, zero, zero) - base) / (energy(other) - energy(y))
    return (loss(y, x, mu, logvar) - base) / (kl_of(mu, logvar).sum() / BATCH) / unit


GAUSSIAN = [name for name, each in PRESETS.items() if each.convention.likelihood == "gaussian"]


@pytest.mark.parametrize("name", GAUSSIAN)
def test_gaussian_presets_are_their_losses(name):
    convention = PRESETS[name].convention
    if convention.kl == "mean":
        convention = replace(convention, latent=LATENT)
    beta = beta_of(LOSSES[name])
    assert convention.beta(WEIGHT, 12) == pytest.approx(beta, rel=1e-9)
    assert convention.weight(beta, 12) == pytest.approx(WEIGHT, rel=1e-9)


@pytest.mark.parametrize("name", ["keras", "pytorch-example"])
def test_presets_of_cross_entropy_are_their_losses(name):
    convention = PRESETS[name].convention
    assert convention.beta(WEIGHT, 12, "bernoulli") == pytest.approx(
        beta_of(LOSSES[name], "bernoulli"), rel=1e-9
    )
    with pytest.raises(ParameterError, match="^likelihood: this is derived for gaussian"):
        convention.beta(WEIGHT, 12)


def test_known_numbers_of_the_presets():
    """PyTorch-VAE trains on 3 x 64 x 64 pixels; beta_norm = beta M / N is Higgins et al.'s."""
    images = 3 * 64 * 64
    vae = PRESETS["pytorch-vae"]
    assert vae.weight is not None
    assert vae.convention.beta(vae.weight, images) == pytest.approx(1.536)
    higgins = Convention("mean", 1.0, kl="mean", latent=10)
    assert higgins.weight(4.0, 784) == pytest.approx(4 * 10 / 784)
    assert PRESETS["higgins"].convention == Convention("mean", 1.0, kl="mean")
    assert PRESETS["scvi"].convention.likelihood == "nb"
    assert PRESETS["scvi"].refused
    assert PRESETS["pythae"].convention == OWN
    assert set(PRESETS) == set(LOSSES)


def test_the_table_cannot_be_changed_and_names_its_sources():
    assert isinstance(PRESETS, MappingProxyType)
    for preset in PRESETS.values():
        assert preset.source
        assert preset.seen
        assert "/" in preset.source or "ICLR" in preset.source


@pytest.mark.parametrize("batch_sum", [None, "reconstruction", "kl"])
@pytest.mark.parametrize("kl", ["sum", "mean", "per-entry"])
@pytest.mark.parametrize("loss", ["sum", "mean"])
def test_every_combination_is_the_loss_that_it_says(loss, kl, batch_sum):
    for variance in (None, 0.3):
        convention = Convention(
            loss, variance, kl=kl, latent=LATENT, reconstruction_weight=2.5,
            batch_sum=batch_sum, batch_size=BATCH,
        )  # fmt: skip

        def written_out(y, x, mu, logvar, variance=variance):
            squares = (y - x) ** 2 / (1 if variance is None else 2 * variance)
            per_sample = squares.reshape(BATCH, -1).sum(axis=1)
            divergence = kl_of(mu, logvar).sum(axis=1)
            per_sample = per_sample / (12 if loss == "mean" else 1)
            divergence = divergence / {"sum": 1, "mean": LATENT, "per-entry": 12}[kl]
            ways = {True: np.sum, False: np.mean}
            return 2.5 * ways[batch_sum == "reconstruction"](per_sample) + WEIGHT * ways[
                batch_sum == "kl"
            ](divergence)

        assert convention.beta(WEIGHT, 12) == pytest.approx(beta_of(written_out), rel=1e-9)


def test_scaled_data_have_scaled_betas():
    """Of a gaussian, whose eigenvalues grow; the loss is of data times 0.1."""
    convention = Convention("mean", scale=0.1)

    def scaled(y, x, mu, logvar):
        return mean_loss(0.1 * y, 0.1 * x, mu, logvar)

    assert convention.beta(WEIGHT, 12) == pytest.approx(beta_of(scaled), rel=1e-9)
    other = Convention(likelihood="bernoulli", scale=0.1)
    assert other.factor(12, "bernoulli") == 1


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"loss": "max"}, "loss"),
        ({"kl": "max"}, "kl"),
        ({"likelihood": "gauss"}, "likelihood"),
        ({"batch_sum": "both"}, "batch_sum"),
        ({"batch_sum": "kl"}, "batch_size"),
        ({"batch_sum": "kl", "batch_size": 0}, "batch_size"),
        ({"batch_size": 2.5}, "batch_size"),
        ({"latent": 0}, "latent"),
        ({"reconstruction_weight": 0.0}, "reconstruction_weight"),
        ({"reconstruction_weight": np.nan}, "reconstruction_weight"),
        ({"scale": -1.0}, "scale"),
        ({"decoder_variance": 0.0}, "decoder_variance"),
        ({"decoder_variance": "learnt"}, "decoder_variance"),
        ({"decoder_variance": 1.0, "likelihood": "nb"}, "decoder_variance"),
        ({"decoder_variance": "learned", "likelihood": "factor"}, "decoder_variance"),
        ({"dispersion": 1.0}, "dispersion"),
        ({"dispersion": 0.0, "likelihood": "nb"}, "dispersion"),
    ],
)
def test_what_makes_no_sense_is_named(options, name):
    with pytest.raises(ParameterError, match=f"^{name}: "):
        Convention(**options)


def test_a_factor_needs_what_it_is_made_of():
    with pytest.raises(ParameterError, match="^latent: is needed, as the KL is averaged"):
        Convention(kl="mean").factor(5)
    with pytest.raises(
        ParameterError, match="^decoder_variance: this is derived for gaussian, not"
    ):
        Convention(decoder_variance="learned").factor(5)
    with pytest.raises(ParameterError, match="^likelihood: this is derived for poisson, not"):
        Convention(likelihood="nb").factor(5, "poisson")
    assert Convention("mean", "learned").factor(5, "learned") == pytest.approx(0.2)
