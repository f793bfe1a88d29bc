"""Schedules in your own steps and weights, against the schedules in time and SGD itself."""

import copy
import json
import pickle

import numpy as np
import pytest

import vaedyn
from vaedyn import Convention, KLSchedule, Params
from vaedyn.data.presets import PRESETS
from vaedyn.errors import ParameterError
from vaedyn.model.schedules import CLASSES, parse_schedule

SPECS = [
    "constant", "tanh:0.013", "linear:70", "cosine:55", "sigmoid:90.5", "cyclical:40:0.6",
    "points:3=0.2,20=1.4,20=0.5,60=0.9", "points:5=2", "decay:3.5:21", "decay:0.2:8",
]  # fmt: skip
STEPS = [0, 1, 7, 100, 333, 1999, 2000, 2001, 5999, 6000, 7000, 12345, 10**7]
MADE = {"per_step": 0.01, "weight": 0.37}


def test_every_kind_of_schedule_is_tried():
    assert {type(parse_schedule(spec)) for spec in SPECS} == set(CLASSES)


@pytest.mark.parametrize("spec", SPECS)
def test_weights_are_those_of_the_schedule_in_time(spec):
    own = KLSchedule(spec, **MADE)
    schedule = parse_schedule(spec)
    end = schedule.end_value(1.0)
    expected = 0.37 * schedule(0.01 * np.array(STEPS), end) / end
    assert [own(step) for step in STEPS] == pytest.approx(expected.tolist(), rel=1e-13)
    assert all(type(own(step)) is float for step in (3, np.int64(3)))


@pytest.mark.parametrize("spec", SPECS)
def test_the_exported_function_needs_nothing_and_returns_the_same(spec):
    own = KLSchedule(spec, **MADE)
    source = own.to_python("weight_of")
    assert {line.split()[1] for line in source.splitlines() if "import" in line} <= {
        "math", "bisect",
    }  # fmt: skip
    names = {}
    exec(compile(source, "exported", "exec"), names)
    weights = [names["weight_of"](step) for step in STEPS]
    assert weights == pytest.approx([own(step) for step in STEPS], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("spec", SPECS)
def test_the_table_is_the_schedule_in_straight_lines(spec):
    own = KLSchedule(spec, **MADE)
    steps, weights = np.array(own.table()).T
    assert steps[0] == 0
    assert (np.diff(steps) > 0).all()
    assert weights.tolist() == [own(int(step)) for step in steps]
    fine = np.arange(0, int(steps[-1]) + 1, 3)
    exact = np.array([own(int(step)) for step in fine])
    assert np.abs(np.interp(fine, steps, weights) - exact).max() < 0.004 * exact.max()
    lines = own.to_csv().splitlines()
    assert lines[0] == "step,weight"
    assert [[float(x) for x in line.split(",")] for line in lines[1:]] == np.array(
        own.table()
    ).tolist()
    data = json.loads(own.to_json())
    assert data["table"] == [list(row) for row in own.table()]
    assert data["weight"] == 0.37
    assert data["epochs"] is None


@pytest.mark.parametrize("spec", SPECS)
def test_it_is_frozen_and_can_be_pickled_and_copied(spec):
    own = KLSchedule(spec, per_epoch=30, **MADE)
    own(3)  # what it keeps for speed must not matter
    for other in (pickle.loads(pickle.dumps(own)), copy.deepcopy(own)):
        assert other == own
        assert hash(other) == hash(own)
        assert [other(step) for step in STEPS] == [own(step) for step in STEPS]
    with pytest.raises(AttributeError):
        own.weight = 2


def test_the_end_of_a_warm_up_and_epochs():
    own = KLSchedule("linear:60", weight=2, per_step=0.01, per_epoch=250)
    assert own.steps == pytest.approx(6000)
    assert own.epochs == pytest.approx(24)
    assert own.at_epoch(12) == pytest.approx(1.0)
    assert KLSchedule("cyclical:5:0.5").steps == np.inf
    assert KLSchedule("constant").steps == 0
    with pytest.raises(ParameterError, match="^per_epoch: is not known"):
        KLSchedule("constant").at_epoch(1)


def torch_like(params, convention, rate, momentum=0.0, steps=300, seed=0):
    """Return W/sqrt(N), V/sqrt(N) and D after SGD as people write it, on their own loss.

    Gradients are those of the loss as it is written, by hand, for one row a step, latents
    averaged over, and weights as PyTorch has them, without any of vaedyn's units.
    """
    N = params.dim
    c, weight = convention.reconstruction(N), convention.weight(params.beta, N)
    kl = {"sum": 1.0, "mean": 1 / params.latent, "per-entry": 1 / N}[convention.kl] * weight
    random = np.random.default_rng(seed)
    w, v = (each / np.sqrt(N) for each in params.weights())
    D = np.ones(params.latent)
    moved = [np.zeros_like(each) for each in (w, v, D)]
    for _ in range(steps):
        x = random.standard_normal(N)
        mu, y = v @ x, w @ x
        Q = w @ w.T
        error = c * (Q @ mu - y) + kl * mu
        w_slope = c * (np.outer(mu, mu @ w - x) + D[:, None] * w)
        v_slope = np.outer(error, x)
        D_slope = 0.5 * (c * Q.diagonal() + kl - kl / D)
        slopes = (w_slope, v_slope, D_slope)
        moved = [momentum * u + slope for u, slope in zip(moved, slopes, strict=True)]
        w, v, D = (x - rate * u for x, u in zip((w, v, D), moved, strict=True))
    return w, v, D


@pytest.mark.parametrize(
    "convention",
    [Convention("sum", 1.0), Convention("mean"), Convention("sum", 0.4, reconstruction_weight=3),
     Convention("mean", kl="mean", latent=2), PRESETS["pytorch-vae"].convention],
)  # fmt: skip
def test_the_pace_under_sgd_is_that_of_the_loss_as_people_write_it(convention):
    """With a rate that is the model's one after scaling, the steps are the model's own."""
    params = Params(dim=30, latent=2, beta=0.8, lr=0.05, t_max=40, points=2, anneal="linear:20")
    same = params.lr / params.dim / convention.reconstruction(30)
    own = KLSchedule.of(params, convention=convention, learning_rate=same)
    assert own.per_step == pytest.approx(1 / 30)
    assert own.weight == pytest.approx(convention.weight(0.8, 30))
    ours = torch_like(params, Convention("sum", 1.0), params.lr / 30)
    theirs = torch_like(params, convention, same)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)
    twice = KLSchedule.of(params, convention=convention, learning_rate=2 * same)
    assert twice.steps == pytest.approx(own.steps / 2)
    half = torch_like(params, convention, same / 50, steps=1000)
    twice_as_fast = torch_like(params, convention, same / 25, steps=500)
    assert np.linalg.norm(half[0] - twice_as_fast[0]) < 0.2 * np.linalg.norm(half[0] - ours[0])


def test_momentum_is_that_of_the_model_and_the_rate_beside_it():
    """PyTorch's SGD(lr, momentum=p) beside --lr and --momentum: p speeds both up alike."""
    convention = Convention("mean")
    params = Params(
        dim=30, latent=2, beta=0.8, lr=(0.05, 0.01, 0.03), momentum=0.6, t_max=9, points=2
    )
    same = 0.05 / 30 / convention.reconstruction(30)
    own = KLSchedule.of(params, convention=convention, learning_rate=same)
    assert own.per_step == pytest.approx(1 / 30)
    of_model = params.replace(lr=0.05)
    ours = torch_like(of_model, Convention("sum", 1.0), 0.05 / 30, momentum=0.6)
    theirs = torch_like(of_model, convention, same, momentum=0.6)
    np.testing.assert_allclose(theirs[0], ours[0], rtol=1e-10)


def test_epochs_have_the_steps_that_a_loader_makes():
    """PyTorch's DataLoader: the last batch is smaller, or dropped."""
    params = Params(dim=400, anneal="linear:30", beta=1.3)
    for rows, batch, smaller, dropped in ((1600, 32, 50, 50), (1601, 32, 51, 50), (5, 8, 1, None)):
        own = KLSchedule.of(params, batch_size=batch, rows=rows)
        assert own.per_epoch == smaller
        assert own.at_epoch(3) == own(3 * smaller)
        if dropped is not None:
            less = KLSchedule.of(params, batch_size=batch, rows=rows, drop_last=True)
            assert less.per_epoch == dropped
    with pytest.raises(ParameterError, match="^rows: must fill a batch of 8, got 5"):
        KLSchedule.of(params, batch_size=8, rows=5, drop_last=True)
    with pytest.raises(ParameterError, match="^epoch: must be >= 0"):
        own.at_epoch(-1)


def test_known_codes_are_conventions_by_name():
    params = Params(dim=30, latent=3, anneal="linear:30", beta=1.3)
    own = KLSchedule.of(params, convention="pytorch-vae")
    assert own == KLSchedule.of(params, convention=Convention("mean"))
    averaged = KLSchedule.of(params, convention="bolts")
    assert averaged.weight == pytest.approx(3 * own.weight)
    with pytest.raises(ParameterError, match="^convention: expected a Convention or one of"):
        KLSchedule.of(params, convention="mean")


class Tensor:
    """What a step may be in other libraries: a number, but no array."""

    def __init__(self, number):
        self.number = number

    def __float__(self):
        if self.number is None:
            raise RuntimeError("a Tensor with 2 elements cannot be converted to Scalar")
        return float(self.number)

    def __array__(self, *how, **more):
        raise AssertionError("no array is asked for")


def test_steps_are_numbers_of_any_library():
    own = KLSchedule("linear:8", weight=0.4)
    given = (3, 3.0, np.int64(3), np.float32(3), np.array(3), np.array([3])[0], Tensor(3), "3")
    assert {own(step) for step in given} == {0.4 * 3 / 8}
    assert str(own(-0.0)) == "0.0"
    assert own(float("inf")) == own(1e300) == own(2**80) == 0.4
    for step in (None, [1, 2], np.array([1, 2]), Tensor(None), "x", 10**400, 3j):
        with pytest.raises(ParameterError, match="^step: must be a number, got"):
            own(step)


def test_a_step_is_a_step_of_the_model_where_no_rate_is_given():
    params = Params(dim=400, anneal="tanh:0.01", beta=1.3)
    own = KLSchedule.of(params, batch_size=32, rows=1600)
    assert own.per_step == 1 / 400
    assert own.per_epoch == 50
    assert own(2000) == pytest.approx(1.3 * np.tanh(0.05))


def test_adam_has_the_rate_that_the_schedule_was_found_for():
    params = Params(dim=784, optimiser="adam", lr=0.784, anneal="linear:2", beta=1)
    own = KLSchedule.of(params, learning_rate=1e-3)
    assert own.steps == pytest.approx(2 * 784)
    with pytest.raises(
        ParameterError, match=r"^learning_rate: .* lr/N = 0.001, got 0.002: .* 1.568"
    ):
        KLSchedule.of(params, learning_rate=2e-3)


def test_schedules_that_were_found_are_taken():
    found = vaedyn.best_schedule(Params(beta=1.5, dim=2000), "linear", tol=0.05)
    own = KLSchedule.of(found)
    assert own.anneal == found.spec
    assert own.weight == 1.5


BAD = [
    ({"anneal": "lniear:3"}, "anneal: expected constant"),
    ({"anneal": "points:0=1,3=0"}, "anneal: ends at 0"),
    ({"anneal": "constant", "weight": -1}, "weight: must be >= 0"),
    ({"anneal": "constant", "per_step": 0}, "per_step: must be > 0"),
    ({"anneal": "constant", "per_epoch": float("nan")}, "per_epoch: must be finite"),
]


@pytest.mark.parametrize(("given", "reason"), BAD)
def test_what_makes_no_sense_is_refused(given, reason):
    with pytest.raises(ParameterError, match=f"^{reason}"):
        KLSchedule(**given)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"learning_rate": 0}, "learning_rate: must be > 0"),
        ({"rows": 10}, "batch_size: is needed, too"),
        ({"batch_size": 10}, "rows: is needed, too"),
        ({"batch_size": 0, "rows": 5}, "batch_size: must be at least 1"),
        ({"convention": Convention(likelihood="bernoulli")}, "likelihood: this is derived for"),
    ],
)
def test_what_cannot_be_converted_is_refused(given, reason):
    with pytest.raises(ParameterError, match=f"^{reason}"):
        KLSchedule.of(Params(), **given)


@pytest.mark.parametrize("step", [-1, float("nan")])
def test_there_is_no_step_before_the_first(step):
    with pytest.raises(ParameterError, match="^step: must be >= 0"):
        KLSchedule("linear:5")(step)


def test_other_things_are_no_schedules():
    with pytest.raises(TypeError, match="expects Params, Tuning or WarmUp, got 'linear:5'"):
        KLSchedule.of("linear:5")
    for name in ("a b", "class"):
        with pytest.raises(ParameterError, match="^name: must be an identifier"):
            KLSchedule("constant").to_python(name)


def test_a_table_has_a_hundred_equal_parts_and_the_step_before_each_bend():
    steps = [step for step, _ in KLSchedule("linear:100", per_step=0.25, weight=0.37).table()]
    assert steps == sorted([*range(0, 401, 4), 399])


def test_a_table_of_cycles_ends_after_two_of_them():
    assert KLSchedule("cyclical:40:0.6", **MADE).table()[-1] == (8000, 0.0)
