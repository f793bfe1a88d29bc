"""What is rarely said: long lists, crowded signals, ranges without noise, runs left out."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.cli import spectrum
from vaedyn.learning import escape
from vaedyn.listings import fixed_points
from vaedyn.listings import look as listed

FAST = "--dim 50 --lr 0.1 --t-max 20 --points 5"


@pytest.fixture
def undrawn(monkeypatch):
    monkeypatch.setattr("vaedyn.figures.style.save", lambda *_, **__: None)


@pytest.mark.parametrize(
    ("most", "then"),
    [(1, "and 2 more: see --json"), (2, "and 1 more: see --json"), (3, "signal 1 is not learned")],
)
def test_of_many_fixed_points_some_are_shown_and_the_rest_counted(run, monkeypatch, most, then):
    assert fixed_points.MOST_ROWS == 40
    monkeypatch.setattr(fixed_points, "MOST_ROWS", most)
    lines = run("fixedpoints", FAST).out.splitlines()[2:]
    names = ["signal 1", "noise", "collapsed"]
    assert [line[:9].strip() for line in lines[:most]] == names[:most]
    assert lines[most].startswith(then)


def test_runs_that_have_not_escaped_are_left_out_and_counted(run, monkeypatch, undrawn):
    monkeypatch.setattr(escape, "FURTHER", 0.0)
    done = run("plot escape --lr 0.5 --runs 9 --vary dim=100,200 -o e.svg --json")
    counts = [9 - point["simulation"]["runs"] for point in done.json["points"]]
    assert all(0 < count < 9 for count in counts)
    said = [line for line in done.err.splitlines() if line.startswith("warning")]
    assert said == [
        f"warning: {count} of 9 runs at N = {dim} are left out: no escape"
        for count, dim in zip(counts, (100, 200), strict=True)
    ]


def test_doubts_about_bands_name_the_smallest_number_of_dimensions(run, undrawn):
    start = "--init m=0.1,d=0.1,Q=1,E=1,R=0,D=1"
    words = "plot concentration --lr 0.5 --t-max 20 --points 21 --runs 2 --vary dim=200,50 -o c.svg"
    said = [x for x in run(words, start).err.splitlines() if x.startswith("warning")]
    assert len(said) == 1
    assert said[0].startswith("warning: at N = 50, bands are unreliable around t = ")


def data(**others):
    spectrum_ = SimpleNamespace(samples=30, dim=7)
    analysis = SimpleNamespace(
        rho=np.array([8.0, 7.0, 0.5]), rho_error=np.array([0.5, 0.25, 0.125]),
        eigenvalue=np.array([9.0, 8.0, 1.5]), dim=5, no_floor=None, without_noise=0.25, eta=1.0,
        estimator="likelihood", alternatives={},
        groups=[SimpleNamespace(first=0, last=1, rho=7.5, rho_error=0.375)],
    )  # fmt: skip
    vars(analysis).update(others)
    prediction = SimpleNamespace(
        beta=1.25,
        latents=1,
        variances=lambda: [9.0, 8.0],
        fresh_error=lambda beta: beta - 0.75,
        active=lambda beta, count: count,
    )
    return SimpleNamespace(
        spectrum=spectrum_, analysis=analysis, prediction=prediction, epochs="many",
        thresholds=np.array([[9.5, 9.0], [8.5, 8.0], [2.0, 1.5]]),
        without_noise=analysis.without_noise,
    )  # fmt: skip


WHICH = (
    "the eigenvalue of the rows counts, as they are used again and again; on ever fresh data the "
    "population's would (--epochs one)"
)


def test_signals_that_repel_each_other_are_marked(capsys, monkeypatch):
    spectrum.print_signals(data(), None)
    table = [
        "signal    strength rho   collapses at beta   on fresh data",
        "──────────────────────────────────────────────────────────",
        "1        8.00 +- 0.50*                 9.5    9.00 +- 0.50",
        "2        7.00 +- 0.25*                 8.5    8.00 +- 0.25",
        "3         0.50 +- 0.12                   2    1.50 +- 0.12",
    ]
    mean = "* 1 to 2 repel each other; their mean: rho = 7.50 +- 0.38"
    assert capsys.readouterr().out.splitlines() == [*table, mean, WHICH]
    # where the two are the same up to their error, one is enough; fresh data have the other first
    near = data(rho_error=np.array([0.5, 0.5, 0.5]), groups=[])
    spectrum.print_signals(near, None)
    assert capsys.readouterr().out.splitlines()[0] == "signal   strength rho   collapses at beta"
    fresh = data(groups=[])
    fresh.epochs = "one"
    spectrum.print_signals(fresh, None)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("collapses at beta   on these rows")
    assert lines[2].split()[4:] == ["9.00", "+-", "0.50", "9.5"]
    assert lines[-1].startswith("the population's eigenvalue rho + eta counts")
    monkeypatch.setattr(listed, "MOST_ROWS", 2)
    spectrum.print_signals(data(groups=[]), None)
    assert capsys.readouterr().out.splitlines()[-2:] == ["and 1 more: see --json", WHICH]
    monkeypatch.setattr(listed, "MOST_ROWS", 3)
    spectrum.print_signals(data(groups=[]), None)
    assert "more" not in capsys.readouterr().out


def test_of_the_weights_of_many_latents_some_are_shown_and_the_rest_counted(run):
    np.save("x.npy", np.random.default_rng(5).normal(size=(100, 26)))
    lines = run("weight x.npy").out.splitlines()
    rows = [line for line in lines if line.split() and line.split()[0].isdecimal()]
    assert [line.split()[0] for line in rows] == [str(k) for k in range(1, 26)]
    assert lines.count("and 1 more: see --json") == 1
    np.save("x.npy", np.load("x.npy")[:, :25])
    assert "more: see --json" not in run("weight x.npy").out


def test_columns_that_are_signals_alone_are_listed(monkeypatch):
    monkeypatch.setattr(listed, "MOST_ROWS", 2)
    for found, shown in (([0, 4], "1, 5;"), ([0, 4, 6], "1, 5, ...;")):
        monkeypatch.setattr(listed, "columns_alone", lambda *_, found=found: np.array(found))
        (line,) = listed.alone(data())
        assert line.startswith(f"signals of single columns: {shown} where")


def test_the_answer_is_told_with_and_without_noise():
    assert listed.answer(data()) == [
        "30 samples in 5 dimensions, noise eta = 1 (likelihood; the other estimators need all "
        "eigenvalues)",
        "recommended: KL weight beta = 1.25, latent dimension M = 1",
        "expected error eps_g on fresh data: 0.5 (0.25 at beta = eta)",
        "more latents than that fit noise of these rows below beta = 8",
        "if there is no noise: beta below 0.25, latent dimension M = 5",
    ]
    assert listed.answer(data(no_floor="so it is", dim=1, alternatives={"median": 2.0})) == [
        "30 samples in 1 dimension: no beta is recommended, as so it is",
        "if there is no noise: beta below 0.25, latent dimension M = 1",
    ]
    few = data(without_noise=None, alternatives={"median": 2.0, "matching": 0.5})
    few.prediction.latents = 2
    assert listed.answer(few) == [
        "30 samples in 5 dimensions, noise eta = 1 (likelihood; median 2, matching 0.5)",
        "recommended: KL weight beta = 1.25, latent dimension M = 2",
        "expected error eps_g on fresh data: 0.5 (0.25 at beta = eta)",
    ]


def test_a_cascade_needs_a_stable_point(run, undrawn):
    done = run("plot cascade --rho 400 --vary beta=100:400:5 --simulations 1 -o a.svg", FAST)
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        "error: no fixed point is stable from beta = 100 to 400 at learning rate 0.1: lower --lr, "
        "or choose another range by --vary"
    )
