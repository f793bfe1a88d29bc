"""No parameter can be forgotten: every field is in every key, or is named as not mattering.

A result is found by its key. If a field were missing there, the result of another model
would be reused without a word.
"""

from dataclasses import dataclass, field, fields, replace

import numpy as np
import pytest

from vaedyn.annealing.best_schedule import best_schedule
from vaedyn.annealing.time_to_converge import time_to_converge
from vaedyn.data.heldout import heldout
from vaedyn.data.kept_spectrum import kept_spectrum
from vaedyn.data.learn import DataParams, learn
from vaedyn.data.rows import Rows
from vaedyn.errors import ParameterError
from vaedyn.fixedpoints.bifurcation_curves import bifurcation_curves
from vaedyn.fixedpoints.branches import branches
from vaedyn.fixedpoints.fixed_points import fixed_points
from vaedyn.fixedpoints.limit_cycle import limit_cycle
from vaedyn.fixedpoints.limit_cycles import limit_cycles
from vaedyn.fixedpoints.phase_diagram import phase_diagram
from vaedyn.learning.bands import bands
from vaedyn.learning.simulate import simulate
from vaedyn.learning.theory import theory
from vaedyn.model.asked import TRAINING
from vaedyn.model.numerics import NUMERICS
from vaedyn.model.params import LATER, Params
from vaedyn.store import key_of

START = "m=0.1,d=0.2,Q=1,E=1,R=0,D=1"


class _AskedError(Exception):
    """Carries what a store was asked for."""


class Asked:
    """A store that holds nothing and computes nothing."""

    def load_or_run(self, kind, params, compute):
        raise _AskedError(kind, params)

    def load_or_extend(self, kind, params, compute, length, dim):
        raise _AskedError(kind, params)


def rows(dim):
    return Rows(lambda: iter([np.ones((9, dim))]), np.zeros(dim), 9, digest="abc")


KINDS = {
    "simulate": lambda p, store: simulate(
        p, engine="exact" if p.alpha is None and not p.adam else "vector", store=store
    ),
    "theory": lambda p, store: theory(p, store=store),
    "bands": lambda p, store: bands(p, store=store),
    "fixedpoints": lambda p, store: fixed_points(p, store=store),
    "convergence": lambda p, store: time_to_converge(p, store=store),
    "annealing": lambda p, store: best_schedule(p, store=store),
    "branches": lambda p, store: branches(p, "beta", 0.1, 3, store=store),
    "branches over lr": lambda p, store: branches(p, "lr", 0.1, 0.3, store=store),
    "branches over rho": lambda p, store: branches(p, "rho", 0.1, 3, store=store),
    "cycle": lambda p, store: limit_cycle(p, store=store),
    "cycles": lambda p, store: limit_cycles(p, "beta", 0.1, 3, store=store),
    "cycles over lr": lambda p, store: limit_cycles(p, "lr", 0.1, 0.3, store=store),
    "phases": lambda p, store: phase_diagram(
        p, ("beta", [0.5, 1.5]), ("lr", [0.1, 0.2]), store=store
    ),
    "phases over rho": lambda p, store: phase_diagram(
        p, ("lam", [0.5, 1.5]), ("rho", [0.1, 0.2]), store=store
    ),
    "curves": lambda p, store: bifurcation_curves(
        p, ("beta", 0.1, 3), ("lr", 0.1, 0.3), store=store
    ),
    "curves over rho": lambda p, store: bifurcation_curves(
        p, ("lam", 0.1, 3), ("rho", 0.1, 0.3), store=store
    ),
    "data": lambda p, store: learn(p, rows(p.dim), np.eye(p.signal, p.dim), store=store),
}
TIME = {"dim", "t_max", "points", "anneal", "init", "init_seed"}
ASIDE = {  # fields that a kind of result does not depend on
    "convergence": {"points"},
    "annealing": {"points", "t_max", "anneal"},
    "branches": TIME | {"beta"},
    "branches over lr": TIME | {"lr"},
    "branches over rho": TIME,  # all signals are scaled together, by any factor
    "curves": TIME | {"beta", "lr"},
    "curves over rho": TIME | {"lam"},
    "cycle": TIME,
    "cycles": TIME | {"beta"},
    "cycles over lr": TIME | {"lr"},
    "phases": TIME | {"beta", "lr"},
    "phases over rho": TIME | {"lam"},
}
CHANGED = {
    "dim": 8, "latent": 1, "signal": 1, "rho": (3.0, 0.5), "eta": 0.7, "beta": 0.8, "lam": 0.02,
    "lr": 0.03, "t_max": 70.0, "points": 9, "anneal": "linear:5", "init": START, "init_seed": 5,
    "noise": "1.2*0.5,0.8*0.5", "alpha": 9.0, "batch": 3, "momentum": 0.4, "latents": "sampled",
    "optimiser": "adam", "adam_betas": (0.8, 0.99), "adam_epsilon": 1e-7,
}  # fmt: skip
BESIDE = {  # what else is given with a field: the mean of the noise, whose optimiser it is
    "noise": {"eta": 1.0}, "adam_betas": {"optimiser": "adam"},
    "adam_epsilon": {"optimiser": "adam"},
}  # fmt: skip
OF_TRAINING = ("simulate", "theory", "data", "convergence", "annealing")
DERIVED = {  # (kind, name) of fields that came later, for which a kind is derived
    ("simulate", "alpha"), ("theory", "alpha"), ("phases over rho", "alpha"),
    ("simulate", "noise"), ("theory", "noise"),
    *((kind, name) for kind in OF_TRAINING for name in TRAINING),
}  # fmt: skip
STEPS = ("batch", "momentum", "latents")  # ways to take steps
BY_STEPS = [kind for kind in KINDS if kind != "data"]
DERIVED |= {(kind, name) for kind in BY_STEPS for name in STEPS}
DERIVED |= {("fixedpoints", name) for name in TRAINING if name != "rates"}

ON_TABLES = {"course", "rows", "warmup"}  # tests/data/test_course.py and test_warm_up.py try these


def model(kind, **changes):
    values = {
        "dim": 7, "latent": 2, "signal": 2, "rho": (3.0, 1.0), "eta": 0.6, "beta": 0.9,
        "lam": 0.01, "lr": 0.02, "t_max": 60.0, "points": 11, "init_seed": 3,
    }  # fmt: skip
    values |= changes
    if "signal" in changes:
        values["rho"] = (3.0,)
    if "init" in changes:
        del values["init_seed"]
    return (DataParams if kind == "data" else Params)(**values)


def record_of(kind, params):
    with pytest.raises(_AskedError) as asked:
        KINDS[kind](params, Asked())
    return asked.value.args


def test_the_fields_tried_here_are_all_there_are():
    assert {each.name for each in fields(Params)} == set(CHANGED)


BEYOND = {
    (kind, each.name) for kind in KINDS for each in fields(Params) if "later" in each.metadata
} - DERIVED
PAIRS = {(kind, name) for kind in KINDS for name in CHANGED} - {("data", "init")} - BEYOND


@pytest.mark.parametrize(("kind", "name"), sorted(BEYOND))
def test_a_field_that_a_kind_is_not_derived_for_is_refused(kind, name):
    named = "optimiser" if name.startswith("adam_") else name
    reason = "(adam )?is not derived for|cannot be given"
    with pytest.raises(ParameterError, match=f"^{named}: ({reason})"):
        record_of(kind, model(kind, **{"eta": 1.0, **BESIDE.get(name, {}), name: CHANGED[name]}))


@pytest.mark.parametrize(
    ("kind", "name"), sorted(PAIRS)
)  # training on data starts at random always
def test_every_field_is_in_the_key_or_does_not_matter(kind, name):
    same = BESIDE.get(name, {})
    before, after = model(kind, **same), model(kind, **same, **{name: CHANGED[name]})
    same = key_of(*record_of(kind, before)) == key_of(*record_of(kind, after))
    assert same == (name in ASIDE.get(kind, ()))


@pytest.mark.parametrize("kind", ["simulate", "data"])
def test_each_of_three_rates_is_in_the_key(kind):
    rates = [0.02, (0.02, 0.03, 0.02), (0.02, 0.02, 0.03), (0.03, 0.02, 0.02)]
    keys = [key_of(*record_of(kind, model(kind, lr=lr, batch=2))) for lr in rates]
    assert len({*keys}) == 4
    assert key_of(*record_of(kind, model(kind, lr=(0.02,) * 3, batch=2))) == keys[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_later_field_changes_no_key_and_is_refused_where_not_neutral(kind):
    base = DataParams if kind == "data" else Params

    @dataclass(frozen=True, kw_only=True)
    class Grown(base):
        bias: int = field(default=1, metadata=LATER)

    old = model(kind)
    values = {each.name: getattr(old, each.name) for each in fields(old)}
    key = key_of(*record_of(kind, old))
    assert key_of(*record_of(kind, Grown(**values))) == key
    if kind == "data":
        assert key_of(*record_of(kind, Grown(**values, bias=4))) != key
    else:
        with pytest.raises(ParameterError, match="^bias: is not derived for"):
            record_of(kind, Grown(**values, bias=4))


@pytest.mark.parametrize("kind", ["branches over lr", "curves", "phases"])
def test_ratios_of_three_rates_are_in_the_key_where_rates_vary(kind):
    rates = (0.02, 0.04, 0.01), (0.04, 0.08, 0.02), (0.02, 0.04, 0.03), 0.02
    keys = [key_of(*record_of(kind, model(kind, lr=lr))) for lr in rates]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


OLD = {  # keys of the first version, without the number of their numerics
    "branches": "96e72809a4187f80ccbceb4daa6064d7",
    "branches over lr": "62e4f1d01f772e97436e1b139f3f8402",
    "branches over rho": "3c447d725ea418068aa5249424c1e538",
    "phases": "f53b180149a429e3b6956a4535467fb4",
    "phases over rho": "3370fb0c987418a4cab8af97d6c6324a",
    "simulate": "7f631a6d0266aca2e4326a565cc232cb",
    "theory": "01936a8bd4920ea475c7fb0df8d04321",
}


@pytest.mark.parametrize("kind", OLD)
def test_keys_of_stored_results_stay(kind):
    kind_of_record, record = record_of(kind, model(kind))
    del record["numerics"]
    assert key_of(kind_of_record, record) == OLD[kind]


def spectrum_key(**changes):
    asked = {"digest": "abc", "standardise": False, "leading": 9, "passes": 3} | changes
    with pytest.raises(_AskedError) as found:
        kept_spectrum(lambda: iter([np.ones((9, 4))]), **asked, store=Asked())
    return key_of(*found.value.args)


@pytest.mark.parametrize(
    "changes", [{"digest": "b"}, {"standardise": True}, {"leading": 8}, {"passes": 2}], ids=str
)
def test_all_that_a_spectrum_depends_on_is_in_its_key(changes):
    assert spectrum_key() == spectrum_key(name="other")
    assert spectrum_key(**changes) != spectrum_key()


OTHERS = {  # what a computation depends on besides the model
    "simulate": [
        lambda p, s: simulate(p, seed=1, store=s),
        lambda p, s: simulate(p, engine="vector", store=s),
        lambda p, s: simulate(p, random_start=True, store=s),
    ],
    "theory": [
        lambda p, s: theory(p, rtol=1e-7, store=s),
        lambda p, s: theory(p, atol=1e-9, store=s),
    ],
    "bands": [lambda p, s: bands(p, random_start=True, store=s)],
    "fixedpoints": [
        lambda p, s: fixed_points(p, groups=1, store=s),
        lambda p, s: fixed_points(p, search=9, store=s),
        lambda p, s: fixed_points(p, search=10, store=s),
        lambda p, s: fixed_points(p, search=9, search_seed=1, store=s),
        lambda p, s: fixed_points(p, rtol=1e-7, store=s),
        lambda p, s: fixed_points(p, atol=1e-9, store=s),
    ],
    "convergence": [
        lambda p, s: time_to_converge(p, tol=1e-4, store=s),
        lambda p, s: time_to_converge(p, rtol=1e-7, store=s),
        lambda p, s: time_to_converge(p, atol=1e-9, store=s),
    ],
    "annealing": [
        lambda p, s: best_schedule(p, "linear", store=s),
        lambda p, s: best_schedule(p, "free", store=s),
        lambda p, s: best_schedule(p, "free", knots=2, store=s),
        lambda p, s: best_schedule(p, tol=1e-4, store=s),
        lambda p, s: best_schedule(p, criterion="elbo", store=s),
        lambda p, s: best_schedule(p, rtol=1e-7, store=s),
        lambda p, s: best_schedule(p, atol=1e-9, store=s),
    ],
    "branches": [
        lambda p, s: branches(p, "beta", 0.2, 3, store=s),
        lambda p, s: branches(p, "beta", 0.1, 2, store=s),
        lambda p, s: branches(p, "beta", 0.1, 3, groups=1, store=s),
        lambda p, s: branches(p, "eta", 0.1, 3, store=s),
    ],
    "phases": [
        lambda p, s: phase_diagram(p, ("beta", [0.6, 1.5]), ("lr", [0.1, 0.2]), store=s),
        lambda p, s: phase_diagram(p, ("beta", [0.5, 1.5]), ("lr", [0.1, 0.3]), store=s),
        lambda p, s: phase_diagram(p, ("beta", [0.5, 1.5]), ("lr", [0.2, 0.3]), store=s),
        lambda p, s: phase_diagram(p, ("beta", [0.5, 1.5]), ("eta", [0.1, 0.2]), store=s),
    ],
    "curves": [
        lambda p, s: bifurcation_curves(p, ("beta", 0.2, 3), ("lr", 0.1, 0.3), store=s),
        lambda p, s: bifurcation_curves(p, ("beta", 0.1, 3), ("lr", 0.1, 0.4), store=s),
        lambda p, s: bifurcation_curves(p, ("beta", 0.1, 3, "log"), ("lr", 0.1, 0.3), store=s),
        lambda p, s: bifurcation_curves(p, ("beta", 0.1, 3), ("eta", 0.1, 0.3), store=s),
        lambda p, s: bifurcation_curves(
            p, ("beta", 0.1, 3), ("lr", 0.1, 0.3), follow="fold", store=s
        ),
        lambda p, s: bifurcation_curves(p, ("beta", 0.1, 3), ("lr", 0.1, 0.3), lines=4, store=s),
    ],
    "data": [
        lambda p, s: learn(p, rows(p.dim), np.eye(p.signal, p.dim), seed=1, store=s),
        lambda p, s: learn(
            p, replace(rows(p.dim), digest="b"), np.eye(p.signal, p.dim), store=s
        ),
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", OTHERS)
def test_all_else_that_a_result_depends_on_is_in_its_key(kind):
    params = model(kind)
    keys = [key_of(*record_of(kind, params))]
    for ask in OTHERS[kind]:
        with pytest.raises(_AskedError) as found:
            ask(params, Asked())
        keys.append(key_of(*found.value.args))
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("family", ["linear", "tanh", "free"])
def test_knots_are_in_the_key_of_free_schedules_alone(family):
    params, keys = model("annealing"), set()
    for knots in (1, 2):
        with pytest.raises(_AskedError) as found:
            best_schedule(params, family, knots=knots, store=Asked())
        keys.add(key_of(*found.value.args))
    assert len(keys) == (2 if family == "free" else 1)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if " " not in kind])
def test_raising_numerics_makes_stored_results_unused(kind, monkeypatch):
    params = model(kind)
    before = key_of(*record_of(kind, params))
    monkeypatch.setitem(NUMERICS, kind, NUMERICS[kind] + 1)
    assert key_of(*record_of(kind, params)) != before


def test_all_kinds_have_numerics():
    others = {"spectrum", "heldout"} | ON_TABLES
    assert {*NUMERICS} == {kind.split()[0] for kind in KINDS} | others


def test_raising_the_numerics_of_spectra_makes_stored_ones_unused(monkeypatch):
    before = spectrum_key()
    monkeypatch.setitem(NUMERICS, "spectrum", NUMERICS["spectrum"] + 1)
    assert spectrum_key() != before


def heldout_key(**changes):
    asked = {"folds": 3, "seed": 0, "standardise": False, **changes}
    rows = np.arange(18.0).reshape(6, 3) ** 2 + changes.pop("digest", 0)
    asked.pop("digest", None)
    with pytest.raises(_AskedError) as found:
        heldout(rows, **asked, store=Asked())
    return key_of(*found.value.args)


@pytest.mark.parametrize(
    "changes", [{"folds": 2}, {"seed": 1}, {"standardise": True}, {"digest": 1}], ids=str
)
def test_all_that_folds_depend_on_is_in_their_key(changes):
    # how many latents there are at most is asked of the folds that are kept
    assert heldout_key() == heldout_key(latents=2)
    assert heldout_key(**changes) != heldout_key()


def test_raising_the_numerics_of_folds_makes_stored_ones_unused(monkeypatch):
    before = heldout_key()
    monkeypatch.setitem(NUMERICS, "heldout", NUMERICS["heldout"] + 1)
    assert heldout_key() != before
