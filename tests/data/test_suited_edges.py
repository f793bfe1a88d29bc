"""What suits a table of six known eigenvalues, term by term and at each limit."""

from math import log
from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.data import suited as module
from vaedyn.data.settling import Mode
from vaedyn.data.suited import check_settings, one_epoch, pace, slowed_by, suited
from vaedyn.errors import ParameterError

VALUES = [5.0, 2.0, 1.5, 1.0, 0.75, 0.5]


def known(eigenvalues=VALUES, unit=5.0, row=0.5, latents=2, eta=0.8, epochs="many", some=6):
    """Return a table of six columns and 90 rows."""
    values = np.array(eigenvalues)
    spectrum = SimpleNamespace(
        eigenvalues=values, dim=6, directions=np.eye(6)[:some], samples=90, total=values.sum()
    )
    return SimpleNamespace(
        spectrum=spectrum,
        prediction=SimpleNamespace(latents=latents, eta=eta),
        rows=SimpleNamespace(unit=unit, longest=(6, row), samples=90),
        epochs=epochs,
    )


@pytest.fixture
def fixed(monkeypatch):
    """Let learning rates be 0.04, those of draws 0.1, and all be settled after 300/lr."""
    monkeypatch.setattr(module, "_rate", lambda found, beta: 0.04)
    monkeypatch.setattr(module, "rate_of_draws", lambda dim, beta, batch: 0.1)
    modes = [Mode(4 / 300, (1.0,)), Mode(4 / 200, (0.5,))]
    monkeypatch.setattr(module, "slow_modes", lambda found, beta, latent: modes)


def refused(call, *given, **settings):
    with pytest.raises(ParameterError) as error:
        call(*given, **settings)
    return str(error.value)


def test_settings_are_checked_before_anything_is_computed():
    check_settings(6)
    check_settings(6, beta=0.3, anneal="linear:40", latent=6, batch=7)
    check_settings(6, anneal="points:0=5,30=2")
    assert refused(check_settings, 6, beta=0.0) == "beta: must be > 0, got 0"
    assert refused(check_settings, 6, beta=np.inf).startswith("beta: must be")
    assert refused(check_settings, 6, latent=7) == "latent: must be at most 6, the columns, got 7"
    assert refused(check_settings, 6, anneal="tahn:1").startswith("anneal: ")
    assert refused(check_settings, 6, beta=2.0, anneal="tahn:1").startswith("anneal: ")
    for name in ("dim", "signal", "rho", "eta", "noise", "alpha"):
        text = f"{name}: cannot be given: it is taken from the data"
        assert refused(check_settings, 6, **{name: 1}) == text
    text = "lam: is not derived for Adam on data; leave it out"
    assert refused(check_settings, 6, optimiser="adam", lam=0.1) == text
    check_settings(6, optimiser="adam", lam=0.0)
    check_settings(6, lam=0.1)
    check_settings(6, points=100_000)  # time may be as long as that needs
    assert refused(check_settings, 6, points=1).startswith("points: ")


def test_the_noise_level_is_the_usual_beta_and_signals_are_the_latents(fixed):
    found = suited(known())
    assert (found.beta, found.latent, found.dim, found.signal, found.eta) == (0.8, 2, 6, 2, 0.8)
    assert found.rho == pytest.approx((4.2, 1.2), rel=1e-15)
    assert suited(known(), 0.3).beta == 0.3
    assert suited(known(), latent=5).latent == 5
    assert suited(known(), latent=5).signal == 2
    none = suited(known(latents=0))
    assert (none.latent, none.signal, none.rho) == (1, 1, (4.2,))
    assert suited(known(latents=4, some=3)).signal == 3  # so many directions are known
    assert suited(known(latents=4, some=3)).latent == 4
    weak = suited(known(latents=5))
    assert weak.rho == pytest.approx((4.2, 1.2, 0.7, 0.2, 5e-12), rel=1e-12)
    assert weak.rho[4] == 1e-12 * 5
    assert refused(suited, known(), -1.0) == "beta: must be > 0, got -1"
    assert refused(suited, known(), latent=0) == "latent: must be at least 1, got 0"
    assert refused(suited, known(), latent=7) == "latent: must be at most 6, the columns, got 7"


def test_beta_is_not_lost_to_rounding(fixed):
    text = "beta: must be at least 5e-20, 1e-20 of the largest variance, got 4.99e-20"
    assert refused(suited, known(), 4.99e-20) == text
    assert suited(known(), 5.01e-20).beta == 5.01e-20
    assert suited(known(), 5e-20).beta == 5e-20


def test_learning_rates_leave_momentum_draws_and_batches_their_part(fixed):
    assert suited(known()).lr == 0.04
    assert suited(known(), momentum=0.75).lr == pytest.approx(0.01, rel=1e-12)
    assert suited(known(), latents="sampled").lr == 0.025  # a quarter of that of draws
    assert suited(known(), batch=8).lr == 0.04
    mean = 10.75 / 6 / 5
    adam = suited(known(), optimiser="adam", batch=3)
    assert adam.lr == pytest.approx(0.04 / (3 / mean) ** 0.5, rel=1e-12)
    both = suited(known(), optimiser="adam", latents="sampled")
    assert both.lr == pytest.approx(0.04 * mean**0.5, rel=1e-12)  # Adam divides draws, too


def test_draws_are_those_of_the_batch_and_of_beta_in_its_units(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "_rate", lambda found, beta: asked.append(beta) or 1.0)
    monkeypatch.setattr(module, "rate_of_draws", lambda *given: asked.append(given) or 0.02)
    assert suited(known(), 0.5, latents="sampled", batch=7, t_max=9.0).lr == 0.005
    assert asked == [0.5, (6, 0.1, 7)]


def test_the_pace_is_that_of_plain_descent():
    table = known()
    params = suited(table, lr=(0.3, 0.2, 0.4), t_max=5.0, momentum=0.5)
    assert pace(table, params) == 0.4  # the slowest of three
    params = suited(table, lr=(0.3, 0.2, 0.4), t_max=5.0, optimiser="adam", batch=5)
    assert pace(table, params) == pytest.approx(0.2 * (5 * 6 * 5 / 10.75) ** 0.5, rel=1e-14)


def test_one_epoch_ends_when_all_rows_are_used():
    assert one_epoch(known(epochs="many"), 3) == np.inf
    assert one_epoch(known(epochs="one")) == 15
    assert one_epoch(known(epochs="one"), 3) == 5


def test_time_is_that_of_the_slowest_mode_and_of_a_warm_up(fixed):
    assert suited(known()).t_max == 7500  # 300 / 0.04
    assert suited(known(), lr=0.13).t_max == 2400  # 2308
    assert suited(known(), lr=0.13, anneal="linear:1000").t_max == 3400  # 3308
    assert suited(known(), lr=2.0).t_max == 150


def test_time_is_at_least_twenty_over_the_rate(fixed, monkeypatch):
    for none in ([], [Mode(4 / 19.9, (1.0,))]):
        monkeypatch.setattr(module, "slow_modes", lambda *_, none=none: none)
        assert suited(known(), lr=0.04).t_max == 500
    monkeypatch.setattr(module, "slow_modes", lambda *_: [Mode(4 / 20.5, (1.0,))])
    assert suited(known(), lr=0.04).t_max == 520  # 512.5


def test_adam_must_arrive_at_beta(fixed, monkeypatch):
    monkeypatch.setattr(module, "slow_modes", lambda *_: [])
    adam = suited(known(), 0.001, optimiser="adam", lr=(0.5, 0.6, 0.04))
    assert 2 * log(5000) / 0.04 == pytest.approx(425.9, abs=0.1)
    assert adam.t_max == 430
    assert suited(known(), 0.001, lr=(0.5, 0.6, 0.04)).t_max == 500
    table = known()
    above = suited(table, 50.0, optimiser="adam", lr=0.04)
    usual = 20 / (0.04 * (6 * 5 / 10.75) ** 0.5)
    assert usual == pytest.approx(299.3, abs=0.1)
    assert above.t_max == 300


def test_time_is_a_share_of_half_a_minute(fixed):
    step = 5e-7 + 2e-10 * 6 * 3 * (6 + 1.5 * 3)
    most = 30 * 1e-4 / (step * 6)
    assert most == pytest.approx(929.7, abs=0.1)
    assert suited(known(), latent=3, share=1e-4).t_max == 930
    assert suited(known(), lr=1e-9).t_max == 9.6e6  # 30 s at 5e-7 + 2e-10 * 108 a step
    assert suited(known(), latent=3, share=5e-4, batch=5).t_max == 930
    assert suited(known(), latent=3, share=1e-6).t_max == 100
    assert suited(known(), latent=3, share=1e-6, anneal="linear:900").t_max == 100


def test_one_epoch_is_all_the_time_there_is(fixed):
    table = known(epochs="one")
    assert suited(table).t_max == 15
    assert suited(table, batch=3).t_max == 5
    assert suited(table, t_max=15 * (1 + 0.99e-9)).t_max == 15 * (1 + 0.99e-9)
    text = "t_max: one epoch of 90 rows ends at 15, got 15"
    assert refused(suited, table, t_max=15 * (1 + 1.01e-9)) == text
    assert refused(suited, table, t_max=6.0, batch=3) == f"{text[:-10]}5, got 6"
    assert refused(suited, table, batch=91) == "batch: must be at most 90, the rows, got 91"


def test_points_are_at_most_those_of_the_steps(fixed):
    assert suited(known(), t_max=66.7).points == 400
    assert suited(known(), t_max=67.1).points == 401
    assert suited(known(), t_max=0.25).points == 2
    assert suited(known(), t_max=0.5).points == 3
    assert suited(known(), t_max=50.0, points=7).points == 7


def test_what_the_data_decide_is_not_what_was_given(fixed):
    found = suited(known(), 0.3, eta=9.0, dim=4, signal=1)
    assert (found.eta, found.dim, found.signal) == (0.8, 6, 2)


def test_long_rows_slow_down_just_where_the_rate_is_four_fifths(monkeypatch):
    table = known(row=2.0)
    times = 2 * 6 / (10.75 * (1 - 1 / 90) / 5)
    monkeypatch.setattr(module, "steady_rate", lambda dim, beta, row=0.0: 0.2 if not row else rate)
    rate = 0.1601
    assert slowed_by(table, 0.5) is None
    rate = 0.1599
    text = slowed_by(table, 0.5)
    assert text == (
        "single long rows limit the learning rate to 0.16 (others would allow 0.2): learning "
        f"takes longer. Row 7 has {times:.3g} times the mean squared length"
    )
    assert text.endswith("Row 7 has 5.64 times the mean squared length")
    for row, told in ((2 * 4.99 / times, False), (2 * 5.01 / times, True)):
        assert (slowed_by(known(row=row), 0.5) is not None) == told


def test_rates_are_asked_for_in_units_of_the_largest_variance(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "steady_rate", lambda *given: asked.append(given) or 0.1)
    slowed_by(known(row=2.0), 0.5)
    assert asked == [(6, 0.1, 2.0), (6, 0.1)]
    asked.clear()
    monkeypatch.setattr(module, "modes", lambda s, beta, latent: asked.append((s, beta, latent)))
    with pytest.raises(TypeError):
        module.slow_modes(known(), 0.5, 3)
    ((values, beta, latent),) = asked
    assert (values.tolist(), beta, latent) == ([1, 0.4, 0.3, 0.2, 0.15, 0.1], 0.1, 3)
