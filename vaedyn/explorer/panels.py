"""What the panels show, as named arrays and words; nothing here knows of a page."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from ..errors import DivergenceError
from ..fixedpoints.plane import flow
from ..learning.theory import theory
from ..listings.listing import counted, number
from ..model.params import Params
from ..model.quantities import ACTIVE, NAMES
from ..model.records import Progress, Store
from ..model.results import Trajectory
from ..model.state import count
from .heard import heard

MOST_TIMES, MOST_PLACES = 200, 600  # that are drawn of a line in time, and of a path
MOST_DRAWN = 4  # latents and signals of which order parameters are drawn
GRID = (13, 10)  # arrows of the flow
LONGEST = 0.075  # of the plane's width, of an arrow
FLOOR = 1e-16  # of what is drawn on a logarithmic axis


@dataclass(frozen=True)
class Panel:
    """What one panel shows.

    Attributes
    ----------
    arrays : mapping
        What is drawn, by name.
    words : str
        The picture in words: its final values.
    notes : tuple of str
        Warnings that belong beside it, and what is not drawn, and why.
    """

    arrays: Mapping[str, Any]
    words: str
    notes: tuple[str, ...] = ()

    def saying(self, *notes: str) -> "Panel":
        """Return the same panel with more notes."""
        return replace(self, notes=(*self.notes, *notes))


class Course(NamedTuple):
    """A trajectory of theory, and what was said about it; `ended` if it diverges after that."""

    ode: Trajectory
    notes: tuple[str, ...]
    ended: bool = False


def course(params: Params, store: Store | None = None, progress: Progress | None = None) -> Course:
    """Return the trajectory of `vaedyn.theory`, of a model that diverges up to there.

    Raises
    ------
    VaedynError
        As `vaedyn.theory`, where nothing at all can be drawn.
    """
    with heard() as notes:
        try:
            ode = theory(params, store=store, progress=progress)
        except DivergenceError as error:
            if error.reached is None or len(error.reached[0]) < 2:
                raise
            t, states = error.reached
            size = count(params.latent, params.signal)
            ode = Trajectory.from_states(params, states[:, :size], t=t)
            return Course(ode, (*notes, str(error)), ended=True)
    return Course(ode, tuple(notes))


def drawn_at(length: int, most: int = MOST_TIMES) -> np.ndarray:
    """Return which of so many times are drawn, the first and the last among them."""
    return np.unique(np.linspace(0, length - 1, min(length, most + 1)).astype(int))


def learning(found: Course) -> Panel:
    """Return the learning curve: `t`, `eps_g` and the KL weight `beta` (times,)."""
    ode = found.ode
    at = drawn_at(len(ode.t))
    t, eps_g = ode.t[at], ode.eps_g[at]
    words = (
        f"The generalisation error goes from {number(eps_g[0])} to {number(eps_g[-1])} "
        f"at t = {number(t[-1])}"
    )
    least = int(np.argmin(ode.eps_g))
    if ode.eps_g[least] < 0.98 * min(ode.eps_g[-1], ode.eps_g[0]):
        words += f"; its least value is {number(ode.eps_g[least])}, at t = {number(ode.t[least])}"
    beta = ode.params.schedule(t, ode.params.beta)
    arrays = {"t": t, "eps_g": np.maximum(eps_g, FLOOR), "beta": beta}
    return Panel(arrays, f"{words}.", found.notes)


def matching(ode: Trajectory) -> dict[int, int]:
    """Return which signal each latent overlaps most in the end, no two the same one."""
    from scipy.optimize import linear_sum_assignment

    gain = np.abs(ode.m[-1]) * np.sqrt(ode.params.strengths)
    latents, signals = linear_sum_assignment(gain, maximize=True)
    return dict(zip(latents.tolist(), signals.tolist(), strict=True))


def order_parameters(found: Course) -> Panel:
    """Return lines of order parameters in time.

    `lines` is a list of (name, label, matched, values (times,)); `matched` says whether it is of
    a latent alone, or of one and its own signal.
    """
    ode = found.ode
    at, pairs = drawn_at(len(ode.t)), matching(ode)
    latents, signals = ode.m.shape[1:]
    lines, final = [], []
    for name in NAMES:
        values = getattr(ode, name)[at]
        for place in np.ndindex(values.shape[1:]):
            if max(place) >= MOST_DRAWN:
                continue
            twin = name in "QE" and place[0] > place[1]  # these are symmetric
            if twin:
                continue
            own = len(place) == 1 or (
                pairs.get(place[0]) == place[1] if name in "md" else place[0] == place[1]
            )
            line = values[(slice(None), *place)]
            index = "" if latents == signals == 1 else " " + ",".join(str(i + 1) for i in place)
            lines.append((name, f"{name}{index}", own, line))
            if own and (len(place) == 1 or place[0] < 2):
                final.append(f"{name}{index} = {line[-1]:.3g}")
    notes = ()
    if max(latents, signals) > MOST_DRAWN:
        notes = (f"Only the first {MOST_DRAWN} latents and signals are drawn.",)
    shown = final if latents == signals == 1 else [each for each in final if each[0] in "mQ"]
    words = f"In the end {', '.join(shown)}."
    return Panel({"t": ode.t[at], "lines": lines}, words, notes)


def kl(found: Course) -> Panel:
    """Return the KL divergence of each latent in time: `t` (times,), `kl` (times, latent)."""
    ode = found.ode
    at = drawn_at(len(ode.t))
    last = ode.kl_per_latent[-1]
    active = int((last > ACTIVE).sum())
    shown = ", ".join(f"{value:.3g}" for value in last[:8])
    more = " and so on" if len(last) > 8 else ""
    verb = "is" if active == 1 else "are"
    words = (
        f"{active} of {counted(len(last), 'latent')} {verb} active in the end "
        f"(above {ACTIVE:g} nats): {shown}{more} nats."
    )
    return Panel({"t": ode.t[at], "kl": ode.kl_per_latent[at]}, words)


def leading(ode: Trajectory) -> tuple[int, int]:
    """Return the latent and the signal of the largest overlap in the end."""
    gain = np.abs(ode.m[-1]) * np.sqrt(ode.params.strengths)
    latent, signal = np.unravel_index(int(np.argmax(gain)), gain.shape)
    return int(latent), int(signal)


def plane(found: Course, share: float = 1.0) -> Panel:
    """Return the path in the plane of |m| and Q, and the flow behind it.

    Parameters
    ----------
    share : float
        Of the time after which the flow is shown, between 0 and 1.

    Returns
    -------
    Panel
        `m`, `Q` (times,); `here` (2,), the place at that time `t`; `arrows` (4, n), places and
        how far each arrow goes, none where there is no flow of m and Q.
    """
    ode = found.ode
    params = ode.params
    at, (i, k) = drawn_at(len(ode.t), MOST_PLACES), leading(ode)
    m, Q = np.abs(ode.m[:, i, k]), ode.Q[:, i, i]
    t = float(share * ode.t[-1])
    here = np.array([np.interp(t, ode.t, m), np.interp(t, ode.t, Q)])
    single = params.latent == params.signal == 1
    who = "" if single else f" of latent {i + 1} and signal {k + 1}"
    words = (
        f"|m| and Q{who} go from ({m[0]:.3g}, {Q[0]:.3g}) to ({m[-1]:.3g}, {Q[-1]:.3g}); "
        f"at t = {number(t)} they are at ({here[0]:.3g}, {here[1]:.3g})."
    )
    why = _no_flow(params)
    arrays = {"m": m[at], "Q": Q[at], "here": here, "t": t, "arrows": np.empty((4, 0))}
    if why:
        return Panel(arrays, words, (why,))
    arrays["arrows"] = _arrows(ode, t, 1.1 * m.max(), 1.1 * Q.max())
    return Panel(arrays, f"{words} Arrows are the drift with d, E, R and D as at that time.")


def _no_flow(params: Params) -> str | None:
    if params.latent > 1 or params.signal > 1:
        return (
            "The flow is drawn for one latent and one signal only; this is the path of the latent "
            "that has learned most."
        )
    if params.adam or params.alpha is not None or params.noise is not None:
        return "The flow is drawn for SGD on fresh data in white noise only; this is the path."
    return None


def _arrows(ode: Trajectory, t: float, right: float, top: float) -> np.ndarray:
    """Return places (2, n) and lengths (2, n) of arrows, scaled by the cube root of the speed."""
    right, top = max(right, 1e-3), max(top, 1e-3)
    x, y = (side.ravel() for side in np.meshgrid(
        np.linspace(0.04 * right, 0.96 * right, GRID[0]),
        np.linspace(0.05 * top, 0.95 * top, GRID[1]),
    ))  # fmt: skip
    there = y > x * x  # no weights have less
    x, y = x[there], y[there]
    if not len(x):
        return np.empty((4, 0))
    dx, dy = flow(ode, t, x, y)
    dx, dy = dx / right, dy / top
    speed = np.hypot(dx, dy)
    moves = speed > np.finfo(float).tiny  # a number below it has no reciprocal
    scale = LONGEST * np.cbrt(speed / (speed.max() or 1.0)) / np.where(moves, speed, 1.0)
    return np.stack([x, y, scale * dx * right, scale * dy * top])


def at_once(found: Course, share: float = 1.0) -> dict[str, Panel]:
    """Return all panels that theory alone fills, by name."""
    return {
        "learning": learning(found),
        "order": order_parameters(found),
        "kl": kl(found),
        "plane": plane(found, share),
    }
