"""What theory, simulation and bands hand to a store, take from it, and say about their making."""

import logging
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import vaedyn
from vaedyn import Params
from vaedyn.errors import ConvergenceError, DivergenceError, ParameterError
from vaedyn.learning import engines
from vaedyn.learning import simulate as sgd
from vaedyn.learning import theory as ode
from vaedyn.learning.solve import variance_lost
from vaedyn.model.numerics import NUMERICS
from vaedyn.model.quantities import NAMES
from vaedyn.model.records import Source
from vaedyn.model.results import label
from vaedyn.model.state import pack

START = "m=0.3,d=0.2,Q=1.1,E=0.9,R=0.1,D=0.8"
PARAMS = Params(dim=40, eta=0.7, beta=0.9, lam=0.02, lr=0.05, t_max=6, points=4, init=START)
TWO = Params(
    dim=30, latent=2, signal=3, rho=(3.0, 2.0, 1.5), eta=0.6, beta=0.8, lam=0.03, lr=0.1, t_max=2,
    points=3,
)  # fmt: skip


class Keeper:
    """A store of one record, which writes down what it is asked for."""

    def __init__(self, there=None, reused=False, have=0):
        self.asked, self.there, self.reused, self.have = [], there, reused, have

    def _record(self, variables, info):
        values = {
            name: (dims, np.asarray(x), notes) for name, (dims, x, notes) in variables.items()
        }
        return SimpleNamespace(
            key="the key", path=Path("/the/path"), reused=self.reused, params={"the": "record"},
            variables=values, info=info,
        )  # fmt: skip

    def load_or_run(self, kind, params, compute):
        self.asked.append((kind, params))
        self.there = self.there or self._record(*compute())
        return self.there

    def load_or_extend(self, kind, params, compute, length, dim):
        self.asked.append((kind, params, length, dim))
        *_, (variables, info) = compute(self.have)
        self.blocks = list(compute(self.have))
        return self._record(variables, info)


def arrays(result):
    return {name: x for name, x in vars(result).items() if isinstance(x, np.ndarray)}


@pytest.mark.parametrize("params", [PARAMS, TWO])
def test_theory_is_kept_under_all_that_it_depends_on(params):
    store = Keeper(reused=True)
    kept, plain = vaedyn.theory(params, rtol=1e-7, store=store), vaedyn.theory(params, rtol=1e-7)
    record = {**params.to_dict(), "rtol": 1e-7, "atol": 1e-10, "numerics": NUMERICS["theory"]}
    assert store.asked == [("theory", record)]
    np.testing.assert_equal(arrays(kept), arrays(plain))
    assert kept.info == plain.info
    assert (kept.params, plain.source) == (params, None)
    assert kept.source == Source(
        key="the key", reused=True, path="/the/path", params={"the": "record"}
    )
    vaedyn.theory(params, store=store)
    assert store.asked[1][1]["rtol"] == 1e-8


def test_a_kept_theory_is_not_computed_again(monkeypatch):
    store = Keeper()
    first = vaedyn.theory(PARAMS, store=store)
    monkeypatch.setattr(ode, "integrate", None)
    assert first.source.reused is False
    np.testing.assert_equal(arrays(vaedyn.theory(PARAMS, store=store)), arrays(first))


@pytest.mark.parametrize("random_start", [False, True])
def test_simulations_are_kept_under_all_that_they_depend_on(random_start):
    store = Keeper(reused=random_start)
    options = {"seed": 3, "engine": "vector", "random_start": int(random_start), "jobs": 1}
    kept = vaedyn.simulate(TWO, runs=2, store=store, **options)
    plain = vaedyn.simulate(TWO, runs=2, **options)
    record = {**TWO.to_dict(), "engine": "vector", "seed": 3, "numerics": NUMERICS["simulate"]}
    record |= {"random_start": True} if random_start else {}
    assert store.asked == [("simulate", record, 2, "run")]
    assert type(store.asked[0][1].get("random_start", True)) is bool
    assert kept.source.reused == random_start
    assert kept.source.key == "the key"
    joined = {name: [block[0][name][1] for block in store.blocks] for name in ("m", "Q", "eps_g")}
    for name, parts in joined.items():
        np.testing.assert_array_equal(np.concatenate(parts), getattr(plain, name))
    (_, variables), *_ = (("block", block[0]) for block in store.blocks)
    assert {name: dims for name, (dims, _, _) in variables.items()} == DIMS
    assert plain.source is None


DIMS = {
    "time": ("time",),
    "m": ("run", "time", "latent", "signal"),
    "d": ("run", "time", "latent", "signal"),
    "Q": ("run", "time", "latent", "latent_"),
    "E": ("run", "time", "latent", "latent_"),
    "R": ("run", "time", "latent", "latent_"),
    "D": ("run", "time", "latent"),
    "eps_g": ("run", "time"),
    "eps_g_rotation": ("run", "time"),
    "kl": ("run", "time"),
    "kl_per_latent": ("run", "time", "latent"),
    "distortion": ("run", "time"),
}


def test_simulations_are_five_exact_runs_of_seed_zero_unless_somebody_says_otherwise():
    store = Keeper()
    vaedyn.simulate(PARAMS, store=store)
    kind, record, length, dim = store.asked[0]
    assert (kind, record["engine"], record["seed"], length, dim) == (
        "simulate", "exact", 0, 5, "run"
    )  # fmt: skip
    assert "random_start" not in record
    assert vaedyn.simulate(PARAMS).m.shape == (5, 4, 1, 1)


@pytest.mark.parametrize("random_start", [False, True])
def test_bands_are_kept_under_all_that_they_depend_on(random_start):
    store = Keeper(reused=True)
    kept = vaedyn.bands(TWO, random_start=np.bool_(random_start), store=store)
    plain = vaedyn.bands(TWO, random_start=random_start)
    numerics = NUMERICS["bands"]
    record = {**TWO.to_dict(), "random_start": random_start, "numerics": numerics}
    assert store.asked == [("bands", record)]
    assert type(store.asked[0][1]["random_start"]) is bool
    np.testing.assert_equal(arrays(kept), arrays(plain))
    assert kept.info == plain.info
    assert kept.info["solver"]["steps"] > 0
    assert (plain.source, kept.source.reused) == (None, True)


def test_what_bands_are_is_said_of_each_but_time_and_spread():
    variables = vaedyn.bands(PARAMS).to_variables()
    theory = vaedyn.theory(PARAMS).to_variables()
    assert set(variables) - set(theory) == {"spread"}
    for name, (dims, _, notes) in theory.items():
        told = "" if name == "time" else "standard deviation of "
        assert variables[name][0] == dims
        assert variables[name][2] == {**notes, "long_name": told + notes["long_name"]}
    notes = {"long_name": "largest relative spread of a signal's overlap", "units": "1"}
    assert variables["spread"][::2] == (("time",), notes)
    assert vaedyn.theory(PARAMS).to_variables()["m"][2]["long_name"] == LONG_NAMES["m"]


LONG_NAMES = {
    "m": "overlap of decoder and signal, W^T W*/N",
    "d": "overlap of encoder and signal, V^T W*/N",
    "Q": "overlap of decoder with itself, W^T W/N",
    "E": "overlap of encoder with itself, V^T V/N",
    "R": "overlap of decoder and encoder, W^T V/N",
}


@pytest.mark.parametrize("name", LONG_NAMES)
def test_quantities_have_names_and_units(name):
    dims, values, notes = label(name, ("run",), 1.5)
    assert values == 1.5
    assert dims == DIMS[name][:1] + DIMS[name][2:]
    assert notes == {"long_name": LONG_NAMES[name], "units": "1"}
    assert label("kl_per_latent", (), 0)[2]["units"] == "nat"


# --- what is said on the way ------------------------------------------------------------


@pytest.mark.parametrize("compute", [vaedyn.theory, vaedyn.bands])
def test_progress_of_the_ode_is_the_time_that_it_has_reached(monkeypatch, compute):
    monkeypatch.setattr(ode, "steps_at_once", lambda *_: 3)
    heard = []
    found = compute(PARAMS, progress=lambda *numbers: heard.append(numbers))
    assert heard == sorted(heard)
    assert {total for _, total in heard} == {PARAMS.t_max}
    assert 0 < heard[0][0] < heard[-1][0] == PARAMS.t_max
    assert len(heard) == -(-found.info["solver"]["steps"] // 3)


def test_the_least_variance_on_the_way_is_what_a_fine_grid_of_times_shows():
    params = replace(PARAMS, beta=1.4, lr=0.2, t_max=30, points=4, lam=0.0)
    found = vaedyn.theory(params)
    fine = vaedyn.theory(replace(params, points=1201, dim=400)).D
    assert fine.min() < found.D[0, 0] * 0.99
    assert found.info["solver"]["least_variance"] == pytest.approx(fine.min(), rel=2e-3)


@pytest.mark.parametrize(("least", "said"), [(0.99e-8, 1), (1.01e-8, 0)])
def test_a_variance_that_vanishes_is_said_of_kept_results_too(monkeypatch, caplog, least, said):
    def integrate(params, start, times, schedule, **_):
        return np.tile(start, (len(times), 1)), {"least_variance": least}

    monkeypatch.setattr(ode, "integrate", integrate)
    store = Keeper()
    for kept in (None, store, store):
        caplog.clear()
        vaedyn.theory(PARAMS, store=kept)
        assert [text[:20] for text in caplog.messages] == ["D touches zero, as b"] * said


def integrated(**options):
    params = replace(PARAMS, rho=3, lr=0.3, t_max=30, points=2)
    start = pack(**params.overlaps())
    return ode.integrate(
        params, start, params.times(), params.schedule, rtol=1e-7, atol=1e-9, **options
    )


def test_an_integration_stops_after_as_many_steps_as_it_may_take():
    _, solver = integrated()
    assert solver["steps"] > 9
    assert integrated(most=solver["steps"] + 1)[1] == solver
    heard = []
    with pytest.raises(ConvergenceError) as error:
        integrated(most=7, progress=lambda *numbers: heard.append(numbers))
    form = (
        r"stopped at t = (\S+) after 7 steps, the last of size (\S+): "
        r"raise --rtol \(1e-07\) or shorten --t-max"
    )
    t, step = map(float, re.fullmatch(form, str(error.value)).groups())
    assert t / 7 < step < t < 30  # steps become longer
    assert heard == []  # there is nothing to wait for any more


def test_an_order_parameter_beyond_the_bound_has_diverged_when_it_gets_there():
    fine = vaedyn.theory(replace(PARAMS, rho=3, lr=0.3, dim=1000, t_max=30, points=3001))
    most = np.max([np.abs(getattr(fine, name)).reshape(3001, -1).max(axis=1) for name in NAMES], 0)
    bound = 1.1 + 0.5 * (most.max() - 1.1)  # Q is 1.1 at first
    there = fine.t[np.argmax(most > bound)]
    with pytest.raises(DivergenceError, match="at learning rate 0.3: lower --lr$") as error:
        integrated(bound=bound)
    t = float(re.match(r"the ODE diverges near t = (\S+) ", str(error.value))[1])
    assert 0 < there <= t <= 1.2 * there  # at the end of a step
    integrated(bound=1.01 * most.max())


@pytest.mark.parametrize(("beta", "zero"), [(0.99e-6, True), (1.01e-6, False)])
def test_a_variance_is_lost_for_want_of_beta_or_by_divergence(beta, zero):
    error = variance_lost(1.2345678, beta, 0.3)
    assert isinstance(error, DivergenceError)
    assert str(error) == (
        f"an encoder variance D reached zero at t = 1.23457, where beta is {beta:.3g}: "
        "keep --beta, and its schedule --anneal, above zero"
        if zero
        else "learning diverges near t = 1.23457 at learning rate 0.3: lower --lr"
    )


@pytest.mark.parametrize("rtol", [1e-14, 1e-5, 0.999])
def test_tolerances_lie_between_rounding_and_one(rtol):
    assert ode.tolerances(rtol, 1e-300) == (rtol, 1e-300)
    assert ode.tolerances(1e-6, 0.999) == (1e-6, 0.999)
    for wrong in ((0.99e-14, 1e-6), (1, 1e-6), (1.0, 1e-6), (0, 1e-6), ("x", 1e-6)):
        with pytest.raises(ParameterError, match="^rtol: "):
            ode.tolerances(*wrong)
    for wrong in (0, 1, 2.0, -1e-9, None):
        with pytest.raises(ParameterError, match="^atol: "):
            ode.tolerances(1e-6, wrong)


@pytest.mark.parametrize("have", [0, 2])
def test_progress_of_simulations_counts_the_steps_that_are_missing(have):
    heard = []
    params = replace(PARAMS, t_max=3)  # 120 steps
    store = Keeper(have=have)
    vaedyn.simulate(params, runs=5, jobs=2, store=store, progress=lambda *x: heard.append(x))
    assert heard[-1] == ((5 - have) * 120, (5 - have) * 120)
    assert {wanted for _, wanted in heard} == {(5 - have) * 120}
    assert sum(len(block[0]["m"][1]) for block in store.blocks) == 5 - have


def test_speed_is_steps_over_seconds(monkeypatch):
    times = iter([100.0, *[116.0] * 50])  # when it begins, and after every block
    monkeypatch.setattr(sgd, "time", SimpleNamespace(perf_counter=lambda: next(times)))
    params = replace(PARAMS, t_max=3)
    found = vaedyn.simulate(params, runs=4, jobs=2)
    assert found.info == {"steps_per_second": 4 * 120 / 16}


def test_no_more_threads_than_runs_are_started(monkeypatch, caplog):
    with caplog.at_level(logging.DEBUG, "vaedyn.learning.simulate"):
        vaedyn.simulate(PARAMS, runs=2, jobs=7)
        vaedyn.simulate(PARAMS, runs=3, jobs=2)
    assert caplog.messages == ["simulating 2 runs on 2 threads", "simulating 3 runs on 2 threads"]


@pytest.mark.parametrize(("what", "lr"), [("before", 0.7), ("near", 3.0)])
def test_the_time_of_divergence_is_that_of_the_step_that_diverges(monkeypatch, what, lr):
    """Beyond the bound after the step that ends then, or without a variance after the next."""
    monkeypatch.setattr(sgd, "SECONDS_AT_ONCE", 1e-12)  # so that every step is looked at
    params = Params(dim=50, lr=lr, t_max=50, points=2501, init=START)  # and saved
    if what == "before":
        monkeypatch.setattr(Params, "bound", lambda *_: 1.15)
    message = rf"^learning diverges {what} t = \S+ at learning rate {lr:g}: lower --lr$"
    with pytest.raises(DivergenceError, match=message) as error:
        vaedyn.simulate(params, runs=1)
    t = float(str(error.value).split("t = ")[1].split(" ")[0])
    good = round(t * 50) - (what == "before")  # steps
    assert t == pytest.approx(round(t * 50) / 50)
    assert 0 < good < 2400
    calm = vaedyn.simulate(replace(params, t_max=good / 50, points=good + 1), runs=1)
    if what == "before":
        assert max(np.abs(x).max() for x in (calm.m, calm.d, calm.Q, calm.E, calm.R)) < 1.15
    with pytest.raises(DivergenceError):
        vaedyn.simulate(replace(params, t_max=(good + 1) / 50, points=good + 2), runs=1)


@pytest.mark.parametrize(
    ("latent", "signal", "dim", "gigabytes"),
    [(1, 1, 55_555_556, 4), (3, 2, 20_833_334, 4), (1, 1, 10**8, 7)],
)
def test_vectors_of_more_than_four_gigabytes_are_told_of(
    monkeypatch, caplog, latent, signal, dim, gigabytes
):
    monkeypatch.setattr(engines, "teacher", lambda *_: None)
    monkeypatch.setattr(Params, "weights", lambda _: ())
    init = "m=0,d=0,Q=1,E=1,R=0,D=1"
    params = Params(dim=dim, latent=latent, signal=signal, init=init, t_max=1e-6, points=2)
    engines.vector_engine(params)
    (text,) = caplog.messages
    assert text.startswith(f"training on vectors of length {dim:g} needs about {gigabytes} GB")
    if gigabytes == 4:
        caplog.clear()
        engines.vector_engine(replace(params, dim=dim - 2))
        assert caplog.messages == []
