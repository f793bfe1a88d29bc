"""Results as a person meets them at a Python prompt: their repr, their equality."""

import copy

import numpy as np
import pytest

import vaedyn
from vaedyn import Params
from vaedyn.results import Brief

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
    lines = repr(vaedyn.simulate(PARAMS, runs=2)).splitlines()
    assert "  m: (2, 11, 1, 1)" in lines
    assert "  eps_g: array([0.004" in repr(vaedyn.fixed_points(PARAMS))


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
