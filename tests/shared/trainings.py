"""Trainings on tables of which only a few things are known."""

from types import SimpleNamespace

import numpy as np

from vaedyn.data.learn import DataParams


def model(**changes):
    usual = {"dim": 4, "latent": 3, "signal": 1, "beta": 1.25, "t_max": 8.0, "points": 2}
    return DataParams(**{**usual, **changes})


def known(values=(5.0, 2.0), **changes):
    it = {
        "spectrum": SimpleNamespace(directions=np.eye(4), dim=4, eigenvalues=np.array([8.0])),
        "prediction": SimpleNamespace(variances=lambda n: np.array(values)[:n], eta=0.5),
        "rows": "rows", "analysis": SimpleNamespace(warnings=("careful",)),
    }  # fmt: skip
    return SimpleNamespace(**{**it, **changes})
