"""When an error that is made up comes to stay near its final value, call by call."""

from types import SimpleNamespace

import numpy as np
import pytest

import vaedyn
from vaedyn import Params
from vaedyn.annealing import time_to_converge as module
from vaedyn.annealing.time_to_converge import last_crossing
from vaedyn.errors import ConvergenceError
from vaedyn.model.schedules import Constant, Decay, Linear, Points, Tanh

MODEL = Params(beta=1.25, lr=0.25, t_max=12, points=2)
END = 0.375


class Made:
    """An integration whose error is a function of time, and whose end is known."""

    def __init__(self, monkeypatch, error, away=0.0):
        self.error, self.made, self.asked, self.sought = error, [], [], []
        self.away = away  # of the last state from the fixed point

        def destination(params, y, rtol):
            self.sought.append((params, y.tolist(), rtol))
            return y + self.away

        monkeypatch.setattr(module, "ErrorInTime", self.begin)
        monkeypatch.setattr(module, "destination", destination)
        monkeypatch.setattr(module, "of_states", lambda params, y, criterion: np.array([END]))

    def begin(self, params, schedule, criterion, **settings):
        self.made.append((params, schedule, criterion, settings))
        return SimpleNamespace(at=self.at, state=np.array([2.0, 0.5]))

    def at(self, times):
        self.asked.append(times)
        return END + self.error(times)


def falling(t):
    return np.exp(-0.5 * t)


def test_the_crossing_of_a_falling_error(monkeypatch):
    made = Made(monkeypatch, falling)
    t, end = last_crossing(
        MODEL, Constant(), 0.02, criterion="elbo", rtol=1e-6, atol=1e-8, progress=len
    )
    assert end == END
    assert t == pytest.approx(2 * np.log(50), abs=1e-6)
    assert made.made == [(MODEL, Constant(), "elbo", {"rtol": 1e-6, "atol": 1e-8,
                                                      "progress": len})]  # fmt: skip
    assert made.sought[0] == (MODEL, [2.0, 0.5], 1e-6)
    # ten relaxation times of the learning rate first
    assert [len(times) for times in made.asked] == [2001, 65, 65]
    assert made.asked[0].tolist() == np.linspace(0, 40, 2001).tolist()
    cell = made.asked[1][-1] - made.asked[1][0]
    assert cell == pytest.approx(0.02)
    assert made.asked[2][-1] - made.asked[2][0] == pytest.approx(0.02 / 64)


@pytest.mark.parametrize(
    ("schedule", "t_max", "horizon"),
    [(Linear(100.0), 12.0, 150.0), (Linear(100.0), 170.0, 170.0), (Constant(), 12.0, 40.0)],
)
def test_it_is_followed_beyond_the_schedule(monkeypatch, schedule, t_max, horizon):
    made = Made(monkeypatch, falling)
    last_crossing(MODEL.replace(t_max=t_max), schedule, 0.02)
    assert made.asked[0][-1] == pytest.approx(horizon)
    assert made.made[0][3] == {"rtol": 1e-8, "atol": 1e-10, "progress": None}


def test_kinks_are_looked_at(monkeypatch):
    made = Made(monkeypatch, falling)
    last_crossing(MODEL, Points((0.0, 3.0001), (0.0, 1.25)), 0.02)
    assert 3.0001 in made.asked[0]
    assert len(made.asked[0]) == 2002


def test_it_is_followed_twice_as_long_until_the_error_has_settled(monkeypatch):
    """exp(-t/20) is below 0.002 in the last tenth from t = 0.9 times 138 on."""
    made = Made(monkeypatch, lambda t: np.exp(-t / 20))
    t, _ = last_crossing(MODEL, Constant(), 0.02)
    assert t == pytest.approx(20 * np.log(50), abs=1e-4)
    assert [times[-1] for times in made.asked[:3]] == [40, 80, 160]
    with pytest.raises(ConvergenceError) as caught:
        last_crossing(MODEL, Constant(), 0.02, most=100.0, criterion="elbo")
    assert [times[-1] for times in made.asked[-3:]] == [40, 80, 100]
    assert str(caught.value) == "the loss is not within 0.02 of its final value by t = 100"
    with pytest.raises(ConvergenceError) as caught:
        last_crossing(MODEL, Constant(), 0.02, most=30.0)
    assert str(caught.value) == "eps_g is not within 0.02 of its final value by t = 30"
    made.error = lambda t: 1.0 + 0 * t
    made.asked.clear()
    with pytest.raises(ConvergenceError, match="by t = 4e\\+06"):
        last_crossing(MODEL, Constant(), 0.02)


def test_a_state_that_is_elsewhere_is_not_the_end(monkeypatch):
    """Closer than NEAR times the largest order parameter, 2 there."""
    near = module.NEAR
    limit = 2 * near / (1 - near)
    for away, there in ((0.99 * limit, True), (1.01 * limit, False)):
        Made(monkeypatch, falling, away)
        if there:
            assert last_crossing(MODEL, Constant(), 0.02, most=100.0)[1] == END
        else:
            with pytest.raises(ConvergenceError):
                last_crossing(MODEL, Constant(), 0.02, most=100.0)


def test_of_many_order_parameters_ends_are_sought_where_the_error_rests(monkeypatch):
    made = Made(monkeypatch, lambda t: np.exp(-t / 20))
    monkeypatch.setattr(module, "LARGE", 1)
    t, _ = last_crossing(MODEL, Constant(), 0.02)
    assert t == pytest.approx(20 * np.log(50), abs=1e-4)
    assert len(made.sought) == 1
    monkeypatch.setattr(module, "LARGE", 2)
    made.sought.clear()
    last_crossing(MODEL, Constant(), 0.02)
    assert len(made.sought) == 3


def test_what_is_always_within_has_converged_at_once(monkeypatch):
    Made(monkeypatch, lambda t: 0.001 + 0 * t)
    assert last_crossing(MODEL, Constant(), 0.02) == (0.0, END)


@pytest.mark.parametrize("height", [0.85, 0.95, 1.02])
def test_peaks_closely_below_are_looked_at_more_exactly(monkeypatch, height):
    """A bump at t = 20.005, between two times of the grid."""

    def bump(t):
        return np.exp(-t) + height * 0.02 * np.exp(-(((t - 20.005) / 0.03) ** 2))

    made = Made(monkeypatch, bump)
    t, _ = last_crossing(MODEL, Constant(), 0.02, rtol=1e-6, atol=1e-12)
    exact = [settings for *_, settings in made.made[1:]]
    assert len(exact) == (0 if height == 0.85 else 1)
    for settings in exact:
        assert settings == {"rtol": 1e-11, "atol": pytest.approx(1e-13), "progress": None}
    after = 20.005 + 0.03 * np.sqrt(np.log(max(height, 1)))
    assert t == pytest.approx(after if height > 1 else np.log(50), abs=1e-3)
    if exact:
        assert len(made.asked[1]) == 2001 + 126
        assert np.diff(made.asked[1]).min() == pytest.approx(0.04 / 128)


@pytest.mark.parametrize(("height", "late"), [(0.9985, False), (0.9995, True)])
def test_with_a_margin_a_peak_below_counts(monkeypatch, height, late):
    def bump(t):
        return np.exp(-t) + height * 0.02 * np.exp(-(((t - 20) / 0.5) ** 2))

    Made(monkeypatch, bump)
    assert last_crossing(MODEL, Constant(), 0.02)[0] == pytest.approx(np.log(50), abs=1e-6)
    t, _ = last_crossing(MODEL, Constant(), 0.02, margin=1e-3)
    assert (t > 19) == late


def test_learning_that_never_ends():
    for params, schedule, what, words in (
        (MODEL.replace(beta=0), Constant(), "eps_g",
         "at beta = 0 learning has no end: D shrinks for ever"),
        (MODEL, vaedyn.Params(anneal="cyclical:5:0.5").schedule, "eps_g",
         "under a cyclical schedule eps_g never comes to rest"),
        (MODEL, vaedyn.Params(anneal="cyclical:5:0.5").schedule, "elbo",
         "under a cyclical schedule the loss never comes to rest"),
    ):  # fmt: skip
        with pytest.raises(ConvergenceError) as caught:
            last_crossing(params, schedule, 0.1, criterion=what)
        assert str(caught.value) == words


def test_the_end_after_the_schedule(monkeypatch):
    asked = []

    def integrate(params, start, times, schedule, **options):
        asked.append((times.tolist(), schedule, options))
        return np.array([[0.0], [7.0]]), {}

    monkeypatch.setattr(module, "integrate", integrate)
    monkeypatch.setattr(module, "destination", lambda params, y, rtol: y + rtol)
    monkeypatch.setattr(module, "of_states", lambda params, y, what: y[:, 0] * len(what))
    for spec, last in (("linear:30", 30.0), ("linear:5", 12.0)):
        params = MODEL.replace(anneal=spec)
        assert module.end_of_learning(params, 0.25, 0.5, "elbo") == 4 * 7.25
        assert asked.pop() == ([0.0, last], params.schedule, {"rtol": 0.25, "atol": 0.5})
    assert module.end_of_learning(params) == 5 * (7 + 1e-8)
    assert asked.pop()[2] == {"rtol": 1e-8, "atol": 1e-10}


def test_peaks_are_where_the_error_is_no_less_than_on_both_sides():
    far = np.array([0.95, 0.5, 0.91, 0.9, 0.95, 0.95, 0.5, 1.0, 0.7, 1.01, 0.8, 0.89, 0.1])
    assert module._peaks(far, 1.0).tolist() == [2, 4, 5, 7]
    assert module._peaks(10 * far, 10.0).tolist() == [2, 4, 5, 7]
    assert module._peaks(np.array([0.1, 0.9, 0.1]), 1.0).tolist() == []


@pytest.mark.parametrize(
    ("far", "margin", "found"),
    [
        ([2, 1.5, 0.5], 0.0, (1, 1.0)), ([0.5, 0.5], 0.0, (-1, 1.0)),
        ([2, 0.5, 0.95, 0.5], 0.1, (2, 0.9)), ([2, 0.5, 0.89, 0.5], 0.1, (0, 1.0)),
        ([2, 0.95, 0.5], 0.1, (0, 1.0)), ([0.95, 0.5], 0.1, (-1, 1.0)),
        ([2, 0.5, 0.95, 1.5, 0.95, 0.5], 0.1, (3, 1.0)), ([1.0, 1.0], 0.0, (-1, 1.0)),
    ],
)  # fmt: skip
def test_the_last_time_outside(far, margin, found):
    assert module._last_outside(np.array(far, float), 1.0, margin) == found


def test_measured_times_of_runs(monkeypatch):
    t = np.linspace(0, 10, 11)
    eps_g = END + np.array([0.5, 0.25])[:, None] * np.maximum(1 - t / 5, 0)
    runs = SimpleNamespace(t=t, eps_g=eps_g)
    found = module.measured(runs, END, 0.0375)  # pyright: ignore
    assert found.shape == (201,)
    assert found[0] == pytest.approx(4.5)  # the mean is 0.375 (1 - t/5)
    assert set(np.round(found[1:], 9)) == {
        round(5 * (1 - 0.0375 / x), 9) for x in (0.5, 0.375, 0.25)
    }  # fmt: skip
    again = np.random.default_rng(0).multinomial(2, [0.5, 0.5], 200) / 2
    np.testing.assert_allclose(found[1:], 5 * (1 - 0.0375 / (again @ [0.5, 0.25])), rtol=1e-12)
    assert (module.measured(runs, END, 0.6) == 0).all()  # pyright: ignore
    late = SimpleNamespace(t=t, eps_g=END + np.where(t < 8.5, 1.0, 0.0)[None])
    assert module.measured(late, END, 0.5)[0] == 8.5  # pyright: ignore
    later = SimpleNamespace(t=t, eps_g=END + np.where(t < 9.5, 1.0, 0.0)[None])
    assert np.isnan(module.measured(later, END, 0.5)).all()  # pyright: ignore


def test_spreads_of_times():
    assert module.spread(np.array([2.0, 1.0, 3.0])) == (2.0, 1.0)
    values = np.full(11, 3.0)
    values[1] = np.nan
    assert module.spread(values) == (3.0, 0.0)  # one of ten may be unknown
    values[2] = np.nan
    assert np.isnan(module.spread(values)).all()
    assert np.isnan(module.spread(np.array([np.nan, 1.0]))).all()


def test_fluctuations_are_those_of_the_last_tenth():
    eps_g = np.arange(50.0).reshape(2, 25) ** 2
    runs = SimpleNamespace(t=np.arange(25), eps_g=eps_g)
    assert module.fluctuation(runs) == eps_g[:, -2:].std()  # pyright: ignore
    short = SimpleNamespace(t=np.arange(3), eps_g=eps_g[:, :3])
    assert module.fluctuation(short) == eps_g[:, 2:3].std()  # pyright: ignore


def test_times_are_kept_with_their_words(monkeypatch):
    class Kept:
        key, path, reused = "k", "p", False

        def load_or_run(self, kind, params, compute):
            self.kind, self.params = kind, params
            self.variables, self.info = compute()
            return self

    def crossing(params, schedule, tol, **options):
        assert (params.points, schedule, tol) == (2, params.schedule, 0.02)
        assert options == {"rtol": 1e-7, "atol": 1e-9, "progress": None}
        if params.beta == 2:
            raise ConvergenceError("why")
        return 5.0, 0.25

    monkeypatch.setattr(module, "last_crossing", crossing)
    kept, model = Kept(), MODEL.replace(points=9)
    found = vaedyn.time_to_converge(model, 0.02, rtol=1e-7, atol=1e-9, store=kept)
    assert (found.t, found.eps_g, found.tol, found.reason) == (5.0, 0.25, 0.02, "")
    assert found.source.key == "k"
    numerics = kept.params.pop("numerics")
    assert isinstance(numerics, int)
    expected = model.to_dict() | {"tol": 0.02, "rtol": 1e-7, "atol": 1e-9}
    del expected["points"]
    assert (kept.kind, kept.params) == ("convergence", expected)
    words = {name: notes["long_name"] for name, (_, _, notes) in kept.variables.items()}
    assert words == {
        "t": "time to converge, steps/N", "eps_g": "generalisation error of the end"
    }  # fmt: skip
    lost = vaedyn.time_to_converge(model, 0.02, rtol=1e-7, atol=1e-9, beta=2)
    assert np.isnan([lost.t, lost.eps_g]).all()
    assert (lost.reason, lost.source) == ("why", None)


def test_arrivals_of_schedules():
    assert (Tanh(0.5).arrival(), Tanh(0.5).warm_up(), Tanh(0.5).span()) == (24.0, 10.0, 10.0)
    decay = Decay(3.0, 2.0)
    assert decay.arrival() == pytest.approx(2 * np.log(2e10))
    assert decay.warm_up() == pytest.approx(2 * np.log(2e4))
    assert decay.within(0.5, 9.0) == pytest.approx(2 * np.log(4))
    assert decay.within(0.0, 9.0) == pytest.approx(2 * np.log(2e16))
    assert decay.within(2.0, 9.0) == 0.0
    assert Decay(1.0, 2.0).arrival() == 0.0
    assert Tanh(0.5).within(0.25, 9.0) == pytest.approx(np.arctanh(0.75) / 0.5)
    assert Tanh(0.5).within(2.0, 9.0) == 0.0
    assert Tanh(0.5).within(0.0, 9.0) == pytest.approx(np.arctanh(1 - 1e-16) / 0.5)
