"""Every cell, line and first sentence of listings of schedules."""

from types import SimpleNamespace as Made

import numpy as np

from vaedyn import Params
from vaedyn.listings import tuning
from vaedyn.listings.listing import Table


def tuned(**others):
    made = Made(
        constant=90.0, spec="tanh:0.25", family="tanh", time=45.0, off=50.0, gain=2.0, tol=0.02,
        criterion="eps_g", params=Params(beta=0.75, dim=300),
    )  # fmt: skip
    vars(made).update(others)
    return made


def test_schedules_are_listed_beside_a_constant_one():
    rows = [["constant", "90", "1"], ["tanh:0.25", "45", "2"],
            ["the same, off by a tenth", "50", "1.8"]]  # fmt: skip
    assert tuning.table(tuned()) == Table(["beta(t)", "converged at t", "gain"], rows)
    for length, name in ((39, "x" * 39), (40, "tanh")):
        assert tuning.table(tuned(spec="x" * length)).rows[1][0] == name
    assert tuning.said(tuned()) == []
    assert tuning.said(tuned(criterion="elbo")) == [
        "converged: the loss, distortion + beta KL at the final beta, stays within 0.02 of its "
        "final value"
    ]
    shown = tuning.listing(tuned())
    assert shown.lines == ["beta = 0.75, anneal = 'tanh:0.25'"]
    assert shown.first == "annealing helps"


def test_annealing_helps_where_it_gains_a_twentieth_and_is_not_lost_by_a_tenth():
    assert tuning.verdict(tuned(gain=1.049)) == (
        "annealing does not help here: no tanh schedule gains 5%"
    )
    assert tuning.verdict(tuned(gain=1.05, off=80.0)) == "annealing helps"
    lost = "annealing helps, but more than half of the gain is lost if the pace is off by a tenth"
    assert tuning.verdict(tuned(off=60.0)) == "annealing helps"  # 1.5 times, of 2
    assert tuning.verdict(tuned(off=60.1)) == lost
    assert tuning.verdict(tuned(off=np.nan)) == lost
    for gain, error, helps in ((1.0, 0.025, True), (1.0, 0.024, False), (1.2, 0.0, True)):
        measured = Made(gain=gain, error=error)
        assert tuning.helps(tuned(), measured) == helps
        none = "annealing does not help at N = 300: the runs do not gain"
        assert (tuning.verdict(tuned(), measured) == none) == (not helps)
    assert not tuning.helps(tuned(gain=1.049), Made(gain=2.0, error=0.0))


def warmed(**others):
    made = Made(
        constant=90.0, spec="linear:20", family="linear", time=45.0, off=np.nan, gain=2.0, tol=0.02,
        torch=np.array([80.0, 50.0]), steps=lambda t: 30 * t, epochs=lambda t: t / 8,
    )  # fmt: skip
    vars(made).update(others)
    return made


def test_warm_ups_are_listed_in_steps_and_epochs():
    assert tuning.warm_up_table(warmed()) == Table(
        ["beta(t)", "converged at t", "SGD steps", "epochs", "gain"],
        [
            ["constant", "90", "2700", "11.2", "1"],
            ["linear:20", "45", "1350", "5.62", "2"],
            ["the same, off by a tenth", "-", "-", "-", "-"],
        ],
    )
    assert len(tuning.warm_up_table(warmed(spec="constant")).rows) == 2
    assert tuning.converged(warmed()) == (
        "converged: the loss, distortion + beta KL on the rows, stays within 2 % of its final value"
    )
    helps = "a warm-up helps, from standard normal weights: 2 times sooner"
    torch = "; from PyTorch's default start "
    assert tuning.warm_up_verdict(warmed()) == f"{helps}{torch}1.6 times"
    for other, end in ((80 / 1.049, f"{torch}it does not"), (80 / 1.051, f"{torch}1.05 times")):
        assert tuning.warm_up_verdict(warmed(torch=np.array([80.0, other]))) == helps + end
    assert tuning.warm_up_verdict(warmed(torch=np.array([np.nan, np.nan]))) == helps
    assert tuning.warm_up_verdict(warmed(gain=1.04)) == (
        "a warm-up does not help here: no linear one gains 5%"
    )


def test_each_schedule_has_its_time_in_every_unit_and_its_gain():
    best = Made(
        constant=60.0, spec="linear:12", time=24.0, off=30.0,
        steps=lambda time: 200 * time, epochs=lambda time: 1.6 * time,
    )  # fmt: skip
    found = tuning.warm_up_table(best)
    assert list(found.columns) == ["beta(t)", "converged at t", "SGD steps", "epochs", "gain"]
    assert found.rows == [
        ["constant", "60", "12000", "96", "1"],
        ["linear:12", "24", "4800", "38.4", "2.5"],
        ["the same, off by a tenth", "30", "6000", "48", "2"],
    ]
    best.off = np.nan
    assert tuning.warm_up_table(best).rows[-1] == ["the same, off by a tenth", "-", "-", "-", "-"]
    best.spec = "constant"
    assert len(tuning.warm_up_table(best).rows) == 2
