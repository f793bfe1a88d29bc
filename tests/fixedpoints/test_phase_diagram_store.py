"""Phase diagrams in the store: under which parameters columns are kept, and what goes missing."""

import numpy as np
import pytest

import vaedyn
from vaedyn.fixedpoints import phase_diagram as phases
from vaedyn.fixedpoints.phase_diagram import phase_diagram
from vaedyn.store import ResultStore

BETA, LR = ("beta", np.array([0.5, 1.7])), ("lr", np.array([0.02, 0.3, 0.4]))
RHO = ("rho", np.array([0.7, 1.5, 2.0]))
MODEL = {"latent": 2, "signal": 2, "eta": 0.8, "lam": 0.1}


@pytest.mark.parametrize("axes", [(BETA, LR), (BETA, RHO), (RHO, BETA)])
def test_signals_may_stand_in_any_order(tmp_path, axes):
    store = ResultStore(tmp_path)
    first, again = (
        phase_diagram(vaedyn.Params(**MODEL, rho=rho), *axes, store=store)
        for rho in ((3, 1.2), (1.2, 3))
    )
    assert (first.reused, again.reused) == (0, len(axes[0][1]))
    np.testing.assert_array_equal(again.growth, first.growth)
    alone = phase_diagram(vaedyn.Params(**MODEL, rho=(1.2, 3)), *axes)
    np.testing.assert_array_equal(alone.growth, first.growth)


@pytest.mark.parametrize("axes", [(BETA, RHO), (RHO, BETA)])
def test_of_signals_that_are_varied_only_their_ratios_matter(tmp_path, axes):
    store = ResultStore(tmp_path)
    found = [
        phase_diagram(vaedyn.Params(**MODEL, rho=rho), *axes, store=store)
        for rho in ((3, 1.5), (6, 3), (6, 2))
    ]
    assert [each.reused for each in found] == [0, len(axes[0][1]), 0]
    assert (found[2].growth != found[0].growth).any()


@pytest.mark.parametrize("change", [{"lam": 0.2}, {"eta": 0.9}, {"latent": 3}, {"rho": (3, 1.1)}])
def test_other_constants_are_other_columns(tmp_path, change):
    store = ResultStore(tmp_path)
    phase_diagram(vaedyn.Params(**MODEL, rho=(3, 1.2)), BETA, LR, store=store)
    others = vaedyn.Params(**{**MODEL, "rho": (3, 1.2), **change})
    assert phase_diagram(others, BETA, LR, store=store).reused == 0


def test_a_column_that_is_removed_meanwhile_is_computed_whole(tmp_path, monkeypatch):
    """One that was there in part when the rest of it was computed."""
    store = ResultStore(tmp_path)
    params = vaedyn.Params(rho=1.3, eta=0.8, lam=0.1, latent=2)
    y = np.array([0.02, 0.04, 0.06, 0.08, 0.1])
    phase_diagram(params, BETA, ("lr", y[:2]), store=store)
    solve, lengths = phases._Grid.solve, []

    def removed(grid, i, j):
        lengths.append(len(j))
        if len(lengths) == 1:
            for record in list(store.records()):
                record.path.unlink()
        return solve(grid, i, j)

    monkeypatch.setattr(phases._Grid, "solve", removed)
    found = phase_diagram(params, BETA, ("lr", y), store=store)
    assert lengths == [6, 5, 5]
    monkeypatch.undo()
    exact, again = (phase_diagram(params, BETA, ("lr", y), store=each) for each in (None, store))
    assert again.reused == 2
    for name in phases.LABELS:
        np.testing.assert_array_equal(getattr(found, name), getattr(exact, name))
        np.testing.assert_array_equal(getattr(again, name), getattr(exact, name))


def test_batches_are_of_whole_columns(monkeypatch):
    monkeypatch.setattr(phases, "AT_ONCE", 7)
    told = []
    params = vaedyn.Params(rho=1.3, eta=0.8)
    axes = ("beta", np.linspace(0.2, 1.4, 5)), LR
    small = phase_diagram(params, *axes, progress=lambda *numbers: told.append(numbers))
    assert told == [(9, 15), (15, 15)]
    monkeypatch.undo()
    np.testing.assert_array_equal(small.growth, phase_diagram(params, *axes).growth)
    assert (small.info["computed"], small.info["keys"], small.reused) == (15, [], 0)


def test_evenly_spaced_axes_are_exactly_even():
    params = vaedyn.Params(rho=1.3)
    given = np.array([0.1, 0.2, 0.3 + 0.9e-10, 0.4])
    y = phase_diagram(params, BETA, ("lr", given)).y
    np.testing.assert_array_equal(y, 0.1 + 0.1 * np.arange(4))
    given[2] = 0.3 + 1.1e-10
    np.testing.assert_array_equal(phase_diagram(params, BETA, ("lr", given)).y, given)
    rounded = phase_diagram(params, BETA, ("lr", [1 / 3, 0.7])).y
    assert rounded[0] == 0.333333333333
