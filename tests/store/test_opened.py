"""Which arguments results get that are made of records again; the computations are left out."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from vaedyn import opened as module
from vaedyn.errors import VaedynError
from vaedyn.opened import opened


@dataclass(frozen=True)
class Record:
    kind: str
    params: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    length: int | None = None
    reused: bool = False
    key: str = "k"
    path: str = "p"


FINER = {"rtol": 1e-7, "atol": 1e-9}
OWN = {
    "theory": FINER,
    "simulate": {"seed": 3, "engine": "vector", "random_start": True},
    "bands": {"random_start": True},
    "fixedpoints": {"groups": 1, "search": 5, "search_seed": 2, **FINER},
    "branches": {"groups": 1},
    "curves": {"follow": ["hopf"], "lines": 7},
    "cycle": {},
    "cycles": {"groups": 1},
    "convergence": {"tol": 0.25, **FINER},
    "annealing": {"family": "free", "knots": 4, "tol": 0.25, "criterion": "elbo", **FINER},
}
COMPUTED = {
    "fixedpoints": "fixed_points", "curves": "bifurcation_curves", "cycle": "limit_cycle",
    "cycles": "limit_cycles", "convergence": "time_to_converge", "annealing": "best_schedule",
}  # fmt: skip
RANGES = {
    "branches": {"varied": "lr", "from": 0.5, "to": 2.0},
    "cycles": {"varied": "lr", "from": 0.5, "to": 2.0},
    "curves": {"x_varied": "beta", "x_from": 0.5, "x_to": 2.0, "x_log": True,
               "y_varied": "lr", "y_from": 0.25, "y_to": 4.0, "y_log": False},
}  # fmt: skip
ASKED = {
    "branches": {"name": "lr", "low": 0.5, "high": 2.0},
    "cycles": {"name": "lr", "low": 0.5, "high": 2.0},
    "curves": {"x": ("beta", 0.5, 2.0, "log"), "y": ("lr", 0.25, 4.0)},
    "simulate": {"runs": 6},
}


@pytest.mark.parametrize("kind", OWN)
def test_results_of_models(monkeypatch, kind):
    asked = {}

    def run(store, **given):
        asked.update(given)
        own = store.load_or_run("any", {}, None)
        assert own is store.load_or_extend("any", {}, None, 5, "run")
        return own

    assert set(module.OF_MODELS) == set(OWN)
    assert module.OF_MODELS[kind][0].__name__ == COMPUTED.get(kind, kind)
    monkeypatch.setitem(module.OF_MODELS, kind, (run, module.OF_MODELS[kind][1]))
    model = {"dim": 70, "beta": 1.5}
    params = {**model, **OWN[kind], **RANGES.get(kind, {}), "numerics": 3}
    found = opened(Record(kind, params, length=6))
    assert (found.kind, found.reused) == (kind, True)
    assert asked == {**model, **OWN[kind], **ASKED.get(kind, {})}
    asked.clear()
    assert opened(Record(kind, RANGES.get(kind, {}), length=6)).reused
    assert asked == ASKED.get(kind, {})


def test_what_holds_no_result():
    with pytest.raises(VaedynError) as error:
        opened(Record("panel"))
    assert str(error.value) == "a record of kind panel holds no result of its own"


DATA = {"dim": 5, "latent": 2, "beta": 0.5, "data": "abc", "seed": 3}


@pytest.fixture
def made(monkeypatch):
    """Let results be what they are made of."""
    for name in ("Trajectory", "Heldout", "LearningCurve", "WarmUp"):
        fake = SimpleNamespace(from_kept=lambda *given, _name=name, **how: (_name, *given, how))
        monkeypatch.setattr(module, name, fake)
    monkeypatch.setattr(module, "Kept", SimpleNamespace(of=lambda record: ("kept", record.reused)))
    monkeypatch.setattr(module, "DataParams", type("P", (), {
        "__dataclass_fields__": ("dim", "latent", "beta", "lr"),
        "__new__": lambda cls, **given: given}))  # fmt: skip


def test_results_of_tables(made):
    model, kept = {"dim": 5, "latent": 2, "beta": 0.5}, ("kept", True)
    assert opened(Record("data", DATA)) == ("Trajectory", model, kept, {})
    for kind in ("rows", "course"):
        found = opened(Record(kind, DATA, {"samples": 30}))
        assert found == ("LearningCurve", model, 30, kept, {})
    warm = {**DATA, "family": "free", "tol": 0.25}
    how = {"family": "free", "tol": 0.25}
    found = opened(Record("warmup", warm, {"samples": 30}))
    assert found == ("WarmUp", model, 30, kept, how)
    assert opened(Record("heldout", {}, {"width": 9})) == ("Heldout", kept, {})


@pytest.mark.parametrize(
    ("kind", "what"),
    [("heldout", "columns"), ("rows", "rows"), ("course", "rows"), ("warmup", "rows")],
)
def test_what_earlier_versions_lack(made, kind, what):
    with pytest.raises(VaedynError) as error:
        opened(Record(kind, DATA))
    assert str(error.value) == (
        f"an earlier version has kept this record of kind {kind} without the number of {what}: "
        "compute it again from the data, with --recompute or ResultStore(..., recompute=True)"
    )


def test_a_spectrum(monkeypatch):
    asked = {}

    def kept(read, data, *, store, **how):
        asked.update(how, data=data, record=store.load_or_run("any", {}, None))
        with pytest.raises(AssertionError, match="the record has all"):
            read()
        return "spectrum", "more"

    monkeypatch.setattr(module, "kept_spectrum", kept)
    params = {"data": "abc", "standardise": True, "leading": 7, "passes": 3, "numerics": 2}
    assert opened(Record("spectrum", params)) == "spectrum"
    record = asked.pop("record")
    assert (record.kind, record.reused) == ("spectrum", True)
    assert asked == {"data": "abc", "standardise": True, "leading": 7, "passes": 3}
