"""Courses side by side: each makes the steps of a plain twin, with the tableau of SciPy."""

from math import exp, inf, log

import numpy as np
import pytest
from scipy.integrate import RK45

from tests.shared import reference
from vaedyn.fixedpoints.newton import symmetric
from vaedyn.kernels import courses
from vaedyn.model.state import count

LATENT, SIGNAL = 2, 3
RTOL, ATOL = 1e-5, 1e-8
SHARE = 1e-3  # of an encoder variance: the largest error of a step in it
RHO = np.array([2.3, 1.1, 0.6])
NAMES = "beta", "eta", "lam", "lr", "encoder", "variances", "batch", "sampled"
MODELS = np.array([
    [0.7, 0.8, 0.03, 0.2, 0.3, 0.15, 3, 0], [1.4, 1.2, 0.0, 0.5, 0.4, 0.6, 1, 1],
    [0.3, 0.5, 0.2, 0.7, 0.2, 0.3, 2, 0], [2.2, 1.7, 0.01, 0.1, 0.2, 0.9, 4, 1],
    [0.05, 0.9, 0.0, 0.3, 0.6, 1.4, 1, 0], [0.9, 0.6, 0.1, 3.0, 2.5, 0.4, 1, 1],
    [1.1, 1.9, 0.05, 2.2, 4.0, 1.0, 1, 0], [0.4, 0.3, 0.0, 1.1, 0.9, 2.0, 5, 1],
    [1.6, 0.7, 0.3, 0.25, 0.35, 0.45, 2, 0], [0.02, 0.4, 0.0, 0.15, 0.1, 3.0, 3, 0],
    [0.02, 1.2, 0.1, 2.2, 0.8, 2.5, 2, 1], [0.02, 0.6, 0.0, 2.9, 1.0, 1.25, 2, 0],
])  # fmt: skip
ENDS = np.array([30.0, 20.0, 12.0, 40.0, 25.0, 9.0, 9.0, 14.0, 22.0, 17.0, 1.5, 2.0])


def slope_of(model):
    beta, eta, lam, lr, encoder, variances, batch, sampled = model

    def slope(y):
        return reference.drift(
            y, beta, RHO, eta, lam, lr, LATENT, encoder=encoder, variances=variances, batch=batch,
            sampled=bool(sampled),
        )  # fmt: skip

    return slope


def size(x):
    return float(np.sqrt(np.mean(x**2)))


def course(slope, y, end, bound, most):
    """Return what becomes of a model, its steps, how many follow one that was rejected and would
    have grown, and where it is."""
    k = [slope(y)]
    tolerated = ATOL + RTOL * abs(y)
    state, steep = size(y / tolerated), size(k[0] / tolerated)
    h = 1e-6 if state < 1e-5 or steep < 1e-5 else 0.01 * state / steep
    change = size((slope(y + h * k[0]) - k[0]) / tolerated) / h
    h = min((0.01 / max(change, steep)) ** 0.2, 100 * h)
    t, before, rejected, made, held = 0.0, log(1e-4), False, 0, 0
    while True:
        usual, made = h, made + 1
        final = t + 1.01 * h >= end
        h = end - t if final else h
        k = k[:1]
        for row in RK45.A[1:]:
            k.append(slope(y + h * sum(a * each for a, each in zip(row, k, strict=False))))
        after = y + h * sum(b * each for b, each in zip(RK45.B, k, strict=True))
        k.append(slope(after))
        error = h * sum(e * each for e, each in zip(RK45.E, k, strict=True))
        found = size(error / (ATOL + RTOL * np.maximum(abs(y), abs(after))))
        for i in range(-LATENT, 0):
            lost = abs(error[i]) / (SHARE * min(y[i], after[i])) if after[i] > 0 else inf
            found = max(found, lost)
        if not found <= 1:
            h *= max(0.2, 0.9 * exp(-0.17 * log(found))) if found < inf else 0.2
            rejected = True
        else:
            assert final == (t + 1.01 * usual >= end)
            t, y, k = (end if final else t + h), after, k[-1:]
            quality = log(max(found, 1e-10))
            factor = max(0.2, min(10.0, 0.9 * exp(0.04 * before - 0.17 * quality)))
            held += rejected and factor > 1
            h *= min(factor, 1.0) if rejected else factor
            rejected, before = False, max(quality, log(1e-4))
            if not abs(y).max() < bound:
                return courses.DIVERGED, made, held, y
            if final:
                return courses.DONE, made, held, y
        if not h >= 1e-14 * max(t, 1e-3):
            return courses.DIVERGED, made, held, y
        if made == most:
            return courses.STOPPED, made, held, y


@pytest.fixture(scope="module")
def starts():
    random = np.random.default_rng(6)
    spread, gather = symmetric(LATENT, SIGNAL)
    size = LATENT * SIGNAL
    found = []
    for _ in MODELS:
        W, V = random.normal(size=(2, LATENT, 2 * SIGNAL)) * 0.6
        m, d = W[:, :SIGNAL], V[:, :SIGNAL]
        parts = m, d, W @ W.T, V @ V.T, W @ V.T, random.uniform(0.002, 1, LATENT)
        y = np.concatenate([part.ravel() for part in parts])
        found.append(spread @ (gather @ y))
    assert len(found[0]) == count(LATENT, SIGNAL) == 2 * size + 3 * LATENT**2 + LATENT
    return np.array(found)


def run(starts, rows, bounds, most):
    beta, eta, lam, lr, encoder, variances, batch, sampled = MODELS[rows].T
    alone = [beta, eta, lam, lr, encoder, variances, eta / batch, sampled]
    numbers = np.column_stack([*alone, np.tile(RHO, (len(rows), 1))])
    status, steps = np.full((2, len(rows)), -1)
    out = np.full((len(rows), 2, starts.shape[1]), np.nan)
    courses.integrate(
        starts[rows], numbers, np.uint64(LATENT), np.array([0.5, 1.0]), ENDS[rows], bounds, RTOL,
        ATOL, most, np.zeros(1, np.int64), status, steps, out,
    )  # fmt: skip
    return status, steps, out


def test_every_model_makes_the_steps_of_the_twin(starts):
    """Twelve models in lanes for eight: some end sooner, some diverge, some reject steps."""
    rows, bounds = np.arange(len(MODELS)), np.full(len(MODELS), 1e4)
    status, steps, out = run(starts, rows, bounds, 400)
    twins = [course(slope_of(MODELS[i]), starts[i], ENDS[i], 1e4, 400) for i in rows]
    assert status.tolist() == [twin[0] for twin in twins]
    assert {courses.DONE, courses.DIVERGED} <= {*status.tolist()}
    assert steps.tolist() == [twin[1] for twin in twins]
    assert sum(twin[2] for twin in twins) > 2
    done = status == courses.DONE
    ends = np.array([twin[3] for twin in twins])
    np.testing.assert_allclose(out[done, 1], ends[done], rtol=1e-9, atol=1e-10)


def test_a_model_that_is_stopped_or_leaves_its_bounds(starts):
    rows = np.array([0, 1, 2, 3])
    whole = [course(slope_of(MODELS[i]), starts[i], ENDS[i], inf, 400) for i in rows]
    largest = np.abs(starts[rows]).max(axis=1)
    for bounds, most in ((np.full(4, 1e4), 9), (0.999 * largest, 400), (1.5 * largest, 400)):
        twins = [course(slope_of(MODELS[i]), starts[i], ENDS[i], bound, most)
                 for i, bound in zip(rows, bounds, strict=True)]  # fmt: skip
        status, steps, _ = run(starts, rows, bounds, most)
        assert status.tolist() == [twin[0] for twin in twins]
        assert steps.tolist() == [twin[1] for twin in twins]
    assert min(twin[1] for twin in whole) > 9
