"""Panels say and draw what the science says: their numbers are those of the functions."""

import logging

import numpy as np
import pytest

import vaedyn
from vaedyn import DivergenceError, ParameterError, Params
from vaedyn.explorer import panels, slowly
from vaedyn.explorer.heard import heard
from vaedyn.fixedpoints.attractors import attractors
from vaedyn.kernels.constants import Constants

ONE = Params(rho=1.5, eta=0.8, beta=0.9, lam=0.02, lr=0.07, dim=60, t_max=150, points=301,
             batch=2, init="m=0.1,d=0.2,Q=1,E=0.9,R=0.1,D=0.8")  # fmt: skip
TWO = Params(latent=2, signal=3, rho=(3, 1.5, 0.7), eta=0.8, beta=0.6, lr=0.05, dim=70, t_max=120,
             points=91, init_seed=3)  # fmt: skip
DIVERGING = Params(rho=2, beta=3, lr=0.9, t_max=60, points=1201)


@pytest.fixture(scope="module")
def one():
    return panels.course(ONE)


@pytest.fixture(scope="module")
def two():
    return panels.course(TWO)


@pytest.mark.parametrize("model", [ONE, TWO])
def test_lines_are_those_of_theory(model):
    ode = vaedyn.theory(model)
    shown = panels.at_once(panels.course(model))
    at = np.searchsorted(ode.t, shown["learning"].arrays["t"])
    assert at[0] == 0
    assert at[-1] == len(ode.t) - 1
    np.testing.assert_array_equal(ode.t[at], shown["learning"].arrays["t"])
    np.testing.assert_array_equal(ode.eps_g[at], shown["learning"].arrays["eps_g"])
    np.testing.assert_array_equal(ode.kl_per_latent[at], shown["kl"].arrays["kl"])
    lines = {label: line for _, label, _, line in shown["order"].arrays["lines"]}
    if model is ONE:
        assert set(lines) == set("mdQERD")
        np.testing.assert_array_equal(lines["R"], ode.R[at, 0, 0])
    else:
        np.testing.assert_array_equal(lines["m 2,3"], ode.m[at, 1, 2])
        np.testing.assert_array_equal(lines["Q 1,2"], ode.Q[at, 0, 1])
        np.testing.assert_array_equal(lines["D 2"], ode.D[at, 1])
        assert "Q 2,1" not in lines  # the same as Q 1,2
        assert len(lines) == 2 * 6 + 2 * 3 + 4 + 2


def test_the_words_have_the_final_values(one, two):
    shown = panels.at_once(one)
    assert f"{one.ode.eps_g[-1]:.6g}" in shown["learning"].words
    assert f"m = {one.ode.m[-1, 0, 0]:.3g}" in shown["order"].words
    assert "1 of 1 latent is active" in shown["kl"].words
    assert f"{one.ode.kl[-1]:.3g} nats" in shown["kl"].words
    assert "2 of 2 latents are active" in panels.kl(two).words


def test_the_least_error_is_said_where_it_is_not_in_the_end():
    early = Params(lr=0.05, beta=1.5, t_max=600, init="m=0.2,d=0.2,Q=1,E=1,R=0,D=1",
                   anneal="tanh:0.003")  # fmt: skip
    found = panels.course(early)
    least = found.ode.eps_g.min()
    assert f"its least value is {least:.6g}" in panels.learning(found).words
    assert "least" not in panels.learning(panels.course(ONE)).words


def test_lines_of_a_latent_and_its_own_signal_are_told_apart(two):
    """By hand: the best of all six ways to give two latents two of three signals."""
    gain = np.abs(two.ode.m[-1]) * np.sqrt(TWO.rho)
    pairs = [(a, b) for a in range(3) for b in range(3) if a != b]
    best = max(pairs, key=lambda pair: gain[0, pair[0]] + gain[1, pair[1]])
    own = {label for name, label, matched, _ in panels.order_parameters(two).arrays["lines"]
           if matched and name in "md"}  # fmt: skip
    assert own == {f"{name} {i + 1},{k + 1}" for name in "md" for i, k in enumerate(best)}


def test_of_many_latents_a_few_are_drawn():
    many = Params(latent=6, signal=5, dim=40, t_max=5, points=11)
    panel = panels.order_parameters(panels.course(many))
    assert {label for name, label, _, _ in panel.arrays["lines"] if name == "D"} == {
        f"D {i + 1}" for i in range(4)
    }
    assert panel.notes == ("Only the first 4 latents and signals are drawn.",)
    assert panels.kl(panels.course(many)).arrays["kl"].shape == (11, 6)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_arrows_point_where_theory_goes(one, share):
    """At the place that is marked the flow is the velocity, as the course itself says."""
    panel = panels.plane(one, share)
    t, i = panel.arrays["t"], round(share * 300)
    assert t == share * ONE.t_max
    ode = one.ode
    np.testing.assert_allclose(panel.arrays["here"], [ode.m[i, 0, 0], ode.Q[i, 0, 0]], rtol=1e-9)
    x, y, dx, dy = panel.arrays["arrows"]
    assert (y > x * x).all()
    flow = panels.flow(ode, t, x, y)
    size = np.array([1.1 * ode.m.max(), 1.1 * ode.Q.max()])
    turned = (flow[0] / size[0]) * (dy / size[1]) - (flow[1] / size[1]) * (dx / size[0])
    assert np.abs(turned).max() < 1e-12
    assert (flow[0] * dx >= 0).all()
    lengths = np.hypot(dx / size[0], dy / size[1])
    assert lengths.max() == pytest.approx(panels.LONGEST)


def test_no_arrows_where_there_is_no_flow(two):
    panel = panels.plane(two)
    assert panel.arrays["arrows"].shape == (4, 0)
    i, k = panels.leading(two.ode)
    np.testing.assert_array_equal(panel.arrays["m"], np.abs(two.ode.m[:, i, k]))
    np.testing.assert_array_equal(panel.arrays["Q"], two.ode.Q[:, i, i])
    assert f"of latent {i + 1} and signal {k + 1}" in panel.words
    assert "one latent and one signal only" in panel.notes[0]


def test_a_curve_that_diverges_is_drawn_up_to_there():
    """Beside it a run that ends earlier, which has the same start."""
    found = panels.course(DIVERGING)
    assert found.ended
    assert "diverges near t = 2.8" in found.notes[-1]
    assert 2.5 < found.ode.t[-1] < 2.9
    before = vaedyn.theory(DIVERGING.replace(t_max=2.5, points=51))
    np.testing.assert_allclose(found.ode.eps_g[:51], before.eps_g, rtol=1e-6)
    panels.at_once(found)  # nothing of it fails


def test_what_diverges_before_the_first_saved_time_raises():
    with pytest.raises(DivergenceError, match="diverges near"):
        panels.course(Params(lr=3))


def test_bands_are_those_of_the_function():
    found = vaedyn.bands(ONE.replace(batch=1))
    panel = slowly.spread(ONE.replace(batch=1))
    at = np.searchsorted(found.t, panel.arrays["t"])
    np.testing.assert_array_equal(panel.arrays["std"], found.eps_g[at])
    assert f"{found.eps_g[-1]:.2g}" in panel.words
    with pytest.raises(ParameterError, match="too large for bands on this page"):
        slowly.spread(Params(latent=4, signal=3))


def test_runs_are_those_of_the_function():
    found = vaedyn.simulate(ONE, runs=slowly.RUNS)
    panel = slowly.runs(ONE)
    at = np.searchsorted(found.t, panel.arrays["t"])
    np.testing.assert_array_equal(panel.arrays["mean"], found.eps_g.mean(axis=0)[at])
    np.testing.assert_array_equal(panel.arrays["std"], found.eps_g.std(axis=0, ddof=1)[at])
    assert len(at) == slowly.MARKERS
    assert f"{found.eps_g[:, -1].mean():.6g}" in panel.words


def test_runs_that_take_too_long_are_refused():
    with pytest.raises(ParameterError, match="is too long for this page") as raised:
        slowly.runs(Params(dim=100_000, t_max=1e6))
    assert raised.value.name == "t_max"
    assert slowly.runs_within(Params(dim=1000, t_max=2e5), None)[0] == 1
    assert slowly.runs_within(Params(), None)[0] == slowly.RUNS
    with pytest.raises(ParameterError, match="take the engine vector|take vector"):
        slowly.runs(Params(optimiser="adam"), "exact")


def test_fixed_points_are_those_of_the_function():
    found = vaedyn.fixed_points(ONE)
    panel = slowly.points(ONE)
    np.testing.assert_array_equal(panel.arrays["eps_g"], found.eps_g)
    np.testing.assert_array_equal(panel.arrays["stable"], found.stable)
    assert panel.arrays["reached"] == found.reached == 0
    assert f"eps_g = {found.eps_g[0]:.6g}" in panel.words
    with pytest.raises(ParameterError, match="D shrinks for ever"):
        slowly.points(Params(beta=0))


def test_the_axis_of_beta_has_the_stable_state_and_the_thresholds():
    panel = slowly.beta_axis(TWO)
    betas = panel.arrays["beta"]
    some = [7, 60, 140]
    c = Constants.of(TWO, beta=betas[some]).many()
    np.testing.assert_allclose(panel.arrays["eps_g"][some], attractors(c)["eps_g"], rtol=1e-12)
    limits = vaedyn.thresholds(TWO)
    at = [beta for beta, _ in panel.arrays["thresholds"]]
    assert at == [*limits["collapse"], limits["noise"]]
    assert panel.arrays["end"] == betas[-1] > max(at)
    assert "Signal 1 lost above beta = 3.8" in panel.words


def test_the_axis_does_not_depend_on_beta_or_time():
    other = TWO.replace(beta=2.5, t_max=7, points=9, anneal="linear:3", dim=90, init="torch")
    assert slowly.of_ends(other) == slowly.of_ends(TWO)
    assert slowly.of_ends(TWO.replace(eta=1.1)) != slowly.of_ends(TWO)


def test_equal_signals_have_one_threshold():
    panel = slowly.beta_axis(Params(latent=2, signal=3, rho=2))
    assert len(panel.arrays["thresholds"]) == 2


def test_the_axis_under_adam_says_what_is_not_derived():
    panel = slowly.beta_axis(Params(optimiser="adam", rho=2, lr=0.1, batch=16, latents="sampled"))
    assert len(panel.arrays["eps_g"]) == 0
    assert "not derived for Adam" in panel.notes[0]
    assert panel.arrays["thresholds"][0][0] == pytest.approx(3, rel=0.05)


def test_advice_is_that_on_schedules():
    slow = Params(beta=1.5, lr=0.05, anneal="tanh:0.003")
    assert list(slowly.advice(slow).notes) == vaedyn.examine(slow)
    assert slowly.advice(slow).notes


def test_results_are_kept_where_there_is_a_store(tmp_path):
    store = vaedyn.store.ResultStore(tmp_path / "kept")
    short = ONE.replace(t_max=20, points=11, batch=1)
    panels.course(short, store)
    slowly.runs(short, store=store)
    slowly.spread(short, store=store)
    slowly.points(short, store=store)
    assert {record.kind for record in store.records()} == {
        "theory", "simulate", "bands", "fixedpoints",
    }  # fmt: skip
    assert vaedyn.theory(short, store=store).source.reused


def test_warnings_are_heard_in_the_thread_that_gives_them():
    log = logging.getLogger("vaedyn.somewhere")
    with heard() as outer:
        log.warning("one %s", "two")
        log.warning("one two")
        log.info("not this")
    log.warning("nor this")
    assert outer == ["one two"]
    short = Params(momentum=0.9, lr=0.02, dim=20, t_max=2, points=3)
    assert "momentum remembers" in panels.course(short).notes[0]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ParameterError("t_max", "is too long"), "t max is too long"),
        (DivergenceError("the ODE diverges"), "the ODE diverges"),
        (MemoryError(), "not enough memory: lower M or N"),
        (ZeroDivisionError("x"), "this should not happen, please report it: ZeroDivisionError"),
    ],
)
def test_errors_are_said_in_words(error, words):
    assert slowly.reasons(error).startswith(words)


@pytest.mark.parametrize(("latent", "signal"), [(4, 4), (5, 4), (4, 5)])
def test_up_to_four_latents_and_signals_all_is_drawn(latent, signal):
    params = Params(latent=latent, signal=signal, dim=40, t_max=1, points=3)
    panel = panels.order_parameters(panels.course(params))
    assert bool(panel.notes) == (latent + signal > 8)
    assert len([1 for name, *_ in panel.arrays["lines"] if name == "R"]) == 16
