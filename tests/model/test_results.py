"""Results as a person meets them at a Python prompt: their repr, their equality."""

import copy

import numpy as np
import pytest

import vaedyn
from vaedyn import Params
from vaedyn.model.quantities import NAMES
from vaedyn.model.results import Brief, Trajectory
from vaedyn.model.state import count, observables

PARAMS = Params(t_max=20, points=11)
ROWS = np.random.default_rng(0).normal(size=(60, 12)) * np.array([3, 2] + 10 * [1])
RESULTS = {
    "Trajectory": lambda: vaedyn.simulate(PARAMS, runs=2),
    "Bands": lambda: vaedyn.bands(PARAMS),
    "FixedPoints": lambda: vaedyn.fixed_points(PARAMS),
    "Branches": lambda: vaedyn.branches(PARAMS, "beta", 0.5, 3),
    "PhaseDiagram": lambda: vaedyn.phase_diagram(
        PARAMS, ("beta", np.linspace(0.5, 3, 20)), ("lr", np.array([0.1, 0.2]))
    ),
    "Sweep": lambda: vaedyn.sweep("theory", PARAMS, {"beta": np.linspace(0.5, 3, 20)}),
    "Tuning": lambda: vaedyn.best_schedule(PARAMS, "linear"),
    "Spectrum": lambda: vaedyn.covariance_spectrum(lambda: iter([ROWS])),
    "Analysis": lambda: vaedyn.analyse(vaedyn.covariance_spectrum(lambda: iter([ROWS]))),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_shown_on_one_screen_with_all_its_fields(name):
    result = RESULTS[name]()
    lines = repr(result).splitlines()
    assert lines[0] == name
    assert [line.split(":")[0].strip() for line in lines[1:]] == list(vars(result))
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 230


def test_long_arrays_are_shown_by_their_shapes_and_short_ones_in_full():
    shown = repr(vaedyn.simulate(PARAMS, runs=2)).splitlines()
    sizes = {"m": "(2, 11, 1, 1)", "D": "(2, 11, 1)", "eps_g": "(2, 11)", "t": "(11,)"}
    assert set(shown) >= {f"  {name}: {shape}" for name, shape in sizes.items()}
    found = vaedyn.fixed_points(PARAMS)
    shown = repr(found).splitlines()
    assert f"  eps_g: {' '.join(repr(found.eps_g).split())}" in shown
    assert f"  params: {PARAMS!r}"[:90] in "\n".join(shown)


class Shown(Brief):
    def __init__(self, **fields):
        vars(self).update(fields)


def test_up_to_eight_numbers_and_200_letters_are_shown():
    words = ["abc"] * 40
    shown = Shown(few=np.arange(8), many=np.arange(9), short="x" * 198, long="x" * 199, words=words)
    assert repr(shown).splitlines() == [
        "Shown",
        "  few: array([0, 1, 2, 3, 4, 5, 6, 7])",
        "  many: (9,)",
        f"  short: '{198 * 'x'}'",
        "  long: ...",
        "  words: [" + "'abc', " * 27 + "'abc', ...",
    ]


def test_results_with_arrays_can_be_compared():
    spectrum = vaedyn.covariance_spectrum(lambda: iter([ROWS]))
    found = vaedyn.analyse(spectrum, spikes=2)
    prediction = vaedyn.Prediction(found.rho, found.eta, found.dim)
    for result in (spectrum, found, prediction):
        again = copy.deepcopy(result)
        assert result == result
        assert result != again  # as Trajectory and the like: by identity
        assert len({result, again, result}) == 2


TWO = Params(latent=2, signal=3, rho=(3.0, 2.0, 1.5), eta=0.6)


def test_flat_states_become_named_parts_and_what_is_read_off_them():
    y = np.random.default_rng(5).uniform(0.5, 1.5, (4, count(2, 3)))
    t = np.linspace(0, 2, 4)
    found = Trajectory.from_states(TWO, y, t=t, info={"a": 1})
    np.testing.assert_array_equal(found.m[:, 1, 2], y[:, 5])
    np.testing.assert_array_equal(found.D, y[:, -2:])
    parts = {name: getattr(found, name) for name in NAMES}
    for name, values in observables(parts, TWO.strengths, 0.6).items():
        np.testing.assert_array_equal(getattr(found, name), values)
    assert (found.info, found.source, found.t is t) == ({"a": 1}, None, True)
