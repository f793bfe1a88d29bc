"""Rows that are used again, on the command line."""

import numpy as np
import pytest

import vaedyn
from vaedyn.figures import phase_diagram as figures_phases
from vaedyn.store import ResultStore

MODEL = "--latent 2 --rho 1.5 --eta 0.8 --beta 1.1 --lam 0.1"


def test_fixedpoints_print_the_end_on_rows_beside_fresh_data(run):
    done = run.words("fixedpoints", *MODEL.split(), "--samples", "500")
    assert done.code == 0
    expected = vaedyn.trained_on_rows(latent=2, rho=1.5, eta=0.8, beta=1.1, lam=0.1, alpha=2.5)
    assert done.out.startswith("trained on 500 rows of 200 entries; for large N and")
    assert f"{expected.eps_g:.6g}" in done.out
    assert "noise-fitting" in done.out
    found = run.words("fixedpoints", *MODEL.split(), "--alpha", "2.5", "--json").json
    assert found["samples"] == 500
    assert found["rows"]["signals"] == [1, None]
    assert found["rows"]["eps_g"] == pytest.approx(expected.eps_g)
    assert found["fresh"]["eps_g"] < found["rows"]["eps_g"]
    beta, least = vaedyn.best_beta(latent=2, rho=1.5, eta=0.8, lam=0.1, alpha=2.5)
    assert (found["rows"]["best_beta"], found["rows"]["best_eps_g"]) == (beta, least)


def test_what_rows_cannot_tell_is_said(run):
    few = run.words("fixedpoints", "--alpha", "0.5")
    assert "1 signal is lost in the noise of so few rows" in few.out
    assert "none" in few.out
    equal = run.words("fixedpoints", "--alpha", "3", "--signal", "2", "--latent", "2")
    assert "the rows mix signals of equal strength by a rotation" in equal.out
    assert run.words("fixedpoints", "--alpha", "0.5", "--json").json["rows"]["best_beta"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("fixedpoints --samples 9 --alpha 2", "--samples and --alpha exclude each other"),
        ("fixedpoints --samples 1", "--samples"),
        ("fixedpoints --alpha nan", "--alpha: must be finite"),
        ("fixedpoints --alpha 2 --beta 0", "--beta: must be > 0"),
        ("fixedpoints --alpha 2 --along", "--along is not derived for rows"),
        ("fixedpoints --alpha 2 --noise 1.2*0.5,0.8*0.5", "--noise: is not derived"),
        ("fixedpoints --vary alpha=1:3", "--vary: alpha varies in maps only"),
        ("fixedpoints --alpha 2 --vary beta=1:3", "--alpha: is not derived for branches"),
        ("fixedpoints --vary lr=0.1:1:3 --vary alpha=1:3:3", "--alpha: is not derived for maps"),
        ("fixedpoints --dim 5 --latent 2 --samples 2 --dim 9 --latent 4", "fewer than there are"),
        ("sweep theory --samples 300 --vary dim=100,200", "--samples does not go with --vary dim"),
        ("simulate --alpha 2 --engine exact", "--engine: exact draws fresh data"),
        ("theory --alpha 2 --bands", "--bands is not derived for rows"),
        ("theory --alpha 2 --noise 1.2*0.5,0.8*0.5", "--noise: is not derived"),
        ("anneal --alpha 2", "--alpha: is not derived"),
        ("bands --alpha 2", "No such command"),
        ("simulate --data nowhere.csv --samples 9", "--samples and data exclude each other"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_one_line(run, words, said):
    done = run.words(*words.split())
    assert done.code == 2
    assert done.out == ""
    assert said.lower() in done.err.lower()


def test_simulations_and_theory_end_with_where_rows_lead(run):
    words = "--dim 40 --samples 80 --t-max 20 --points 3 --init m=0.3,d=0.3,Q=1,E=1,R=0,D=1"
    expected = f"{vaedyn.trained_on_rows(dim=40, alpha=2.0).eps_g:.6g}"
    for command in ("simulate --runs 2", "theory"):
        done = run.words(*command.split(), *words.split())
        assert done.code == 0
        assert "the 80 rows are used again and again, 10 times" in done.out
        assert expected in done.out
        data = run.words(*command.split(), *words.split(), "--json").json
        assert data["trained_on_rows"] == pytest.approx(float(expected), rel=1e-5)
        assert data["reused"]


def test_batches_use_rows_more_often_and_adam_ends_there_without_decay(run):
    words = "simulate --runs 1 --dim 20 --samples 40 --t-max 8 --points 3 --batch 5"
    expected = vaedyn.trained_on_rows(dim=20, alpha=2.0).eps_g
    for more in ("", " --optimiser adam --adam-epsilon 1e-7"):
        found = run(words + more + " --json").json
        assert found["trained_on_rows"] == pytest.approx(expected, rel=1e-9)
        assert found["params"]["batch"] == 5
        assert "used again and again, 20 times" in run(words + more).out
    decay = f"{words} --optimiser adam --lam 0.1"
    assert run(f"{decay} --json").json["trained_on_rows"] is None
    assert "not derived for Adam with weight decay" in run(decay).out


def test_sweeps_take_alpha(run):
    words = "sweep fixedpoints --vary alpha=0.5,3 --vary beta=1,9 --rho 1.5 --json"
    found = run.words(*words.split()).json["points"]
    assert [point["final"]["label"] for point in found] == [
        "learned", "collapsed", "learned", "collapsed"
    ]  # fmt: skip
    for point in found:
        alone = vaedyn.trained_on_rows(alpha=point["alpha"], beta=point["beta"], rho=1.5)
        assert point["final"]["eps_g"] == pytest.approx(alone.eps_g)
    swept = vaedyn.sweep("fixedpoints", rho=1.5, alpha=3.0, vary={"beta": [1.0, 2.0]})
    assert swept.array("eps_g")[0] == pytest.approx(found[2]["final"]["eps_g"])


@pytest.mark.parametrize("axes", ["alpha-beta", "beta-alpha", "beta-rho"])
def test_maps_over_rows_and_their_figure(tmp_path, axes):
    values = {"alpha": np.linspace(0.3, 6, 14), "beta": np.linspace(0.2, 5, 12),
              "rho": np.linspace(0.4, 2, 9)}  # fmt: skip
    x, y = axes.split("-")
    fixed = {} if "alpha" in axes else {"alpha": 2.0}
    model = {"eta": 0.8, "latent": 2, **fixed}
    store = ResultStore(tmp_path)
    first = vaedyn.phase_diagram(x=(x, values[x]), y=(y, values[y]), store=store, **model)
    again = vaedyn.phase_diagram(x=(x, values[x]), y=(y, values[y]), store=store, **model)
    assert again.info["computed"] == 0
    np.testing.assert_array_equal(first.eps_g, again.eps_g)
    for i, j in ((0, 0), (3, 7), (8, 4), (-1, -1)):
        one = vaedyn.trained_on_rows(**model, **{x: values[x][i], y: values[y][j]})
        assert first.eps_g[i, j] == pytest.approx(one.eps_g)
        assert first.names[first.phase[i, j]] == one.phase
    other = "rho" if "rho" in axes else "alpha"
    best = [vaedyn.best_beta(**model, **{other: x})[0] for x in values[other]]
    np.testing.assert_allclose(first.best, best)
    figure = figures_phases.phase_diagram(first)
    dotted = [line for line in figure.axes[0].lines if line.get_linestyle() == ":"]
    drawn = dotted[0].get_xydata()
    np.testing.assert_allclose(drawn[:, 1 if y == "beta" else 0], best)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert any("least error" in name for name in names)


def test_thresholds_in_a_map_are_those_of_the_rows():
    model = {"eta": 0.8, "rho": 1.5, "lam": 0.1}
    alpha = np.linspace(0.2, 6, 30)
    result = vaedyn.phase_diagram(x=("alpha", alpha), y=("beta", np.linspace(0.2, 6, 30)), **model)
    pairs = figures_phases._excesses(result, alpha, np.array([0.0, 1.0]))
    (signal, _), (noise, _) = pairs
    for i, a in enumerate(alpha):
        one = vaedyn.trained_on_rows(alpha=a, latent=2, **model)
        assert noise[i, 0] == pytest.approx(one.thresholds[1])
        if one.signals[0] == 0:
            assert signal[i, 0] == pytest.approx(one.thresholds[0])
        else:
            assert np.isnan(signal[i, 0])
