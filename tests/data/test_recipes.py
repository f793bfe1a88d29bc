"""Recipes for other libraries, with stand-ins for these: `make test-bridges` has the real ones."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

import vaedyn
from tests.shared.recipes import recipe

SCHEDULE = vaedyn.KLSchedule("linear:8", weight=0.4)
WEIGHTS = [0.05 * step for step in range(8)] + [0.4, 0.4]


@pytest.fixture
def stand_in(monkeypatch):
    """Make a module by the name of a library, with an empty class where callbacks inherit."""

    def make(name, **contents):
        module = ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)

    return make


def test_lightning_sets_the_weight_by_the_step_of_the_trainer(stand_in):
    stand_in("lightning", Callback=type("Callback", (), {}))
    names = {}
    exec(recipe("lightning"), names)
    callback, module, seen = names["KLWeight"](SCHEDULE), SimpleNamespace(), []
    for step in (*range(5), 5, *range(6, 10)):  # resumed: nothing but the step is known
        trainer = SimpleNamespace(global_step=step)
        callback.on_train_batch_start(trainer, module, batch=None, batch_index=step % 3)
        seen.append(module.kl_weight)
    assert seen == pytest.approx(WEIGHTS)


def test_keras_assigns_the_weight_by_the_iterations_of_the_optimiser(stand_in):
    class Callback:
        def __init__(self):
            self.model = None

    stand_in("keras", callbacks=SimpleNamespace(Callback=Callback))
    names = {}
    exec(recipe("keras"), names)
    callback, seen = names["KLWeight"](SCHEDULE), []
    for step in range(10):
        weight = SimpleNamespace(assign=seen.append)
        callback.model = SimpleNamespace(
            optimizer=SimpleNamespace(iterations=step), kl_weight=weight
        )
        callback.on_train_batch_begin(step % 3)
    assert seen == pytest.approx(WEIGHTS)


def test_scvi_gets_the_length_of_the_warm_up():
    asked = {}
    model = SimpleNamespace(train=lambda **given: asked.update(given))
    exec(recipe("scvi"), {"vaedyn": vaedyn, "model": model})
    assert asked["plan_kwargs"] == {
        "n_epochs_kl_warmup": None, "n_steps_kl_warmup": 4000, "max_kl_weight": 1.0,
    }  # fmt: skip
    assert asked["max_epochs"] == 200
