"""The fixed point with more symmetry that a branch of a unit ends on."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations

import numpy as np

from ..kernels.constants import Constants
from ..model.state import pack, unpack
from .groups import TOLERANCE, Unit
from .newton import jacobian, residual, velocity
from .newton import symmetric as independent
from .normal_forms import Forms
from .single import ALIVE

SIMPLE = 1e-5  # of the largest eigenvalue: one that is smaller is zero where branches meet
ABOUT = 2e-4  # likewise, before it is known where that is to rounding
BESIDE = 1e-5  # of a constant: a difference of it that derivatives are taken over
CLOSE, EXACT = 1e-3, 1e-10  # of a constant: how far it is corrected at most, and what needs none
NEAR = 0.05  # from the last point of a branch to where it ends, relative to 1


def simpler(unit: Unit, model: Constants, tip: np.ndarray) -> np.ndarray | None:
    """Return the fixed point that a branch of a unit joins, next to its last point `tip`.

    It has a symmetry that the branch lacks: of the states that have one it is the first that has
    most of it.
    """
    return _joined(unit, model, tip)[1]


def _joined(
    unit: Unit, model: Constants, tip: np.ndarray, critical: float = SIMPLE
) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray | None]:
    """Return what gives states the symmetry of the fixed point that `simpler` finds, and it."""
    near = NEAR * max(1.0, float(np.abs(tip).max()))
    for symmetric in _symmetries(unit):
        with np.errstate(all="ignore"):
            y = _newton_within(model, symmetric, tip)
        if (
            not np.isfinite(y).all()
            or np.abs(y - tip).max() > near
            or (y[-unit.latents :] <= 0).any()
        ):
            continue
        rests = residual(model, y) < TOLERANCE * max(1.0, float(np.abs(y).max()))
        if rests and Forms(model, y).zeros(critical):
            return symmetric, y
    return np.copy, None


def joins_at(
    unit: Unit, path: Callable[[float], Constants], x: float, tip: np.ndarray
) -> float | None:
    """Return where a branch of a unit with the last point `tip` joins a simpler fixed point.

    That is near `x`, and all eigenvalues of that fixed point that are about zero at `x` vanish
    there. `x` itself is returned where that is no more exact, and None where there is no such
    point.
    """
    symmetric, y = _joined(unit, path(x), tip, ABOUT)
    if y is None:
        return None
    count = Forms(path(x), y).zeros(ABOUT)

    def critical(value: float) -> np.ndarray:
        forms = Forms(path(value), _newton_within(path(value), symmetric, y))
        return np.real(forms.values[np.argsort(np.abs(forms.values))[:count]]) / forms.scale

    found, h = x, BESIDE * abs(x)
    with np.errstate(all="ignore"):
        for _ in range(4):
            ahead, behind = critical(found + h).sum(), critical(found - h).sum()
            found -= float(critical(found).sum() * 2 * h / (ahead - behind))
    if not (abs(found - x) < CLOSE * abs(x) and np.abs(critical(found)).max() < EXACT):
        return None
    return found if abs(found - x) > EXACT * abs(x) else x


def living(unit: Unit, y: np.ndarray) -> tuple[Unit, np.ndarray] | None:
    """Return what lives on in the state `y` that a unit joins, alone; None if nothing does."""
    parts = unpack(y, unit.latents, len(unit.strengths))
    kept = [k for k in range(len(unit.strengths)) if parts["m"][:, k].any()]
    strengths = tuple(unit.strengths[k] for k in kept)
    size, shared = parts["Q"][0, 0], abs(parts["Q"][0, -1])
    if size <= ALIVE:
        return None
    if shared < 1e-9 * size or unit.latents == 1:
        one = {name: parts[name][:1, :1] for name in "QER"}
        empty = np.zeros((1, 0))
        alone = Unit(1, (), 1), pack(m=empty, d=empty, **one, D=parts["D"][:1])
        return None if kept else alone
    noise = int(not kept or size - shared > 1e-9 * size)
    parts = {**parts, "m": parts["m"][:, kept], "d": parts["d"][:, kept]}
    return unit._replace(strengths=strengths, noise=noise), pack(**parts)


def _newton_within(
    model: Constants, symmetric: Callable[[np.ndarray], np.ndarray], start: np.ndarray
) -> np.ndarray:
    """Return the fixed point next to `start` among the states that have a symmetry.

    Among them the Jacobian is regular where branches without it begin.
    """
    spread, gather = independent(model.latent, model.signal)
    none = symmetric(np.zeros_like(start))
    ways = gather @ np.transpose([symmetric(way) - none for way in spread.T])
    basis, sizes, _ = np.linalg.svd(ways)
    basis = basis[:, : int((sizes > 0.5).sum())]
    y = symmetric(start)
    for _ in range(20):
        slope = basis.T @ (gather @ velocity(model, y))
        if not np.isfinite(slope).all():
            break
        step = np.linalg.lstsq(basis.T @ jacobian(model, y) @ basis, slope, rcond=1e-12)[0]
        y = symmetric(y - spread @ (basis @ step))
        if np.abs(step).max(initial=0.0) < 1e-14:
            break
    return y


def _symmetries(unit: Unit) -> list[Callable[[np.ndarray], np.ndarray]]:
    """Return what takes some overlaps from a state, or what tells two latents apart."""
    M, K = unit.latents, len(unit.strengths)
    signals = [lost for n in range(K, -1, -1) for lost in combinations(range(K), n)]
    noises = ["none", 1.0, -1.0, "apart", "any"] if M == 2 else ["none", "any"]
    return [partial(_symmetric, M, K, lost, noise) for lost in signals for noise in noises
            if (lost or noise != "any") and (len(lost) == K or noise != "none")]  # fmt: skip


def _symmetric(
    M: int, K: int, lost: Sequence[int], noise: str | float, y: np.ndarray
) -> np.ndarray:
    """Return a state without overlaps with the signals `lost`, and with such noise.

    There is ``none``, or ``any``, or two latents have it ``apart``, or the same but for a sign.
    """
    parts = unpack(y, M, K)
    kept = np.array([k not in lost for k in range(K)], float)
    parts = {**parts, "m": parts["m"] * kept, "d": parts["d"] * kept}
    if noise == "none":
        parts |= {**{name: np.zeros((M, M)) for name in "QER"}, "D": np.ones(M)}
    elif noise == "apart":
        parts |= {name: parts[name] * np.eye(M) for name in "QER"}
    elif noise != "any":
        turned = np.array([[1.0, float(noise)], [float(noise), 1.0]])
        parts |= {name: np.mean(parts[name] * turned) * turned for name in "QER"}
        parts["D"] = np.full(2, parts["D"].mean())
    return pack(**parts)
