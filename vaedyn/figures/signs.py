"""Signs of latents in figures: W and V of a latent can be reversed together."""

from typing import Any

import numpy as np

from ..model.results import Trajectory


def signs_of(theory: Trajectory | None, simulation: Trajectory | None) -> tuple[Any, list[int]]:
    """Return the signs of latents that make their largest overlaps end above zero.

    Returns
    -------
    signs : two of (latent,) or (runs, latent)
        Of theory and of simulations. Runs that start as theory does have its signs:
        where they end near zero noise would decide.
    turned : list of int
        Latents, from 1, of which some are -1.
    """
    found: list[Any] = [None, None] if theory is None else [_ending(theory.m), None]
    if simulation is not None:
        starts = simulation.m[:, 0]
        found[1] = _ending(simulation.m)
        if np.allclose(starts, starts[0] if theory is None else theory.m[0], rtol=1e-6, atol=1e-9):
            alone = _ending(simulation.m.mean(axis=0)) if theory is None else found[0]
            found[1] = np.tile(alone, (len(starts), 1))
    signs = np.concatenate([np.atleast_2d(each) for each in found if each is not None])
    return found, [int(i) + 1 for i in np.flatnonzero((signs < 0).any(axis=0))]


def _ending(m: np.ndarray) -> np.ndarray:
    """Return the signs of the last overlaps that are the largest in size of their latent."""
    last = m[..., -1, :, :]
    at = np.abs(last).argmax(axis=-1)[..., None]
    return np.where(np.take_along_axis(last, at, axis=-1)[..., 0] < 0, -1.0, 1.0)


def entry(result: Trajectory, name: str, index: tuple[int, ...], signs: np.ndarray) -> np.ndarray:
    """Return an entry of an order parameter in time, (times,) or (runs, times)."""
    values = getattr(result, name)[..., *index]
    if name == "D":
        return values
    sign = signs[..., index[0]] * (1.0 if name in "md" else signs[..., index[1]])
    return values * np.asarray(sign)[..., None]
