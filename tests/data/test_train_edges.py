"""What training is handed, and what is read off it: alone, watched, at many betas, confirmed."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.shared.trainings import known, model
from vaedyn.data import collapse as collapse_module
from vaedyn.data import train as train_module
from vaedyn.data.collapse import collapse
from vaedyn.data.train import Training, looked, predicted_kl, train, trained
from vaedyn.errors import ParameterError

# ---- alone


def test_latents_without_an_eigenvalue_have_no_kl():
    np.testing.assert_allclose(
        predicted_kl(known(), model()), [0.5 * np.log(4), 0.5 * np.log(1.6), 0], rtol=1e-14
    )
    np.testing.assert_allclose(predicted_kl(known(), model(), 4.0)[0], 0.5 * np.log(1.25))
    assert predicted_kl(known(), model(lam=0.1))[0] < 0.5 * np.log(4)


def test_what_training_comes_to(monkeypatch):
    asked = {}

    def learn(params, rows, directions, **how):
        asked.update(rows=rows, directions=directions.tolist(), **how)
        return SimpleNamespace(info={"kl": [0.25, 0.0099, 0.5], "passes": 7.5})

    monkeypatch.setattr(train_module, "learn", learn)
    monkeypatch.setattr(train_module, "difference", lambda *given: SimpleNamespace(text="missed"))
    monkeypatch.setattr(train_module, "slowed_by", lambda found, beta: f"slow {beta}")
    found = known()
    result = trained(found, model(), 3, "store", "progress", slowable=True, run="run")
    assert asked == {
        "rows": "rows", "directions": [[1, 0, 0, 0]], "seed": 3, "store": "store",
        "progress": "progress", "run": "run",
    }  # fmt: skip
    assert result.measured.tolist() == [0.5, 0.25, 0.0099]
    assert (result.active, result.passes, result.slowed) == ((2, 2), 7.5, "slow 1.25")
    assert result.warnings == ("careful", "missed")
    assert result.look is found
    for params, slowable in ((model(), False), (model(batch=2), True)):
        assert trained(found, params, 3, None, None, slowable=slowable).slowed is None
    monkeypatch.setattr(train_module, "difference", lambda *given: None)
    assert trained(found, model(), 3, None, None, slowable=True).warnings == ("careful",)


def test_learning_rates_that_are_given_are_not_slow(monkeypatch):
    asked = []
    monkeypatch.setattr(train_module, "looked", lambda *given, **how: asked.append(how) or "found")
    monkeypatch.setattr(train_module, "suited", lambda found, beta, **settings: settings)
    monkeypatch.setattr(train_module, "trained", lambda *given, **how: (given, how))
    assert train("data", 0.5) == (("found", {}, 0, None, None), {"slowable": True})
    given, how = train("data", 0.5, seed=3, store="store", lr=0.1)
    assert given == ("found", {"lr": 0.1}, 3, "store", None)
    assert how == {"slowable": False}
    assert asked == [{"beta": 0.5}, {"beta": 0.5, "lr": 0.1}]
    with pytest.raises(ParameterError, match="^seed: must be at least 0, got -1"):
        train("data", seed=-1)


def test_settings_are_checked_before_a_table_is_looked_at(monkeypatch):
    asked = []
    monkeypatch.setattr(train_module, "check_settings", lambda n, **how: asked.append((n, how)))
    monkeypatch.setattr(train_module, "as_table", lambda data: SimpleNamespace(columns=9))
    monkeypatch.setattr(train_module, "look", lambda table, store: (table.columns, store))
    assert looked("data", "store", lr=0.1) == (9, "store")
    table = train_module.Look(SimpleNamespace(dim=6), None, None, None)
    assert looked(table, None) is table
    assert asked == [(9, {"lr": 0.1}), (6, {})]


# ---- at many betas


def test_latents_collapse_between_half_of_the_noise_and_beyond_all(monkeypatch):
    asked, done = [], []

    def suited(found, beta, **settings):
        asked.append((beta, settings))
        return model(beta=beta, t_max=2.5 * len(asked), latent=2)

    def one(found, params, seed, store, progress, slowable):
        progress(3, 10)
        return Training(
            params=params, predicted=np.array([1.0, 0.5]), measured=np.array([0.75, 0.25]),
            difference=SimpleNamespace(text="is off") if params.beta > 1 else None,
            slowed=slowable, trajectory=seed, look=store,
        )  # fmt: skip

    monkeypatch.setattr(collapse_module, "looked", lambda data, store, **settings: known())
    monkeypatch.setattr(collapse_module, "suited", suited)
    monkeypatch.setattr(collapse_module, "trained", one)
    found = collapse(
        "data", simulations=3, seed=5, store="store", latent=2, progress=lambda *at: done.append(at)
    )
    betas = [0.25, 1.612, 10.4]  # from 0.5 * 0.5 to 1.3 * 8
    assert asked == [(beta, {"share": 0.2, "latent": 2}) for beta in betas]
    assert found.beta.tolist() == betas
    assert done == [(3, 60), (13, 60), (33, 60)]
    assert [(each.slowed, each.trajectory, each.look) for each in found.trainings] == [
        (True, 5, "store")
    ] * 3
    assert found.missed == ("at beta = 1.612 is off", "at beta = 10.4 is off")
    assert found.measured.tolist() == [[0.75, 0.25]] * 3
    assert found.predicted.tolist() == [[1.0, 0.5]] * 3
    assert len(found.fine) == 2000
    np.testing.assert_allclose(found.fine[[0, -1]], [0.25, 10.4], rtol=1e-12)
    wanted = 0.5 * np.log(np.maximum(np.array([5, 2]) / found.fine[:, None], 1))
    np.testing.assert_allclose(found.lines, wanted, rtol=1e-12)
    assert [each.slowed for each in collapse("data", lr=0.1).trainings] == [False] * 10
    with pytest.raises(ParameterError, match="^simulations: must be at least 2, got 1"):
        collapse("data", simulations=1)
