"""The theory of fluctuations, as multiples of theory alone."""

import vaedyn

from .measure import Contender, compare


def bands_rows() -> list[dict]:
    """Measure the theory of fluctuations beside theory alone, both with all that is read off."""
    rows = []
    for M, K in ((1, 1), (2, 2), (4, 4), (8, 4)):
        params = vaedyn.Params(latent=M, signal=K, dim=500)
        contenders = [
            Contender("vaedyn", lambda p=params: vaedyn.theory(p), 1),
            Contender("bands", lambda p=params: vaedyn.bands(p), 1),
        ]
        rows += compare(f"theory, M = {M}, M* = {K}, with bands", "ms", 1e3, contenders)
    return rows
