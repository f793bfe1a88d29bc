"""What is shown of a table: each cell, each sentence, of a look made by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.data.convention import Convention
from vaedyn.data.prediction import Row
from vaedyn.listings import look
from vaedyn.listings.listing import Table

ROWS_COUNT = (
    "the eigenvalue of the rows counts, as they are used again and again; on ever fresh data the "
    "population's would (--epochs one)"
)
FRESH_COUNTS = (
    "the population's eigenvalue rho + eta counts, as every sample is fresh; in many epochs that "
    "of the rows would (--epochs many)"
)
MEAN = Convention("mean")  # 0.4 times beta, of five columns


def made(signals=2, **changes):
    """Return a look at signals of strengths 4, 3.5, ... in noise of 0.5, in five columns."""
    rho = 4 - np.arange(signals) / 2
    values = np.array([5.0, 4.0, 0.75, 0.5, 0.25])
    it = {
        "rho": rho, "rho_error": np.full(signals, 0.25), "groups": (), "alternatives": {},
        "dim": 4, "eta": 0.5, "estimator": "likelihood", "no_floor": None, "warnings": ("careful",),
        "thresholds": np.stack([rho + 1, rho + 0.5], axis=1), "epochs": "many",
        "without_noise": None, "samples": 90, "latents": signals, "beta": 0.625,
        "active": lambda beta, count: count, "variances": lambda latents=None: values,
        "fresh_error": lambda beta: 1.25 * beta, "origin": {},
    }  # fmt: skip
    it = SimpleNamespace(**{**it, **changes})
    spectrum = SimpleNamespace(samples=it.samples, dim=5)
    return SimpleNamespace(
        analysis=it, spectrum=spectrum, prediction=it, rows=SimpleNamespace(origin=it.origin),
        thresholds=it.thresholds, epochs=it.epochs, without_noise=it.without_noise,
    )  # fmt: skip


def test_weights_stand_for_betas():
    assert look.weight_of(None, 2.0, 5) is None
    assert look.weight_of(MEAN, 2.0, 5) == pytest.approx(0.8)


def test_signals_have_a_row_each():
    found, lines = look.signals(made())
    assert found == Table(
        ["signal", "strength rho", "collapses at beta", "on fresh data"],
        [["1", "4.00 +- 0.25", "5", "4.50 +- 0.25"], ["2", "3.50 +- 0.25", "4.5", "4.00 +- 0.25"]],
        more=0,
    )
    assert lines == [ROWS_COUNT]
    found, lines = look.signals(made(epochs="one"), MEAN)
    assert found.columns == [
        "signal", "strength rho", "collapses at beta", "on these rows", "KL weight",
    ]  # fmt: skip
    assert found.rows[0] == ["1", "4.00 +- 0.25", "4.50 +- 0.25", "5", "1.8"]
    assert lines == [FRESH_COUNTS]
    assert look.signals(made(), MEAN)[0].rows[0][-1] == "2"


@pytest.mark.parametrize(("off", "both"), [(0.25, False), (0.2501, True), (-0.2501, True)])
def test_fresh_data_have_a_column_where_thresholds_differ_by_an_error(off, both):
    own = np.array([4.5, 4.0])
    thresholds = np.stack([own, own - [0, off]], axis=1)
    found, _ = look.signals(made(thresholds=thresholds))
    assert found.columns[2:] == ["collapses at beta", "on fresh data"][: 1 + both]
    assert {len(row) for row in found.rows} == {3 + both}


def test_crowded_signals_are_marked_and_many_are_left_out():
    group = SimpleNamespace(first=1, last=2, rho=3.25, rho_error=0.125)
    found, lines = look.signals(made(4, groups=(group,)))
    assert [row[1][-1] for row in found.rows] == ["5", "*", "*", "5"]
    assert lines == ["* 2 to 3 repel each other; their mean: rho = 3.25 +- 0.12", ROWS_COUNT]
    assert look.signals(made(25))[0].more == 0
    found = look.signals(made(27))[0]
    assert (found.more, len(found.rows)) == (2, 25)


def test_columns_that_are_signals_by_themselves(monkeypatch):
    def alone(count):
        monkeypatch.setattr(look, "columns_alone", lambda *_: np.arange(count) + 3)
        return look.alone(made())

    assert alone(0) == []
    assert alone(2) == [
        "signals of single columns: 4, 5; where columns have units of their own, these are no "
        "signals: standardise them (--standardise)"
    ]
    assert ", 28; where" in alone(25)[0]
    assert ", 28, ...; where" in alone(26)[0]


SIZE = "90 samples in 4 dimensions"
FIT = "more latents than that fit noise of these rows below beta = 0.75"


def test_what_is_recommended():
    ours = "recommended: KL weight beta = 0.625, latent dimension M = 2"
    others = "the other estimators need all eigenvalues"
    error = "expected error eps_g on fresh data: 0.7812 (0.625 at beta = eta)"
    noise = f"{SIZE}, noise eta = 0.5 (likelihood; {{}})"
    assert look.answer(made()) == [noise.format(others), ours, error, FIT]
    known = made(alternatives={"median": 0.75, "matching": 0.625}, dim=1)
    assert look.answer(known)[0] == (
        "90 samples in 1 dimension, noise eta = 0.5 (likelihood; median 0.75, matching 0.625)"
    )
    theirs = look.answer(made(), MEAN)
    assert theirs[1] == "recommended: KL weight 0.25 (beta = 0.625), latent dimension M = 2"
    assert theirs[3] == FIT.replace("beta = 0.75", "KL weight 0.3")
    fresh = look.answer(made(epochs="one"))
    assert fresh[2:] == [FIT.replace(" of these rows", "")]
    assert look.answer(made(5))[3:] == []
    assert look.answer(made(4))[3] == FIT.replace("0.75", "0.25")
    none = look.answer(made(without_noise=0.125))
    assert none[-1] == "if there is no noise: beta below 0.125, latent dimension M = 4"
    no_floor = made(no_floor="so it is", without_noise=0.125)
    assert look.answer(no_floor) == [
        f"{SIZE}: no beta is recommended, as so it is", none[-1],
    ]  # fmt: skip
    assert look.reason(made()) is None


def test_where_no_latent_is_of_use():
    assert look.answer(made(0))[1:] == [
        "recommended: KL weight beta = 0.625, latent dimension M = 0: no signal stands out of the "
        "noise, which is all that latents would fit",
        "more latents than that fit noise of these rows below beta = 5",
    ]
    lost = made(active=lambda beta, count: 0)
    assert look.recommendation(lost, None) == (
        "recommended: KL weight beta = 0.625, latent dimension M = 2: there all collapse, as "
        "signals so weak leave no trace in so few rows"
    )


def test_weights_have_a_row_each(monkeypatch):
    asked = []
    every = [(0.5, Row(0.5, 3, 0.875, 2.5, False), 1, ""), (2.0, Row(2.0, 1, 0.25, 0.75), 0, "")]

    def overview(data, **how):
        asked.append(how)
        return every

    monkeypatch.setattr(look, "overview", overview)
    assert look.weights(made()) == Table(
        ["KL weight beta", "active units", "explained variance", "KL (nats)"],
        [["0.5", ">= 3", ">= 87.5 %", ">= 2.5"], ["2", "1", "25.0 %", "0.75"]],
        [""],
    )
    every[1] = (*every[1][:3], "yours")
    found = look.weights(made(), 3, MEAN, "yours")
    assert found.columns == ["KL weight", "active units", "explained variance", "KL (nats)", ""]
    assert found.rows == [
        ["0.5", ">= 3 of 3", ">= 87.5 %", ">= 2.5", ""], ["2", "1 of 3", "25.0 %", "0.75", "yours"],
    ]  # fmt: skip
    assert asked == [
        {"latents": None, "convention": look.OWN, "yours": None},
        {"latents": 3, "convention": MEAN, "yours": "yours"},
    ]


def test_all_that_is_shown(monkeypatch):
    monkeypatch.setattr(look, "weights", lambda data: "weights")
    monkeypatch.setattr(look, "alone", lambda data: ["alone"])
    shown = look.listing(made())
    size, first, *others = look.answer(made())
    table, said = look.signals(made())
    assert shown == (first, [table, "weights"], [size, *said, "alone", *others], ("careful",))
    assert "alone" not in look.listing(made(origin={"standardise": True})).lines
    none = look.listing(made(0))
    assert none.tables == ["weights"]
    assert len(none.lines) == 2
    no_floor = look.listing(made(no_floor="so it is"))
    assert no_floor.first == f"{SIZE}: no beta is recommended, as so it is"
    assert no_floor.lines == ["rows held out can choose a KL weight: vaedyn.heldout"]
    assert no_floor.tables == ["weights"]
