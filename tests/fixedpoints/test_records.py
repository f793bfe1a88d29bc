"""Under what results are kept: the kind, and all that they depend on, and nothing else."""

import numpy as np
import pytest

import vaedyn
from vaedyn.fixedpoints import (
    bifurcation_curves,
    branches,
    fixed_points,
    limit_cycle,
    limit_cycles,
)
from vaedyn.model.numerics import NUMERICS

PARAMS = vaedyn.Params(
    latent=2, signal=2, rho=(1.5, 3), eta=0.7, beta=0.8, lam=0.1, lr=(0.4, 0.2, 0.1), momentum=0.5,
    batch=3, dim=77, t_max=9, points=4, init_seed=5,
)  # fmt: skip


@pytest.fixture
def asked(monkeypatch):
    """Yield a function that returns the kind and the record that a call asks for."""

    def call(module, function, *given, **options):
        seen = []

        class EnoughError(Exception):
            pass

        def kept(store, kind, record, compute):
            seen.append((store, kind, record))
            raise EnoughError

        monkeypatch.setattr(module, "kept", kept)
        with pytest.raises(EnoughError):
            function(*given, store="a store", **options)
        ((store, kind, record),) = seen
        assert store == "a store"
        return kind, record

    return call


@pytest.mark.parametrize(
    ("module", "function", "kind"),
    [(branches, vaedyn.branches, "branches"), (limit_cycles, vaedyn.limit_cycles, "cycles")],
)
def test_branches_are_kept_by_constants_and_range(asked, module, function, kind):
    name, record = asked(module, function, PARAMS, "eta", 0.5, 2, groups=1)
    assert name == kind
    fixed = PARAMS.to_dict()
    left = {key: record.pop(key) for key in ("varied", "from", "to", "groups", "numerics")}
    assert left == {"varied": "eta", "from": 0.5, "to": 2.0, "groups": 1,
                    "numerics": NUMERICS[kind]}  # fmt: skip
    assert record == {key: fixed[key] for key in record}
    assert {"beta", "lam", "lr", "rho", "latent", "batch", "momentum"} <= set(record)
    assert {"eta", "t_max", "points", "dim", "init", "init_seed", "anneal"}.isdisjoint(record)
    assert record["rho"] == [1.5, 3]
    assert asked(module, function, PARAMS, "rho", 0.5, 2)[1]["rho"] == [0.5, 1]
    assert asked(module, function, PARAMS, "lr", 0.5, 2)[1]["lr"] == [1, 0.5, 0.25]
    assert "lr" not in asked(module, function, PARAMS.replace(lr=0.4), "lr", 0.5, 2)[1]
    assert asked(module, function, PARAMS, "beta", 0.5, 2)[1]["groups"] == 2
    usual = asked(module, function, PARAMS)[1]
    assert (usual["from"], usual["to"]) == (0.05, 3.0)
    assert usual["varied"] == ("beta" if kind == "branches" else "lr")
    for groups, text in ((3, "must be 0, 1 or 2, got 3"), (-1, "must be at least 0, got -1")):
        if kind == "branches":
            with pytest.raises(vaedyn.ParameterError, match=f"^groups: {text}$"):
                function(PARAMS, groups=groups)


def test_a_cycle_is_kept_by_constants(asked):
    kind, record = asked(limit_cycle, vaedyn.limit_cycle, PARAMS)
    assert kind == "cycle"
    assert record.pop("numerics") == NUMERICS["cycle"]
    fixed = PARAMS.to_dict()
    assert record == {key: fixed[key] for key in record}
    assert {"beta", "eta", "lam", "lr", "rho", "latent", "batch", "momentum"} <= set(record)
    assert {"t_max", "points", "dim", "init", "init_seed", "anneal"}.isdisjoint(record)


def test_fixed_points_are_kept_by_everything(asked):
    kind, record = asked(
        fixed_points, vaedyn.fixed_points, PARAMS, groups=1, search=9, search_seed=4, rtol=1e-7
    )
    assert kind == "fixedpoints"
    fixed = PARAMS.to_dict()
    assert record == {**fixed, "rtol": 1e-7, "atol": 1e-10, "groups": 1, "search": 9,
                      "search_seed": 4, "numerics": NUMERICS["fixedpoints"]}  # fmt: skip


def test_curves_are_kept_by_constants_and_box(asked):
    x, y = ("beta", 0.1, 2), ("eta", 1e-3, 2, "log")
    kind, record = asked(
        bifurcation_curves, vaedyn.bifurcation_curves, PARAMS, x, y, follow=["kl=0.5", "fold"],
        lines=3,
    )  # fmt: skip
    assert kind == "curves"
    wanted = {
        "follow": ["fold", "kl=0.5"], "lines": 3, "numerics": NUMERICS["curves"],
        "x_varied": "beta", "x_from": 0.1, "x_to": 2.0, "x_log": False,
        "y_varied": "eta", "y_from": 1e-3, "y_to": 2.0, "y_log": True,
    }  # fmt: skip
    assert {key: record[key] for key in wanted} == wanted
    assert record["rho"] == [3, 1.5]
    assert {"beta", "eta", "dim", "t_max"}.isdisjoint(record)
    usual = asked(bifurcation_curves, vaedyn.bifurcation_curves, PARAMS)[1]
    assert usual["follow"] == ["fold", "loss", "hopf", "escape", "maxwell", "active"]
    assert (usual["lines"], usual["x_from"], usual["x_to"], usual["y_from"], usual["y_to"]) == (
        7, 0.05, 3.0, 0.1, 2.0,
    )  # fmt: skip
    for lines, text in ((101, "must be at most 100, got 101"), (1, "must be at least 2, got 1")):
        with pytest.raises(vaedyn.ParameterError, match=f"^lines: {text}$"):
            vaedyn.bifurcation_curves(PARAMS, x, y, lines=lines)
    assert (
        asked(bifurcation_curves, vaedyn.bifurcation_curves, PARAMS, lines=100)[1]["lines"] == 100
    )
    with pytest.raises(vaedyn.ParameterError, match="^follow: max_lr must be above lr, 0.4"):
        vaedyn.bifurcation_curves(PARAMS, x, y, follow="max_lr=0.3")


def test_numbers_that_overflow_are_named(monkeypatch):
    def computed(*_):
        raise np.linalg.LinAlgError

    monkeypatch.setattr(bifurcation_curves, "_computed", computed)
    with pytest.raises(vaedyn.ParameterError) as caught:
        vaedyn.bifurcation_curves(PARAMS)
    assert str(caught.value) == "x: numbers overflow in these ranges: narrow x or y"


def test_a_state_on_rows_is_written_with_what_is_its_own():
    found = vaedyn.trained_on_rows(rho=3.0, alpha=4.0).to_variables()
    own = {"signals", "eigenvalues", "overlaps", "thresholds", "kl_on_rows"}
    assert set(found) > own
    assert {"m", "d", "Q", "E", "R", "D", "eps_g", "kl"} < set(found)
    assert found["signals"][0] == ("latent",)
    assert found["overlaps"][2]["long_name"] == (
        "squared overlap of that direction with the signal's"
    )
