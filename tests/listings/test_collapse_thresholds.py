"""Every cell, line and first sentence of listings of thresholds of other likelihoods."""

from types import SimpleNamespace as Made

import numpy as np

from vaedyn.listings import collapse_thresholds
from vaedyn.listings.listing import Table


def test_thresholds_of_other_likelihoods():
    made = Made(eigenvalues=np.array([2.5, 1.25]), dim=3, left_out=[], likelihood="nb",
                dispersion=0.75, samples=40, warnings=["few rows"])  # fmt: skip
    shown = collapse_thresholds.listing(made)
    assert shown.first == "all latents collapse above beta = 2.5"
    assert shown.tables == [
        Table(["latent", "grows below beta"], [["1", "2.5"], ["2", "1.25"]], more=0)
    ]
    assert shown.lines[0] == "40 samples in 3 columns; nb likelihood of dispersion 0.75"
    assert shown.lines[1:] == [collapse_thresholds.EXACT, collapse_thresholds.GUESS]
    assert shown.warnings == ["few rows"]
    vars(made).update(left_out=["a"], dim=1, likelihood="factor", dispersion=None)
    lines = collapse_thresholds.summary(made)
    assert lines[0] == "40 samples in 1 column, 1 of them constant and left out; factor likelihood"
    assert lines[-1] == collapse_thresholds.NO_MINIMUM
    weighted = collapse_thresholds.table([2.0] * 27, 1.5)
    assert weighted.columns == ["latent", "grows below beta", "KL weight"]
    assert weighted.rows[24] == ["25", "2", "3"]
    assert weighted.more == 2
    assert len(weighted.rows) == 25
