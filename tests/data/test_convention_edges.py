"""Other people's units, factor by factor, and conventions that make no sense."""

from dataclasses import astuple, replace

import pytest

from vaedyn.data.convention import OWN, Convention
from vaedyn.errors import ParameterError


def refused(call, *given, **options):
    with pytest.raises(ParameterError) as error:
        call(*given, **options)
    return str(error.value)


def test_what_is_usual():
    usual = ("sum", None, 1.0, "sum", None, 1.0, None, None, "gaussian", None)
    assert astuple(Convention()) == usual
    assert astuple(OWN) == (*usual[:1], 1.0, *usual[2:])
    assert OWN.factor(7) == 1
    assert Convention().factor(7) == 2


@pytest.mark.parametrize(
    ("options", "factor", "reconstruction"),
    [
        ({}, 2, 2),
        ({"decoder_variance": 4.0}, 0.25, 0.25),
        ({"scale": 0.5}, 0.5, 0.5),
        ({"loss": "mean"}, 2 / 7, 2 / 7),
        ({"reconstruction_weight": 3.0}, 6, 6),
        ({"kl": "per-entry"}, 14, 2),
        ({"kl": "mean", "latent": 3}, 6, 2),
        ({"kl": "sum", "latent": 3}, 2, 2),
        ({"batch_sum": "reconstruction", "batch_size": 5}, 10, 10),
        ({"batch_sum": "kl", "batch_size": 5}, 0.4, 2),
        ({"batch_size": 5}, 2, 2),
        ({"likelihood": "bernoulli"}, 1, 1),
        ({"likelihood": "poisson", "scale": 0.5}, 1, 1),
        ({"likelihood": "nb", "dispersion": 2.5, "loss": "mean"}, 1 / 7, 1 / 7),
        ({"decoder_variance": "learned", "scale": 0.5}, 1, 1),
        (
            {"loss": "mean", "decoder_variance": 4.0, "scale": 3.0, "kl": "mean", "latent": 5,
             "reconstruction_weight": 2.5, "batch_sum": "reconstruction", "batch_size": 11},
            2.5 / 4 * 9 / 7 * 11 * 5, 2.5 / 4 * 9 / 7 * 11,
        ),
    ],
)  # fmt: skip
def test_each_factor_of_a_loss(options, factor, reconstruction):
    convention = Convention(**options)
    kind = convention.kind
    assert kind == ("learned" if options.get("decoder_variance") == "learned" else
                    options.get("likelihood", "gaussian"))  # fmt: skip
    assert convention.factor(7, kind) == pytest.approx(factor, rel=1e-14)
    assert convention.reconstruction(7) == pytest.approx(reconstruction, rel=1e-14)
    assert convention.weight(0.3, 7, kind) == pytest.approx(0.3 * factor, rel=1e-14)
    assert convention.beta(0.3, 7, kind) == pytest.approx(0.3 / factor, rel=1e-14)


def test_a_beta_is_of_one_kind():
    poisson, learned = Convention(likelihood="poisson"), Convention(decoder_variance="learned")
    text = "likelihood: this is derived for {}, not for {}"
    assert refused(poisson.factor, 7) == text.format("gaussian", "poisson")
    assert refused(Convention().factor, 7, "nb") == text.format("nb", "gaussian")
    text = "decoder_variance: this is derived for {}, not for {}"
    assert refused(learned.factor, 7) == text.format("gaussian", "learned")
    assert refused(Convention().factor, 7, "learned") == text.format("learned", "gaussian")
    assert refused(replace(Convention(), kl="mean").factor, 7) == (
        "latent: is needed, as the KL is averaged over latents"
    )
    assert refused(Convention(kl="per-entry").factor, 0) == "dim: must be at least 1, got 0"
    assert refused(Convention(loss="mean").factor, 0) == "dim: must be at least 1, got 0"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"loss": "max"}, "loss: expected sum or mean, got 'max'"),
        ({"kl": "max"}, "kl: expected sum, mean or per-entry, got 'max'"),
        ({"likelihood": "gamma"},
         "likelihood: expected gaussian, bernoulli, poisson, nb or factor, got 'gamma'"),
        ({"batch_sum": "both"}, "batch_sum: expected reconstruction or kl, got 'both'"),
        ({"batch_sum": "kl"},
         "batch_size: is needed: kl is summed over the batch, the other averaged"),
        ({"decoder_variance": 1.0, "likelihood": "nb"},
         "decoder_variance: goes with the gaussian likelihood, not with nb"),
        ({"decoder_variance": "learned", "likelihood": "nb"},
         "decoder_variance: goes with the gaussian likelihood, not with nb"),
        ({"dispersion": 2.0}, "dispersion: goes with the likelihood nb"),
        ({"dispersion": 0.9e-12, "likelihood": "nb"}, "dispersion: must be >= 1e-12, got 9e-13"),
        ({"decoder_variance": 0.9e-12}, "decoder_variance: must be >= 1e-12, got 9e-13"),
        ({"scale": 0.9e-12}, "scale: must be >= 1e-12, got 9e-13"),
        ({"reconstruction_weight": 0.9e-12}, "reconstruction_weight: must be >= 1e-12, got 9e-13"),
        ({"latent": 0}, "latent: must be at least 1, got 0"),
        ({"batch_size": 0}, "batch_size: must be at least 1, got 0"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(options, text):
    assert refused(Convention, **options) == text


def test_the_least_numbers_are_allowed():
    least = 1e-12
    Convention(decoder_variance=least, scale=least, reconstruction_weight=least)
    Convention(likelihood="nb", dispersion=least, latent=1, batch_size=1)
    assert Convention("sum", 1.0).beta(least, 7) == least
    assert refused(OWN.beta, 0.99e-12, 7) == "weight: must be >= 1e-12, got 9.9e-13"
