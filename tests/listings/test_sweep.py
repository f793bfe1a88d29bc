"""Every cell, line and first sentence of listings of sweeps."""

from types import SimpleNamespace as Made

from vaedyn.listings import sweep
from vaedyn.listings.listing import Table


def swept(**others):
    outcomes = [
        Made(final={"eps_g": {"mean": 0.5, "std": 0.125}, "kl": {"mean": 2.0}}, error=None),
        Made(final=None, error="it diverges"),
        Made(final={"lost": "it creeps", "eps_g": {"mean": 0.75, "std": None}}, error=None),
    ]
    made = Made(
        command="simulate", varied=["beta"], failed=1, outcomes=outcomes,
        points=[Made(values={"beta": beta}) for beta in (0.5, 1.0, 1.5)],
    )  # fmt: skip
    vars(made).update(others)
    return made


def test_a_sweep_has_a_row_for_each_point(monkeypatch):
    assert sweep.table(swept()) == Table(
        ["beta", "eps_g", "std", "kl", "std", "active", "std", ""],
        [
            ["0.5", "0.5", "0.125", "2", "-", "-", "-", ""],
            ["1", "-", "-", "-", "-", "-", "-", "failed"],
            ["1.5", "0.75", "-", "-", "-", "-", "-", "not known"],
        ],
        ("fixed point", ""),
    )
    one = swept(command="convergence", points=swept().points[:1], outcomes=swept().outcomes[:1])
    one.outcomes[0].final["t_converge"] = 12.5
    assert sweep.table(one) == Table(
        ["beta", "converges at", "eps_g"], [["0.5", "12.5", "0.5"]], ("fixed point", "")
    )
    one.command, one.varied = "fixedpoints", ["lr"]
    one.outcomes = [Made(final={"type": "signal 1", "max_eigenvalue": -0.25}, error=None)]
    columns = ["lr", "eps_g", "kl", "active", "max eigenvalue", "time", "fixed point"]
    rows = [["0.5", "-", "-", "-", "-0.25", "-", "signal 1"]]
    assert sweep.table(one) == Table(columns, rows, ("fixed point", ""))
    one.outcomes = [Made(final=None, error=None)]
    assert sweep.table(one).rows == [["0.5", *"------"]]
    one.command, one.varied = "convergence", ["beta"]
    shown = sweep.listing(swept())
    assert shown.first == "simulate at 3 points of beta, 1 without a result"
    assert [text.partition(" at ")[0] for text in shown.warnings] == ["no result", "not known"]
    assert [text.partition(": ")[2] for text in shown.warnings] == ["it diverges", "it creeps"]
    assert [lost for lost, _ in sweep.reasons(swept())] == [True, False]
    assert sweep.MOST_ROWS == 100
    monkeypatch.setattr(sweep, "MOST_ROWS", 2)
    (table,) = sweep.listing(swept(failed=0)).tables
    assert (len(table.rows), table.more) == (2, 1)
    assert sweep.listing(one).first == "convergence at 1 point of beta, 1 without a result"
