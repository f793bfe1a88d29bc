"""`vaedyn plot annealing`: times by schedule, and how errors fall."""

import re
from dataclasses import replace

import numpy as np
import pytest

import vaedyn
from vaedyn.annealing.best_schedule import Tuning
from vaedyn.annealing.confirm import Measured, compare
from vaedyn.cli.plot.annealing import markers
from vaedyn.cli.session import Session
from vaedyn.figures.annealing import UNDER, _distance, annealing
from vaedyn.figures.style import new_figure

START = "--init m=0.03,d=0.03,Q=1,E=1,R=0,D=1"


@pytest.mark.usefixtures("coarse")
@pytest.mark.parametrize("family", ["cosine", "free"])
def test_plot_annealing_draws_and_reuses(run, tmp_path, family):
    words = "--lr 0.1 --tol 0.05 --knots 1 --simulations 3 --runs 3 -o a.svg --family"
    done = run("plot annealing", words, family, START)
    assert (done.code, done.out) == (0, "a.svg\n")
    first = (tmp_path / "a.svg").read_bytes()
    again = run("plot annealing", words, family, START)
    assert "computed" not in again.err
    assert (tmp_path / "a.svg").read_bytes() == first


@pytest.mark.usefixtures("coarse")
def test_the_figure_shows_times_the_slow_limit_and_the_best():
    params = vaedyn.Params(init=START.partition(" ")[2])
    found = vaedyn.best_schedule(params)
    figure = annealing(compare(found, 2000.0), [Measured(0.002, 1500.0, 20.0)])
    left, right = figure.axes
    line = left.lines[0]
    np.testing.assert_array_equal(line.get_xdata(), found.numbers)
    np.testing.assert_array_equal(line.get_ydata(), found.times)
    slow = next(x for x in left.lines if x.get_linestyle() == "--")
    # to be slower by 1/gamma takes as much longer as is drawn; relaxation takes the rest
    longer = np.diff(found.times[:2]) / np.diff(1 / found.numbers[:2])
    np.testing.assert_allclose(slow.get_ydata() * found.numbers[[0, -1]], longer[0], rtol=3e-3)
    assert r"\gamma" in left.get_xlabel()
    assert right.get_yscale() == "log"
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert f"best: gain {found.gain:.3g}" in words
    assert "slow annealing" in words


@pytest.mark.usefixtures("coarse")
def test_an_overshoot_is_dashed_and_named():
    params = vaedyn.Params(init=START.partition(" ")[2], beta=1.5)
    found = vaedyn.best_schedule(params, "linear")
    compared = compare(found, 1.3 * found.constant)
    best, end = compared.best, vaedyn.annealing.time_to_converge.end_of_learning(params)
    off = best.eps_g - end
    under = (off < 0) & (np.abs(off) > found.tol / 30)
    assert under.any()
    _, (axes,) = new_figure(3.3, 2)
    assert _distance(axes, best, end, "blue", found.tol / 30)
    above, dashed = axes.lines
    np.testing.assert_array_equal(np.isfinite(above.get_ydata()), ~under)
    assert np.isfinite(dashed.get_ydata())[under].all()
    np.testing.assert_allclose(dashed.get_ydata()[under], -off[under])
    drawn = annealing(compared)
    words = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert "below its final value (overshoot)" in words
    entry = drawn.legends[0].legend_handles[words.index("below its final value (overshoot)")]
    assert entry._unscaled_dash_pattern == UNDER
    never = annealing(replace(compared, best=compared.constant))
    assert not any("overshoot" in text.get_text() for text in never.legends[0].get_texts())


@pytest.mark.parametrize(
    ("family", "spec", "times", "reason"),
    [
        ("free", "points:0=1,9=1.5", 50.0, "no markers: schedules of a free form are not"),
        ("linear", "linear:9.0", 400.0, "no markers: every schedule takes more than 3 times"),
        ("linear", "linear:9.0", 50.0, "no marker for 2 of 2 schedules: .*N = 50: raise --dim"),
    ],
)  # fmt: skip
def test_why_there_are_no_markers_is_said(family, spec, times, reason, caplog, tmp_path):
    params = vaedyn.Params(dim=50, lr=0.1, beta=1.5)
    numbers = np.array([] if family == "free" else [5.0, 9.0])
    found = Tuning(
        params=params, family=family, tol=1e-6, end=0.1, constant=100.0, spec=spec, time=50.0,
        numbers=numbers, times=np.full(len(numbers), times), off=60.0,
    )  # fmt: skip
    ensemble = {"runs": 2, "seed": 0, "jobs": 1}
    with caplog.at_level("INFO", "vaedyn.cli"):
        assert markers(Session(tmp_path), found, 0, **ensemble) == []
        assert "marker" not in caplog.text
        assert markers(Session(tmp_path), found, 2, **ensemble) == []
    assert re.search(reason, caplog.text)
