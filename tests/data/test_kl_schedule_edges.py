"""Schedules in other people's steps, at their limits, and the source that is exported."""

import json
from types import SimpleNamespace

import pytest

from vaedyn.data import kl_schedule as module
from vaedyn.data.convention import Convention
from vaedyn.data.kl_schedule import KLSchedule, _pace
from vaedyn.data.learn import DataParams
from vaedyn.errors import ParameterError
from vaedyn.model.params import Params

OURS = Convention("sum", 1.0)


def refused(call, *given, **options):
    with pytest.raises(ParameterError) as error:
        call(*given, **options)
    return str(error.value)


def test_what_is_usual():
    own = KLSchedule("linear:8")
    assert (own.weight, own.per_step, own.per_epoch, own(2), own.steps) == (1, 1, None, 0.25, 8)
    assert KLSchedule("linear:8", weight=0)(3) == 0
    assert refused(KLSchedule, "linear:8", weight=-0.1) == "weight: must be >= 0, got -0.1"
    assert refused(KLSchedule, "linear:8", per_step=0.0) == "per_step: must be > 0, got 0"
    assert refused(KLSchedule, "linear:8", per_epoch=0.0) == "per_epoch: must be > 0, got 0"
    assert refused(KLSchedule, "points:0=1,3=0") == (
        "anneal: ends at 0, which no other weight can be scaled to"
    )
    assert refused(lambda: own.epochs) == "per_epoch: is not known: give batch_size and rows"
    assert refused(own, -0.5) == "step: must be >= 0, got -0.5"
    assert refused(own, "x") == "step: must be a number, got 'x'"
    assert refused(own.to_python, "a b") == "name: must be an identifier, got 'a b'"


def test_points_are_scaled_to_the_final_weight():
    own = KLSchedule("points:0=0.5,4=2", weight=3.0, per_step=0.5)
    assert [own(step) for step in (0, 4, 8, 99)] == [0.75, 1.875, 3, 3]


def test_adam_must_have_the_rate_of_the_model():
    params = Params(dim=40, lr=0.08, optimiser="adam")
    for rate in (0.002, 0.002 * (1 + 0.99e-6), 0.002 * (1 - 0.99e-6)):
        assert _pace(params, rate, Convention("mean"), None) == 1
    for rate in (0.002 * (1 + 1.01e-6), 0.002 * (1 - 1.01e-6)):
        assert refused(_pace, params, rate, OURS, None).startswith("learning_rate: must be that")
    assert refused(_pace, params, 0.003, OURS, None) == (
        "learning_rate: must be that which the schedule was found for, lr/N = 0.002, got 0.003: "
        "the pace of Adam is not in proportion to it; find the schedule for --lr 0.12"
    )
    several = Params(dim=40, lr=(0.08, 0.02, 0.05), optimiser="adam")
    assert _pace(several, 0.002, OURS, None) == 1


def test_under_sgd_the_pace_is_in_proportion():
    params = Params(dim=40, lr=(0.08, 0.02, 0.05))
    assert _pace(params, 0.003, OURS, None) == pytest.approx(1.5, rel=1e-14)
    quarter = Convention("sum", 4.0, reconstruction_weight=3.0)
    assert _pace(params, 0.003, quarter, None) == pytest.approx(1.125, rel=1e-14)


def test_rates_on_data_need_a_largest_variance_of_one():
    params = DataParams(dim=40, lr=0.08, t_max=9.0, points=2)
    text = "unit: is needed under SGD: the largest variance of the data"
    assert refused(_pace, params, 0.003, OURS, None) == text
    for unit in (0.9001, 1.0, 1.0999):
        assert _pace(params, 0.003, OURS, unit) == pytest.approx(1.5)
    half = Convention("sum", 1.0, scale=0.5)
    assert _pace(params, 0.003, half, 4.0) == pytest.approx(1.5 * 0.25)
    for unit, convention, cure in ((0.8999, OURS, 1.054), (1.1001, OURS, 0.9534)):
        assert refused(_pace, params, 0.003, convention, unit) == (
            "scale: rates of SGD on data are derived where the largest variance is 1, and it is "
            f"{unit:.4g}: multiply the data by {cure}"
        )
    assert refused(_pace, params, 0.003, half, 25.0).endswith(
        "and it is 6.25: multiply the data by 0.2"
    )
    adam = DataParams(dim=40, lr=0.08, t_max=9.0, points=2, optimiser="adam")
    assert _pace(adam, 0.002, OURS, None) == 1


def test_epochs_have_whole_batches_and_what_is_left():
    params = Params(dim=40, anneal="linear:6", beta=1.5)

    def steps(rows, batch, **how):
        return KLSchedule.of(params, rows=rows, batch_size=batch, **how).per_epoch

    assert (steps(12, 4), steps(13, 4), steps(15, 4), steps(13, 4, drop_last=True)) == (3, 4, 4, 3)
    assert (steps(3, 4), steps(4, 4, drop_last=True)) == (1, 1)
    text = "rows: must fill a batch of 4, got 3"
    assert refused(steps, 3, 4, drop_last=True) == text
    for given, name in (({"rows": 9}, "batch_size"), ({"batch_size": 9}, "rows")):
        assert refused(KLSchedule.of, params, **given) == (
            f"{name}: is needed, too: an epoch has rows / batch_size steps"
        )
    own = KLSchedule.of(params, rows=13, batch_size=4)
    assert (own.per_step, own.steps, own.epochs) == (1 / 40, 240, 60)
    assert (own.at_epoch(30), own.weight, own.anneal) == (0.75, 1.5, "linear:6.0")
    assert refused(own.at_epoch, -1) == "epoch: must be >= 0, got -1"
    assert refused(KLSchedule.of, params, rows=0, batch_size=4) == "rows: must be at least 1, got 0"


def test_conventions_have_the_models_latents_unless_given():
    params = Params(dim=40, latent=3, anneal="linear:6", beta=1.5)
    for latent, weight in ((None, 9), (5, 15)):
        convention = Convention("sum", kl="mean", latent=latent)
        assert KLSchedule.of(params, convention=convention).weight == weight
    rate = KLSchedule.of(params, convention=Convention("mean"), learning_rate=0.5)
    # lr = 1 by default: the model steps by lr/N, the code by 0.5 times 2/N
    assert rate.per_step == pytest.approx(0.5 * 2 / 40 / (params.lr / 40) / 40, rel=1e-14)
    assert refused(KLSchedule.of, params, learning_rate=0.0) == "learning_rate: must be > 0, got 0"


def test_what_was_found_has_its_own_schedule(monkeypatch):
    found = SimpleNamespace(params=Params(dim=40, beta=1.5), spec="linear:9")
    monkeypatch.setattr(module, "WarmUp", SimpleNamespace)
    own = KLSchedule.of(found)
    assert (own.anneal, own.weight) == ("linear:9.0", 1.5)


def test_tables_and_files():
    own = KLSchedule("points:0=0.5,4=2,4=1", weight=3.0, per_step=0.5, per_epoch=4)
    table = own.table()
    assert table[0] == (0, 1.5)
    assert table[-2:] == [(7, pytest.approx(5.4375)), (8, 3.0)]
    assert own.to_csv().startswith("step,weight\n0,1.5\n")
    assert own.to_csv().endswith("8,3.0\n")
    data = json.loads(own.to_json())
    assert {name: data[name] for name in data if name != "table"} == {
        "anneal": own.anneal, "weight": 3.0, "per_step": 0.5, "per_epoch": 4.0, "steps": 8.0,
        "epochs": 2.0,
    }  # fmt: skip
    assert data["table"] == [list(row) for row in table]
    cycles = json.loads(KLSchedule("cyclical:40:0.6", per_epoch=3).to_json())
    assert (cycles["steps"], cycles["epochs"]) == (None, None)
    assert json.loads(KLSchedule("linear:3").to_json())["epochs"] is None


def test_source_has_what_it_needs_only():
    assert KLSchedule("constant", weight=0.25, per_step=0.5).to_python() == (
        "WEIGHT = 0.25\n\n\ndef kl_weight(step):\n"
        '    """Return the KL weight of a step, the first being 0: constant."""\n'
        "    return WEIGHT\n"
    )
    tanh = KLSchedule("tanh:0.5", weight=0.25, per_step=0.125).to_python("f")
    lines = tanh.splitlines()
    assert lines[:2] == ["import math", ""]
    assert "WEIGHT = 0.25" in lines
    assert "PER_STEP = 0.125" in lines
    at = lines.index("def f(step):")
    assert lines[at - 2 : at] == ["", ""]
    assert lines[at + 2] == "    t = step * PER_STEP"
    points = KLSchedule("points:0=0.5,4=2").to_python()
    assert points.startswith("from bisect import bisect\n\nWEIGHT")
    linear = KLSchedule("linear:4").to_python()
    assert "import" not in linear
    assert linear.startswith("WEIGHT = 1.0\n")
