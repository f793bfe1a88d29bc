"""Every cell, line and first sentence of listings of what training on the same rows leads to."""

from types import SimpleNamespace as Made

import numpy as np

from vaedyn import Params
from vaedyn.listings import trained_on_rows
from vaedyn.listings.listing import Table


def trained(**others):
    made = Made(
        signals=np.array([1, 0, -1]), eigenvalues=np.array([4.0, 3.0, 1.5]),
        overlaps=np.array([0.75, 0.5, 0.0]), Q=np.diag([2.0, 1.0, 0.0]),
        kl_on_rows=np.array([0.5, 0.25, 0.0]), kl=np.float64(1.25), eps_g=0.625, phase="learned",
        params=Params(latent=3, signal=2, rho=(1, 2), alpha=4, dim=50),
    )  # fmt: skip
    vars(made).update(others)
    return made


def test_what_rows_lead_to_has_a_row_for_each_latent():
    fresh = trained(eigenvalues=np.array([3.5, 2.5, 1.0]), phase="noise-fitting", eps_g=0.375)
    found = trained_on_rows.table(trained(), fresh)
    heading = ["latent on", "variance", "overlap^2", "Q", "KL", "fresh: variance", "Q", "KL"]
    assert found == Table(
        heading,
        [
            ["signal 2", "4", "0.75", "2", "0.5", "3.5", "2", "0.5"],
            ["signal 1", "3", "0.5", "1", "0.25", "2.5", "1", "0.25"],
            ["nothing: collapsed", "1.5", "0", "0", "0", "1", "0", "0"],
        ],
    )
    noisy = trained_on_rows.table(trained(Q=np.diag([2.0, 1.0, 0.5])))
    assert noisy.columns == heading[:5]
    assert noisy.rows[2] == ["noise", "1.5", "0", "0.5", "0"]
    assert trained_on_rows.summary(trained(), fresh) == {
        "phase": ["learned", "noise-fitting"],
        "eps_g on fresh data": ["0.625", "0.375"],
        "KL on the data of training": ["0.75", "0.75"],
        "KL on fresh data": ["1.25", "1.25"],
        "active units": ["2", "2"],
    }


def test_what_is_lost_in_few_rows_is_said():
    lost = "lost in the noise of so few rows: no beta learns more of it"
    assert trained_on_rows.remarks(trained()) == []
    assert trained_on_rows.remarks(trained(overlaps=np.array([0.5, 0, 0]))) == [
        f"1 signal is {lost}"
    ]
    assert trained_on_rows.remarks(trained(overlaps=np.zeros(3))) == [f"2 signals are {lost}"]
    equal = trained(params=Params(latent=3, signal=2, rho=2, alpha=4, dim=50))
    assert trained_on_rows.remarks(equal) == [
        "the rows mix signals of equal strength by a rotation: eps_g is up to that"
    ]
    shown = trained_on_rows.listing(equal)
    assert shown.first == "learned: eps_g = 0.625 on fresh data"
    assert shown.lines[0] == f"trained on 200 rows of 50 entries; {trained_on_rows.LIMIT}"
    assert shown.tables[1].columns == ["", "rows"]
    assert shown.tables[1].rows[1] == ["eps_g on fresh data", "0.625"]
    fresh = trained(params=Params(latent=3, signal=2, rho=(1, 2), dim=50))
    assert trained_on_rows.listing(fresh).lines[0].startswith("trained on fresh rows of 50 entries")
