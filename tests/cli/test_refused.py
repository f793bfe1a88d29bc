"""Bad input is found before anything is computed: nothing is kept of it."""

import warnings

import numpy as np
import pytest

from vaedyn.cli.plot.sweep import _possible_scale

FAST = "--dim 50 --t-max 20 --points 3"
REFUSED = {
    f"plot order-parameters {FAST} --runs 0": "--runs: must be at least 1, got 0",
    f"plot learning-curve {FAST} --seed -1": "--seed: must be at least 0, got -1",
    f"plot learning-curve {FAST} --jobs 0 --bands": "--jobs: must be at least 1, got 0",
    f"plot learning-curve {FAST} --vary beta=1,2 --runs 0": "--runs: must be at least 1",
    f"plot learning-curve {FAST} --animate a.gif --runs 1e17": "--runs: must be below 2^53",
    f"plot cascade {FAST} --runs 0": "--runs: must be at least 1",
    f"plot cascade {FAST} --jobs -3": "--jobs: must be at least 1",
    f"plot concentration {FAST} --vary dim=50,100 --jobs 0": "--jobs: must be at least 1",
    "plot concentration --t-max 1e6 --points 3 --vary dim=50,1e12": "--t-max: 1e+18 steps",
    f"plot sweep {FAST} --of simulate --vary beta=1,2 --jobs 0": "--jobs: must be at least 1",
    f"plot sweep {FAST} --vary beta=1,2 --jobs 0": "--jobs: must be at least 1",
    f"plot sweep {FAST} --vary lam=0,1 --x-scale log": "--x-scale: a logarithmic axis needs",
    f"sweep theory {FAST} --vary beta=1,2 --jobs 0": "--jobs: must be at least 1",
    f"sweep simulate {FAST} --vary runs=0,1": "--runs: must be at least 1",
    f"sweep simulate {FAST} --vary beta=1,2 --runs 0": "--runs: must be at least 1",
    "spectrum data.npy --spikes 1000000": "--spikes: must be below 4",
    "plot spectrum data.npy --spikes 4": "--spikes: must be below 4",
    "plot collapse data.npy --lr -1": "--lr: must be > 0",
    "plot collapse data.npy --lam nan": "--lam: must be finite",
    "simulate --data data.npy --beta -1": "--beta: must be",
    "simulate --data data.npy --anneal tahn": "--anneal: expected constant",
    "simulate --data data.npy --t-max 0": "--t-max: must be > 0",
    "simulate --data data.npy --init m=0,d=0,Q=1,E=1,R=0,D=1": "--init: must be gaussian",
    "simulate --data data.npy --latent 0": "--latent: must be at least 1",
}


@pytest.mark.parametrize(("words", "message"), REFUSED.items(), ids=REFUSED.keys())
def test_nothing_is_kept_of_bad_input(run, tmp_path, words, message):
    np.save(tmp_path / "data.npy", np.random.default_rng(0).standard_normal((30, 4)))
    done = run(words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["data.npy"]


ZERO = f"plot sweep {FAST} --init m=0,d=0,Q=0,E=0,R=0,D=1 --vary beta"


def test_a_logarithmic_axis_without_a_number_is_linear_and_says_so(run, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done = run(f"{ZERO}=0.5,1 --y Q --y-scale log -o a.svg")
    assert (done.code, done.out) == (0, "a.svg\n")
    assert "warning: Q is above 0 at no point: the axis is linear, not logarithmic" in done.err


def test_points_that_a_logarithmic_axis_lacks_are_counted(caplog):
    several = np.array([-3.0, 1.0])  # of which the largest in size is drawn
    values = [2.0, None, 0.0, {"mean": -1.0, "std": 1.0}, {"mean": several, "std": several}]
    assert _possible_scale("kl", values) == "log"
    assert caplog.messages == ["at 2 of 4 points kl is not above 0, and not drawn"]
    caplog.clear()
    assert _possible_scale("kl", [2.0, None]) == _possible_scale("kl", [None]) == "log"
    assert caplog.messages == []
