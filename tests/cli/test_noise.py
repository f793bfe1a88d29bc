"""Noise that is not white, on the command line: what is printed, drawn, kept and refused."""

import json

import numpy as np
import pytest

import vaedyn
from vaedyn.sweeps.grids import grid

NOISE = "1.9*0.2,0.6*0.8"
MODEL = ["--latent 2 --signal 2 --rho 3,2 --beta 0.8 --lr 0.2 --t-max 20 --points 5 --dim 100"]
PARAMS = vaedyn.Params(
    latent=2, signal=2, rho=(3, 2), beta=0.8, lr=0.2, t_max=20, points=5, dim=100, noise=NOISE
)


def test_theory_prints_final_values_and_why_no_time(run):
    done = run("theory", *MODEL, "--noise", NOISE, "--json")
    data, found = done.json, vaedyn.theory(PARAMS)
    for name in ("eps_g", "kl", "kl_per_latent", "distortion", "m", "Q", "R", "D"):
        np.testing.assert_allclose(data["final"][name], getattr(found, name)[-1], rtol=1e-12)
    assert (data["params"]["noise"], data["params"]["eta"]) == (NOISE, PARAMS.eta)
    assert data["t_converge"] is data["converges_at"] is None
    assert data["warnings"] == []
    again = run("theory", *MODEL, "--noise", NOISE)
    assert "reused theory" in again.err
    assert again.out.splitlines()[-1] == (
        "when eps_g converges is not known: it is derived for white noise only"
    )


def test_kl_and_distortion_are_those_of_the_data_with_classes():
    """eta E in place of the sum over classes would be off by 6 % in S."""
    from vaedyn.learning.follow import follow, start_of

    directions, start = start_of(PARAMS)
    course = follow(
        directions, start, PARAMS.times(), beta=0.8, schedule=PARAMS.schedule, lam=0.0, lr=0.2
    )
    found = vaedyn.theory(PARAMS)
    S = np.diagonal(course.S, axis1=1, axis2=2)
    kl = (S + course.D - np.log(course.D) - 1) / 2
    np.testing.assert_allclose(found.kl_per_latent, kl, atol=1e-9)
    white = (found.d * PARAMS.strengths) @ np.swapaxes(found.d, 1, 2) + PARAMS.eta * found.E
    assert np.abs(np.diagonal(white, axis1=1, axis2=2) / S - 1)[-1].max() > 0.02
    traces = [np.trace(x, axis1=1, axis2=2) for x in (course.A, found.Q @ course.S)]
    noise = (np.diagonal(found.Q, axis1=1, axis2=2) * found.D).sum(axis=1)
    np.testing.assert_allclose(found.distortion, -traces[0] + (traces[1] + noise) / 2, atol=1e-9)


@pytest.mark.parametrize("engine", ["exact", "vector"])
def test_simulations_are_kept_and_grow(run, engine):
    words = ("simulate", *MODEL, "--noise", NOISE, "--engine", engine)
    run(*words, "--runs", "2")
    done = run(*words, "--runs", "3", "--json")
    assert "(run 3 to 3)" in done.err
    data = done.json
    found = vaedyn.simulate(PARAMS, runs=3, engine=engine)
    np.testing.assert_array_equal(data["final"]["kl"]["mean"], found.kl[:, -1].mean())
    assert data["t_converge"] is None
    shown = run("store", "show", data["key"]).out
    assert f"--noise '{NOISE}'" in shown
    assert f"noise={NOISE}" in run("store", "list").out


def test_one_class_is_white_noise_in_every_digit(run):
    words = ("theory", *MODEL, "--json")
    one, white = (
        json.loads(run(*words, *more).out) for more in (["--noise", "0.7"], ["--eta", ".7"])
    )
    assert one["final"] == white["final"]
    assert one["key"] == white["key"]


@pytest.mark.parametrize("command", ["theory", "simulate"])
def test_sweeps_vary_noise(run, command):
    done = run("sweep", command, *MODEL, "--vary", f"noise={NOISE};0.9*0.5,0.3*0.5;0.86", "--json")
    points = done.json["points"]
    errors = [point["final"]["eps_g"] for point in points]
    if command == "theory":
        found = [vaedyn.theory(PARAMS.replace(noise=x)).eps_g[-1] for x in (NOISE, "0.9*.5,0.3*.5")]
        np.testing.assert_allclose(errors[:2], found, rtol=1e-12)
    assert len({json.dumps(error) for error in errors}) == 3


def test_grids_take_eta_from_the_noise_of_each_point():
    both = [None, "1.2*0.5,0.4*0.5"]
    for base in (PARAMS, PARAMS.replace(noise=None, eta=0.3)):
        points = [each.params for each in grid(base, {"noise": both})]
        assert [(each.eta, each.noise) for each in points] == [
            (base.eta, None), (0.8, "1.2*0.5,0.4*0.5")
        ]  # fmt: skip
        assert grid(base, {"beta": [1.0]})[0].params == base.replace(beta=1.0)
    with pytest.raises(vaedyn.ParameterError, match="eta: excludes noise"):
        grid({"eta": 0.3}, {"noise": both})
    with pytest.raises(vaedyn.ParameterError, match="eta: excludes noise"):
        grid(PARAMS, {"eta": [0.3]})
    swept = vaedyn.sweep("theory", PARAMS, vary={"beta": [0.5, 0.9]}, jobs=1)
    assert swept.points[1].params == PARAMS.replace(beta=0.9)


@pytest.mark.parametrize(
    "words",
    [
        ["learning-curve"], ["order-parameters"],
        ["learning-curve", "--vary", f"noise={NOISE};0.7;0.9*0.5,0.3*0.5"],
    ],
)  # fmt: skip
def test_pictures_show_theory_and_simulation(run, tmp_path, words):
    noise = [] if "--vary" in words else ["--noise", NOISE]
    done = run("plot", *words, *MODEL, *noise, "--runs", "2", "-o", "x.png", "--json")
    kinds = [record["kind"] for record in done.json["records"]]
    assert kinds == sorted(["theory", "simulate"] * (3 if "--vary" in words else 1), reverse=True)


def test_pictures_of_long_lists_have_short_names(run):
    values = ",".join(f"{1.5 - 0.01 * k:g}" for k in range(98))
    names = {run("plot", "learning-curve", *MODEL, "--runs", "1", "--noise", text).out
             for text in (values, values.replace("0.53", "0.54"))}  # fmt: skip
    assert len(names) == 2
    assert max(map(len, names)) < 220
    done = run("plot", "learning-curve", *MODEL, "--runs", "1", "--vary", f"noise={values};0.7")
    assert "*" not in done.out
    assert len(done.out) < 220


NOT_DERIVED = [
    "fixedpoints", "anneal", "theory --bands", "plot cascade",
    "plot concentration", "plot escape", "fixedpoints --vary beta=0.5:1", "plot branches",
    "sweep convergence --vary beta=0.5,1", "sweep fixedpoints --vary beta=0.5,1",
    "plot learning-curve --bands",
]  # fmt: skip


@pytest.mark.parametrize("words", NOT_DERIVED)
def test_what_is_not_derived_is_refused_in_one_line(run, words):
    done = run(*words.split(), "--noise", NOISE, "--dim", "50")
    assert done.code == 2
    last = done.err.splitlines()[-1]
    assert last.startswith("error: --noise: is not derived for")
    assert not done.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--noise", "1.9*0.002,0.6*0.998"], "noise: the share 0.002 of the variance 1.9 is less"),
        (["--noise", NOISE, "--eta", "2"], "eta: excludes noise, whose mean it is (0.86), got 2"),
        (["--noise", "nan"], "noise: variances and shares must be above zero"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(run, words, message):
    done = run("simulate", *MODEL, *words)
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert line.startswith(f"error: --{message}")
