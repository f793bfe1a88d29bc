"""Every cell, line and first sentence of listings of scores on rows held out."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

from vaedyn.listings import heldout
from vaedyn.listings.listing import Table


def scored(beta, **others):
    made = Made(
        beta=beta, active=2.0, explained=0.625, explained_error=0.0125, squared_error=1.25,
        squared_error_error=0.125, log_likelihood=-20.0, log_likelihood_error=0.5,
    )  # fmt: skip
    vars(made).update(others)
    return made


def held(**others):
    made = Made(
        folds=Made(variances=np.array([[4.0, 1.0, 0.0]]), total=np.array([5.0]), rows=[0, 0, 0]),
        dim=3, samples=40, best=scored(0.75), simplest=scored(1.5), score=scored, doubts=[],
        unbounded=False,
    )  # fmt: skip
    vars(made).update(others)
    return made


def test_rows_held_out_are_listed_at_round_weights_and_those_that_matter():
    """From a third of the best, where no variance is smaller, to the largest variance."""
    listed = heldout.listed(held(), beta=1.25)
    marks = {each.beta: mark for each, mark in listed if mark}
    assert marks == {0.75: "best", 1.25: "yours", 1.5: "simplest"}
    betas = [each.beta for each, _ in listed]
    assert betas == sorted(set(betas))
    assert min(betas) <= 0.25 * 1.0001
    assert max(betas) >= 4.0 / 2.5
    twice = heldout.listed(held(), 2.0)
    assert "yours" not in [mark for _, mark in twice]
    assert {round(2 * each.beta, 12) for each, mark in twice if not mark} >= {1.0, 2.0, 5.0}
    same = heldout.listed(held(simplest=scored(0.75)))
    assert [mark for each, mark in same if each.beta == 0.75] == ["best"]
    table = heldout.table([(scored(0.75), "best")], factor=2.0)
    assert table == Table(
        ["KL weight beta", "active units", "explained variance", "squared error",
         "log likelihood", ""],
        [["1.5", "2", "62.5 +- 1.2 %", "1.25 +- 0.12", "-20.00 +- 0.50", "best"]], [""],
    )  # fmt: skip
    assert heldout.table([], Made()).columns[0] == "KL weight"


@pytest.mark.parametrize(
    ("variances", "best", "low"),
    [
        ([[4.0, 1.0, 0.0]], 0.75, 0.25), ([[4.0, 1.0, 0.0]], 9.0, 1.0),
        ([[4.0, 1.0], [0.001, 0.0]], 9.0, 0.001 * 5 / 3), ([[4.0, 0.002]], 9.0, 0.002),
    ],
)  # fmt: skip
def test_where_the_table_of_rows_held_out_begins(monkeypatch, variances, best, low):
    """At the smallest variance, or a thousandth of their mean, in your KL weights."""
    asked = []
    monkeypatch.setattr(heldout, "steps", lambda *ends: asked.append(ends) or [1.0, 3.0])
    made = held(best=scored(best))
    made.folds.variances = np.array(variances)
    listed = heldout.listed(made, 2.0)
    assert asked == [(pytest.approx(2 * low), 8.0)]
    heldout.listed(made)  # in those of the model
    assert asked[1] == (pytest.approx(low), 4.0)
    marks = [(each.beta, mark) for each, mark in listed]
    assert marks == sorted([(0.5, ""), (1.5, "simplest"), (best, "best")])


def test_which_weight_is_best_in_words():
    assert heldout.answer(held()) == [
        "best: KL weight beta = 0.75, 2 active units",
        "simplest within one standard error: KL weight beta = 1.5, 2 active units",
    ]
    assert heldout.answer(held(), Made(), 2.0)[0] == (
        "best: KL weight 1.5 (beta = 0.75), 2 active units"
    )
    assert heldout.size(held()) == (
        "40 samples in 3 dimensions, 3 folds: likelihoods are in nats per row held out"
    )
    assert heldout.answer(held(unbounded=True)) == [heldout.EDGE]
    assert heldout.answer(held(doubts=["rows repeat", "more"], unbounded=True)) == [
        "no KL weight is recommended, as rows repeat"
    ]
    shown = heldout.listing(held(doubts=["rows repeat"]))
    assert shown.lines == [heldout.size(held())]
    assert shown.warnings == ["rows repeat"]
