"""Every cell, line and first sentence of listings of reports on VAEs."""

from types import SimpleNamespace as Made

import numpy as np

from vaedyn.listings import report
from vaedyn.listings.listing import Table


def reported(**others):
    made = Made(
        kl_per_latent=np.array([2.5, 0.5]), predicted=np.array([2.0, 0.25]), kl=3.0,
        mean_variance=np.array([0.75, 0.125]), posterior_variance=np.array([0.5, 0.875]),
        order=np.array([1, 0]), in_force=None, predicted_kl=2.25, active_kl=2, active_variance=1,
        predicted_active=2, beta=0.75, verdict="healthy", advice="go on", notes=["few rows"],
    )  # fmt: skip
    vars(made).update(others)
    return made


def test_reports_have_a_row_for_each_latent_and_one_for_all(monkeypatch):
    heading = ["latent", "KL (nats)", "predicted", "variance of mu", "posterior variance"]
    rows = [["2", "2.5", "2", "0.75", "0.5"], ["1", "0.5", "0.25", "0.125", "0.875"]]
    shown = report.listing(reported())
    assert shown.tables == [Table(heading, [*rows, ["all", "3", "2.25", "", ""]], more=0)]
    assert shown.first == "healthy: go on"
    units = (
        "active units: 2 with KL above 0.01 nats, 1 with a variance of mu above 0.01; 2 predicted"
    )
    assert shown.lines == [units, "note: few rows"]
    force = Made(per_latent=np.array([0.625, 0.5]), beta=0.5, spread=0.0312)
    forced = reported(in_force=force, predicted=None, predicted_kl=None)
    table = report.table(forced)
    assert table.columns == [*heading, "beta in force"]
    assert table.rows[0] == ["2", "2.5", "-", "0.75", "0.5", "0.625"]
    assert table.rows[-1] == ["all", "3", "-", "", "", ""]
    line = "beta in force: 0.5, spread 3.1 % among active units; yours is 0.75"
    assert report.summary(forced) == [f"{units} (a first guess)", line]
    force.spread = np.nan
    assert report.summary(forced)[1] == "beta in force: 0.5; yours is 0.75"
    force.beta = np.nan
    assert len(report.summary(forced)) == 1
    assert report.MOST_ROWS == 25
    monkeypatch.setattr(report, "MOST_ROWS", 1)
    assert report.table(reported()).more == 1
    assert len(report.table(reported()).rows) == 2
