"""Pairs of three latents on two signals."""

import vaedyn
from vaedyn.fixedpoints.alone_at import COLLAPSED, NOISE
from vaedyn.fixedpoints.box import Box
from vaedyn.fixedpoints.pairs_at import (
    Pair,
    Turned,
)
from vaedyn.kernels.constants import Constants

PARAMS = vaedyn.Params(latent=3, signal=2, rho=(3, 1.5), eta=0.7, lam=0.1, beta=0.8,
                       lr=(0.5, 0.35, 0.6), batch=2)  # fmt: skip


C = Constants.of(PARAMS).many()
BOX = Box(PARAMS, ("beta", "lr"), (0.5, 0.2), (1.5, 1.2))
MIXED, NOISY, SHARED, EMPTY = Pair(0, 1), Pair(1, NOISE), Pair(0, COLLAPSED), Pair(NOISE, COLLAPSED)


def first(pair):
    return Turned(pair, 0), Turned(pair, 1)
