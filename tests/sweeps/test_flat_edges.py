"""Points of a sweep as rows and as variables, and what grids, sweeps and plans say, in words."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

import vaedyn
from vaedyn import Params
from vaedyn.sweeps import flat, grids, plans, points, sweep, workers
from vaedyn.sweeps.points import Job, Outcome, Task
from vaedyn.sweeps.sweep import Sweep

OF = [{"beta": 0.5, "lr": 0.1}, {"beta": 0.5, "lr": (0.1, 0.25, 0.3)}]
POINTS = [grids.Point(values, Params(**values), {}) for values in OF]


def test_rows_have_a_column_for_every_number():
    outcomes = [
        Outcome("key", True, {"eps_g": np.float64(0.25), "m": np.array([[1.0, 2.0]])}),
        Outcome(error="why"),
    ]
    rows = flat.flat(POINTS, outcomes)
    assert rows == [
        {"beta": 0.5, "lr": 0.1, "key": "key", "eps_g": 0.25, "m_1_1": 1, "m_1_2": 2, "error": ""},
        {"beta": 0.5, "lr": (0.1, 0.25, 0.3), "key": "", "error": "why"},
    ]
    assert flat.columns_of(rows, ["beta", "lr"]) == [
        "beta", "lr", "key", "eps_g", "m_1_1", "m_1_2", "error"
    ]  # fmt: skip
    assert flat.columns_of([], ["beta"]) == ["beta", "key", "error"]


def test_columns_of_rows_of_several_sizes_are_in_order():
    rows = [
        {"latent": 1, "key": "", "t": 1, "eps_g": 1, "m_1_1": 1, "Q_1_1": 1, "error": ""},
        {"latent": 2, "key": "", "t": 1, "eps_g": 1, "kl_per_latent_1": 1, "m_1_1": 1, "m_2_1": 1,
         "m_10_1": 1, "Q_1_1": 1, "Q_2_1_mean": 1, "Q_2_1_std": 1, "error": ""},
        {"latent": 3, "key": "", "lost": "x", "error": ""},
    ]  # fmt: skip
    assert flat.columns_of(rows, ["latent"]) == [
        "latent", "key", "t", "lost", "eps_g", "kl_per_latent_1", "m_1_1", "m_2_1", "m_10_1",
        "Q_1_1", "Q_2_1_mean", "Q_2_1_std", "error",
    ]  # fmt: skip


def test_variables_over_what_varies():
    finals = [
        {"t": 8.0, "eps_g": {"mean": 1.0, "std": 0.5}, "kl_per_latent": np.array([1.0, 2.0]),
         "type": "a", "m": np.ones((2, 1))},
        None,
        {"t": 9.0, "eps_g": {"mean": 2.0, "std": 0.25}, "kl_per_latent": np.array([3.0, 4.0]),
         "type": "b", "m": np.ones((2, 3)), "new": 7},
        {},
    ]  # fmt: skip
    outcomes = [Outcome(final=final, error="" if final else "why") for final in finals]
    found = flat.variables_of({"beta": [0.5, 1.5], "rho": [(1.0, 2.0), 3.0]}, outcomes)
    assert list(found) == [
        "beta", "rho", "t", "eps_g", "eps_g_std", "kl_per_latent", "type", "new", "error"
    ]  # fmt: skip

    def same(name, dims, values, words):
        got, array, notes = found[name]
        assert (got, notes) == (dims, words)
        np.testing.assert_array_equal(array, np.array(values))

    nan, both = np.nan, ("beta", "rho")
    same("beta", ("beta",), [0.5, 1.5], {"long_name": "KL weight", "units": "1"})
    same("rho", ("rho",), ["1/2", "3"], {"long_name": "signal strength", "units": "1"})
    same("t", both, [[8, nan], [9, nan]], {"long_name": "time, SGD steps / N", "units": "1"})
    error = {"long_name": "generalisation error, latents matched to signals", "units": "1"}
    same("eps_g", both, [[1, nan], [2, nan]], error)
    error = error | {"long_name": f"standard deviation of {error['long_name']}"}
    same("eps_g_std", both, [[0.5, nan], [0.25, nan]], error)
    same("kl_per_latent", (*both, "latent"), [[[1, 2], [nan, nan]], [[3, 4], [nan, nan]]],
         {"long_name": "KL divergence from the prior", "units": "nat"})  # fmt: skip
    same("type", both, [["a", ""], ["b", ""]], {"long_name": "type"})
    same("new", both, [[nan, nan], [7, nan]], {"long_name": "new"})
    same("error", both, [["", "why"], ["", "why"]], {"long_name": "why there is no result"})
    latents = flat.variables_of({"latent": [2]}, outcomes[:1])
    assert "kl_per_latent" not in latents
    assert latents["latent"][2] == {"long_name": "latent dimension", "units": "1"}
    seeds = flat.variables_of({"seed": [2]}, outcomes[:1])
    assert seeds["seed"][2] == {"long_name": "seed"}


def refused(call, words):
    with pytest.raises(vaedyn.VaedynError) as caught:
        call()
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("vary", "words"),
    [
        ({"beta": "1"}, "vary: expected a list of values of beta, got '1'"),
        ({"beta": 3}, "vary: expected a list of values of beta, got 3"),
        ({"beta": []}, "vary: beta has no values"),
        ({"beta": [1, 2, 1.0]}, "vary: beta has the value 1 twice"),
        ({"rho": [(1, 2), (1, 2)]}, "vary: rho has the value 1/2 twice"),
        ({"beta": [-1], "lr": [0.5]}, "vary: at beta=-1 lr=0.5: beta: must be >= 0, got -1"),
        ({"beta": np.arange(1001.0), "eta": range(1, 1002)},
         "vary: a grid may have 1,000,000 points, got 1,002,001"),
    ],
)  # fmt: skip
def test_grids_are_refused_in_words(vary, words):
    refused(lambda: grids.grid(Params(), vary), words)


def test_names_that_cannot_vary():
    with pytest.raises(vaedyn.ParameterError) as caught:
        grids.grid({}, {"bet": [1]}, ("runs",))
    text = str(caught.value)
    assert text.startswith("vary: cannot vary 'bet', only dim, latent, signal, rho, eta, ")
    assert text.endswith(", adam_epsilon, runs (did you mean beta?)")
    (point,) = grids.grid({"eta": 2.0}, {"runs": [3]}, ("runs",))
    assert (point.options, point.params, point.values) == ({"runs": 3}, Params(eta=2), {"runs": 3})


def test_the_fault_of_a_base_is_its_own():
    refused(lambda: grids.grid({"eta": -1}, {"beta": [1]}), "eta: must be > 0, got -1")
    refused(
        lambda: grids.grid({"eta": -1}, {"beta": [-2]}),
        "vary: at beta=-2: beta: must be >= 0, got -2",
    )


def test_noise_that_varies_sets_eta():
    base = Params(noise="1*0.5,2*0.5")
    found = grids.grid(base, {"noise": ["3*0.5,1*0.5", None]})
    assert [point.params.eta for point in found] == [2.0, 1.5]
    assert grids.grid(base, {"beta": [0.5]})[0].params.eta == 1.5


def test_parts_of_grids():
    for index, count in ((0, 2), (3, 2)):
        refused(
            lambda i=index, n=count: grids.part_of([], i, n),
            f"shard: expected I/N with 1 <= I <= N, got {index}/{count}",
        )
    assert grids.part_of("abcdefg", 2, 3) == ["b", "e"]
    assert grids.part_of("abcdefg", 3, 3) == ["c", "f"]


def test_values_as_they_are_varied():
    for value, text in (
        (0.1, "0.1"), (1 / 3, "0.3333333333333333"), (2.0, "2"), ((1, 0.5), "1/0.5"), ("a", "a"),
        (3, "3"), (1e-20, "1e-20"), (0.123456789012, "0.123456789012"),
    ):  # fmt: skip
        assert grids.shown(value) == text
    assert grids.described({"beta": 0.5, "rho": (1, 2)}) == "beta=0.5 rho=1/2"
    assert grids.evenly(0, 1 / 3, 3) == [0, 0.166666666667, 0.333333333333]
    assert grids.geometric(1, 2, 3) == [1, 1.41421356237, 2]


def made(*finals, shape=None):
    outcomes = [Outcome("k", i > 0, final, "" if final else "e") for i, final in enumerate(finals)]
    varied = {"beta": list(range(shape or len(finals)))}
    return Sweep("theory", varied, [None] * len(finals), outcomes)  # pyright: ignore


def test_arrays_of_a_sweep():
    found = made({"eps_g": 1.0, "m": [1.0, 2.0]}, None, {"eps_g": 3.0, "m": [5.0, 6.0]})
    assert (found.failed, found.reused) == (1, 2)
    assert found.values("eps_g") == [1.0, None, 3.0]
    np.testing.assert_equal(found.array("eps_g"), [1, np.nan, 3])
    np.testing.assert_equal(found.array("m"), [[1, 2], [np.nan, np.nan], [5, 6]])
    runs = made({"eps_g": {"mean": 1.0, "std": 0.5}})
    assert (runs.array("eps_g").tolist(), runs.array("eps_g", "std").tolist()) == ([1], [0.5])
    for call, words in (
        (lambda: found.values("x"), "name: expected one of eps_g, m, got 'x'"),
        (lambda: found.array("m", "sd"), "of: expected mean or std, got 'sd'"),
        (lambda: made({"a": 1}, shape=2).array("a"),
         "shard: a part of a grid has no shape: use values"),
        (lambda: made({"a": 1}, shape=2).to_xarray(),
         "shard: a part of a grid has no shape: use to_frame"),
        (lambda: made({"a": "text"}).array("a"),
         "name: a is not a number, or not of one shape, at all points: use values"),
        (lambda: made({"a": [1]}, {"a": [1, 2]}).array("a"),
         "name: a is not a number, or not of one shape, at all points: use values"),
    ):  # fmt: skip
        refused(call, words)
    assert made({"lost": "x"}).values("anything") == [None]


def test_sweeps_are_refused_in_words():
    refused(
        lambda: vaedyn.sweep("theory", vary={}),
        "vary: expected names of parameters, each with its values",
    )
    refused(
        lambda: vaedyn.sweep("theor", vary={"beta": [1]}),
        "command: expected theory or simulate or convergence or fixedpoints, got 'theor'",
    )
    refused(lambda: vaedyn.sweep("theory", vary={"beta": [1]}, jobs=0), "jobs: must be at least 1, "
            "got 0")  # fmt: skip
    with pytest.raises(TypeError, match="unexpected keyword argument 'run' \\(did you mean runs"):
        vaedyn.sweep("simulate", vary={"beta": [1]}, run=3)


def test_what_is_summed_up_of_commands():
    commands = points.COMMANDS
    assert list(commands) == ["theory", "simulate", "convergence", "fixedpoints"]
    assert [each.varied for each in commands.values()] == [(), ("runs", "seed"), (), ()]
    assert commands["theory"].lacks(Params(beta=0)) == ""
    lacks = commands["fixedpoints"].lacks
    assert lacks(Params(beta=0)) == "at beta = 0 there is no fixed point: D shrinks for ever"
    assert lacks(Params(beta=1e-9)) == ""
    assert (
        "eps_g", "eps_g_rotation", "kl", "kl_per_latent", "distortion", *"mdQERD"
    ) == points.SUMMED_UP  # fmt: skip


def test_a_plan_counts_what_is_missing():
    like = plans.Plan({}, [], [None, Outcome(), None, None], 2.0, 5)
    assert like.missing == 3
    assert (like.rest(1), like.rest(2), like.rest(9)) == (6.0, 3.0, 2.0)
    assert plans.Plan({}, [], [Outcome()], None, 0).rest(2) == 0.0
    assert plans.Plan({}, [], [None], None, 0).rest(2) is None
    record = SimpleNamespace(length=8, provenance={"seconds": 4.0})
    assert plans._cost(record, ("simulate", {}, 2)) == 1.0
    assert plans._cost(record, ("theory", {}, None)) == 4.0


def test_points_can_be_given_up_where_they_are_short_or_hear():
    for command, latent, fits in (
        ("theory", 9, True), ("simulate", 9, True), ("convergence", 2, True),
        ("convergence", 3, False), ("fixedpoints", 3, False),
    ):  # fmt: skip
        task = Task(0, Params(latent=latent), {})
        assert sweep._interruptible(Job(command, {}, None), task) == fits


def test_a_dataset_says_what_it_is_of():
    pytest.importorskip("xarray")
    found = made({"eps_g": 1.0}, {"eps_g": 2.0}).to_xarray()
    assert found.attrs == {"result": "Sweep", "command": "theory"}
    assert found["eps_g"].values.tolist() == [1, 2]
    assert found["beta"].attrs == {"long_name": "KL weight", "units": "1"}


def test_what_cannot_be_raised_is_reported_but_for_a_signal(monkeypatch):
    done = []
    monkeypatch.setattr(sys, "__unraisablehook__", done.append)
    monkeypatch.setattr(workers.signal, "signal", lambda *given: done.append(given))
    timer = SimpleNamespace(start=lambda: done.append("start"))
    monkeypatch.setattr(workers.threading, "Timer", lambda *given: done.append(given) or timer)
    other = SimpleNamespace(exc_value=ValueError())
    workers._unraisable(other)
    assert done == [other]
    done.clear()
    workers._unraisable(SimpleNamespace(exc_value=SystemExit()))
    term = workers.signal.SIGTERM
    assert done == [
        (term, workers._terminated), (0.1, workers._thread.interrupt_main, (term,)), "start"
    ]  # fmt: skip
    done.clear()
    with pytest.raises(SystemExit):
        workers._terminated()
    assert done == [(term, workers.signal.SIG_IGN)]
    assert (workers.MOST_DEATHS, workers.AGAIN, workers.GRACE) == (3, 0.1, 1.5)
    assert (sweep.TRIAL, sweep.SHORT, sweep.LONG) == (1.0, 0.25, 1.0)


def test_errors_go_between_processes():
    with pytest.raises(ZeroDivisionError) as caught:
        1 / 0  # noqa: B018
    assert workers._portable(caught.value) is caught.value
    assert "1 / 0" in caught.value.__notes__[0]

    class LocalError(Exception):
        """One that cannot be pickled."""

    found = workers._portable(LocalError("text"))
    assert (type(found), str(found)) == (RuntimeError, "LocalError: text")


@pytest.mark.parametrize("runs", [1, 2, 3])
def test_two_runs_have_a_deviation(runs):
    params = Params(dim=20, t_max=2, points=3)
    found = points.simulation_summary(vaedyn.simulate(params, runs=runs, jobs=1))
    assert np.isfinite(found["eps_g"]["std"]) == (runs > 1)
    assert found["m"]["std"].shape == (1, 1)
