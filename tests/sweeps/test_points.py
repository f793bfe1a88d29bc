"""Grids, what is told of their points, and what they cost."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn import Params
from vaedyn.errors import OutputError, ParameterError
from vaedyn.sweeps import points
from vaedyn.sweeps.grids import described, evenly, geometric, grid, part_of, shown
from vaedyn.sweeps.plans import Plan, plan
from vaedyn.sweeps.points import Job, Lookup, MissingError, Outcome, Task, compute, look_up

PARAMS = Params(dim=50, eta=0.7, lr=0.05, t_max=20, points=3)
NAMES = (
    "eps_g",
    "eps_g_rotation",
    "kl",
    "kl_per_latent",
    "distortion",
    "m",
    "d",
    "Q",
    "E",
    "R",
    "D",
)


def made_up(lead, kl):
    """Return a result in which every number is another one; `kl` is that of each latent."""
    shapes = dict.fromkeys(NAMES[:5], ()) | {"kl_per_latent": (2,), "D": (2,)}
    shapes |= {"m": (2, 3), "d": (2, 3)} | dict.fromkeys("QER", (2, 2))
    random = np.random.default_rng(3)
    arrays = {name: random.uniform(1, 2, (*lead, *shape)) for name, shape in shapes.items()}
    arrays["kl_per_latent"] = np.broadcast_to(kl, (*lead, 2))
    return SimpleNamespace(t=np.array([0.0, 1.5, 3.5]), source=None, **arrays)


# --- grids ------------------------------------------------------------------------------


def test_values_of_ranges_have_twelve_digits():
    assert evenly(0, 1, 4) == [0.0, 0.333333333333, 0.666666666667, 1.0]
    assert geometric(1, 8, 3) == [1.0, 2.82842712475, 8.0]
    assert shown(0.333333333333) == "0.333333333333"
    assert [shown(x) for x in (0.1 + 0.2, 1e-7, [2.0, 0.5], "tanh:1", True)] == [
        "0.30000000000000004", "1e-07", "2/0.5", "tanh:1", "True",
    ]  # fmt: skip
    assert described({"beta": 0.5, "rho": (2.0, 1.0)}) == "beta=0.5 rho=2/1"


def test_a_grid_has_at_most_a_million_points(monkeypatch):
    monkeypatch.setattr("vaedyn.sweeps.grids._points", lambda base, vary, **_: iter([vary]))
    vary = {"beta": range(1000), "lr": range(1000)}
    assert len(grid(PARAMS, vary)) == 1
    with pytest.raises(ParameterError, match=r"^vary: a grid may have 1,000,000 points, got 1,001"):
        grid(PARAMS, {**vary, "lr": range(1001)})


def test_the_first_name_varies_slowest_and_options_are_no_part_of_the_model():
    found = grid(PARAMS, {"seed": [3, 4], "beta": [0.5, 0.25, 0.75]}, ("seed",))
    assert [(p.values["seed"], p.values["beta"]) for p in found] == [
        (3, 0.5), (3, 0.25), (3, 0.75), (4, 0.5), (4, 0.25), (4, 0.75),
    ]  # fmt: skip
    assert [p.options for p in found[2:4]] == [{"seed": 3}, {"seed": 4}]
    assert found[1].params == replace(PARAMS, beta=0.25)


def test_values_from_numpy_become_plain_ones():
    vary = {"rho": [np.array([3.0, 1.0]), [2.0, 1.0]], "beta": np.array([0.5])}
    found = grid({"signal": 2}, vary)
    assert [p.values for p in found] == [
        {"rho": (3.0, 1.0), "beta": 0.5}, {"rho": (2.0, 1.0), "beta": 0.5}
    ]  # fmt: skip
    assert type(found[0].values["beta"]) is float
    with pytest.raises(ParameterError, match=r"^vary: beta has the value 0\.5 twice$"):
        grid(PARAMS, {"beta": [np.float64(0.5), 0.5]})


def test_a_fault_of_the_base_is_not_blamed_on_what_varies():
    with pytest.raises(ParameterError, match=r"^eta: must be > 0") as error:
        grid({"eta": -1.0}, {"beta": [1, 2]})
    assert error.value.name == "eta"
    with pytest.raises(ParameterError, match=r"^vary: at beta=-1: beta: must be >= 0"):
        grid({"eta": 1.0}, {"beta": [-1]})
    with pytest.raises(ParameterError, match=r"^vary: at dim=1: dim: "):
        grid({"rho": (3.0, 1.0)}, {"dim": [1]})  # the base has a fault of its own, another one


@pytest.mark.parametrize(("index", "expected"), [(1, [0, 3, 6]), (2, [1, 4]), (3, [2, 5])])
def test_parts_take_every_nth_point_from_their_own_on(index, expected):
    assert part_of(range(7), index, 3) == expected
    for wrong in (0, 4):
        with pytest.raises(ParameterError, match=rf"1 <= I <= N, got {wrong}/3$"):
            part_of(range(7), wrong, 3)


# --- what is told -----------------------------------------------------------------------


def test_latents_with_more_than_a_hundredth_of_a_nat_are_active():
    kl = np.array([[0.0099, 0.0101], [0.01, 0.0], [0.5, 2.0]])
    np.testing.assert_array_equal(points.active(kl), [1, 0, 2])


def test_of_theory_the_last_time_is_told():
    result = made_up((3,), [0.02, 0.0])
    told = points.theory_summary(result)
    assert list(told) == ["t", "active", *NAMES]
    assert (told["t"], told["active"]) == (3.5, 1)
    for name in NAMES:
        np.testing.assert_array_equal(told[name], getattr(result, name)[2])
        assert not np.shares_memory(told[name], getattr(result, name))


def test_of_simulations_mean_and_deviation_over_runs_are_told():
    kl = np.zeros((4, 3, 2))
    kl[1:, 2] = [[0.02, 0.02], [0.02, 0.0], [0.02, 0.02]]
    result = made_up((4, 3), kl)
    told = points.simulation_summary(result)
    assert told["t"] == 3.5
    assert set(told) == {"t", "active", *NAMES}
    assert told["active"] == {"mean": 5 / 4, "std": pytest.approx(np.sqrt(11 / 12))}
    for name in NAMES:
        last = getattr(result, name)[:, 2]
        centred = last - last.sum(axis=0) / 4
        np.testing.assert_allclose(told[name]["mean"], last.sum(axis=0) / 4, rtol=1e-14)
        expected = np.sqrt((centred**2).sum(axis=0) / 3)
        np.testing.assert_allclose(told[name]["std"], expected, rtol=1e-12, atol=1e-15)


def test_a_single_run_has_no_deviation():
    told = points.simulation_summary(made_up((1, 3), [0.02, 0.0]))
    assert told["active"]["mean"] == 1
    assert all(np.isnan(told[name]["std"]).all() for name in (*NAMES, "active"))
    assert told["m"]["std"].shape == (2, 3)


def test_of_fixed_points_the_one_that_is_reached_is_told():
    result = made_up((3,), [[0.0, 0.0], [0.02, 0.02], [0.02, 0.0]])
    result.reached, result.types, result.labels = 1, ["a", "b", "c"], ["x", "y", "z"]
    result.stable = np.array([False, True, False])
    result.max_eigenvalue, result.relaxation_time = np.arange(3.0), np.arange(3.0) + 7
    told = points.fixed_point_summary(result)
    assert list(told)[:6] == [
        "type", "label", "stable", "max_eigenvalue", "relaxation_time", "active"
    ]  # fmt: skip
    assert list(told.values())[:6] == ["b", "y", True, 1.0, 8.0, 2]
    assert type(told["stable"]) is bool
    for name in NAMES:
        np.testing.assert_array_equal(told[name], getattr(result, name)[1])
        assert not np.shares_memory(told[name], getattr(result, name))
    result.reached = 0  # the first is one like the others
    assert points.fixed_point_summary(result)["type"] == "a"
    result.reached, result.lost = None, "it diverges"
    assert points.fixed_point_summary(result) == {"lost": "it diverges"}


def test_of_convergence_time_and_error_are_told_or_why_not():
    found = SimpleNamespace(reason="", t=3.5, eps_g=0.2)
    assert points.convergence_summary(found) == {"t_converge": 3.5, "eps_g": 0.2}
    found.reason = "never"
    assert points.convergence_summary(found) == {"lost": "never"}


def test_what_fails_is_told_and_the_rest_is_computed(monkeypatch):
    def run(params, *, store, scale, seed=0):
        if params.beta == 0.5:
            raise OutputError("no room")
        source = SimpleNamespace(key="k", reused=True) if store else None
        return SimpleNamespace(source=source, value=scale * params.beta + seed)

    command = points.Command(run, lambda result: {"value": result.value}, ("seed",))
    monkeypatch.setitem(points.COMMANDS, "theory", command)
    tasks = [Task(i, replace(PARAMS, beta=beta), {"seed": i}) for i, beta in enumerate((1, 0.5, 2))]
    assert compute(Job("theory", {"scale": 3}, None), tasks) == [
        Outcome(final={"value": 3}), Outcome(error="no room"), Outcome(final={"value": 8})
    ]  # fmt: skip
    found = compute(Job("theory", {"scale": 3}, "a store"), tasks[:1], scale=5)
    assert found == [Outcome("k", True, {"value": 5})]


# --- looking up -------------------------------------------------------------------------


class Shelf:
    """A store that has one record, of so many entries."""

    def __init__(self, there=True):
        self.there = there

    def load_or_run(self, kind, params, run):
        return "one" if self.there else run()

    def load_or_extend(self, kind, params, run, length, dim):
        return (length, dim) if self.there else run(0)


@pytest.mark.parametrize("store", [None, Shelf(there=False)])
def test_a_lookup_knows_what_was_asked_for_and_that_it_is_not_there(store):
    lookup = Lookup(store)
    assert lookup.asked is None
    with pytest.raises(MissingError):
        lookup.load_or_run("a", {"n": 1}, None)
    assert (lookup.asked, lookup.found) == (("a", {"n": 1}, None), None)
    with pytest.raises(MissingError):
        lookup.load_or_extend("b", {"n": 2}, None, 7, "run")
    assert (lookup.asked, lookup.found) == (("b", {"n": 2}, 7), None)


def test_a_lookup_keeps_what_it_has_found():
    lookup = Lookup(Shelf())
    assert lookup.load_or_run("a", {}, None) == lookup.found == "one"
    assert lookup.load_or_extend("a", {}, None, 7, "run") == lookup.found == (7, "run")


def test_what_needs_no_computation_is_there_without_a_store():
    task = Task(0, replace(PARAMS, beta=0.0), {})
    lost = {"lost": "at beta = 0 there is no fixed point: D shrinks for ever"}
    assert look_up(Job("fixedpoints", {}, None), task) == Outcome(final=lost)
    assert look_up(Job("theory", {}, None), task) is None
    assert look_up(Job("fixedpoints", {}, None), task._replace(params=PARAMS)) is None


# --- plans ------------------------------------------------------------------------------


def label(seconds, length=None, kind="theory", **params):
    return SimpleNamespace(kind=kind, params=params, length=length, provenance={"seconds": seconds})


class Costs:
    """A store in which results with beta below 1 are there, of 8 runs that took 24 s."""

    def __init__(self, length):
        self.length = length

    def load_or_run(self, kind, params, run):
        return self.load_or_extend(kind, params, run, None, "")

    def load_or_extend(self, kind, params, run, length, dim):
        return run() if params["beta"] >= 1 else label(24.0 * params["beta"], self.length)


@pytest.fixture
def summarised(monkeypatch):
    """Take any record for a result."""
    for name in ("theory", "simulate"):

        def run(params, *, store, runs=5, name=name):
            if name == "theory":
                store.load_or_run(name, {"beta": params.beta, "eta": params.eta}, None)
            else:
                store.load_or_extend(name, {"beta": params.beta}, None, runs, "run")
            return SimpleNamespace(source=SimpleNamespace(key="k", reused=True))

        monkeypatch.setitem(points.COMMANDS, name, points.Command(run, lambda _: {}, ("runs",)))


def test_a_plan_reckons_with_the_runs_that_are_asked_for(summarised):
    vary = {"beta": [0.25, 0.75, 1.0, 2.0, 3.0]}
    found = plan("simulate", PARAMS, vary, store=Costs(8), runs=2)
    assert [one is not None for one in found.outcomes] == [True, True, False, False, False]
    assert (found.missing, found.like) == (3, 2)
    assert found.seconds == (6.0 + 18.0) / 2 * 2 / 8
    assert [found.rest(jobs) for jobs in (1, 2, 50)] == [9.0, 4.5, 3.0]
    assert plan("theory", PARAMS, vary, store=Costs(None)).seconds == (6.0 + 18.0) / 2


def test_a_plan_of_all_anew_knows_what_it_has_cost(summarised):
    vary = {"beta": [0.25, 0.75]}
    found = plan("theory", PARAMS, vary, store=Costs(None), anew=True)
    assert (found.missing, found.seconds, found.like) == (2, 12.0, 2)
    there = plan("theory", PARAMS, vary, store=Costs(None))
    assert (there.missing, there.rest(4)) == (0, 0.0)


def test_a_plan_learns_from_records_that_differ_by_what_varies_alone(summarised):
    labels = [
        label(5.0, beta=9.0, eta=0.7), label(7.0, beta=8.0, eta=0.7),
        label(100.0, beta=9.0, eta=0.6), label(100.0, kind="bands", beta=9.0, eta=0.7),
    ]  # fmt: skip
    found = plan("theory", PARAMS, {"beta": [1.0, 2.0]}, store=Costs(None), labels=lambda: labels)
    assert (found.seconds, found.like, found.missing) == (6.0, 2, 2)
    assert found.rest(1) == 12.0
    none = plan("theory", PARAMS, {"beta": [1.0, 2.0]}, store=Costs(None))
    assert (none.seconds, none.like, none.rest(1)) == (None, 0, None)
    part = plan("theory", PARAMS, {"beta": [0.25, 1.0, 2.0]}, store=Costs(None), shard=(2, 2))
    assert [one.values for one in part.points] == [{"beta": 1.0}]
    assert part.varied == {"beta": [0.25, 1.0, 2.0]}


def test_what_is_known_beforehand_is_not_computed_anew(summarised):
    found = plan("fixedpoints", PARAMS, {"beta": [0.0]}, anew=True)
    assert (found.missing, found.rest(1)) == (0, 0.0)
    assert found.outcomes[0].final.keys() == {"lost"}


def test_nothing_to_do_takes_no_time():
    assert Plan({}, [], [], None, 0).rest(3) == 0.0
