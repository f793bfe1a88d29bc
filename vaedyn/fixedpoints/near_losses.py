"""Stable fixed points which single runs leave, by their noise, for another stable one."""

import re
from typing import Any

import numpy as np

FEW = 4.0  # standard deviations to a separatrix: in 20 relaxation times one run in 20 is over it


def near_losses(result: Any) -> list[str]:
    """Return a line for each signal that runs at N may lose from the fixed point that is reached.

    Where another state is stable, too, a fixed point with one growing mode is between both. Where
    the reached one differs from it in the overlap with a signal by a few standard deviations only,
    see `FixedPoints.std`, runs get over it and do not come back. Around states that no such point
    is beside, as near a supercritical pitchfork, the noise of an overlap vanishes with it.

    Parameters
    ----------
    result : FixedPoints
    """
    i = result.reached
    if i is None or result.params.adam or not result.stable[i]:
        return []
    least = 1e-8 * result.params.rate
    growing = (result.eigenvalues_re > least).sum(axis=1)
    kinds = [re.sub(r" \(branch \d+\)", "", name) for name in result.types]
    lines: dict[int, tuple[float, str]] = {}
    for saddle in np.flatnonzero(growing == 1).tolist():
        if kinds[saddle] != kinds[i]:
            continue
        size, there = (np.abs(result.m[n]).max(axis=0) for n in (i, saddle))
        latent = np.abs(result.m[i]).argmax(axis=0)
        k = int(np.abs(size - there).argmax())
        std, away = float(result.std["m"][i, latent[k], k]), float(abs(size[k] - there[k]))
        if 0 < away < FEW * std and away / std < lines.get(k, (np.inf, ""))[0]:
            enough = 1.05 * result.params.dim * (FEW * std / away) ** 2
            text = (
                f"runs at N = {result.params.dim} may lose signal {k + 1}: m = {size[k]:.3g} is "
                f"{away / std:.2g} standard deviations from m = {there[k]:.3g}, where another "
                f"state attracts; --dim {float(f'{enough:.2g}'):.15g} is large enough"
            )
            lines[k] = away / std, text
    return [text for _, text in lines.values()]
