"""Training on tables in batches, with momentum, three rates, sampled latents and Adam."""

from dataclasses import replace

import numpy as np
import pytest

import vaedyn
from tests.shared import reference
from vaedyn.data.course import course
from vaedyn.data.learn import DataParams, learn
from vaedyn.data.rows import Rows
from vaedyn.data.suited import pace
from vaedyn.data.train import train

UNIT, SEED = 4.0, 5
ADAM = {"optimiser": "adam", "adam_betas": (0.8, 0.95), "adam_epsilon": 0.03}


def table(samples=40, dim=9):
    x = np.random.default_rng(2).standard_normal((samples, dim)) * np.linspace(2, 0.5, dim) + 3.0
    return x, Rows(lambda: iter([x[:25], x[25:]]), x.mean(axis=0), samples, UNIT, "abc")


def in_batches(optimiser, W, V, D, rows, xi, betas, batch):
    """Yield weights before each of the steps, on batches of `rows` in their order."""
    for step, beta in enumerate(betas):
        yield W, V, D
        own = slice(step * batch, (step + 1) * batch)
        X = rows[own]
        gradients = reference.batch_gradient(W, V, D, X, None if xi is None else xi[own], beta)
        W, V, D = optimiser.step(W, V, D, gradients)
    yield W, V, D


MODELS = {
    "batch": {"batch": 7},
    "momentum": {"batch": 3, "momentum": 0.6},
    "three rates": {"lr": (0.2, 0.1, 0.3)},
    "sampled": {"batch": 7, "latents": "sampled", "lr": (0.1, 0.2, 0.15), "momentum": 0.3},
    "adam": {"batch": 7, **ADAM},
    "adam, sampled": {"latents": "sampled", "lr": (0.2, 0.1, 0.3), **ADAM},
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_steps_are_those_of_the_twin_in_the_units_of_the_data(model):
    """SGD on the rows as they are, at rates for their units; Adam on scaled ones.

    Batches of 7 out of 40 rows reach into the next pass.
    """
    _, rows = table()
    params = DataParams(
        dim=9, latent=2, signal=2, rho=(3, 1), beta=1.3, lam=0.2, anneal="linear:6",
        t_max=10, points=91, **{"lr": 0.2, **model},
    )  # fmt: skip
    steps, b, scale = 90, params.batch, UNIT**0.5
    random, taken = np.random.default_rng(SEED), []
    while sum(map(len, taken)) < steps * b:
        taken += list(rows.shuffled(random))
    xi = None
    if params.sampled:
        numbers = reference.Stream(np.random.SeedSequence(SEED).spawn(1)[0])
        xi = numbers.normals(steps * b * 2).reshape(-1, 2)
    x, betas = np.concatenate(taken), params.schedule(np.arange(steps) / 9, params.beta)
    W, V = (weights.T for weights in params.weights())
    rates, decay = params.rates, (0.2, 0.2)
    units = (1.0, 1.0)
    if params.adam:
        units, betas = (scale, 1 / scale), betas / UNIT
    else:
        x, W, V = scale * x, scale * W, V / scale
        rates = rates / np.array([1, UNIT**2, UNIT])
    optimiser = reference.Optimiser(
        adam=params.adam, rates=rates, decay=decay, momentum=params.momentum,
        betas=params.adam_betas, epsilon=params.adam_epsilon,
    )  # fmt: skip
    made = in_batches(optimiser, W, V, np.ones(2), x, xi, betas, b)
    teacher = np.sqrt(9) * np.eye(9)[:, :2]
    expected = [reference.overlaps(units[0] * w, units[1] * v, D, teacher) for w, v, D in made]
    found = learn(params, rows, np.eye(9)[:2], seed=SEED)
    np.testing.assert_allclose(found.states[0], expected, rtol=1e-8, atol=1e-9)
    assert found.info["passes"] == steps * b / 40


def test_a_batch_is_no_larger_than_the_table():
    x, rows = table()
    params = DataParams(dim=9, latent=2, signal=2, batch=41, t_max=2, points=2)
    with pytest.raises(vaedyn.ParameterError, match="^batch: must be at most 40, the rows, got 41"):
        learn(params, rows, np.eye(9)[:2])
    assert learn(replace(params, batch=40), rows, np.eye(9)[:2]).info["passes"] == 18
    with pytest.raises(vaedyn.ParameterError, match="^batch: must be at most 40"):
        train(x, batch=41)


def test_a_divergence_names_the_rate_to_lower():
    _, rows = table()
    params = DataParams(
        dim=9, beta=0.05, lr=(0.1, 0.1, 5.0), latents="sampled", momentum=0.5, t_max=90, points=9
    )
    text = r"rate 0\.1, 0\.1, 5 and momentum 0\.5: lower --lr \(D needs one well below 0\.0028\)"
    with pytest.raises(vaedyn.DivergenceError, match=text):
        learn(params, rows, np.eye(9)[:1])


@pytest.fixture(scope="module")
def spiked():
    random = np.random.default_rng(0)
    directions = np.linalg.qr(random.standard_normal((15, 2)))[0].T
    x = 0.7 * random.standard_normal((900, 15))
    x += random.standard_normal((900, 2)) * np.sqrt([6.0, 3.0]) @ directions
    return vaedyn.look(3 * x)


HOW = {
    "batch": {"batch": 8},
    "momentum": {"momentum": 0.9},
    "sampled": {"latents": "sampled"},
    "three rates": {"lr": (0.05, 0.1, 0.07)},
    "adam": {"optimiser": "adam"},
    "adam, sampled": {"optimiser": "adam", "latents": "sampled", "batch": 8},
}


@pytest.mark.parametrize("how", HOW.values(), ids=HOW.keys())
def test_what_is_chosen_leads_to_what_is_predicted(spiked, how):
    """Learning rate and time by default; the paces are right where nothing is said."""
    found = train(spiked, 12.0, latent=3, points=2, **how)
    assert found.difference is None
    np.testing.assert_allclose(found.measured, found.predicted, atol=0.05)
    assert (found.predicted > 0.3).sum() == 2


def test_paces_are_those_of_plain_sgd(spiked):
    base = DataParams(dim=15, lr=(0.3, 0.1, 0.2), momentum=0.75, t_max=5, points=2)
    assert pace(spiked, base) == pytest.approx(0.4)
    adam = replace(base, momentum=0.0, optimiser="adam", batch=8)
    mean = spiked.spectrum.total / 15 / spiked.rows.unit
    assert pace(spiked, adam) == pytest.approx(0.1 * np.sqrt(8 / mean))
    plain_one = train(spiked, 12.0, latent=3, points=2, t_max=1)
    with_momentum = train(spiked, 12.0, latent=3, points=2, t_max=1, momentum=0.9)
    assert with_momentum.params.lr == pytest.approx(0.1 * plain_one.params.lr)


def test_what_is_not_derived_is_refused(spiked):
    with pytest.raises(vaedyn.ParameterError, match="^lam: is not derived for Adam on data"):
        train(spiked, 12.0, optimiser="adam", lam=0.1)
    with pytest.raises(vaedyn.ParameterError, match="^optimiser: adam is not derived for learning"):
        course(spiked, beta=12.0, optimiser="adam")


def test_one_epoch_ends_sooner_in_batches(spiked):
    once = replace(spiked, epochs="one")
    found = train(once, 12.0, latent=2, points=2, batch=9)
    assert found.params.t_max == pytest.approx(900 / (15 * 9))
    assert found.passes == pytest.approx(1.0)
