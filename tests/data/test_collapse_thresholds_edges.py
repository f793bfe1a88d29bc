"""Thresholds of other likelihoods on three columns: each number, each range, each refusal."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.data import collapse_thresholds as module
from vaedyn.data.collapse_thresholds import (
    CollapseThresholds,
    _check_range,
    _column,
    _Scaled,
    collapse_thresholds,
)
from vaedyn.errors import ParameterError

COUNTS = np.array([[1, 4, 0, 7], [3, 4, 2, 7], [0, 1, 5, 7], [2, 9, 1, 7], [4, 2, 3, 7.0]])


def refused(call, *given, **options):
    with pytest.raises(ParameterError) as error:
        call(*given, **options)
    return str(error.value)


def test_score_and_information_of_each_likelihood():
    mean, variance = np.array([0.3, 0.75]), np.array([2.0, 5.0])
    for likelihood, score, information in (
        ("gaussian", [1, 1], [1, 1]),
        ("bernoulli", [1, 1], [0.21, 0.1875]),
        ("poisson", [1, 1], [0.3, 0.75]),
        ("nb", [1 / 1.12, 1 / 1.3], [0.3 / 1.12, 0.75 / 1.3]),  # of dispersion 2.5
        ("factor", [0.5, 0.2], [0.5, 0.2]),
    ):
        found = _column(likelihood, mean, variance, 2.5)
        np.testing.assert_allclose(found.score, score, rtol=1e-14)
        np.testing.assert_allclose(found.information, information, rtol=1e-14)


@pytest.mark.parametrize("likelihood", ["gaussian", "poisson", "nb", "factor"])
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_eigenvalues_directions_and_weights(likelihood, scale):
    dispersion = 2.5 if likelihood == "nb" else None
    found = collapse_thresholds(COUNTS, likelihood, dispersion=dispersion, scale=scale)
    x = scale * COUNTS[:, :3]
    mean, variance = x.mean(axis=0), x.var(axis=0)
    spread = 1 + mean / 2.5
    score, information = {
        "gaussian": (mean**0, mean**0), "poisson": (mean**0, mean),
        "nb": (1 / spread, mean / spread), "factor": (1 / variance, 1 / variance),
    }[likelihood]  # fmt: skip
    residual = (x - mean) * score / np.sqrt(information)
    values, vectors = np.linalg.eigh(residual.T @ residual / 5)
    np.testing.assert_allclose(found.eigenvalues, values[::-1], rtol=1e-10)
    assert found.directions.shape == found.weights.shape == (3, 4)
    assert not found.directions[:, 3].any()
    assert not found.weights[:, 3].any()
    signs = np.sign((vectors[:, ::-1].T * found.directions[:, :3]).sum(axis=1))
    own = vectors[:, ::-1].T * signs[:, None]
    np.testing.assert_allclose(found.directions[:, :3], own, atol=1e-9)
    np.testing.assert_allclose(found.weights[:, :3], own / np.sqrt(information), atol=1e-9)
    assert (found.likelihood, found.dispersion) == (likelihood, dispersion)
    assert (found.left_out, found.samples, found.dim, found.complete) == ((3,), 5, 4, True)
    assert found.warnings == ()


def test_unstable_directions_are_those_above():
    found = CollapseThresholds(**dict.fromkeys(CollapseThresholds.__dataclass_fields__) | {
        "eigenvalues": np.array([5.0, 2.0, 1.0])})  # fmt: skip
    assert [found.unstable(beta) for beta in (0.5, 1.0, 1.9, 2.0, 5.0)] == [3, 2, 2, 1, 0]


def test_only_counts_are_whole_numbers():
    text = "entries are no whole numbers, as counts are: were they normalised?"
    half = COUNTS + 0.5 * np.eye(5)[:, :4]
    assert collapse_thresholds(half, "poisson").warnings == (text,)
    assert collapse_thresholds(half, "nb", dispersion=3.0).warnings == (text,)
    for likelihood in ("gaussian", "factor"):
        assert collapse_thresholds(half, likelihood).warnings == ()
    assert collapse_thresholds(half / 10, "bernoulli").warnings == ()


def test_what_rounding_puts_above_one_is_one():
    blocks = _Scaled(lambda: iter([np.array([[2.0, 2 + 1.9e-6, 2 + 2.1e-6, 1.0, -3.0]])]), 0.5, 1.0)
    ((found,),) = blocks()
    assert found[:2].tolist() == [1, 1]
    assert found[2] > 1
    assert found[3:].tolist() == [0.5, -1.5]
    x = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.3]])
    over = x.copy()
    over[2, 1] = 1 + 0.9e-6
    np.testing.assert_allclose(
        collapse_thresholds(over, "bernoulli").eigenvalues,
        collapse_thresholds(x, "bernoulli").eigenvalues, rtol=1e-12,
    )  # fmt: skip
    over[2, 1] = 1 + 1.1e-6
    assert "between 0 and 1" in refused(collapse_thresholds, over, "bernoulli")
    assert collapse_thresholds(over, "poisson").eigenvalues.size == 2


def test_entries_out_of_range_are_named_where_they_stand():
    def checked(likelihood, *blocks):
        return _check_range(lambda: iter(np.array(block, float) for block in blocks), likelihood)

    fine = [[0.0, 1.0], [1.0, 0.0]]
    for likelihood in ("gaussian", "bernoulli", "poisson", "nb", "factor"):
        assert checked(likelihood, fine, fine) is True
        assert checked(likelihood, fine, [[0.5, 1.0]]) is False
        assert checked(likelihood, [[0.5, 1.0]], fine) is False
    text = "data: row {}, column 2 is {}: the likelihood {} needs numbers {}"
    for likelihood in ("poisson", "nb"):
        assert checked(likelihood, fine, [[9.0, 4.0]]) is True
        assert refused(checked, likelihood, fine, fine, [[1, 0], [0, -0.25]]) == text.format(
            6, "-0.25", likelihood, "at least 0"
        )
    for bad in (1.25, -0.25):
        assert refused(checked, "bernoulli", fine, [[1, bad]]) == text.format(
            3, bad, "bernoulli", "between 0 and 1"
        )
    for likelihood in ("gaussian", "factor"):
        assert checked(likelihood, [[-9.0, 4.0]]) is True


def test_options_go_where_they_belong(monkeypatch):
    asked = {}

    def spectrum(blocks, leading, *, passes):
        asked.update(leading=leading, passes=passes)
        return SimpleNamespace(
            directions=np.eye(3)[:2], eigenvalues=np.array([5.0, 4.0]), complete=False
        )

    def table(data, **how):
        asked.update(how)
        return real(data)

    real = module.as_table
    monkeypatch.setattr(module, "covariance_spectrum", spectrum)
    monkeypatch.setattr(module, "as_table", table)
    found = collapse_thresholds(COUNTS, "poisson")
    assert asked == {"leading": 200, "passes": 6, "columns": None, "missing": None}
    assert (found.eigenvalues.tolist(), found.complete) == ([4.0, 3.2], False)
    collapse_thresholds(COUNTS, "poisson", leading=3, passes=2, columns="1-4", missing="drop")
    assert asked == {"leading": 3, "passes": 2, "columns": "1-4", "missing": "drop"}


def test_blocks_hold_32_megabytes(monkeypatch):
    asked = []

    class Table:
        columns = 4

        def blocks(self, rows):
            asked.append(rows)
            return iter([COUNTS])

    monkeypatch.setattr(module, "as_table", lambda data, **how: Table())
    collapse_thresholds("data", "poisson")
    assert set(asked) == {1_000_000}
    monkeypatch.setattr(module, "AT_ONCE", 31)
    collapse_thresholds("data", "poisson")
    assert asked[-1] == 1


@pytest.mark.parametrize(
    ("likelihood", "options", "text"),
    [
        ("gauss", {},
         "likelihood: expected gaussian, bernoulli, poisson, nb, factor, got 'gauss'"),
        ("nb", {}, "dispersion: is needed for the likelihood nb, the negative binomial"),
        ("poisson", {"dispersion": 2.0},
         "dispersion: goes with the likelihood nb, the negative binomial"),
        ("nb", {"dispersion": 0.9e-12}, "dispersion: must be >= 1e-12, got 9e-13"),
        ("poisson", {"scale": 0.9e-12}, "scale: must be >= 1e-12, got 9e-13"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(likelihood, options, text):
    assert refused(collapse_thresholds, COUNTS, likelihood, **options) == text


def test_the_least_dispersion_and_scale_are_allowed():
    assert collapse_thresholds(COUNTS, "nb", dispersion=1e-12).dispersion == 1e-12
    assert collapse_thresholds(COUNTS, "factor", scale=1e-12).eigenvalues[0] > 1
