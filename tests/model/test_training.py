"""How a model is trained, as its parameters say it: rates, batches, Adam, PyTorch's start."""

import numpy as np
import pytest

from vaedyn import Params
from vaedyn.errors import ParameterError
from vaedyn.kernels.constants import Constants


def test_three_equal_rates_are_one_and_make_the_same_record():
    assert Params(lr=(0.1, 0.1, 0.1)) == Params(lr=[0.1]) == Params(lr=0.1)
    assert Params(lr=(0.1, 0.1, 0.1)).to_dict() == Params(lr=0.1).to_dict()


def test_three_rates_are_those_of_decoder_encoder_and_variances():
    params = Params(lr=(0.1, 0.3, 0.02), momentum=0.75)
    assert params.rates.tolist() == [0.1, 0.3, 0.02]
    assert params.rate == pytest.approx(0.4, rel=1e-15)
    c = Constants.of(params)
    assert c.lr == params.rate
    assert c.lr * c.encoder == pytest.approx(1.2, rel=1e-15)
    assert c.lr * c.variances == pytest.approx(0.08, rel=1e-15)
    assert params.to_dict()["lr"] == (0.1, 0.3, 0.02)


def test_constants_have_batches_and_whether_latents_are_sampled():
    c = Constants.of(Params(batch=8, latents="sampled", lr=0.4))
    assert (c.batch, c.sampled, c.second, c.plain) == (8, 1, 0.05, False)
    assert Constants.of(Params(batch=8, momentum=0.5)).plain


def test_what_is_neutral_is_not_in_the_record():
    neutral = Params(
        batch=1, momentum=0, latents="averaged", optimiser="sgd", adam_betas=[0.9, 0.999],
        adam_epsilon=1e-8,
    )  # fmt: skip
    assert neutral.to_dict() == Params().to_dict()
    adam = Params(optimiser="adam", adam_betas=(0.8, 0.95)).to_dict()
    assert (adam["optimiser"], adam["adam_betas"]) == ("adam", (0.8, 0.95))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"optimiser": "adam", "momentum": 0.9}, "momentum: belongs to sgd"),
        ({"adam_betas": (0.8, 0.95)}, "adam_betas: applies to the optimiser adam only"),
        ({"adam_epsilon": 1e-3}, "adam_epsilon: applies to the optimiser adam only"),
        ({"optimiser": "adma"}, "optimiser: expected sgd or adam, got 'adma' .did you mean adam"),
        ({"lr": (1, 2)}, "lr: expected one number or three .decoder, encoder, encoder variances"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(changes, named):
    with pytest.raises(ParameterError, match=f"^{named}"):
        Params(**changes)


def test_the_start_of_pytorch_has_uniform_weights_of_its_variances():
    """Entries of W/sqrt(N) are within 1/sqrt(M), those of V/sqrt(N) within 1/sqrt(N).

    Four standard errors of variances of 4000 entries: those of gaussian weights pass, too, but
    their largest entries do not.
    """
    params = Params(init="torch", dim=2000, latent=2, init_seed=5)
    W, V = params.weights()
    end = np.sqrt(2000 / 2)
    for entries, bound in ((W, end), (V, 1.0)):
        assert 0.99 * bound < np.abs(entries).max() < bound
        error = 4 * np.sqrt(0.8 / entries.size)  # of a mean square of uniform numbers, relative
        assert np.mean(entries**2) == pytest.approx(bound**2 / 3, rel=error)
    mean = params.mean_overlaps()
    np.testing.assert_allclose(mean["Q"], 2000 / 6 * np.eye(2))
    np.testing.assert_allclose(mean["E"], np.eye(2) / 3)
    assert mean["R"].any() == mean["m"].any() == False  # noqa: E712
    assert mean["D"].tolist() == [1, 1]


def test_overlaps_of_the_start_of_pytorch_are_those_of_its_weights():
    params = Params(init="torch", dim=50, latent=2, signal=3, rho=(3, 2, 1), init_seed=2)
    W, V = params.weights()
    parts = params.overlaps()
    np.testing.assert_allclose(parts["Q"], W @ W.T / 50, rtol=1e-13)
    np.testing.assert_allclose(parts["E"], V @ V.T / 50, rtol=1e-13)
    np.testing.assert_allclose(parts["R"], W @ V.T / 50, rtol=1e-12)
    assert params != params.replace(init_seed=3)
    coloured = params.replace(noise="1.2*0.5,0.8*0.5")
    np.testing.assert_allclose(coloured.overlaps()["Q"], W @ W.T / 50, rtol=1e-12)
