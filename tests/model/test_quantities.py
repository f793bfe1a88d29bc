"""The table of quantities and constants, beside results, parameters and pages."""

import re
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pytest

import vaedyn
from vaedyn.fixedpoints.branches import Branches
from vaedyn.fixedpoints.points import FixedPoints
from vaedyn.kernels.layout import offsets
from vaedyn.learning.bands import Bands
from vaedyn.model import quantities, state
from vaedyn.model.params import Params
from vaedyn.model.quantities import CONSTANTS, NAMES, OBSERVABLES, ORDER_PARAMETERS, QUANTITIES
from vaedyn.model.results import UNSAVED, Trajectory

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("kind", [Trajectory, Bands, FixedPoints, Branches])
def test_every_array_of_a_result_is_in_the_table(kind):
    assert {each.name for each in fields(kind)} - UNSAVED <= {*QUANTITIES}


def test_an_array_that_is_not_in_the_table_is_an_error_and_not_left_out():
    @dataclass(frozen=True, kw_only=True, eq=False, repr=False)
    class Grown(Trajectory):
        length: np.ndarray

    params = Params()
    y = np.ones((3, state.count(1, 1)))
    grown = Grown.from_states(params, y, t=np.arange(3.0), length=np.ones(3))
    with pytest.raises(KeyError, match=r"'length' is not in the table vaedyn/model/quantities\.py"):
        grown.to_variables()


def test_stored_arrays_have_the_dims_of_the_table():
    params = Params(latent=2, signal=3, dim=20, t_max=5, points=4)
    sizes = {"run": 5, "time": 4, "latent": 2, "latent_": 2, "signal": 3}
    found = vaedyn.simulate(params, runs=5).to_variables("run")
    assert [*found] == ["time", *NAMES, *OBSERVABLES]
    for name, (dims, values, notes) in found.items():
        lead = ("time",) if name == "time" else ("run", "time")
        assert dims == (*lead, *QUANTITIES[name].dims)
        assert values.shape == tuple(sizes[dim] for dim in dims)
        assert notes == {"long_name": QUANTITIES[name].text, "units": QUANTITIES[name].unit}


def test_the_page_about_the_store_agrees_with_the_table():
    rows = re.findall(r"^\| (`.*`) \| (.*?) \| (.*) \|$", (DOCS / "store.md").read_text(), re.M)
    told = {}
    for names, dims, meaning in rows:
        for name in re.findall(r"`(\w+)`", names):
            told[name] = tuple(dims.removeprefix("(run,) time").strip(", ").split(", ")), meaning
    assert {*told} >= {"time", *NAMES, *OBSERVABLES}
    for name in (*NAMES, *OBSERVABLES):
        dims, meaning = told[name]
        assert dims == (QUANTITIES[name].dims or ("",))
        assert (QUANTITIES[name].unit == "nat") == ("in nats" in meaning)


def test_the_page_about_the_theory_has_the_letters_of_the_table():
    page = (DOCS / "theory.md").read_text()
    options = {
        row[0]: row[1] for row in re.findall(r"^\| (\$.*?\$) \|.*\| (`--.*) \|$", page, re.M)
    }
    told = {}
    for letters, names in options.items():
        first = letters.replace(r"\Lambda=\mathrm{diag}(\rho_1,\dots,\rho_{M^*})", r"\rho")
        for letter, name in zip(first.strip("$").split(r",\ "), names.split(", "), strict=True):
            told[name.strip("`-").replace("-", "_")] = letter
    assert told == {**{name: each.letter for name, each in CONSTANTS.items()}, "t_max": "t"}


def test_constants_are_parameters_and_are_called_alike_everywhere():
    assert {*CONSTANTS} < {each.name for each in fields(Params)}
    assert CONSTANTS["eta"].axis == r"noise variance $\eta$"
    told = [CONSTANTS[name].plain for name in ("beta", "signal", "lam")]
    assert told == ["KL weight beta", "Number of signals M*", "Weight decay lambda"]


def test_axes_have_words_symbol_and_unit():
    assert QUANTITIES["eps_g"].axis == r"generalisation error $\varepsilon_g$"
    assert QUANTITIES["m"].axis == r"$m = W^\top W^*/N$"
    assert QUANTITIES["kl"].axis == "KL divergence (nats)"
    drawn = (*quantities.ALONG, *quantities.POINTWISE)
    assert all(QUANTITIES[name].axis for name in drawn)
    assert len({QUANTITIES[name].axis for name in drawn}) == len({*drawn})


def test_a_latent_is_active_above_one_threshold():
    kl = np.array([[0.0, 0.01, 0.0100001], [1.0, 2.0, np.nan]])
    assert quantities.active(kl).tolist() == [1, 2]
    assert "KL > 0.01 nats" in QUANTITIES["active"].axis


@pytest.mark.parametrize(("latent", "signal"), [(1, 1), (2, 3), (3, 2)])
def test_compiled_code_has_the_same_layout(latent, signal):
    places = state.places(latent, signal)
    assert [*places] == [*ORDER_PARAMETERS]
    assert np.concatenate([at.ravel() for at in places.values()]).tolist() == [
        *range(state.count(latent, signal))
    ]
    begins = [at.item(0) for at in places.values()]
    assert begins == [0, *offsets(latent, signal)]
