"""`vaedyn plot concentration`: the spread of runs against N."""

import numpy as np
import pytest

import vaedyn
from tests.shared.models import SHIFTED
from vaedyn.figures.concentration import concentration
from vaedyn.learning.concentration import spreads


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


def test_lines_of_concentration_are_theory():
    drawn = []
    for dim in (100, 400):
        params = vaedyn.Params(dim=dim, lr=0.2, t_max=20, points=21, init=SHIFTED)
        drawn.append((vaedyn.bands(params), vaedyn.simulate(params, runs=10)))
    axes = concentration(spreads(drawn, [10.0]), params, 10).axes[0]
    shown = [np.array(line.get_ydata(), dtype=float) for line in axes.lines[:2]]
    np.testing.assert_allclose(shown[0], [bands.eps_g[10] for bands, _ in drawn])
    np.testing.assert_allclose(shown[1], [sgd.eps_g[:, 10].std(ddof=1) for _, sgd in drawn])
