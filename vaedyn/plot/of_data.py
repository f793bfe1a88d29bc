"""Figures of users' data."""

from typing import Unpack

import numpy as np
from matplotlib.axes import Axes

from ..data.collapse import Collapse
from ..data.convention import Convention
from ..data.curve import LearningCurve
from ..data.heldout import Heldout
from ..data.look import Look
from ..data.report import Report
from ..data.watch import Watched
from ..figures.drawn import Looks, drawn
from .of_models import Panels


def spectrum(
    found: Look,
    *,
    beta: float | None = None,
    latents: int | None = None,
    convention: Convention | None = None,
    axes: Panels | None = None,
    **look: Unpack[Looks],
) -> np.ndarray:
    """Draw the eigenvalues of data, the law of noise, and the active units against beta.

    Parameters
    ----------
    found : Look
        From `vaedyn.look`.
    beta : float, optional
        A weight to be marked.
    latents : int, optional
        How many there are at most.
    convention : Convention, optional
        Of the KL weights on the axis below, which shows beta otherwise.
    axes : (2,) Axes, optional
    """
    options = {"beta": beta, "latents": latents, "convention": convention}
    return drawn("spectrum", axes, look, found, **options)


def rate_distortion(
    found: Look,
    *,
    beta: float | None = None,
    latents: int | None = None,
    convention: Convention | None = None,
    axes: Panels | None = None,
    **look: Unpack[Looks],
) -> np.ndarray:
    """Draw KL divergence against the squared error of data, and explained variance against beta.

    Parameters
    ----------
    found, beta, latents, convention
        As of `vaedyn.plot.spectrum`.
    axes : (2,) Axes, optional
    """
    options = {"beta": beta, "latents": latents, "convention": convention}
    return drawn("rate_distortion", axes, look, found, **options)


def heldout(
    found: Heldout,
    *,
    beta: float | None = None,
    convention: Convention | None = None,
    axes: Panels | None = None,
    **look: Unpack[Looks],
) -> np.ndarray:
    """Draw how likely rows held out are against beta, and what is reconstructed of them.

    Parameters
    ----------
    found : Heldout
        From `vaedyn.heldout`.
    beta : float, optional
        A weight to be marked.
    convention : Convention, optional
        Of the KL weights on the axis, which shows beta otherwise.
    axes : (2,) Axes, optional
    """
    return drawn("heldout", axes, look, found, beta=beta, convention=convention)


def collapse(found: Collapse, *, axes: Panels | None = None, **look: Unpack[Looks]) -> np.ndarray:
    """Draw how latents collapse on data as beta rises: predicted, and trained on the rows.

    Parameters
    ----------
    found : Collapse
        From `vaedyn.collapse`.
    axes : (2,) Axes, optional
    """
    return drawn("collapse", axes, look, found)


def course(
    theory: LearningCurve | Watched | None = None,
    training: LearningCurve | None = None,
    *,
    x_scale: str = "log",
    axes: Panels | None = None,
    **look: Unpack[Looks],
) -> np.ndarray:
    """Draw the KL divergence of each latent in time, and the loss, on the rows of a table.

    Parameters
    ----------
    theory : LearningCurve or Watched, optional
        From `vaedyn.course`; or from `vaedyn.watch`, which has both.
    training : LearningCurve, optional
        The `measured` one of `vaedyn.watch`.
    x_scale : {"log", "linear"}
    axes : (2,) Axes, optional
    """
    if isinstance(theory, Watched):
        theory, training = theory.predicted, theory.measured
    return drawn("course", axes, look, theory, training, x_scale=x_scale)


def diagnose(found: Report, *, ax: Axes | None = None, **look: Unpack[Looks]) -> Axes:
    """Draw the KL divergence of each latent of a VAE in training, measured and predicted.

    Parameters
    ----------
    found : Report
        From `vaedyn.CollapseMonitor`.
    ax : Axes, optional
    """
    return drawn("diagnose", ax, look, found)[0]
