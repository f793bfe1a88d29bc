"""The rows of claims about collapse and spare latents, from results that are made up."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

import vaedyn
from tests.shared.rows import ABSTRACT, DIGITS, THEOREM, Bench, same, width
from vaedyn.claims import collapse

LAST = "the last term of the extrapolation to {} = 0"


def ends(model, runs):
    """Return made-up errors of runs at the end."""
    return 0.5 * model.beta + 0.25 * np.arange(runs) ** 2 / model.dim


def ensemble(runs):
    """Return what makes up runs of a model, whose errors at the beginning are something else."""
    return lambda model: SimpleNamespace(
        params=model, eps_g=np.stack([np.full(runs, 9.0), ends(model, runs)], axis=1)
    )


def once(model):
    return SimpleNamespace(eps_g=np.array([7.0, 0.5 * model.beta + 0.001]))


@pytest.mark.parametrize(("quick", "runs"), [(True, 6), (False, 20)])
def test_rows_of_collapse(monkeypatch, quick, runs):
    lrs = {0.01: 4, 0.005: 2, 0.0025: 1, 0.05: 20}
    asked = []

    def lowest(params):
        h = lrs[params.lr]
        return 5 + 2 * h + 3 * h**2, 7 + 3 * h**2

    def errors(params, axis):
        asked.append(params)
        return params.lr * axis

    monkeypatch.setattr(collapse, "lowest", lowest)
    monkeypatch.setattr(collapse, "attracting_errors", errors)
    monkeypatch.setattr(collapse, "_threshold", lambda lab, base: "threshold")
    lab = Bench(quick, theory=once, simulate=ensemble(runs))
    (panel,) = collapse.collapse(lab)
    (models, first), ((long,), second) = [each for each in lab.asked if isinstance(each[0], list)]
    assert (first, second) == (runs, runs)
    base = vaedyn.Params(
        lr=0.05, dim=500, t_max=2000, points=201, init="m=1,d=0.5,Q=1,E=0.25,R=0.5,D=0.5"
    )
    betas = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2.25, 2.5, 3]
    assert models == [replace(base, beta=beta) for beta in betas]
    assert long == replace(base, dim=200, beta=2.5, lr=0.01, t_max=15000)
    threshold, late, best, least, agreed = panel.rows
    assert threshold == "threshold"
    error = stats.sem(ends(long, runs))
    same(
        late, claim="eps_g of SGD at beta = 2.5, t = 15000, once learned", expected=1.0,
        origin=THEOREM, found=float(ends(long, runs).mean()), error=error,
        tolerance=width(runs - 1) * error + 0.251 + 1e-9, relation="=",
        basis=f"{width(runs - 1):.2g} standard errors of {runs} runs",
    )  # fmt: skip
    common = {"origin": THEOREM, "basis": LAST.format("lr"), "relation": "="}
    same(
        best, claim="beta of the least eps_g (lr to 0)", expected=1.0, found=5.0, error=6.0,
        tolerance=6.0 + 1e-9, **common,
    )  # fmt: skip
    same(  # lines lead to -17 and 1, the parabola to 7
        least, claim="the least eps_g (lr to 0)", expected=0.0, found=7.0, error=6.0,
        tolerance=6.0 + 1e-9, **common,
    )  # fmt: skip
    of_runs = np.array([ends(model, runs) for model in models])
    off = np.abs(of_runs.mean(axis=1) - 0.5 * np.array(betas) - 0.001)
    error = np.hypot(stats.sem(of_runs, axis=1), 1e-9**0.5)
    same(
        agreed, claim="eps_g in the end: |SGD - ODE| in standard errors",
        expected=width(runs - 1, 10), origin="chance, 1 in 370", found=float((off / error).max()),
        error=None, tolerance=0.0, relation="<",
        basis="exceeded by chance once in 370 times, by the largest of 10 with "
        f"{runs - 1} degrees of freedom",
    )  # fmt: skip
    axis = np.linspace(0.05, 3.2, 316)
    data = panel.data
    np.testing.assert_allclose(data["beta"], axis)
    assert list(data["errors"]) == [0.05, 1e-7]
    assert asked == [replace(base, lr=lr) for lr in (0.05, 1e-7)]
    assert (data["base"], data["least"], data["runs"]) == (base, (1245, 1207), runs)
    at, mean, std = data["simulated"]
    np.testing.assert_allclose(at, betas)
    np.testing.assert_allclose(mean, of_runs.mean(axis=1))
    np.testing.assert_allclose(std, of_runs.std(axis=1, ddof=1))
    assert "to 1245 at lr = 0.05." in panel.caption
    sweep, simulate, plot = panel.recipes
    assert sweep.options == {
        "runs": runs, "seed": 7, "vary": "beta=0.25,0.5,0.75,1,1.25,1.5,1.75,2.25,2.5,3"
    }  # fmt: skip
    assert (simulate.params, simulate.options) == (long, {"runs": runs, "seed": 7})
    assert (sweep.params, plot.params, plot.options) == (base, base, {"vary": "beta=0.05:3.2"})


def test_the_row_of_the_threshold_is_that_of_rates_extrapolated():
    """Rates of which beta is 1.93 + 10 rate + 900 rate^2 + 90000 rate^3, at betas of its own."""
    betas, seen = (2.04, 2.08, 2.16, 2.32), []
    curve = np.array([90000.0, 900.0, 10.0, 1.93])

    def theory(params):
        at = np.roots([*curve[:-1], curve[-1] - params.beta])
        rate = float(at[np.isreal(at)].real[0])
        seen.append((params, rate))
        t = np.linspace(0, params.t_max, 401)
        m = np.where(np.arange(401) < 200, 1.0, -np.exp(-rate * t))  # what is early does not count
        return SimpleNamespace(t=t, m=m[:, None, None])

    base = vaedyn.Params(lr=0.05, t_max=2000, points=201, rho=1.2, eta=0.8)
    lab = Bench(theory=theory)
    row = collapse._threshold(lab, base)
    rates = [rate for _, rate in seen]
    without = np.polyfit(rates[:3], betas[:3], 2)[-1]
    assert row.found == pytest.approx(1.93, rel=1e-8)
    assert row.error == row.tolerance == pytest.approx(abs(1.93 - without), rel=1e-5)
    assert (row.claim, row.expected) == ("beta above which what was learned is lost", 2.0)
    assert (row.origin, row.basis) == (THEOREM, LAST.format("rate").replace("rate = 0", "rate 0"))
    assert row.relation == "="
    assert [(params.beta, params.points) for params, _ in seen] == [(b, 401) for b in betas]
    spans = [240 / (beta - 2.0) for beta in betas]
    np.testing.assert_allclose([params.t_max for params, _ in seen], spans, rtol=1e-9)
    assert all(tolerances == {"rtol": 1e-11, "atol": 1e-30} for _, tolerances in lab.asked)


@pytest.mark.parametrize(("quick", "runs"), [(True, 6), (False, 20)])
def test_rows_of_spare_latents(monkeypatch, quick, runs):
    def errors(params, axis):
        return params.latent * axis + params.beta

    def cost(params, beta):
        h = {0.01: 4, 0.005: 2, 0.0025: 1}[params.lr]
        assert (params.latent, params.init) == (1, "gaussian")
        return beta + 2 * h + 3 * h**2

    monkeypatch.setattr(collapse, "attracting_errors", errors)
    monkeypatch.setattr(collapse, "cost", cost)
    monkeypatch.setattr(collapse, "_decay", lambda lab, base: ("decay", "course"))
    monkeypatch.setattr(collapse, "_slowdown", lambda lab, base, alone: ("slow", base, alone))
    lab = Bench(quick, theory=once, simulate=ensemble(runs))
    (panel,) = collapse.superfluous(lab)
    betas = [0.25, 0.5, 0.75, 1.5] if quick else [0.25, 0.5, 0.75, 1.25, 1.5, 2.5]
    base = vaedyn.Params(
        latent=2, lr=0.05, dim=500, t_max=800, points=201,
        init={"m": [[0.9], [0.1]], "d": [[0.45], [0.1]], "Q": 1, "E": 0.5, "R": 0.4, "D": 0.5},
    )  # fmt: skip
    ((models, asked),) = lab.asked
    assert (models, asked) == ([replace(base, beta=beta) for beta in betas], runs)
    for row, beta, left in zip(panel.rows[:2], (0.5, 1.5), (0.5, 0.0), strict=True):
        same(
            row, claim=f"eps_g per spare latent at beta = {beta} (lr to 0)", expected=left,
            origin="closed form", found=beta, error=6.0, tolerance=6.0 + 1e-9,
            basis=LAST.format("lr"), relation="=",
        )  # fmt: skip
    _, _, sgd, decay, slow = panel.rows
    at = ends(models[1], runs)
    same(
        sgd, claim="eps_g of SGD with a spare latent, beta = 0.5", expected=2 * 0.5 + 0.5,
        origin="fixed point", found=float(at.mean()), error=stats.sem(at),
        tolerance=width(runs - 1) * stats.sem(at) + 1e-9, relation="=",
        basis=f"{width(runs - 1):.2g} standard errors of {runs} runs",
    )  # fmt: skip
    assert (decay, slow) == ("decay", ("slow", base, replace(base, latent=1, init="gaussian")))
    data, axis = panel.data, np.linspace(0.05, 2.6, 256)
    np.testing.assert_allclose(data["beta"], axis)
    assert list(data["errors"]) == [1, 2, 3]
    for count, values in data["errors"].items():
        np.testing.assert_allclose(values, count * axis + 1)
    of_runs = np.array([ends(model, runs) for model in models])
    wanted = [betas, of_runs.mean(axis=1), of_runs.std(axis=1, ddof=1)]
    np.testing.assert_allclose(data["simulated"], wanted)
    assert (data["base"], data["runs"], data["course"]) == (base, runs, "course")
    sweep, plot, theory = panel.recipes
    listed = ",".join(f"{beta:g}" for beta in betas)
    assert sweep.options == {"runs": runs, "seed": 7, "vary": f"beta={listed}"}
    assert plot.options == {"of": "fixedpoints", "vary": "latent=1,2,3"}
    assert theory.params == replace(base, beta=1, dim=10, lr=1e-7, t_max=4000 / 1e-7, points=8001)


def test_what_a_spare_latent_costs_is_the_mean_of_two(monkeypatch):
    asked = []

    def errors(params, at):
        asked.append((params, at.tolist()))
        return np.array([params.latent**2 + at[0]])

    monkeypatch.setattr(collapse, "attracting_errors", errors)
    params = vaedyn.Params(signal=3, latent=1)
    assert collapse.cost(params, 0.3) == pytest.approx(8)  # (25 - 9) / 2
    assert asked == [(replace(params, latent=count), [0.3]) for count in (3, 5)]


def test_the_row_of_decay_is_the_power_late(monkeypatch):
    """Powers -2, -1.5 and -1.25 between four times: lines lead to -1 twice."""
    monkeypatch.setattr(collapse, "attracting_errors", lambda params, at: 0.5 * at)
    falls = {500: 1.0, 1000: 2.0**-2, 2000: 2.0**-3.5, 4000: 2.0**-4.75}
    seen = []

    def theory(params):
        seen.append(params)
        t = np.array([0, 450, 500, 560, 1000, 1400, 2000, 3100, 4000]) / 1e-7
        values = [falls.get(round(x * 1e-7), 77.0) for x in t]
        return SimpleNamespace(t=t, eps_g=params.beta * np.array(values))

    base = vaedyn.Params(latent=2, lr=0.05)
    row, course = collapse._decay(Bench(theory=theory), base)
    same(
        row, claim="decay of eps_g at beta = eta: power of time", expected=-1.0,
        origin="closed form", found=-1.0, error=0.25, tolerance=0.25, relation="=",
        basis="the extrapolation to infinite time",
    )  # fmt: skip
    assert list(course) == [0.8, 1.0, 1.2]
    for beta, (t, away) in course.items():
        assert t[-1] == pytest.approx(4000)
        assert away[2] == pytest.approx(0.5 * beta)
        assert away[-1] == pytest.approx(abs(2.0**-4.75 - 0.5) * beta)
    assert [params.beta for params in seen] == [1, 0.8, 1.2]
    assert {(p.dim, p.lr, p.points, round(p.t_max * 1e-7)) for p in seen} == {
        (10, 1e-7, 8001, 4000)
    }  # fmt: skip


def test_the_row_of_how_much_a_spare_latent_slows_down(monkeypatch):
    asked = []

    def time(params, tol, store):
        asked.append((params, tol, store))
        return SimpleNamespace(t=float(30**params.latent))

    monkeypatch.setattr(collapse, "time_to_converge", time)
    monkeypatch.setattr(collapse, "noise", lambda model: 1.00234567 + 0 * model.lr)
    base = vaedyn.Params(latent=2, lr=0.05, dim=500)
    alone = replace(base, latent=1)
    same(
        collapse._slowdown(Bench(), base, alone),
        claim="time with a spare latent over that without, beta = 1.00235", expected=1.0,
        origin=ABSTRACT, found=30.0, error=None, tolerance=0.0, basis=DIGITS, relation=">",
    )  # fmt: skip
    at = {"lr": 0.01, "beta": 1.00235}
    assert asked == [
        (replace(base, **at), 0.01, "the store"),
        (replace(alone, init="m=0.2,d=0.2,Q=1,E=1,R=0,D=1", **at), 0.01, "the store"),
    ]
