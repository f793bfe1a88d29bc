"""What is chosen to suit a table, and when it is said that training has missed the prediction."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.data.difference import difference
from vaedyn.data.settling import modes, settled_at, steady_rate
from vaedyn.data.suited import _rounded_up, check_settings, slowed_by, suited
from vaedyn.data.train import predicted_kl
from vaedyn.errors import ParameterError
from vaedyn.model.schedules import parse_schedule


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (1234, 1300),
        (1200, 1200),
        (1201, 1300),
        (0.991, 1),
        (99.01, 100),
        (9.949, 10),
        (0.001, 0.001),
        (1.01, 1.1),
        (99.5, 100),
        (1000.0, 1000.0),
    ],
)
def test_times_are_rounded_up(time, expected):
    assert _rounded_up(time) == expected


def test_warm_ups_have_their_length():
    assert parse_schedule("constant").warm_up() == 0
    assert parse_schedule("linear:30").warm_up() == 30
    assert parse_schedule("tanh:0.1").warm_up() == 50
    assert parse_schedule("points:0=1,70=2").warm_up() == 70


def known(eigenvalues, unit=4.0, row=0.5):
    """Return a table of six columns of which only the eigenvalues and the longest row are known."""
    eigenvalues = np.array(eigenvalues)
    spectrum = SimpleNamespace(
        eigenvalues=eigenvalues, dim=6, directions=np.eye(6), samples=100, total=eigenvalues.sum()
    )
    prediction = SimpleNamespace(
        latents=2, eta=1.0, variances=lambda latents: eigenvalues[:latents]
    )
    rows = SimpleNamespace(unit=unit, longest=(6, row), samples=100, origin={"standardise": False})
    return SimpleNamespace(spectrum=spectrum, prediction=prediction, rows=rows, epochs="many")


def test_a_table_has_its_training_time():
    it = known([4.0, 2.0, 1.0, 1.0, 1.0, 1.0])
    found = suited(it)
    assert (found.beta, found.latent, found.signal, found.rho, found.eta) == (
        1.0, 2, 2, (3.0, 1.0), 1.0,
    )  # fmt: skip
    lr = steady_rate(6, 0.25, 0.5)
    variances = np.array([1, 0.5, 0.25, 0.25, 0.25, 0.25])
    slowest = max(settled_at(mode, lr) for mode in modes(variances, 0.25, 2))
    assert found.lr == lr
    assert found.t_max == _rounded_up(max(slowest, 20 / lr))
    assert found.points == 401
    # a share of 30 s, of which a step takes 5e-7 + 2e-10 * 6 * 2 * 9
    short = suited(it, share=1e-4)
    assert short.t_max == _rounded_up(0.003 / ((5e-7 + 2e-10 * 108) * 6)) == 960
    assert suited(it, share=1e-6).t_max == 100


def test_what_is_given_is_taken():
    it = known([4.0, 2.0, 1.0, 1.0, 1.0, 1.0])
    found = suited(it, 0.5, latent=4, lr=0.01, t_max=7.0, points=3, lam=0.1, init_seed=5)
    assert (found.beta, found.latent, found.lr, found.t_max) == (0.5, 4, 0.01, 7.0)
    assert (found.points, found.lam, found.init_seed) == (3, 0.1, 5)
    rising = suited(it, anneal="linear:70")
    assert rising.t_max == pytest.approx(suited(it).t_max + 70, rel=0.1)


@pytest.mark.parametrize("name", ["dim", "signal", "rho", "eta"])
def test_what_the_data_decide_cannot_be_given(name):
    with pytest.raises(ParameterError, match="taken from the data"):
        check_settings(6, **{name: 1})


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("latens", r" \(did you mean latents?\?\)"),
        ("standardise", r": look at the data first, look\(data, standardise=...\), and"),
        ("abcdef", "$"),
    ],
)
def test_settings_that_do_not_exist_are_refused_with_a_hint(name, hint):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'{hint}"):
        check_settings(6, **{name: 3})


@pytest.mark.parametrize(
    ("off", "fine"), [(0.049, True), (0.051, False)]
)  # and 2 % of what is expected, which is 0 at this latent
def test_kl_is_alike_up_to_a_twentieth_of_a_nat(off, fine):
    it = known([4.0, 2.0, 1.0, 1.0, 1.0, 1.0])
    params = suited(it)
    object.__setattr__(params, "beta", 2.0)
    expected = predicted_kl(it, params)
    np.testing.assert_allclose(expected, [0.5 * np.log(2), 0])
    high = difference(it, params, expected, expected + np.array([0.0, off]))
    assert (high is None) == fine
    more = np.array([off + 0.02 * expected[0], 0.0])
    assert (difference(it, params, expected, expected - more) is None) == fine


@pytest.mark.parametrize(
    ("settings", "short", "text"),
    [
        ({"t_max": 10.0}, "latents still mixed", "stay mixed until about t = "),
        ({"t_max": 10.0, "latent": 1}, "not settled yet", "is not settled on eigenvalues 4 and 2"),
        ({"t_max": 10.0, "anneal": "linear:40"}, "beta still changes", "beta is 0.25, and 1 in"),
        ({"t_max": 1e9}, "not settled, or SGD's noise", "lower --lr"),
    ],
)
def test_why_kl_differs_is_said(settings, short, text):
    it = known([4.0, 2.0, 1.0, 1.0, 1.0, 1.0])
    params = suited(it, points=2, **settings)
    expected = predicted_kl(it, params)
    found = difference(it, params, expected, expected / 2)
    assert found.short == short
    assert text in found.text


def test_single_long_rows_are_said_if_they_slow_training():
    def said(row, last=1.0):
        return slowed_by(known([4.0, 2.0, 1.0, 1.0, 1.0, last], row=row), 1.0)

    # the rate is 0.4 / row, the usual one 0.12; times the mean squared length: 24 row / 0.99 total
    assert said(4.16) is None
    assert said(4.18) == (
        "single long rows limit the learning rate to 0.0957 (others would allow 0.12): learning "
        "takes longer. Row 7 has 10.1 times the mean squared length"
    )
    assert said(4.2, 11.3).endswith("Row 7 has 5.02 times the mean squared length")
    assert said(4.2, 11.4) is None
