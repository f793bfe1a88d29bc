"""A visitor's own table: its spectrum, active units, learning curve and what is recommended."""

import base64
import binascii
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ..data.course import predicted_course
from ..data.look import Look, look
from ..data.suited import suited
from ..errors import ParameterError
from ..listings.html import html
from ..listings.listing import counted, number
from ..listings.look import answer, listing
from ..model.records import Progress
from .heard import heard
from .panels import Panel, drawn_at

LARGEST = 20_000_000  # bytes of a table
MOST_SHOWN = 200  # eigenvalues
MOST_LATENTS = 8  # of the learning curve
TIMES = 201


def opened(name: str, content: str) -> bytes:
    """Return the bytes of a file that has come as text in base 64.

    Raises
    ------
    ParameterError
        When it is too large, or empty.
    """
    try:
        found = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise ParameterError("data", f"{name} has not arrived whole: choose it again") from None
    if not found:
        raise ParameterError("data", f"{name} is empty")
    if len(found) > LARGEST:
        raise too_large(name, len(found))
    return found


def too_large(name: str, size: float) -> ParameterError:
    """Return the error for a file that is not to be sent to this page."""
    return ParameterError(
        "data",
        f"{name} has {size / 1e6:.0f} MB, more than the {LARGEST / 1e6:.0f} MB that this page "
        "takes: the command line reads tables of any size, vaedyn spectrum FILE",
    )


class Table:
    """A file that has arrived, in a folder of its own until `close`."""

    def __init__(self, name: str, content: bytes):
        self.name = Path(name.replace("\\", "/")).name or "table"
        self._folder = TemporaryDirectory()
        self._path = Path(self._folder.name) / self.name
        try:
            self._path.write_bytes(content)
        except (OSError, ValueError) as error:
            self.close()
            raise ParameterError("data", f"{self.name!r} cannot be read: {error}") from None

    def look(self, *, progress: Progress | None = None, **how: Any) -> Look:
        """Return what `vaedyn.look` finds, which reads files as `vaedyn spectrum` does.

        `how` says which columns, and the like, as arguments of that function.

        Raises
        ------
        VaedynError
            As `vaedyn.look`; messages name the file as the visitor does.
        """
        try:
            found = look(str(self._path), **how, progress=progress)
        except (ValueError, OSError) as error:
            text = getattr(error, "reason", str(error))
            raise ParameterError("data", text.replace(str(self._path), self.name)) from None
        origin: Any = found.rows.origin
        origin["file"] = self.name
        return found

    def close(self) -> None:
        """Remove the file."""
        self._folder.cleanup()


def recommendation(found: Look) -> Panel:
    """Return what is recommended, or why nothing is, in the words of `vaedyn spectrum`.

    `html` has its tables, too, as notebooks show them.
    """
    return Panel(
        {"html": html("Answer", listing(found), "vaedyn spectrum")}, "\n".join(answer(found))
    )


def spectrum(found: Look) -> Panel:
    """Return eigenvalues, descending: `number`, `eigenvalue`, `signal`, and `eta` or None."""
    values = found.spectrum.eigenvalues[:MOST_SHOWN]
    signals = len(found.analysis.rho)
    known = found.analysis.no_floor is None
    arrays = {
        "number": np.arange(1, len(values) + 1),
        "eigenvalue": np.maximum(values, 1e-12 * values[0]),
        "signal": np.arange(len(values)) < signals,
        "eta": float(found.analysis.eta) if known else None,
        "edge": float(found.analysis.edge) if known else None,
    }
    words = (
        f"{found.spectrum.samples} samples in {counted(found.analysis.dim, 'dimension')}; the "
        f"largest eigenvalue is {number(values[0])}"
    )
    if known:
        words += f", and {counted(signals, 'signal')} stand{'s' * (signals == 1)} out of the noise"
    return Panel(arrays, f"{words}.")


def active_units(found: Look) -> Panel:
    """Return `beta` and how many units are `active` at each, and which beta is recommended."""
    variances = found.prediction.variances()
    top = float(variances[0])
    low = max(float(variances[-1]), 1e-6 * top)
    betas = np.unique(np.concatenate([np.geomspace(0.7 * low, 1.3 * top, 400), variances]))
    betas = betas[betas >= 0.7 * low]
    active = found.prediction.active(betas)
    best = float(found.prediction.beta) if found.analysis.no_floor is None else None
    words = f"All units have collapsed from beta = {number(top)} on."
    if best:
        at = int(found.prediction.active(np.array(best)))
        words += f" At the recommended beta, {number(best)}, {counted(at, 'unit')} "
        words += "is active." if at == 1 else "are active."
    return Panel({"beta": betas, "active": active, "best": best}, words)


def learning(
    found: Look,
    beta: float | None = None,
    latent: int | None = None,
    *,
    progress: Progress | None = None,
) -> Panel:
    """Return the learning curve that is predicted for the rows.

    Returns
    -------
    Panel
        `t` (times,), and `kl` (times, latent), of the latents by their KL divergence in the end.

    Raises
    ------
    VaedynError
        As `vaedyn.course`.
    """
    settings: dict[str, Any] = {"points": TIMES}
    if latent is not None:
        settings["latent"] = latent
    elif not len(found.analysis.rho):
        settings["latent"] = min(MOST_LATENTS, found.spectrum.dim)
    with heard() as notes:
        params = suited(found, beta, **settings)
        curve = predicted_course(found, params, progress=progress)
    at = drawn_at(len(curve.t))
    order = curve.order[:MOST_LATENTS]
    when = curve.learned[curve.order]
    learned = [float(t) for t, on in zip(when, curve.active[curve.order], strict=True) if on]
    words = (
        f"At beta = {number(params.beta)} and learning rate {number(params.rate)}, "
        f"{int(curve.active.sum())} of {counted(params.latent, 'latent')} "
        f"{'is' if curve.active.sum() == 1 else 'are'} active in the end"
    )
    if learned:
        first, last = min(learned), max(learned)
        words += f"; learned from t = {number(first)} to {number(last)}"
        words += f" ({first * params.dim * params.batch / curve.samples:.3g} to "
        words += f"{last * params.dim * params.batch / curve.samples:.3g} epochs)"
    arrays = {"t": curve.t[at], "kl": curve.kl_per_latent[np.ix_(at, order)]}
    return Panel(arrays, f"{words}.", tuple(notes))
