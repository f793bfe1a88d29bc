"""`vaedyn anneal --export`: the schedule alone on stdout, in your own steps and weights."""

import json

import numpy as np
import pytest

from vaedyn import Params, best_schedule

MODEL = "anneal --beta 1.5 --family linear --tol 0.05 --dim 400 -q"


pytestmark = pytest.mark.usefixtures("coarse")


@pytest.fixture
def found(coarse):
    return best_schedule(Params(beta=1.5, dim=400), "linear", tol=0.05)


def test_the_function_runs_and_has_the_pace_of_the_code_it_is_for(run, found):
    """SGD of rate 0.2 on a mean squared error: a step is worth c rate / tau = 2 0.2/400 / 0.01."""
    result = run(MODEL, "--loss mean --learning-rate 0.2 --export python")
    assert result.code == 0
    names = {}
    exec(compile(result.out, "exported", "exec"), names)
    duration = float(found.spec.partition(":")[2]) / (2 * 0.2 / 400 / 0.01)
    final = 1.5 * 2 / 400
    assert names["kl_weight"](0.25 * duration) == pytest.approx(final / 4, rel=1e-9)
    assert names["kl_weight"](10 * duration) == pytest.approx(final, rel=1e-12)
    comments = [line for line in result.out.splitlines() if line.startswith("#")]
    assert found.spec in comments[0]
    assert f"{duration:.0f} steps; final KL weight 0.0075" in comments[1]
    assert f"{found.gain:.3g} times as fast" in comments[2]


def test_json_and_csv_have_the_same_table_and_epochs(run, found):
    words = "--rows 2000 --batch-size 50"
    data = json.loads(run(MODEL, words, "--export json").out)
    assert (data["per_step"], data["per_epoch"], data["weight"]) == (1 / 400, 40, 1.5)
    assert data["epochs"] == pytest.approx(float(found.spec.partition(":")[2]) * 400 / 40)
    lines = run(MODEL, words, "--export csv").out.splitlines()
    assert lines[0] == "step,weight"
    np.testing.assert_allclose([[*map(float, x.split(","))] for x in lines[1:]], data["table"])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("--rows 5", "--rows goes with --export"),
        ("--learning-rate 5", "--learning-rate goes with --export"),
        ("--export csv --json", "--export and --json exclude each other"),
        ("--export csv --learning-rate 0", "learning-rate: must be > 0"),
        ("--export csv --likelihood bernoulli", "likelihood: a schedule is derived for"),
        ("--export yaml", "'yaml' is not one of 'python', 'csv', 'json'"),
    ],
)
def test_what_makes_no_sense_is_one_line(run, words, reason):
    result = run(MODEL, words)
    assert result.code == 2
    assert reason in result.err
    assert len(result.err.splitlines()) == 1
    assert not result.out
