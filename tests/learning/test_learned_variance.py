"""A decoder variance that is learned acts on a large model as a schedule of beta: `decay`."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import vaedyn
from tests.shared import reference
from vaedyn.model.state import pack

ETA, RHO, BETA, LR, MEMORY, FIRST = 0.7, 1.6, 1.3, 0.15, 12.0, 2.1


def runs(params, count, times, seed):
    """Train vectors by SGD beside a variance that follows the squared error of an entry.

    Steps are those of the loss multiplied by that variance, as theory takes them: its own
    rates are not the subject. Returns m, D and the variance (count, times).
    """
    random = np.random.default_rng(seed)
    N, found = params.dim, np.empty((3, count, len(times)))
    start = params.overlaps()
    for run in range(count):
        teacher = np.ones(N)
        u = random.normal(size=N)
        u -= u.mean()
        u /= np.sqrt((u**2).mean())
        m0, d0, Q0 = (float(start[name][0, 0]) for name in ("m", "d", "Q"))
        W = m0 * teacher + np.sqrt(Q0 - m0**2) * u
        V = d0 * teacher + float((start["R"][0, 0] - m0 * d0) / np.sqrt(Q0 - m0**2)) * u
        D, v, at = 1.0, FIRST, 0
        for step in range(round(times[-1] * N) + 1):
            if step >= times[at] * N:
                found[:, run, at] = W @ teacher / N, D, v
                at += 1
                if at == len(times):
                    break
            x = np.sqrt(RHO / N) * random.normal() * teacher + np.sqrt(ETA) * random.normal(size=N)
            mu, y, Q = V @ x / np.sqrt(N), W @ x / np.sqrt(N), W @ W / N
            error = x @ x - 2 * y * mu + Q * (mu**2 + D)
            beta = BETA * v
            W, V = (
                W - LR * (-x * mu / np.sqrt(N) + W * (mu**2 + D) / N),
                V + LR * x * (y - (Q + beta) * mu) / np.sqrt(N),
            )
            D -= LR / N * 0.5 * (Q + beta - beta / D)
            v += (error / N - v) / (MEMORY * N)
    return found


def test_runs_follow_theory_under_a_decay():
    """At 4 standard errors, and 0.01 for what is of order 1/N: sigma2 ends at eta + O(1/N).

    A constant beta, or one that falls twice as fast, is far outside. A bias below 0.01 is missed.
    """
    params = vaedyn.Params(
        dim=500, rho=RHO, eta=ETA, beta=BETA * ETA, lr=LR, t_max=30, points=4,
        anneal=f"decay:{FIRST / ETA!r}:{MEMORY!r}", init="m=0.5,d=0.3,Q=0.9,E=0.4,R=0.35,D=1",
    )  # fmt: skip
    # E of the start is not that of `runs`, whose V has no part of its own
    start = params.overlaps()
    m0, d0, Q0, R0 = (float(start[name][0, 0]) for name in ("m", "d", "Q", "R"))
    own = (R0 - m0 * d0) ** 2 / (Q0 - m0**2) + d0**2
    params = params.replace(init=f"m={m0},d={d0},Q={Q0},E={own + 1e-9},R={R0},D=1")
    theory, count = vaedyn.theory(params), 5
    m, D, v = runs(params, count, theory.t, 3)
    expected = ETA * (1 + (FIRST / ETA - 1) * np.exp(-theory.t / MEMORY))
    assert v.mean(axis=0) == pytest.approx(expected, abs=0.02)

    def off(of):
        found = []
        for measured, name in ((m, "m"), (D, "D")):
            error = measured.std(axis=0, ddof=1) / np.sqrt(count)
            difference = measured.mean(axis=0) - np.ravel(getattr(of, name))
            found.append(np.abs(difference) / (4 * error + 0.01))
        return np.max(found)

    assert off(theory) < 1
    assert off(vaedyn.theory(params.replace(anneal="constant"))) > 3
    faster = params.replace(anneal=f"decay:{FIRST / ETA!r}:{MEMORY / 2!r}")
    assert off(vaedyn.theory(faster)) > 1.5


def test_rates_over_the_variance_are_a_clock_of_their_own():
    """Steps of the loss itself have rates LR / sigma2: theory in t' = integral dt / sigma2.

    This holds for the drift only, so the learning rate is tiny; it is missed at finite ones that
    the noise of a step is then larger where sigma2 is small.
    """
    rate, ratio = 1e-4, FIRST / ETA
    params = vaedyn.Params(
        rho=RHO, eta=ETA, beta=BETA * ETA, lr=rate, init="m=0.5,d=0.3,Q=0.9,E=0.4,R=0.35,D=1"
    )
    memory, end = 0.4 / rate, 3 / rate

    def variance(t):
        return ETA * (1 + (ratio - 1) * np.exp(-t / memory))

    def clock(t):
        gain = np.log((1 + (ratio - 1) * np.exp(-t / memory)) / ratio)
        return (t + memory * gain) / ETA

    def slope(t, y):
        p, v = params, variance(t)
        return reference.drift(y, BETA * v, p.strengths, p.eta, p.lam, p.lr, 1) / v

    y = pack(**params.overlaps())
    expected = solve_ivp(slope, (0, end), y, "DOP853", rtol=1e-10, atol=1e-12).y[:, -1]
    t = np.linspace(0, end, 400)
    pairs = [*zip(clock(t).tolist(), (BETA * variance(t)).tolist(), strict=True)]
    last = params.replace(anneal=pairs, beta=pairs[-1][1], t_max=pairs[-1][0], points=2)
    found = vaedyn.theory(last)
    ours = pack(found.m, found.d, found.Q, found.E, found.R, found.D)[-1]
    np.testing.assert_allclose(ours, expected, atol=2e-4)
    plain = vaedyn.theory(last.replace(t_max=end))
    other = pack(plain.m, plain.d, plain.Q, plain.E, plain.R, plain.D)[-1]
    assert np.abs(other - expected).max() > 2e-3
