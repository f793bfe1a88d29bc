"""What is said about schedules and times to converge, just where each sentence begins."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.annealing.time_to_converge import Convergence
from vaedyn.cli import advice, bands
from vaedyn.cli.session import Session
from vaedyn.errors import ParameterError
from vaedyn.model.params import Params

FOUND = Convergence(64.0, 0.25, 0.002, "")


def test_what_examine_finds_is_said_and_returned(monkeypatch, caplog):
    asked = []
    monkeypatch.setattr(advice, "examine", lambda *given: asked.append(given) or ["one", "two"])
    params = Params(beta=1.5)
    assert advice.warn(params) == ["one", "two"]
    assert advice.warn(params, 0.25) == ["one", "two"]
    assert asked == [(params, 1e-3), (params, 0.25)]
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("WARNING", "one"), ("WARNING", "two")] * 2  # fmt: skip
    with pytest.raises(ParameterError, match="tol"):
        advice.warn(params, float("nan"))


def test_the_end_is_not_derived_for_noise_that_is_not_white(monkeypatch):
    monkeypatch.setattr(advice, "time_to_converge", lambda *given, **options: (given, options))
    params = Params(beta=1.5)
    assert advice.ending(params, 0.25, rtol=3) == ((params, 0.25), {"rtol": 3})
    found = advice.ending(Params(noise="1.2*0.5,0.8*0.5"), 0.25, rtol=3)
    assert np.isnan([found.t, found.eps_g]).all()
    assert (found.tol, found.reason) == (0.25, "it is derived for white noise only")
    with pytest.raises(ParameterError, match="tol"):
        advice.ending(Params(noise="1.2*0.5,0.8*0.5"), -1.0)


@pytest.mark.parametrize(("t_max", "within"), [(63.0, False), (64.0, True), (65.0, True)])
def test_theory_converges_within_the_time_or_only_later(t_max, within):
    data, text = advice.converged(Params(t_max=t_max), FOUND)
    assert data == {"t_converge": 64.0 if within else None, "converges_at": 64.0, "tol": 0.002}
    begin = "eps_g stays within 0.002 of its final value, 0.25, "
    late = "only from t = 64 on: raise --t-max"
    assert text == begin + ("from t = 64 on" if within else late)


def test_a_time_that_is_not_known_has_a_reason():
    unknown = Convergence(np.nan, np.nan, 0.002, "it is so")
    data = {"t_converge": None, "converges_at": None, "tol": 0.002}
    text = "when eps_g converges is not known: it is so"
    assert advice.converged(Params(), unknown) == (data, text)
    assert advice.measured_convergence(SimpleNamespace(), unknown) == (data, text)


def runs(last, count):
    return SimpleNamespace(t=np.array([0.0, last]), eps_g=np.zeros((count, 2)))


def test_the_mean_of_runs_converges(monkeypatch):
    asked = []
    monkeypatch.setattr(advice, "measured", lambda *given: asked.append(given) or "measured")
    monkeypatch.setattr(advice, "spread", lambda found: (48.0, 2.5) if found == "measured" else 0)
    data = {"converges_at": 64.0, "tol": 0.002}
    where = "mean eps_g stays within 0.002 of its limit, 0.25, from t = 48"
    three, one = runs(100.0, 3), runs(100.0, 1)
    assert advice.measured_convergence(three, FOUND) == (
        {**data, "t_converge": {"mean": 48.0, "std": 2.5}}, f"{where} +- 2.5 on")  # fmt: skip
    assert advice.measured_convergence(runs(100.0, 2), FOUND) == (
        {**data, "t_converge": {"mean": 48.0, "std": 2.5}}, f"{where} +- 2.5 on")  # fmt: skip
    assert advice.measured_convergence(one, FOUND) == (
        {**data, "t_converge": {"mean": 48.0, "std": None}}, f"{where} on")  # fmt: skip
    assert asked[0] == (three, 0.25, 0.002)


@pytest.mark.parametrize(("last", "late"), [(71.0, True), (71.2, False), (72.0, False)])
def test_the_mean_does_not_converge(monkeypatch, last, late):
    """Theory's time is beyond nine tenths of the last time, or N is too small."""
    monkeypatch.setattr(advice, "measured", lambda *given: None)
    monkeypatch.setattr(advice, "spread", lambda found: (np.inf, np.nan))
    monkeypatch.setattr(advice, "fluctuation", lambda result: 0.0123)
    data, text = advice.measured_convergence(runs(last, 3), FOUND)
    assert data == {"t_converge": None, "converges_at": 64.0, "tol": 0.002}
    begin = "not converged: mean eps_g does not stay within 0.002 of its limit, 0.25; "
    end = "theory gets there at t = 64: raise --t-max"
    assert text == begin + (end if late else "at this N runs differ by 0.012: raise --dim")


GAUSSIAN = (
    "gaussian weights have no overlap with the signals on average, and theory follows one draw of "
    "them: give --init m=..., or see `vaedyn plot escape`"
)


@pytest.mark.parametrize(
    ("warning", "random", "init", "texts"),
    [
        ("", False, "gaussian", []),
        ("too few", False, "gaussian", ["too few"]),
        ("too few", True, "gaussian", ["too few", GAUSSIAN]),
        ("", True, "gaussian", [GAUSSIAN]),
        ("", True, {"m": 0.5}, []),
    ],
)
def test_cautions_about_bands(monkeypatch, caplog, warning, random, init, texts, tmp_path):
    made = SimpleNamespace(warning=warning, params=SimpleNamespace(init=init))
    assert bands.cautions(made, random) == texts
    asked = {}
    monkeypatch.setattr(bands, "bands", lambda params, **options: asked.update(options) or made)
    session = Session(store_path=tmp_path / "store")
    assert bands.compute_bands(session, Params(), random) is made
    assert asked.pop("progress")(1, 2) is None
    assert asked == {"random_start": random, "store": session.store}
    assert [r.getMessage() for r in caplog.records] == texts
