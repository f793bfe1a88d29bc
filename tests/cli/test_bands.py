"""What commands say and draw of fluctuations."""

import shlex

import numpy as np
import pytest

import vaedyn
from tests.learning.test_covariance import SHIFTED
from vaedyn.learning.concentration import spreads
from vaedyn.learning.escape import escape_times
from vaedyn.model.quantities import NAMES

QUICK = f"--dim 500 --lr 0.2 --t-max 30 --points 31 --init {SHIFTED}"


def test_theory_tells_the_spread(run):
    plain = run("theory --json", QUICK).json
    done = run("theory --bands --json", QUICK)
    assert done.json["reused"]
    assert not done.json["bands"]["reused"]
    bands = vaedyn.bands(vaedyn.Params(dim=500, lr=0.2, t_max=30, points=31, init=SHIFTED))
    for name in (*NAMES, "eps_g", "kl", "distortion"):
        assert done.json["final"][name]["mean"] == plain["final"][name]
        np.testing.assert_allclose(done.json["final"][name]["std"], getattr(bands, name)[-1])
    again = run("theory --bands", QUICK)
    assert "reused bands" in again.err
    assert "std at N = 500" in again.out
    wider = run("theory --bands --random-start --json", QUICK).json
    assert wider["final"]["m"]["std"] > done.json["final"]["m"]["std"]


def test_what_bands_do_not_go_with_is_refused(run):
    for words in (
        "theory --random-start",
        "plot learning-curve --bands --vary beta=1,2",
        "plot concentration --vary lr=0.1,0.2",
        "plot concentration --vary dim=100",
        "plot concentration --at 0.1,9999",
        "plot concentration --runs 1",
        "plot escape --runs 1",
        "plot escape --latent 2",
    ):
        done = run(words, "--dim 100")
        assert (done.code, done.out) == (2, ""), words
        assert len(done.err.splitlines()) <= 4


def test_doubts_about_bands_are_told(run):
    done = run("theory --bands --random-start --json --t-max 200 --lr 0.1 --points 51")
    assert any("bands are unreliable" in text for text in done.json["warnings"])
    assert any("gaussian weights have no overlap" in text for text in done.json["warnings"])
    assert "warning: bands are unreliable" in done.err


def test_records_of_bands_tell_how_to_make_them(run):
    run("simulate --random-start --runs 2", QUICK)
    done = run("theory --bands --random-start --json", QUICK)
    for kind in ("bands", "simulate"):
        (record,) = run(f"store list kind={kind} --json").json["records"]
        again = run(f"store show {record['key']} --json").json["reproduce"]
        assert "--random-start" in again
        redone = run.words(*shlex.split(again)[1:], "--json")
        assert redone.code == 0
        assert "computed" not in redone.err
    assert done.json["bands"]["command"] == "theory --bands"


@pytest.mark.parametrize("figure", ["learning-curve", "order-parameters"])
def test_bands_are_shaded(run, monkeypatch, figure):
    seen = []
    shade = vaedyn_figures()._shade
    monkeypatch.setattr(
        vaedyn_figures(), "_shade", lambda *x: seen.append(x) or shade(*x)
    )  # fmt: skip
    done = run(f"plot {figure} --bands --runs 3 -o x.png --json", QUICK)
    assert done.code == 0
    assert [record["kind"] for record in done.json["records"]] == ["theory", "simulate", "bands"]
    params = vaedyn.Params(dim=500, lr=0.2, t_max=30, points=31, init=SHIFTED)
    bands, theory = vaedyn.bands(params), vaedyn.theory(params)
    name = "eps_g" if figure == "learning-curve" else "m"
    np.testing.assert_allclose(seen[0][2], getattr(theory, name).reshape(31, -1)[:, 0])
    np.testing.assert_allclose(seen[0][3], getattr(bands, name).reshape(31, -1)[:, 0])


def vaedyn_figures():
    from vaedyn.figures import curves as figures

    return figures


def test_the_power_of_n_is_that_of_the_runs(run, tmp_path):
    words = f"--lr 0.2 --t-max 20 --points 21 --init {SHIFTED} --runs 100 --vary dim=200,100"
    done = run("plot concentration -o c.pdf --json", words)
    assert done.code == 0
    assert (tmp_path / "c.pdf").stat().st_size > 5000
    assert [r["kind"] for r in done.json["records"]] == ["bands", "simulate"] * 2
    assert [(each["name"], each["t"]) for each in done.json["powers"]] == [
        (name, t) for name in ("eps_g", "m") for t in (2.0, 6.67, 20.0)
    ]
    spread = {}
    for dim in (100, 200):
        params = vaedyn.Params(dim=dim, lr=0.2, t_max=20, points=21, init=SHIFTED)
        runs = vaedyn.simulate(params, runs=100)
        spread[dim] = {
            "eps_g": runs.eps_g.std(axis=0, ddof=1),
            "m": np.abs(runs.m[:, :, 0, 0]).std(axis=0, ddof=1),
        }
    for each in done.json["powers"]:
        small, large = (spread[dim][each["name"]][round(each["t"])] for dim in (100, 200))
        assert each["power"] == pytest.approx(np.log2(large / small), rel=1e-9)
        # four standard errors are about 0.6: a spread that does not fall is noticed, just
        assert abs(each["power"] + 0.5) < 4 * each["error"] < 1.2
        text = f"t = {each['t']:g}: N^({each['power']:.3f} +- {each['error']:.2g})"
        assert f"spread of {each['name']} at {text}" in done.err


def test_escapes_are_those_of_the_runs_and_of_theory(run, tmp_path):
    words = "plot escape -o e.pdf --lr 0.5 --runs 100 --seed 3 --vary dim=800,200"
    done = run(words, "--json")
    assert (tmp_path / "e.pdf").stat().st_size > 5000
    points = done.json["points"]
    assert [point["dim"] for point in points] == [200, 800]
    for point in points:
        told = vaedyn.escape(vaedyn.Params(dim=point["dim"], lr=0.5))
        assert point["rate"] == pytest.approx(told.rate)
        assert point["theory"] == {"mean": pytest.approx(told.mean), "std": pytest.approx(told.std)}
        t_max = float(f"{told.mean + 8 * told.std:.3g}")
        at = vaedyn.Params(dim=point["dim"], lr=0.5, t_max=t_max, points=2001)
        times = escape_times(vaedyn.simulate(at, runs=100, seed=3, random_start=True), told.overlap)
        found = point["simulation"]
        assert found == {"mean": times.mean(), "std": times.std(ddof=1), "runs": 100}
        # four standard errors are 12 % of the mean; theory itself is to leading order in 1/N
        assert abs(found["mean"] - told.mean) < 4 * told.std / 10
        # of a spread known to 4/sqrt(200)
        assert found["std"] == pytest.approx(told.std, rel=0.29)
    assert "computed" not in run(words).err


def test_lines_of_concentration_are_theory():
    from vaedyn.figures.concentration import concentration

    drawn = []
    for dim in (100, 400):
        params = vaedyn.Params(dim=dim, lr=0.2, t_max=20, points=21, init=SHIFTED)
        drawn.append((vaedyn.bands(params), vaedyn.simulate(params, runs=10)))
    axes = concentration(spreads(drawn, [10.0]), params, 10).axes[0]
    shown = [np.array(line.get_ydata(), dtype=float) for line in axes.lines[:2]]
    np.testing.assert_allclose(shown[0], [bands.eps_g[10] for bands, _ in drawn])
    np.testing.assert_allclose(shown[1], [sgd.eps_g[:, 10].std(ddof=1) for _, sgd in drawn])
