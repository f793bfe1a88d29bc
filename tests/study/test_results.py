"""The study of nonlinear VAEs: its results are whole, and its page has their numbers.

PyTorch is not needed: `make study` trains the VAEs, and compares its models with plain twins.
"""

import json

import numpy as np
import pytest

from study import draw, findings, page
from study import settings as chosen
from study.rows import DISTANCE, LATENTS, SHARE, TABLES, eigenvalues, rows
from tests.shared.pictures import faults

RESULTS = findings.load()


def shapes(run, latents):
    """Return the shape that each list of a run must have."""
    if run["kind"] == "warm-up":
        copies = len(chosen.WARM_UP) * len(chosen.SEEDS)
        looks = chosen.ANNEALED_STEPS // chosen.EVERY + 1
        return {"loss": (copies, looks), "kl_per_latent": (copies, latents)}
    count = len(chosen.grid(run["table"], run["kind"]))
    return {"kl_per_latent": (count, latents), "kl_before": (count,), "error": (count,)}


def test_results_were_made_with_the_settings_that_the_code_has():
    settings = RESULTS["settings"]
    assert json.loads(json.dumps(chosen.as_data())).items() <= settings.items()
    assert {"vaedyn", "torch", "numpy", "python"} == set(settings["versions"])


def test_results_have_every_run_whole():
    names = ("table", "model", "kind")
    assert [tuple(run[name] for name in names) for run in RESULTS["runs"]] == chosen.parts()
    for run in RESULTS["runs"]:
        for name, shape in shapes(run, LATENTS[run["table"]]).items():
            values = np.array(run[name], float)
            assert values.shape == shape, (run["table"], run["model"], run["kind"], name)
            assert np.isfinite(values).all()
            assert (values >= 0).all()
        if run["kind"] != "warm-up":
            assert run["beta"] == list(chosen.grid(run["table"], run["kind"]))


@pytest.mark.parametrize("table", TABLES)
def test_results_belong_to_the_tables_that_the_code_makes(table):
    known, values = RESULTS["tables"][table], rows(table)
    assert known["samples"] == len(values)
    assert known["latents"] == LATENTS[table]
    assert known["eigenvalues"] == pytest.approx(eigenvalues(values), rel=1e-4)
    own = np.sort(np.linalg.svd(values, compute_uv=False) ** 2 / len(values))[::-1]
    assert eigenvalues(values) == pytest.approx(own, rel=1e-9, abs=1e-12)


def test_the_page_has_the_numbers_of_the_results():
    """After `make study`, or `python -m study.page`."""
    text = page.PAGE.read_text()
    assert page.written(text, RESULTS) == text
    other = json.loads(json.dumps(RESULTS))
    for run in other["runs"]:
        if run["kind"] == "scratch":
            run["error"] = [1.1 * error for error in run["error"]]
    assert page.written(text, other) != text
    with pytest.raises(ValueError, match="0 places for <!-- summary -->"):
        page.written("a page", RESULTS)


@pytest.mark.parametrize("figure", [draw.collapse, draw.rare])
def test_nothing_overlaps_in_the_figures(figure):
    assert faults(figure(RESULTS)) == []


# --- what is made of the results ---------------------------------------------------------


def test_predictions_are_those_of_reverse_water_filling():
    expected = findings.prediction(RESULTS, "wine")
    values = np.array(RESULTS["tables"]["wine"]["eigenvalues"])
    kl = sum(0.5 * np.log(s / 1.3) for s in values if s > 1.3)
    assert expected.rate(1.3, 10) == pytest.approx(kl)
    assert expected.error(1.3, 2) == pytest.approx(2.6 + values[2:].sum())


def test_the_last_latent_dies_where_kl_crosses_a_hundredth():
    """A latent of variance l_1 has ln(l_1/beta)/2: 0.01 at exp(-0.02)."""
    beta = np.array([0.5, 0.97, 0.99, 1.2])
    kl = np.maximum(-np.log(beta) / 2, 1e-9)
    run = {"beta": beta.tolist(), "kl_per_latent": np.stack([kl, 0 * kl], axis=1).tolist()}
    died = findings.death(run)
    assert died.beta == pytest.approx(np.exp(-0.02), abs=3e-3)  # a line in ln(KL) is not exact
    assert str(died) == "0.98"
    run["kl_per_latent"][-1] = [0.006, 0.006]
    assert str(findings.death(run)) == "> 1.2"
    run["kl_per_latent"] = [[0.009, 0.0]] * 4
    assert findings.death(run) is None


def test_gains_of_a_warm_up_are_ratios_of_times():
    """Losses that decay exponentially, 1.5 times as fast with the warm-up."""
    looks = np.arange(0, 101) * 25.0
    losses = [list(2 + 3 * np.exp(-looks / time)) for time in (300, 300, 200, 200)]
    run = {"table": "a", "model": "b", "kind": "warm-up", "warm_up": [0, 0, 9, 9]}
    run |= {"seed": [0, 1] * 2, "collapsed": 5.0, "loss": losses}
    run["kl_per_latent"] = [[1.0, 0.0]] * 2 + [[1.0, 0.5]] * 2
    steps, (warm,) = findings.warm_ups({"runs": [run], "settings": {"every": 25}}, "a", "b")
    assert steps == pytest.approx(300 * np.log(10), abs=75)
    assert warm.steps == 9
    assert warm.gain == pytest.approx(1.5, rel=0.06)
    assert warm.active == 1


def test_the_rare_cluster_has_the_variance_that_is_said():
    values = rows("rare")
    expected = 1 + SHARE * (1 - SHARE) * DISTANCE**2
    assert values[:, 0].var() == pytest.approx(expected, rel=0.06)
