"""Coefficients of normal forms: beside differences of the Jacobian, side branches and courses.

Side branches and courses of the ODE know nothing of multilinear forms or of projections: they
would notice any wrong factor. They would miss what vanishes close to the bifurcation faster than
the amplitude does, which no coefficient depends on.
"""

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import vaedyn
from tests.shared.models import random_state
from vaedyn.fixedpoints.bifurcations import hopf, steady, turn
from vaedyn.fixedpoints.branches import branches
from vaedyn.fixedpoints.newton import jacobian, newton, symmetric, velocity
from vaedyn.fixedpoints.normal_forms import Coefficient, Forms
from vaedyn.fixedpoints.varied import vary
from vaedyn.kernels.constants import Constants

MODELS = {
    "plain": Constants(0.8, np.array([2.0, 1.2]), 0.7, 0.1, 0.4, 2),
    "sampled": Constants(0.8, np.array([2.0]), 0.7, 0.1, 0.4, 2, 1.7, 0.6, 3.0, 1.0),
    "alone": Constants(1.3, np.array([0.9]), 0.6, 0.2, 0.3, 1),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_multilinear_forms_are_differences_of_the_jacobian(model):
    y = random_state(model.latent, model.signal)
    forms, (spread, _) = Forms(model, y), symmetric(model.latent, model.signal)
    u, v = np.random.default_rng(1).standard_normal((2, spread.shape[1]))

    def along(way, t):
        return jacobian(model, y + t * (spread @ way))

    h = 1e-3
    second = (8 * (along(v, h) - along(v, -h)) - along(v, 2 * h) + along(v, -2 * h)) @ u / (12 * h)
    np.testing.assert_allclose(forms.second(u, v), second, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(forms.second(u, u), forms.second(-u, -u), rtol=1e-9, atol=1e-9)
    third = (along(v, h) - 2 * along(v, 0) + along(v, -h)) @ u / h**2
    np.testing.assert_allclose(forms.third(u, v), third, rtol=1e-4, atol=1e-4)
    cube = (along(u, h) - 2 * along(u, 0) + along(u, -h)) @ u / h**2
    np.testing.assert_allclose(forms.cube(u), cube, rtol=1e-4, atol=1e-4)


def test_coefficients_vanish_beside_their_terms():
    assert Coefficient(1e-9, 1.0).vanishes
    assert Coefficient(0.0, 0.0).vanishes
    assert not Coefficient(-1e-9, 1e-9).vanishes


# --- along side branches ------------------------------------------------------------------

SIDES = {
    # (a model, what varies, the side branch, kind, power of the amplitude)
    "learned": (vaedyn.Params(lr=0.3, rho=1.7, eta=0.6), "beta", "signal 1", "pitchfork"),
    "batch": (
        vaedyn.Params(lr=(0.3, 0.2, 0.4), batch=3, rho=1.7, eta=0.6, lam=0.1),
        "beta", "signal 1", "pitchfork",
    ),
    "decay": (vaedyn.Params(lr=0.02, rho=0.1, lam=0.6), "beta", "signal 1", "pitchfork"),
    "noise": (vaedyn.Params(lr=0.3, rho=1.7, eta=0.6), "beta", "noise", "transcritical"),
    "noise with decay": (
        vaedyn.Params(lr=0.05, rho=1.7, eta=0.9, lam=0.2), "beta", "noise", "transcritical",
    ),
    "two": (
        vaedyn.Params(latent=2, lr=0.2, rho=1.7, eta=0.6), "beta", "two on signal 1", "pitchfork",
    ),
    "sampled": (
        vaedyn.Params(lr=0.3, rho=1.7, eta=0.6, latents="sampled"), "beta", "signal 1", "pitchfork",
    ),
    "by the noise": (
        vaedyn.Params(beta=1.9, lr=0.2, rho=1.4), "eta", "noise", "transcritical",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SIDES)
def test_side_branches_begin_as_the_coefficient_says(case):
    params, name, side, kind = SIDES[case]
    found = branches(params, name, 0.02, 2.9, groups=2 if params.latent > 1 else 1)
    n = max(n for n, each in enumerate(found.types) if each.split(" or")[0] == side)
    event = next(e for e in found.events if e["branch"] == n and e["kind"] == "end")
    assert event["bifurcation"] == kind
    (trunk,) = event["meets"]
    at, x = event["at"], found.varied[found.branch == n]
    way = -1 if x.mean() < at else 1
    left, rate = [], 0.0
    step = 2e-2
    z, y = (newton(vary(params, name, at + way * step * at), _close(found, i, at + way * step * at))
            for i in (trunk, n))  # fmt: skip
    half = np.where(np.arange(len(y)) < 2 * params.latent * params.signal, 0.5**0.5, 0.5)
    for _ in range(9):
        step, guess = step / 2, z + half * (y - z)  # overlaps as roots of what squares are
        model = vary(params, name, at + way * step * at)
        y, z = newton(model, guess), newton(model, z)
        if step > 2e-4:
            continue
        left_of: Any = np.linalg.eig(jacobian(model, z).T)
        values, vectors = left_of
        _, gather = symmetric(model.latent, model.signal)
        apart = gather @ (y - z)
        # the amplitude, on all of the centre directions
        near = np.abs(values) < 1e-2 * np.abs(values).max()
        right: Any = np.linalg.eig(jacobian(model, z))
        centre = right[1][:, np.abs(right[0]) < 1e-2 * np.abs(values).max()].real
        rows = vectors[:, near].real.T
        amplitude = np.linalg.norm(centre @ np.linalg.solve(rows @ centre, rows @ apart))
        rate = float(values[near].real.mean()) * model.lr
        power = 2 if kind == "pitchfork" else 1
        left.append(-rate / amplitude**power)
    limit = 2 * left[-1] - left[-2]  # linear in the distance
    assert limit == pytest.approx(event["coefficient"], rel=2e-3)
    assert (event["side"] == "supercritical") == (rate > 0) == (limit < 0)


def _close(found, n, x):
    chosen = found.branch == n
    xs, states = found.varied[chosen], found.states[chosen]
    return np.array([np.interp(x, xs, column) for column in states.T])


@pytest.mark.parametrize(
    ("lam", "s"), [(0.6, 1.1), (0.6, 1.2), (0.3, 0.85), (1.1, 1.75), (1.1, 1.6)]
)
def test_weight_decay_makes_collapse_subcritical_where_the_closed_form_says(lam, s):
    # small learning rates: see the theory page; each pair stands on both sides
    model = Constants(s / (1 + lam) - lam / s, np.array([0.3 * s]), 0.7 * s, lam, 1e-7, 1)
    joint = np.array([0, 0, 0, 0, 0, 1.0])
    along = np.zeros(6)
    along[:2] = s, 1 + lam
    found = steady(model, joint, along)
    assert found["bifurcation"] == "pitchfork"
    below = s**2 < 2 * lam * (1 + lam) ** 2 / (1 + 2 * lam)
    assert found["side"] == ("subcritical" if below else "supercritical")


def test_it_is_tricritical_in_between():
    lam = 0.6
    s = np.sqrt(2 * lam * (1 + lam) ** 2 / (1 + 2 * lam))
    model = Constants(s / (1 + lam) - lam / s, np.array([0.3 * s]), 0.7 * s, lam, 1e-9, 1)
    along = np.array([s, 1 + lam, 0, 0, 0, 0])
    found = steady(model, np.array([0, 0, 0, 0, 0, 1.0]), along)
    assert (found["bifurcation"], found["side"]) == ("degenerate", None)


def test_folds_open_as_their_coefficient_says():
    params = vaedyn.Params(rho=0.1, lam=0.6, lr=0.02)
    found = branches(params, "beta", 0.1, 0.3, groups=1)
    event = next(e for e in found.events if e["kind"] == "fold")
    at, both = event["at"], [event["branch"], *event["meets"]]
    gaps = []
    for step in (2e-5, 1e-5):
        model = vary(params, "beta", at - step)
        y, z = (newton(model, _close(found, n, at - step)) for n in both)
        # half the distance is the amplitude, and twice that times the coefficient the rate
        rate = np.linalg.eigvals(jacobian(model, y))
        rate = rate[np.abs(rate).argmin()].real * model.lr
        gaps.append(abs(rate) / np.linalg.norm(y - z))
    assert abs(event["coefficient"]) == pytest.approx(2 * gaps[1] - gaps[0], rel=2e-2)
    assert event["coefficient"] < 0  # with more Q the branch is stable, with less it is not


# --- limit cycles beside Hopf bifurcations ------------------------------------------------

CYCLES = {
    # (a model, the range of lr, side): single latents, of strengths and rates all different
    "supercritical": (vaedyn.Params(rho=0.49, eta=1.13, beta=1.56), (0.5, 0.95), "supercritical"),
    "subcritical": (
        vaedyn.Params(rho=3.42, eta=1.94, beta=1.86, lam=1.0), (0.3, 0.56), "subcritical",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CYCLES)
def test_cycles_beside_a_hopf_bifurcation_are_as_large_as_the_coefficient_says(case):
    params, (low, high), side = CYCLES[case]
    found = branches(params, "lr", low, high, groups=1)
    (event,) = (e for e in found.events if e["bifurcation"] == "hopf")
    assert event["side"] == side
    assert event["multiplicity"] == 1
    chosen = found.branch == event["branch"]
    x, states = found.varied[chosen], found.states[chosen]

    def at(lr):
        model = vary(params, "lr", lr)
        y = newton(model, np.array([np.interp(lr, x, column) for column in states.T]))
        found: Any = np.linalg.eig(model.lr * jacobian(model, y))
        values, vectors = found
        k = int(np.argmax(np.where(values.imag > 1e-6, values.real, -np.inf)))
        return y, values[k], vectors[:, k] / np.linalg.norm(vectors[:, k])

    _, critical, _ = at(event["at"])
    assert abs(critical.real) < 1e-9
    assert event["frequency"] == pytest.approx(critical.imag, rel=1e-8)
    lr = event["at"] * (1 + (3e-5 if side == "supercritical" else -3e-5))
    (y, value, q), model = at(lr), vary(params, "lr", lr)
    assert (value.real > 0) == (side == "supercritical")
    radius = np.sqrt(-value.real / (event["coefficient"] * event["frequency"]))
    for share in (0.85, 1.15):
        start = y + 2 * share * radius * q.real
        turns = 8 * 2 * np.pi / value.imag
        rate = -2 * value.real  # at which deviations from the cycle decay, or grow
        course = solve_ivp(
            lambda _, y: lr * velocity(model, y),
            (0, turns), start, method="LSODA", rtol=1e-8, atol=1e-11, dense_output=True,
        )  # fmt: skip
        # amplitudes over the second and the last turn, along the critical direction
        sizes = []
        for begin in (1, 7):
            times = np.linspace(begin, begin + 1, 400) * 2 * np.pi / value.imag
            left = np.linalg.eig(lr * jacobian(model, y).T)
            p = left[1][:, np.abs(left[0] - value).argmin()]
            p = p / (p @ q)
            sizes.append(np.abs(p @ (course.sol(times) - y[:, None])).mean() / radius)
        grown = np.exp(rate * 6 * 2 * np.pi / value.imag)
        assert (sizes[1] - 1) / (sizes[0] - 1) == pytest.approx(grown, rel=0.5)
        assert sizes[0] == pytest.approx(share, abs=0.1)


def test_more_than_one_critical_pair_is_not_named():
    with pytest.raises(ValueError, match="unpack"):
        hopf(MODELS["alone"], random_state(1, 1))


def test_a_fold_without_a_curvature_is_degenerate():
    # at the tricritical point the pitchfork has no quadratic term either
    lam = 0.6
    s = np.sqrt(2 * lam * (1 + lam) ** 2 / (1 + 2 * lam))
    model = Constants(s / (1 + lam) - lam / s, np.array([0.3 * s]), 0.7 * s, lam, 1e-9, 1)
    assert turn(model, np.array([0, 0, 0, 0, 0, 1.0]))["bifurcation"] == "degenerate"
