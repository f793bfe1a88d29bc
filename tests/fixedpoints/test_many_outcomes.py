"""Models followed side by side: each ends where it ends alone, whatever is beside it."""

import numpy as np
import pytest

import vaedyn
from tests.shared import reference
from vaedyn.fixedpoints import outcomes as module
from vaedyn.fixedpoints.attractors import DIVERGING, ENTANGLED, OSCILLATING, UNDECIDED
from vaedyn.fixedpoints.newton import newton, residual, symmetric
from vaedyn.fixedpoints.outcomes import outcome, outcomes
from vaedyn.kernels import courses
from vaedyn.kernels.constants import Constants
from vaedyn.kernels.jit import strict_kernel
from vaedyn.kernels.lanes import TOGETHER, abreast, flushing
from vaedyn.learning.theory import integrate
from vaedyn.model.schedules import Constant
from vaedyn.model.state import count, pack

PLAIN = vaedyn.Params(latent=2, signal=2, rho=(2.6, 1.2), eta=0.9, lam=0.03)
RATES = PLAIN.replace(lr=(0.5, 0.7, 1.1), batch=3, momentum=0.2)
THREE = vaedyn.Params(latent=3, signal=2, rho=(2.3, 1.1), eta=0.7, batch=2, latents="sampled")
CASES = {
    "plain": (PLAIN, np.linspace(0.2, 2.4, 4), np.linspace(0.7, 1.6, 5)),
    "rates": (RATES, np.linspace(0.4, 2.4, 3), np.linspace(0.7, 1.9, 4)),
    "sampled": (THREE, np.linspace(0.4, 2.4, 2), np.linspace(0.6, 3, 3)),
}


def with_lr(params, lr):
    ratios = np.atleast_1d(params.lr) / np.atleast_1d(params.lr)[0]
    return tuple((lr * ratios).tolist()) if len(ratios) == 3 else lr


@pytest.fixture(scope="module", params=CASES)
def case(request):
    """Parameters of some models, and the constants of all."""
    base, betas, rates = CASES[request.param]
    many = [base.replace(beta=b, lr=with_lr(base, lr)) for b in betas.tolist() for lr in rates]
    beta, lr = [p.beta for p in many], [p.rate for p in many]
    return many, Constants.of(base, beta=np.array(beta), lr=np.array(lr)).many()


def test_each_ends_where_it_does_alone(case):
    """Misses what `outcome` itself has wrong, which `test_outcomes` is about."""
    many, c = case
    found = outcomes(c, lambda i: many[i])
    alone = [outcome(params) for params in many]
    assert found["phase"].tolist() == [each.phase for each in alone]
    assert found["active"].tolist() == [each.active for each in alone]
    for name in ("eps_g", "growth"):
        np.testing.assert_allclose(
            found[name], [getattr(each, name) for each in alone], rtol=1e-8, atol=1e-10
        )
    if c.plain:
        assert {ENTANGLED, OSCILLATING, DIVERGING} <= set(found["phase"].tolist())


def test_neighbours_leave_no_trace(case):
    many, c = case
    whole = outcomes(c, lambda i: many[i])
    rows = np.arange(len(many))[::-3]
    part = outcomes(c.at(rows), lambda i: many[rows[i]])
    for name, values in part.items():
        np.testing.assert_array_equal(values, whole[name][rows])


def test_too_many_steps_leave_it_undecided(monkeypatch):
    monkeypatch.setattr(module, "MOST_STEPS", 3)
    c = Constants.of(PLAIN, lr=np.array([0.2, 0.3])).many()
    assert (outcomes(c, lambda _: PLAIN)["phase"] == UNDECIDED).all()


@strict_kernel
def drifts(y, c, latent, signal, out):
    room = abreast(np.zeros((courses.ROOM * latent * latent, TOGETHER)))
    courses.drift(abreast(y), abreast(c), latent, signal, room, abreast(out))


@pytest.mark.parametrize(("latent", "signal", "sampled"), [(1, 1, 1.0), (2, 3, 0.0), (3, 2, 1.0)])
def test_the_drift_is_that_of_the_plain_twin(latent, signal, sampled):
    random = np.random.default_rng(latent)
    spread, gather = symmetric(latent, signal)
    y = spread @ (gather @ random.uniform(0.1, 1, (count(latent, signal), TOGETHER)))
    c = random.uniform(0.2, 2, (courses.NUMBERS + signal, TOGETHER))
    c[7] = sampled
    out = np.empty_like(y)
    drifts(y, c, np.uint64(latent), np.uint64(signal), out)
    for lane in range(TOGETHER):
        beta, eta, lam, of_W, of_V, of_D, noise, _ = c[: courses.NUMBERS, lane]
        expected = reference.drift(
            y[:, lane], beta, c[courses.NUMBERS :, lane], eta, lam, of_W, latent, encoder=of_V,
            variances=of_D, batch=eta / noise, sampled=bool(sampled),
        )  # fmt: skip
        np.testing.assert_allclose(out[:, lane], expected, rtol=1e-11, atol=1e-12)


def test_courses_are_those_of_the_integrator_for_one():
    many = [PLAIN.replace(beta=b, lr=lr, t_max=9.0) for b, lr in [(0.7, 0.4), (1.9, 0.9)]]
    c = Constants.of(PLAIN, beta=np.array([0.7, 1.9]), lr=np.array([0.4, 0.9])).many()
    y = pack(**module.started(PLAIN).overlaps())
    followed = module._Many(c, y, 10_000, many.__getitem__)
    shares, out = np.array([0.3, 0.71, 1.0]), np.empty((2, 3, len(y)))
    status, steps = np.empty((2, 2), np.int64)
    courses.integrate(
        followed.y, followed.numbers, np.uint64(2), shares, np.array([40.0, 30.0]),
        followed.bounds, 1e-9, 1e-12, 10_000, followed.stop, status, steps, out,
    )  # fmt: skip
    assert (status == courses.DONE).all()
    for params, end, course in zip(many, (40.0, 30.0), out, strict=True):
        times = np.array([0.0, *(end * shares)])
        expected = integrate(params, y, times, Constant(), rtol=1e-9, atol=1e-12)[0][1:]
        np.testing.assert_allclose(course, expected, atol=1e-7)
    followed.stop[0] = 1
    status[:] = -1
    courses.integrate(
        followed.y, followed.numbers, np.uint64(2), shares, np.array([40.0, 30.0]),
        followed.bounds, 1e-9, 1e-12, 10_000, followed.stop, status, steps, out,
    )  # fmt: skip
    assert (status == -1).all()


@pytest.mark.parametrize("rho", [(3, 1), (1.7, 1.7)], ids=["a pair", "singular"])
def test_newtons_method_leads_to_the_same_points(rho):
    """Equal signals may be rotated into one another: the Jacobian is singular everywhere."""
    params = vaedyn.Params(latent=2, signal=2, rho=rho, eta=1.1, lam=0.01, beta=0.9, lr=0.6)
    y = pack(**module.started(params).overlaps())
    y = integrate(params, y, np.array([0.0, 500.0]), Constant(), rtol=1e-6, atol=1e-9)[0][-1]
    starts = y + 1e-2 * np.random.default_rng(4).normal(size=(2, len(y)))
    many = module._Many(Constants.of(params, beta=np.array([0.9, 0.91])).many(), y, 1, None)
    spread, gather = symmetric(2, 2)
    points, left = many._points(np.arange(2), starts), many._residuals(np.arange(2), starts)
    for i, start in enumerate(starts):
        one = many._one(i)
        assert left[i] == pytest.approx(residual(one, spread @ (gather @ start)), rel=1e-9)
        assert residual(one, points[i]) < 1e-11
        np.testing.assert_allclose(points[i], newton(one, start), atol=1e-9)


@strict_kernel
def halved(x):
    before = flushing(True)
    first = 0.5 * x[0]
    x[1] = first
    return flushing(before)


def test_what_underflows_is_zero_within_only():
    x = np.array([4e-308, 1.0])
    halved(x)
    assert x[1] in (0.0, 2e-308)  # the latter where processors do not mind
    assert 0.5 * x[0] == 2e-308
