"""How well-known VAE codes scale their losses, as their sources say."""

from types import MappingProxyType
from typing import NamedTuple

from ..errors import ParameterError, did_you_mean
from .convention import OWN, Convention


class Preset(NamedTuple):
    """The loss of a published code.

    Attributes
    ----------
    convention : Convention
    weight : float or None
        Its KL weight unless users choose another.
    source : str
        Repository or paper, file and function.
    seen : str
        Version, or date of the newest commit, that was read.
    note : str
        What else its loss does that matters here.
    refused : str
        Why no threshold can be given, if so.
    """

    convention: Convention
    weight: float | None
    source: str
    seen: str
    note: str = ""
    refused: str = ""


PRESETS = MappingProxyType(
    {
        "pytorch-vae": Preset(
            Convention("mean"),
            0.00025,
            "AntixK/PyTorch-VAE, models/vanilla_vae.py, loss_function; weight: configs/vae.yaml",
            "2021-12-22",
        ),
        "pythae": Preset(
            Convention("sum", 1.0),
            1.0,
            "clementchadebec/benchmark_VAE, src/pythae/models/vae/vae_model.py, loss_function",
            "0.1.2, 2024-07-17",
            "with reconstruction_loss='bce' it is --likelihood bernoulli; early versions had no "
            "factor 1/2 (--loss sum)",
        ),
        "keras": Preset(
            Convention(likelihood="bernoulli"),
            1.0,
            "keras-team/keras-io, examples/generative/vae.py, VAE.train_step",
            "version of 2020-05-03",
        ),
        "pytorch-example": Preset(
            Convention(likelihood="bernoulli"),
            1.0,
            "pytorch/examples, vae/main.py, loss_function",
            "2025-08-25",
        ),
        "bolts": Preset(
            Convention("mean", kl="mean"),
            0.1,
            "Lightning-Universe/lightning-bolts, src/pl_bolts/models/autoencoders/basic_vae/"
            "basic_vae_module.py, VAE.step",
            "commit 310d238",
        ),
        "worldmodels": Preset(
            Convention("sum"),
            1.0,
            "hardmaru/WorldModelsExperiments, carracing/vae/vae.py, ConvVAE",
            "commit 19c0d59",
            "a sample's KL below M/2 nats (kl_tolerance 0.5) costs nothing there: these numbers "
            "hold where the KL of every sample is above that, and there is no total collapse",
        ),
        "higgins": Preset(
            Convention("mean", 1.0, kl="mean"),
            None,
            "Higgins et al., beta-VAE, ICLR 2017: beta_norm = beta M / N",
            "2017",
            "beta_norm is meant, beside a gaussian likelihood of unit variance",
        ),
        "scvi": Preset(
            Convention(likelihood="nb"),
            1.0,
            "scverse/scvi-tools, src/scvi/module/_vae.py, VAE.loss",
            "commit 0094950",
            "its KL weight rises to 1 during the first epochs",
            "its decoder shares out the counts of each cell by a softmax, for which nothing is "
            "derived; --likelihood nb is for a decoder that gives the logarithm of each mean",
        ),
    }
)
"""By the names that ``--like`` takes."""


def as_convention(given: Convention | Preset | str | None) -> Convention:
    """Return the convention that is meant by one, by a preset or its name, or by nothing.

    Raises
    ------
    ParameterError
        When there is no such preset, or no threshold can be given for it.
    """
    if given is None:
        return OWN
    if isinstance(given, str):
        if given not in PRESETS:
            known = f"expected a Convention or one of {', '.join(PRESETS)}"
            hint = did_you_mean(given, PRESETS)
            raise ParameterError("convention", f"{known}, got {given!r}{hint}")
        given = PRESETS[given]
    if isinstance(given, Preset):
        if given.refused:
            raise ParameterError("convention", given.refused)
        given = given.convention
    if not isinstance(given, Convention):
        raise TypeError(f"convention: expected a Convention, got {given!r}")
    return given
