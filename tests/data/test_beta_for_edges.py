"""The beta that is wanted, on tables of three or four known eigenvalues, just at the limits."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.data.beta_for import before_learning, beta_for, check_wanted
from vaedyn.data.prediction import Prediction
from vaedyn.errors import ParameterError


def predicted(eigenvalues, total=None, dim=7):
    values = np.array(eigenvalues, float)
    return Prediction(
        np.array([3.0]), 0.5, dim, values, float(values.sum() if total is None else total)
    )


def found(eigenvalues, total=None, dim=7):
    return SimpleNamespace(
        prediction=predicted(eigenvalues, total, dim), spectrum=SimpleNamespace(dim=dim)
    )


def refused(call, *given, **wanted):
    with pytest.raises(ParameterError) as error:
        call(*given, **wanted)
    return str(error.value)


def test_wishes_that_no_table_fulfils_are_refused_by_themselves():
    check_wanted()
    check_wanted(keep=1, capacity=1e-9, explained=0.999)
    assert refused(check_wanted, keep=0) == "keep: must be at least 1, got 0"
    assert refused(check_wanted, keep=2.5) == "keep: must be a whole number, got 2.5"
    assert refused(check_wanted, capacity=-1.0) == "capacity: must be > 0, got -1"
    assert refused(check_wanted, explained=0.0) == "explained: must be > 0, got 0"
    text = "explained: must be below 1, all of the variance, got 1.0"
    assert refused(check_wanted, explained=1.0) == text
    assert refused(beta_for, found([4, 2, 1]), explained=1.0) == text
    assert refused(check_wanted, capacity=np.nan).startswith("capacity: must be")


def test_one_wish_is_needed_and_no_more():
    table = found([4, 2, 1])
    assert refused(beta_for, table) == "keep: is needed: keep, capacity or explained"
    assert refused(beta_for, table, keep=1, explained=0.5) == "keep: excludes explained"
    assert refused(beta_for, table, capacity=1, explained=0.5) == "capacity: excludes explained"


def test_the_range_of_a_number_of_latents():
    table = found([5, 3, 0.75])
    for keep, low, high, beta in ((1, 3, 5, 15**0.5), (2, 0.75, 3, 1.5), (3, 0, 0.75, 0.375)):
        wanted = beta_for(table, keep=keep)
        assert (wanted.low, wanted.high) == (low, high)
        assert wanted.beta == pytest.approx(beta, rel=1e-14)
        assert (wanted.row.active, wanted.row.beta) == (keep, wanted.beta)
    last = beta_for(table, keep=2, latents=2)
    assert (last.low, last.high, last.beta) == (0, 3, 1.5)
    text = "keep: must be at most 3, the directions in which the data vary, got 4"
    assert refused(beta_for, table, keep=4) == text
    assert refused(beta_for, table, keep=4, latents=9) == text
    three = "keep: must be at most 3, the latents, got 4"
    assert refused(beta_for, table, keep=4, latents=3) == three
    assert refused(beta_for, table, keep=4, latents=2) == three.replace("3", "2")


def test_eigenvalues_are_equal_up_to_a_billionth():
    text = "keep: eigenvalues 1 and 2 are equal: both latents are lost at one beta"
    assert refused(beta_for, found([3, 3 * (1 - 0.995e-9), 1]), keep=1) == text
    wanted = beta_for(found([3, 3 * (1 - 1.005e-9), 1]), keep=1)
    assert wanted.low < wanted.beta < wanted.high == 3


def test_capacities_are_those_of_the_latents_above():
    table = found([5, 3, 0.75])
    for beta, nats in ((4, np.log(5 / 4)), (2, np.log(15 / 4)), (0.5, np.log(5 * 3 * 0.75 * 8))):
        wanted = beta_for(table, capacity=nats / 2)
        assert wanted.beta == wanted.low == wanted.high == pytest.approx(beta, rel=1e-14)
    assert beta_for(table, capacity=np.log(15 * 16) / 2, latents=2).beta == pytest.approx(0.25)
    assert refused(beta_for, table, capacity=1234.5) == (
        "capacity: is too large, got 1234.5 nats"
    )  # fmt: skip


def test_shares_are_those_of_the_total():
    table = found([5, 3, 0.75], total=10, dim=3)
    assert beta_for(table, explained=0.1).beta == pytest.approx(4, rel=1e-14)
    assert beta_for(table, explained=0.4).beta == pytest.approx(2, rel=1e-14)
    assert beta_for(table, explained=0.725, latents=4).beta == pytest.approx(0.5, rel=1e-14)
    assert beta_for(table, explained=0.7, latents=2).beta == pytest.approx(0.5, rel=1e-14)
    most = "explained: must be a share below 0.8, which beta = 0 reaches, got "
    assert refused(beta_for, table, explained=0.9, latents=2) == f"{most}0.9"
    assert refused(beta_for, table, explained=0.8 * (1 - 0.99e-9), latents=2) == f"{most}0.8"
    near = beta_for(table, explained=0.8 * (1 - 1.01e-9), latents=2).beta
    assert near == pytest.approx(10 * 0.8 * 1.01e-9 / 2, rel=1e-5)


def test_eigenvalues_beyond_those_known_are_asked_for():
    """Of seven directions three are known, and the sum of all."""
    table, text = found([5, 3, 0.75], total=10), "leading: must be more: only 3 eigenvalues were"
    assert refused(beta_for, table, keep=3) == f"{text} computed"
    assert refused(beta_for, table, explained=0.9) == f"{text} computed"
    assert refused(beta_for, table, explained=0.73, latents=4) == f"{text} computed"
    assert refused(beta_for, table, capacity=5.0) == f"{text} computed"
    assert beta_for(table, keep=2).low == 0.75  # and no further
    assert beta_for(table, keep=3, latents=3).low == 0
    assert beta_for(found([5, 3, 0.75], total=10, dim=3), keep=3).low == 0  # all are known
    assert refused(beta_for, table, explained=0.9, latents=3).startswith("explained: must be")


def test_a_learned_variance_multiplies_beta():
    prediction = predicted([5, 3, 0.75], total=10)
    error = 2 + 2 + 0.75 + 1.25  # at beta 2
    assert before_learning(prediction, 2.0, 7) == pytest.approx(2 * 7 / error, rel=1e-14)
    assert before_learning(prediction, 2.0, 7, 1) == pytest.approx(14 / 7, rel=1e-14)
    assert before_learning(prediction, 0.0, 7) == 0
    assert before_learning(prediction, 0.5, 7) == pytest.approx(3.5 / 2.75, rel=1e-14)
    whole = predicted([5, 3, 0.75])  # nothing is left at beta = 0
    assert before_learning(whole, 0.0, 7) == 7 / 3
    assert before_learning(whole, 0.0, 7, 2) == 0
    assert before_learning(whole, 1e-30, 7) == pytest.approx(7 / 3)
    for left, limit in ((4.9e-9, 7 / 3), (5.1e-9, 0)):  # of the largest, a billionth
        assert before_learning(predicted([5, 3, 0.75], 8.75 + left), 0.0, 7) == limit


def test_beside_a_learned_variance_all_three_betas_are_weights():
    table = found([5, 3, 0.75], total=10)
    plain, learned = (beta_for(table, keep=2, learned=each) for each in (False, True))
    error = {0.75: 3.5, 1.5: 5, 3: 8}
    assert learned.row == plain.row
    wanted = [beta * 7 / error[beta] for beta in (0.75, 1.5, 3)]
    assert (learned.low, learned.beta, learned.high) == pytest.approx(wanted, rel=1e-14)
    assert refused(beta_for, table, keep=2, latents=0) == "latents: must be at least 1, got 0"
