"""`vaedyn.store.open`: every kind of record that has a result comes back as it was computed."""

import numpy as np
import pytest

import vaedyn
from vaedyn.errors import VaedynError
from vaedyn.store import ResultStore, StoreError

MODEL = {"latent": 2, "signal": 2, "rho": (3, 1.5), "eta": 0.6, "beta": 0.7, "lr": 0.09}
SMALL = {**MODEL, "dim": 25, "t_max": 4, "points": 3}
ALONE = {"eta": 0.6, "beta": 1.3, "lr": 0.09, "rho": 2.5, "lam": 0.01}


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(2).normal(size=(40, 4)) * [3, 1.5, 0.5, 0.4] + 7


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return ResultStore(tmp_path_factory.mktemp("results"))


def alike(found, other):
    """Compare two results field by field, their records and times of computing aside."""
    assert type(found) is type(other)
    for name, value in vars(other).items():
        if name in ("source", "info"):
            continue
        own = vars(found)[name]
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(own, value)
        elif hasattr(value, "_fields"):
            for one, two in zip(own, value, strict=True):
                np.testing.assert_array_equal(one, two)
        elif name != "params":  # with times that the result does not depend on
            assert own == value


COMPUTED = {
    "theory": lambda store, _: vaedyn.theory(**SMALL, anneal="linear:2", rtol=1e-7, store=store),
    "simulate": lambda store, _: vaedyn.simulate(**SMALL, runs=3, seed=4, store=store),
    "bands": lambda store, _: vaedyn.bands(**SMALL, random_start=True, store=store),
    "fixedpoints": lambda store, _: vaedyn.fixed_points(**SMALL, groups=1, store=store),
    "branches": lambda store, _: vaedyn.branches(
        **MODEL, name="rho", low=1.1, high=1.4, groups=1, store=store
    ),
    "curves": lambda store, _: vaedyn.bifurcation_curves(
        **MODEL,
        x=("rho", 1, 9, "log"),
        y=("beta", 0.5, 9),
        follow=["loss", "kl=0.4"],
        lines=3,
        store=store,
    ),
    "convergence": lambda store, _: vaedyn.time_to_converge(**ALONE, tol=0.02, store=store),
    "annealing": lambda store, _: vaedyn.best_schedule(
        **ALONE, family="cosine", tol=0.02, store=store
    ),
    "spectrum": lambda store, x: vaedyn.look(x, standardise=True, store=store).spectrum,
    "heldout": lambda store, x: vaedyn.heldout(x, folds=4, seed=3, store=store),
    "data": lambda store, x: (
        vaedyn.train(x, 0.6, latent=2, t_max=9, points=3, lr=0.04, seed=5, store=store).trajectory
    ),
    "course": lambda store, x: vaedyn.course(x, beta=0.6, latent=2, t_max=9, points=3, store=store),
    "rows": lambda store, x: (
        vaedyn.watch(x, beta=0.6, latent=2, t_max=9, points=3, store=store).measured
    ),
    "warmup": lambda store, x: vaedyn.warm_up(x, beta=0.6, latent=2, tol=0.05, store=store),
}


@pytest.mark.parametrize("kind", COMPUTED)
def test_a_result_comes_back(kind, store, rows):
    result = COMPUTED[kind](store, rows)
    (record,) = (each for each in store.records() if each.kind == kind and each.key not in SEEN)
    SEEN.add(record.key)
    found = vaedyn.store.open(record.key[:20], store)
    alike(found, result)
    alike(vaedyn.store.open(record.path), result)
    alike(vaedyn.store.open(f"{kind}-{record.key[:9]}", str(store.path)), result)
    if kind != "spectrum":
        assert found.source.key == record.key
        assert found.source.reused


SEEN = set()


def test_the_default_store_is_that_of_the_command_line(store, rows, monkeypatch, tmp_path):
    result = COMPUTED["theory"](store, rows)
    key = result.source.key
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VAEDYN_STORE", raising=False)
    with pytest.raises(KeyError, match="no record in vaedyn-store has a key starting with"):
        vaedyn.store.open(key)
    monkeypatch.setenv("VAEDYN_STORE", str(store.path))
    alike(vaedyn.store.open(key), result)


def test_what_cannot_be_opened_is_said_in_one_line(store, rows, tmp_path):
    COMPUTED["theory"](store, rows)
    COMPUTED["simulate"](store, rows)
    for key, text in (("zzz", "no record"), ("", "expected a key")):
        with pytest.raises(KeyError, match=text):
            vaedyn.store.open(key, store)
    own = ResultStore(tmp_path)
    for n in range(17):  # of 17 keys, two begin alike
        own.load_or_run("panel", {"n": n}, lambda: ({"x": ((), 1.0, {})}, {}))
    keys = [each.key for each in own.records()]
    twice = next(x for x in "0123456789abcdef" if sum(key.startswith(x) for key in keys) > 1)
    with pytest.raises(KeyError, match="records in .* have keys starting with"):
        vaedyn.store.open(twice, own)
    with pytest.raises(VaedynError, match="kind panel holds no result of its own"):
        vaedyn.store.open(keys[0], own)
    with pytest.raises(StoreError, match=r"there is no record absent\.h5"):
        vaedyn.store.open("absent.h5")
    for kind in ("course", "rows", "warmup"):
        key = own.load_or_run(kind, {"n": 1}, lambda: ({"x": ((), 1.0, {})}, {})).key
        with pytest.raises(VaedynError, match=f"kind {kind} without the number of rows: compute"):
            vaedyn.store.open(key, own)


def test_what_an_earlier_version_lacks_is_there_once_it_is_computed_anew(rows, tmp_path):
    new = vaedyn.heldout(rows, folds=3, store=ResultStore(tmp_path / "new"))
    record = ResultStore(tmp_path / "new").find(new.source.key)
    info = {name: value for name, value in record.info.items() if name != "width"}
    old = ResultStore(tmp_path / "old")
    old.load_or_run("heldout", record.params, lambda: (record.variables, info))
    assert vaedyn.heldout(rows, folds=3, store=old).source.reused
    with pytest.raises(VaedynError, match=r"number of columns: compute it again .* --recompute or"):
        vaedyn.store.open(new.source.key, old)
    again = vaedyn.heldout(rows, folds=3, store=ResultStore(old.path, recompute=True))
    alike(vaedyn.store.open(new.source.key, old), again)
