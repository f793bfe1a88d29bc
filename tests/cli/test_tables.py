"""Tables and JSON of results made by hand: what is shown, to the last character."""

import json

import numpy as np
import pytest

import vaedyn
from vaedyn.cli import fixedpoints, follow, output, simulate
from vaedyn.cli.advice import fluctuation
from vaedyn.cli.session import Session
from vaedyn.fixedpoints.branches import Branches
from vaedyn.fixedpoints.passages import Passage
from vaedyn.fixedpoints.phase_diagram import PhaseDiagram
from vaedyn.model.quantities import NAMES, OBSERVABLES
from vaedyn.model.records import Source
from vaedyn.model.results import OrderParameters, Trajectory

SOURCE = Source(key="abc", reused=True, path="store/abc.h5", params={"beta": 2.0})


def order_parameters(params, lead=()):
    """Return arrays 0.5, 1.5, ... of the shapes of a model; leading axes add 100 each step."""
    M, S = params.latent, params.signal
    shapes = {"m": (M, S), "d": (M, S), "Q": (M, M), "E": (M, M), "R": (M, M), "D": (M,)}
    steps = 100.0 * np.arange(int(np.prod(lead))).reshape(lead)
    return {
        name: steps.reshape(*lead, *[1] * len(shape)) + np.arange(np.prod(shape)).reshape(shape)
        + 0.5 + 10 * n
        for n, (name, shape) in enumerate(shapes.items())
    }  # fmt: skip


def result_of(params, kind=OrderParameters, lead=(), **others):
    parts = order_parameters(params, lead)
    known = {name: np.full(lead, 1000.0 + n) for n, name in enumerate(OBSERVABLES)}
    known["kl_per_latent"] = np.zeros((*lead, params.latent)) + np.arange(params.latent)
    return kind(params=params, **parts, **known, **others)


def test_a_table_is_aligned(capsys):
    rows = [["one", "1", "x", "b"], ["three", "12.5", "long", ""]]
    output.table(["name", "value", "how", ""], rows, left=("how", ""))
    assert capsys.readouterr().out.splitlines() == [
        "name    value   how",
        "────────────────────────",
        "one         1   x      b",
        "three    12.5   long",
    ]
    output.table(["only"], [])
    assert capsys.readouterr().out.splitlines() == ["only", "────"]


def rows_of(**model):
    result = result_of(vaedyn.Params(dim=50, **model))
    return output.state_rows(result, lambda x: [x, 2 * x])


def test_a_state_of_one_latent_has_a_row_for_each_number():
    assert rows_of() == [
        ["eps_g", "1000", "2000"],
        ["kl", "1002", "2004"],
        ["distortion", "1004", "2008"],
        ["m", "0.5", "1"],
        ["d", "10.5", "21"],
        ["Q", "20.5", "41"],
        ["E", "30.5", "61"],
        ["R", "40.5", "81"],
        ["D", "50.5", "101"],
    ]


def test_matrices_of_four_numbers_are_shown_and_larger_ones_left_to_json():
    small = rows_of(latent=2, signal=2)
    assert small[:6] == [
        ["eps_g", "1000", "2000"],
        ["eps_g_rotation", "1001", "2002"],
        ["kl", "1002", "2004"],
        ["kl_per_latent[0]", "0", "0"],
        ["kl_per_latent[1]", "1", "2"],
        ["distortion", "1004", "2008"],
    ]
    assert small[6:10] == [
        ["m[0,0]", "0.5", "1"],
        ["m[0,1]", "1.5", "3"],
        ["m[1,0]", "2.5", "5"],
        ["m[1,1]", "3.5", "7"],
    ]
    assert small[-2:] == [["D[0]", "50.5", "101"], ["D[1]", "51.5", "103"]]
    tall = rows_of(latent=3, signal=1)
    names = [row[0] for row in tall]
    assert names[3:6] == ["kl_per_latent[0]", "kl_per_latent[1]", "kl_per_latent[2]"]
    assert names[7:13] == ["m[0,0]", "m[1,0]", "m[2,0]", "d[0,0]", "d[1,0]", "d[2,0]"]
    assert tall[-1] == ["Q, E, R", "see --json", "see --json"]
    assert len(rows_of(latent=5, signal=5)[-1]) == 3
    assert rows_of(latent=5, signal=5)[-1][0] == "m, d, Q, E, R"
    assert ["D[4]", "54.5", "109"] in rows_of(latent=5)


def test_numbers_have_six_digits_and_what_is_not_finite_a_dash():
    assert [output.number(x) for x in (1 / 3, 123456.7, 1234567.0, np.nan, np.inf, -0.5)] == [
        "0.333333", "123457", "1.23457e+06", "-", "-", "-0.5",
    ]  # fmt: skip
    assert output.plain([np.nan, [np.inf, 1.5], "x", np.int64(3), np.array([2.0, np.nan])]) == [
        None, [None, 1.5], "x", 3, [2.0, None],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (999_499, "999 kB"), (999_501, "1 MB"),
     (1_234_567, "1.23 MB"), (2e9, "2 GB"), (999.4e9, "999 GB"), (3e12, "3 TB"),
     (5e15, "5e+03 TB")],
)  # fmt: skip
def test_sizes(count, text):
    assert output.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (59.9, "59 s"), (60, "1 min"), (119, "1 min"), (3599, "59 min"), (3600, "1 h"),
     (86399, "23 h"), (86400, "1 d"), (8.64e6, "100 d")],
)  # fmt: skip
def test_ages_are_rounded_down(seconds, text):
    assert output.age(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(99.49, "99 s"), (99.51, "1.7 min"), (5969, "99 min"), (5971, "1.66 h"), (172_799, "48 h"),
     (172_801, "2 d")],
)  # fmt: skip
def test_durations_change_their_unit_where_they_are_long(seconds, text):
    assert output.duration(seconds) == text


def test_spread_over_runs_is_that_of_the_last_time():
    values = np.array([[[1.0], [4.0]], [[9.0], [6.0]], [[5.0], [11.0]]])  # (runs, times, latent)
    mean, std = simulate.mean_and_std(values)
    np.testing.assert_allclose([mean, std], [[7.0], [np.sqrt((9 + 1 + 16) / 2)]])
    mean, std = simulate.mean_and_std(values[:1])
    assert (mean, np.isnan(std)) == (4.0, True)
    late = Trajectory.__new__(Trajectory)
    object.__setattr__(late, "t", np.arange(20.0))
    object.__setattr__(late, "eps_g", np.vstack([np.arange(20.0), np.zeros(20)]))
    assert fluctuation(late) == np.std([18, 19, 0, 0])  # the last tenth
    object.__setattr__(late, "t", np.arange(9.0))
    assert fluctuation(late) == 9.5


# --- fixed points -----------------------------------------------------------------------


def test_branches_say_where_they_are_stable_and_what_happens(capsys):
    params = vaedyn.Params(dim=50)
    x = np.array([0.5, 1.0, 1.5, 2.0, 2.5, 0.5, 1.5])
    growth = np.array([-1.0, -1.0, 2.0, -3.0, -3.0, 1.0, 1.0])
    events = [
        {"branch": 0, "at": 1.25, "kind": "stability"},
        {"branch": 1, "at": 1.5123456789, "kind": "fold"},
        {"branch": 0, "at": 1.75, "kind": "stability"},
        {"branch": 0, "at": 2.5, "kind": "end"},
    ]
    info = {"name": "beta", "types": ["signal 1", "noise"], "events": events}
    found = result_of(
        params, Branches, (7,), varied=x, branch=np.array([0, 0, 0, 0, 0, 1, 1]), growth=growth,
        info=info, source=SOURCE,
    )  # fmt: skip
    follow.print_branches(Session(), found)
    happens = "stability 1.25, stability 1.75, end 2.5"
    assert capsys.readouterr().out.splitlines() == [
        "branch     beta from    to   stable                     what happens",
        95 * "─",
        f"signal 1         0.5   2.5   0.5 to 1.25, 1.75 to 2.5   {happens}",
        "noise            0.5   1.5   nowhere                    fold 1.51234568",
    ]
    follow.print_branches(Session(as_json=True), found)
    data = json.loads(capsys.readouterr().out)
    first, second = data.pop("branches")
    assert data == {
        "command": "fixedpoints", "key": "abc", "reused": True, "path": "store/abc.h5",
        "params": {"beta": 2.0}, "varied": "beta", "bifurcations": [],
    }  # fmt: skip
    names = ["eps_g", "kl", "kl_per_latent", "distortion", *NAMES]
    assert list(first) == ["type", "events", "beta", "max_eigenvalue", "stable", *names]
    assert second["events"] == [{"kind": "fold", "at": 1.5123456789}]
    assert (second["type"], second["beta"]) == ("noise", [0.5, 1.5])
    assert second["max_eigenvalue"] == [1.0, 1.0]
    assert first["stable"] == [True, True, False, True, True]
    for name in names:
        assert second[name] == getattr(found, name)[5:].tolist()


def diagram(**others):
    """Return a map of 2 x 4 points: five learned, two collapsed, one diverging."""
    phase = np.array([[1, 1, 0, 7], [1, 1, 1, 0]])
    eps_g = np.array([[0.5, 0.25, 1, np.nan], [0.75, 0.125, 0.375, 2.0]])
    return PhaseDiagram(
        params=vaedyn.Params(dim=60), x_name="beta", x=np.array([1.0, 2.0]), y_name="lam",
        y=np.array([0.0, 0.1, 0.2, 0.3]), phase=phase, eps_g=eps_g, active=phase + 3,
        growth=-eps_g, stable=phase, **{"info": {"computed": 3, "keys": []}, **others},
    )  # fmt: skip


def test_a_map_says_how_much_of_it_each_phase_takes_up(capsys):
    follow.print_map(Session(), diagram())
    assert capsys.readouterr().out.splitlines() == [
        "phase       share of the map   eps_g from     to",
        "────────────────────────────────────────────────",
        "collapsed               25 %            1      2",
        "learned               62.5 %        0.125   0.75",
        "diverging             12.5 %            -      -",
    ]
    follow.print_map(Session(as_json=True), diagram())
    data = json.loads(capsys.readouterr().out)
    assert list(data) == [
        "command", "varied", "params", "reused", "beta", "lam", "phases", "phase", "eps_g",
        "active", "growth",
    ]  # fmt: skip
    assert (data["command"], data["varied"]) == ("fixedpoints", ["beta", "lam"])
    assert (data["params"]["dim"], data["reused"]) == (60, False)
    assert (data["beta"], data["lam"]) == ([1.0, 2.0], [0.0, 0.1, 0.2, 0.3])
    assert data["eps_g"][0] == [0.5, 0.25, 1.0, None]
    assert data["active"][1] == [4, 4, 4, 3]
    assert data["growth"][1][3] == -2
    assert data["phases"][:2] == ["collapsed", "learned"]
    follow.print_map(Session(as_json=True), diagram(info={"computed": 0}))
    assert json.loads(capsys.readouterr().out)["reused"] is True


def test_passages_are_told_in_their_order(capsys):
    passed = [
        Passage(
            index=index, type=name, label="", stable=stable, time=time, distance=distance,
            growth=-1.0, escape_time=escape, start=start, end=end,
        )
        for index, name, stable, time, distance, escape, start, end in (
            (0, "collapsed", False, 4.5, 0.12345, 2.0, 0.0, 9.25),
            (1, "signal 1", True, 20.0, 0.5, np.inf, 9.25, 20.0),
        )
    ]  # fmt: skip
    fixedpoints.print_passages(passed)
    assert capsys.readouterr().out.splitlines() == [
        "fixed point passed   nearest at t   distance   the nearest from   escape time",
        "─────────────────────────────────────────────────────────────────────────────",
        "collapsed                     4.5      0.123          0 to 9.25             2",
        "signal 1                       20        0.5         9.25 to 20        stable",
    ]


class Found:
    """What `fixedpoints.summary` reads."""

    params = vaedyn.Params()

    def __init__(self, **thresholds):
        self.thresholds = {"collapse": [2.5, None], "noise": None, "max_lr": None} | thresholds
        self.missing = {"threshold": ["signal 2", "noise"], "ended": ["two on noise"]}
        self.partial, self.lost = "only a part", "it creeps"
        self.search = self.found = None


@pytest.mark.parametrize(
    ("thresholds", "noise"),
    [
        ({}, ["a collapsed latent fits background noise at any beta"]),
        ({"noise": 1.5, "noise_upper": 20.25, "max_lr": 0.75},
         ["background noise is not fitted by a collapsed latent between beta = 1.5 and 20.25",
          "the point reached is stable up to lr = 0.75"]),
        ({"noise": 0.0, "noise_upper": 20.25},
         ["background noise is not fitted by a collapsed latent below beta = 20.25"]),
    ],
)  # fmt: skip
def test_thresholds_are_told_in_words(thresholds, noise):
    found = Found(**thresholds)
    collapse = "is not learned by a collapsed latent"
    lines = [f"signal 1 {collapse} above beta = 2.5", f"signal 2 {collapse} at any beta", *noise]
    assert fixedpoints.summary(found) == [
        *lines,
        "only a part",
        "where the start leads is not known: it creeps",
        "no fixed point has a latent on: signal 2; noise (beta is beyond its threshold)",
        "no fixed point has a latent on: two on noise (ended at a smaller learning rate or weight "
        "decay)",
    ]
    found.partial, found.lost, found.missing = "", "", {"threshold": [], "ended": []}
    assert fixedpoints.summary(found) == lines


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (2.71611, 0.29, "2.72 +- 0.29"),
        (-2594.2, 128.0, "-2590 +- 130"),
        (34383.0, 641.0, "34380 +- 640"),
        (1.41, 0.036, "1.410 +- 0.036"),
        (-23.722, 0.0027, "-23.7220 +- 0.0027"),
        (0.5, 0.0, "0.5 +- 0"),
        (0.5, np.nan, "0.5 +- nan"),
        (np.nan, 0.1, "- +- 0.1"),
        (2.5e9, 3.1e8, "2.5e+09 +- 3.1e+08"),
        (2.5e-9, 3.1e-10, "2.5e-09 +- 3.1e-10"),
    ],
)
def test_a_value_has_no_more_digits_than_its_error(value, error, text):
    assert output.with_error(value, error) == text
