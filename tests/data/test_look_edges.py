"""What a look hands on: to the spectrum, its analysis, the prediction and the rows."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.data import look as module
from vaedyn.data.look import Look, counted, look
from vaedyn.errors import ParameterError


def test_rows_are_counted_as_they_are_read():
    seen = []
    blocks = counted(
        lambda: iter([np.ones((3, 2)), np.ones((4, 2))]), 12, lambda *at: seen.append(at)
    )
    assert [len(block) for block in blocks()] == [3, 4]
    assert [len(block) for block in blocks()] == [3, 4]
    assert seen == [(3, 12), (7, 12), (10, 12), (12, 12)]  # never more than there are


class Table:
    rows, columns, place = 30, 4, "my file"
    asked = {"columns": "2-5", "missing": "drop"}  # noqa: RUF012

    def blocks(self, rows):
        self.given = rows
        return iter([np.ones((1, 4))])

    def digest(self):
        return "digest"


@pytest.fixture
def made(monkeypatch):
    """Let all parts be recorded instead of computed."""
    made = SimpleNamespace(table=Table(), calls=[], spectrum=SimpleNamespace(
        eigenvalues=np.array([2.5, 1.0]), mean=np.zeros(4), samples=30, passes=[]))  # fmt: skip

    def kept(blocks, digest, **options):
        made.blocks, made.digest, made.options = blocks, digest, options
        if options["check"]:
            options["check"](made.spectrum)
        return made.spectrum, "source"

    def analyse(*given):
        made.calls.append(("analyse", *given[1:]))
        return "analysis"

    def of(*given):
        made.calls.append(("predict", *given[1:]))
        return "prediction"

    monkeypatch.setattr(module, "as_table", lambda data, **how: made.table)
    monkeypatch.setattr(module, "kept_spectrum", kept)
    monkeypatch.setattr(module, "analyse", analyse)
    monkeypatch.setattr(module.Prediction, "of", of)
    monkeypatch.setattr(
        module, "passes_over", lambda *sizes: made.spectrum.passes.append(sizes) or 3
    )
    return made


ONCE = [("analyse", "likelihood", None), ("predict", "analysis", "many")]


def test_a_look_of_which_nothing_is_asked(made):
    found = look("data")
    assert made.calls == ONCE
    options = {**made.options}
    assert options == {
        "standardise": False, "leading": 200, "passes": 6, "name": "my file", "check": None,
        "asked": {"columns": "2-5", "missing": "drop"}, "store": None,
    }  # fmt: skip
    assert made.digest == "digest"
    assert made.spectrum.passes == [(30, 4, 6)]
    [*made.blocks()]
    assert made.table.given == 1_000_000  # of 32 MB
    made.table.columns = 10**9
    [*look("data").rows.blocks()]
    assert made.table.given == 1
    rows = found.rows
    assert (rows.unit, rows.samples, rows.digest) == (2.5, 30, "digest / 2.5")
    assert rows.origin == {
        "file": "my file", "columns": "2-5", "missing": "drop", "standardise": False,
        "estimator": "likelihood", "spikes": None,
    }  # fmt: skip
    assert (found.analysis, found.prediction, found.source, found.epochs) == (
        "analysis", "prediction", "source", "many",
    )  # fmt: skip


@pytest.mark.parametrize(
    "change", [{"spikes": 3}, {"spikes": 0}, {"estimator": "median"}, {"epochs": "one"}]
)
def test_what_may_fail_is_tried_before_anything_is_kept(made, change):
    look("data", **change)
    once = [
        ("analyse", change.get("estimator", "likelihood"), change.get("spikes")),
        ("predict", "analysis", change.get("epochs", "many")),
    ]
    assert made.calls == once * 2


def test_standardised_columns_take_a_pass_more(made):
    done = []
    found = look("data", standardise=True, spikes=2, progress=lambda *at: done.append(at))
    [*made.blocks()]
    assert done == [(1, 30 * 4)]
    assert made.options["standardise"] is True
    assert found.rows.digest == "digest / 2.5 standardised"
    assert isinstance(found.rows.blocks, module.Standardised)
    assert (found.rows.origin["standardise"], found.rows.origin["spikes"]) == (True, 2)
    look("data", progress=lambda *at: done.append(at))
    [*made.blocks()]
    assert done[1:] == [(1, 30 * 3)]


def test_options_are_handed_on(made):
    look("data", leading=7, passes=9, store="store", estimator="median", epochs="one")
    names = "leading", "passes", "store"
    assert [made.options[name] for name in names] == [7, 9, "store"]
    assert made.spectrum.passes == [(30, 4, 9)]


def test_what_no_table_has_is_refused(made):
    for options, text in (
        ({"spikes": 4}, "spikes: must be below 4, the columns, got 4"),
        ({"epochs": "two"}, "epochs: expected many or one, got 'two'"),
    ):
        with pytest.raises(ParameterError) as error:
            look("data", **options)
        assert str(error.value) == text


def known(without_noise=None):
    spectrum = SimpleNamespace(
        eigenvalues=np.array([6.0, 3.0, 1.2]), error=np.array([0.1, 0.2, 0.3]), samples=10,
        complete=True, dim=3, total=10.2, remainder=0.0,
    )  # fmt: skip
    analysis = SimpleNamespace(
        rho=np.array([4.0, 2.0]), rho_error=np.array([0.5, 0.25]), without_noise=without_noise
    )
    prediction = SimpleNamespace(collapse=np.array([4.5, 2.5]))
    return Look(spectrum, analysis, prediction, None)


def test_thresholds_are_those_of_rows_and_of_fresh_data(monkeypatch):
    monkeypatch.setattr(
        module, "eigenvalues_of_rows", lambda it: it.eigenvalues * (1 - 1 / it.samples)
    )
    np.testing.assert_allclose(known().thresholds, [[5.4, 4.5], [2.7, 2.5]], rtol=1e-15)
    assert known().without_noise is None
    assert known(0.5).without_noise == pytest.approx(0.45)
    from vaedyn.model.labelled import frame

    values = known()
    pairs = ((6.0, 0.1), (3.0, 0.2), (1.2, 0.3))
    rows = [{"eigenvalue": value, "error": error} for value, error in pairs]
    values.spectrum.to_frame = lambda: frame(rows, "mode")
    found = values.to_frame()
    wanted = {
        "eigenvalue": [6, 3, 1.2], "error": [0.1, 0.2, 0.3], "of_rows": [5.4, 2.7, 1.08],
        "rho": [4, 2, np.nan], "rho_error": [0.5, 0.25, np.nan],
        "collapse_on_rows": [5.4, 2.7, np.nan], "collapse_on_fresh_data": [4.5, 2.5, np.nan],
    }  # fmt: skip
    assert [*found.columns] == [*wanted]
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-15)


def test_other_epochs_have_another_prediction(monkeypatch):
    asked = []
    monkeypatch.setattr(module.Prediction, "of", lambda *given: asked.append(given) or "other")
    found = known()
    assert found.seen(None) is found.seen("many") is found
    assert not asked
    other = found.seen("one")
    assert (other.prediction, other.epochs, other.rows) == ("other", "one", None)
    assert asked == [(found.spectrum, found.analysis, "one")]
