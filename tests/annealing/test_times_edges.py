"""What is made of times to converge: whether they are sure, what is said, when beta arrives."""

import numpy as np
import pytest

import vaedyn
from vaedyn.annealing import best_schedule, time_to_converge
from vaedyn.errors import ConvergenceError, DivergenceError
from vaedyn.model.schedules import Constant, Points, Tanh

ABOUT = pytest.approx(1e-13, rel=1e-6, abs=0)


def test_a_time_is_sure_if_excursions_and_exactness_change_it_little(monkeypatch):
    asked = []
    answers = {}

    def last_crossing(params, schedule, tol, **options):
        asked.append((schedule, tol, options))
        time = answers["close" if options.get("margin") else "plain"]
        if isinstance(time, Exception):
            raise time
        return time, 0.0

    monkeypatch.setattr(best_schedule, "last_crossing", last_crossing)
    answers |= {"plain": 8.0, "close": 8.008}
    trial = best_schedule._Trial("params", 0.02, None, rtol=1e-7, atol=1e-9)
    assert asked.pop() == (Constant(), 0.02, {"rtol": 1e-7, "atol": 1e-9})
    assert trial.sure(Tanh(0.1)) == 8.0
    assert asked == [
        (Tanh(0.1), 0.02, {"most": 320.0, "rtol": 1e-7, "atol": 1e-9}),
        (Tanh(0.1), 0.02, {"most": 320.0, "margin": 1e-3, "rtol": 1e-11, "atol": ABOUT}),
    ]
    for close in (8.0081, 7.9919):
        answers["close"] = close
        assert trial.sure(Tanh(0.1)) == float("inf")
    answers["close"] = 7.9921
    assert trial.sure(Tanh(0.1)) == 8.0
    for error in (ConvergenceError("x"), DivergenceError("x")):
        answers["close"] = error
        assert trial.sure(Tanh(0.1)) == float("inf")
    answers["close"] = 9.0
    asked.clear()
    told = []
    trial.progress, trial.wanted = (lambda *done: told.append(done)), 1
    assert [trial.safe(Tanh(0.1)), trial.safe(Tanh(0.1))] == [9.0, 9.0]
    assert asked[0][2] == {"most": 320.0, "margin": 1e-3, "rtol": 1e-7, "atol": 1e-9}
    assert told == [(1, 1), (1, 1)]


def test_large_models_are_said_to_take_long(monkeypatch, caplog):
    caplog.set_level("INFO", logger="vaedyn")
    monkeypatch.setattr(time_to_converge, "last_crossing", lambda *_, **__: (1.0, 0.5))
    params = vaedyn.Params(latent=2, signal=3)
    size = 4 * 3 + 3 * 4 + 2
    monkeypatch.setattr(time_to_converge, "LARGE", size)
    time_to_converge.time_to_converge(params)
    assert caplog.text == ""
    monkeypatch.setattr(time_to_converge, "LARGE", size - 1)
    time_to_converge.time_to_converge(params)
    (record,) = caplog.records
    assert record.getMessage() == (
        "looking for the time from which eps_g of 26 order parameters stays"
    )


def test_beta_arrives_at_the_last_kink():
    assert Constant().arrival() == 0
    assert Tanh(0.04).arrival() == pytest.approx(300)
    assert Points((0.0, 3.0, 9.0), (1.0, 2.0, 3.0)).arrival() == 9


@pytest.mark.parametrize(
    ("far", "last", "level"),
    [
        ([2.0, 0.75, 0.9, 0.5], 2, 0.75),  # it peaks later on, from the level itself
        ([2.0, 0.76, 0.9, 0.5], 0, 1.0),  # this is no peak of its own
        ([2.0, 0.7, 1.01, 0.8, 0.5], 2, 1.0),
        ([2.0, 0.7, 1.0, 0.8, 0.5], 3, 0.75),
        ([0.9, 0.8, 0.5], -1, 1.0),  # the tolerance is never left
        ([0.75, 0.5], -1, 1.0),
        ([0.5, 0.9, 0.5], 1, 0.75),
        ([3.0, 1.5], 1, 1.0),
    ],
)
def test_the_last_time_outside_is_that_of_the_peak_that_comes_last(far, last, level):
    """The tolerance is 1; a margin of a quarter counts for what peaks below it later on."""
    assert time_to_converge._last_outside(np.array(far), 1.0, 0.25) == (last, level)


def test_peaks_close_below_the_tolerance_are_looked_at():
    """From 0.9 of it on, at both ends of a plateau, too; what is above it is known already."""
    for far, peaks in (
        ([1.0, 0.95, 0.91, 0.91, 0.8, 0.9, 0.8, 1.0, 0.95, 1.01, 0.9, 0.99], [3, 7]),
        ([0.5, 0.92, 0.92, 0.6], [1, 2]),
        ([0.5, 1.001, 0.6, 0.901, 0.5], [3]),
    ):
        assert time_to_converge._peaks(np.array(far), 1.0).tolist() == peaks
