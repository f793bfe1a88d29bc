"""The quantities that are computed, and the constants of the model: their names, said once.

What is stored, printed and drawn takes names, letters, words, shapes and units from here.
"""

import functools
import re
from typing import NamedTuple

import numpy as np

ACTIVE = 0.01  # nats: a latent of more KL divergence than that is active


class Quantity(NamedTuple):
    """An array that is computed.

    Attributes
    ----------
    text : str
        The long name that is stored beside its values.
    dims : tuple of str
        What its axes stand for, those in front (such as times or runs) left out: ``latent``
        (M), ``latent_`` (the second of a pair, M), ``signal`` (M*), ``mode`` (eigenvalues).
    unit : str
    words : str
        A short name, for axes; empty where the symbol says all.
    symbol : str
        In LaTeX; empty where there is none.
    """

    text: str
    dims: tuple[str, ...] = ()
    unit: str = "1"
    words: str = ""
    symbol: str = ""

    @property
    def axis(self) -> str:
        """What stands on an axis: words, symbol and unit."""
        return _axis(self.words, self.symbol, self.unit)


class Constant(NamedTuple):
    """A constant of the model, or of how long it learns, that may vary.

    Attributes
    ----------
    letter : str
        In LaTeX.
    words : str
    unit : str
    """

    letter: str
    words: str
    unit: str = "1"

    @property
    def axis(self) -> str:
        """What stands on an axis: words and letter."""
        return _axis(self.words, self.letter, self.unit)

    @property
    def plain(self) -> str:
        """Words and letter in plain text, as a sentence begins."""
        letter = re.sub(r"\\(mathrm)?|[\^{}]", "", self.letter)
        return f"{self.words[0].upper()}{self.words[1:]} {letter}"


def _axis(words: str, symbol: str, unit: str) -> str:
    parts = (words, symbol and f"${symbol}$", "(nats)" if unit == "nat" else "")
    return " ".join(part for part in parts if part)


_PAIR = ("latent", "latent_")
_WITH_SIGNAL = ("latent", "signal")
_REAL_PART = "largest real part of the eigenvalues of the Jacobian"

ORDER_PARAMETERS = {  # in the order of the flat state
    "m": Quantity(
        "overlap of decoder and signal, W^T W*/N", _WITH_SIGNAL, symbol=r"m = W^\top W^*/N"
    ),
    "d": Quantity(
        "overlap of encoder and signal, V^T W*/N", _WITH_SIGNAL, symbol=r"d = V^\top W^*/N"
    ),
    "Q": Quantity("overlap of decoder with itself, W^T W/N", _PAIR, symbol=r"Q = W^\top W/N"),
    "E": Quantity("overlap of encoder with itself, V^T V/N", _PAIR, symbol=r"E = V^\top V/N"),
    "R": Quantity("overlap of decoder and encoder, W^T V/N", _PAIR, symbol=r"R = W^\top V/N"),
    "D": Quantity("encoder variance", ("latent",), symbol="D"),
}
OBSERVABLES = {  # what is read off the order parameters
    "eps_g": Quantity(
        "generalisation error, latents matched to signals",
        words="generalisation error",
        symbol=r"\varepsilon_g",
    ),
    "eps_g_rotation": Quantity(
        "generalisation error, latents rotated freely",
        words=r"$\varepsilon_g$ up to rotations",
    ),
    "kl": Quantity("KL divergence from the prior, all latents", unit="nat", words="KL divergence"),
    "kl_per_latent": Quantity(
        "KL divergence from the prior", ("latent",), "nat", words="KL per latent"
    ),
    "distortion": Quantity(
        "reconstruction error / 2 in excess of E|x|^2 / 2", unit="nat", words="excess distortion"
    ),
}
QUANTITIES = {
    **ORDER_PARAMETERS,
    **OBSERVABLES,
    "time": Quantity("time, SGD steps / N", words="time", symbol="t"),
    "spread": Quantity("largest relative spread of a signal's overlap"),
    "residual": Quantity("largest |dy/dt| / tau"),
    "max_eigenvalue": Quantity(_REAL_PART, words="largest eigenvalue"),
    "eigenvalues_re": Quantity("eigenvalues of the Jacobian, real part", ("mode",)),
    "eigenvalues_im": Quantity("eigenvalues of the Jacobian, imaginary part", ("mode",)),
    "varied": Quantity("value of what is varied"),
    "branch": Quantity("number of the branch"),
    "growth": Quantity(_REAL_PART),
    "period": Quantity("period of a limit cycle, SGD steps / N", words="period", symbol="T"),
    "amplitude": Quantity("half of the widest range of an order parameter", words="amplitude"),
    "eps_g_min": Quantity("least generalisation error on a cycle"),
    "eps_g_max": Quantity("largest generalisation error on a cycle"),
    "eps_g_mean": Quantity("mean generalisation error on a cycle"),
    "kl_mean": Quantity("mean KL divergence on a cycle, all latents", unit="nat"),
    "multipliers_re": Quantity("Floquet multipliers, real part", ("mode",)),
    "multipliers_im": Quantity("Floquet multipliers, imaginary part", ("mode",)),
    "trivial": Quantity("distance of the trivial multipliers from 1"),
    "relaxation_time": Quantity("time in which deviations decay", words="relaxation time"),
    "t_converge": Quantity("time to converge, steps / N", words="time to converge"),
    "active": Quantity(
        f"number of active units, latents of more than {ACTIVE:g} nats of KL divergence",
        words=f"active units (KL > {ACTIVE:g} nats)",
    ),
}
NAMES = tuple(ORDER_PARAMETERS)
REDUNDANT = ("eps_g_rotation", "kl_per_latent")  # the same as another when there is one latent

ALONG = (*(name for name in OBSERVABLES if name not in REDUNDANT), *NAMES)
"""What can be drawn along branches: one line, or one for each latent."""
POINTWISE = (
    *(name for name in OBSERVABLES if name != "kl_per_latent"),
    "active", *NAMES, "relaxation_time", "max_eigenvalue", "t_converge",
)  # fmt: skip
"""What can be drawn over a sweep."""

CONSTANTS = {
    "dim": Constant("N", "input dimension"),
    "latent": Constant("M", "latent dimension"),
    "signal": Constant("M^*", "number of signals"),
    "rho": Constant(r"\rho", "signal strength"),
    "eta": Constant(r"\eta", "noise variance"),
    "beta": Constant(r"\beta", "KL weight"),
    "lam": Constant(r"\lambda", "weight decay"),
    "lr": Constant(r"\tau", "learning rate"),
    "t_max": Constant(r"t_\mathrm{max}", "last time"),
    "alpha": Constant(r"\alpha", "rows by dimension"),
    "batch": Constant("b", "batch size"),
    "momentum": Constant("p", "momentum"),
}


@functools.cache
def shape(name: str, latent: int, signal: int) -> tuple[int, ...]:
    """Return the shape of the order parameter `name` of M and M* = `latent`, `signal`."""
    sizes = {"latent": latent, "latent_": latent, "signal": signal}
    return tuple(sizes[dim] for dim in ORDER_PARAMETERS[name].dims)


def active(kl_per_latent: np.ndarray) -> np.ndarray:
    """Return the number of active units (...), latents of more than `ACTIVE` nats each."""
    return (kl_per_latent > ACTIVE).sum(axis=-1)
