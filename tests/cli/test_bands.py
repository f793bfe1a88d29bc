"""What commands say of fluctuations, and bands in figures."""

import shlex

import numpy as np
import pytest

import vaedyn
from tests.shared.models import SHIFTED
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
    done = run("plot concentration --vary lr=0.1,0.2 --dim 100")
    assert "--vary: only dim can vary here, got lr" in done.err


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
