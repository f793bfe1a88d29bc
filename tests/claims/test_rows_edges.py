"""The rows of all claims, number by number and word by word, from results that are made up."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import vaedyn
from tests.shared.rows import ABSTRACT, DIGITS, Bench, same, width
from vaedyn.claims import annealing, evidence
from vaedyn.claims.evidence import Lab, Row

# ---- what rows are made of


def test_a_row_of_runs_has_their_mean_and_error():
    values = np.array([1.5, 2.0, 4.0, 2.5])
    error = np.sqrt(((values - 2.5) ** 2).sum() / 3 / 4)
    usual = {
        "claim": "c", "expected": 1.25, "found": 2.5, "error": error,
        "basis": f"{width(3):.2g} standard errors of 4 runs",
    }  # fmt: skip
    same(
        evidence.statistical("c", 1.25, values),
        **usual, origin="the ODE", tolerance=width(3) * error + 1e-9, relation="=",
    )  # fmt: skip
    same(
        evidence.statistical(
            "c", 1.25, values, origin="o", relation=">", known_to=0.25, above=0.75
        ),
        **usual | {"found": 3.25}, origin="o", tolerance=width(3) * error + 0.25, relation=">",
    )  # fmt: skip


def test_a_row_of_agreement_has_the_largest_deviation():
    away = np.array([[0.3, 2.0, 1.5], [0.1, 0.2, 0.4]])
    same(
        evidence.agreement("c", away, 9),
        claim="c: |SGD - ODE| in standard errors", expected=width(8, 6),
        origin="chance, 1 in 370", found=2.0, error=None, tolerance=0.0, relation="<",
        basis="exceeded by chance once in 370 times, by the largest of 6 with 8 degrees of freedom",
    )  # fmt: skip


def test_a_row_of_an_extrapolation_is_uncertain_by_its_last_term():
    # 5 + 2 h + 3 h^2 at h = 4, 2, 1: lines lead to -19 and -1, the parabola to 5
    same(
        evidence.extrapolated("c", 5.5, [61.0, 21.0, 10.0], "lr", origin="o"),
        claim="c", expected=5.5, origin="o", found=5.0, error=6.0, tolerance=6.0 + 1e-9,
        basis="the last term of the extrapolation to lr = 0", relation="=",
    )  # fmt: skip


@pytest.mark.parametrize("relation", ["=", ">", "<"])
def test_the_tolerance_itself_is_within(relation):
    at = {"claim": "", "expected": 1.0, "origin": "", "error": None, "basis": ""}
    for found, passes in ((1.25, relation == "="), (0.75, relation == "=")):
        row = Row(**at, found=found, tolerance=0.25, relation=relation)
        assert row.passed == passes
    assert Row(**at, found=1.0, tolerance=0.0, relation=relation).passed == (relation == "=")


def test_a_lab_simulates_as_asked_and_counts_all_steps(monkeypatch):
    asked, told = [], []

    def simulate(model, **options):
        asked.append((model, options["runs"], options["seed"], options["jobs"], options["store"]))
        if options["progress"]:
            options["progress"](3, 99)
        return f"run {len(asked)}"

    monkeypatch.setattr(evidence, "simulate", simulate)
    models = [vaedyn.Params(dim=dim, t_max=t, points=3) for dim, t in ((20, 5), (30, 7))]
    lab = Lab(seed=5, jobs=2, store="s", progress=lambda *done: told.append(done))
    assert lab.simulate(models, 4) == ["run 1", "run 2"]
    assert asked == [(model, 4, 5, 2, "s") for model in models]
    assert told == [(3, 4 * (100 + 210)), (400 + 3, 4 * (100 + 210))]
    assert Lab().simulate(models, [2, 3]) == ["run 3", "run 4"]
    assert asked[2:] == [(models[0], 2, 0, None, None), (models[1], 3, 0, None, None)]
    assert not Lab().quick
    for runs in ([2], [2, 3, 4]):
        with pytest.raises(ValueError, match="zip"):
            lab.simulate(models, runs)
    assert len(asked) == 4


def test_a_lab_hands_tolerances_on(monkeypatch):
    monkeypatch.setattr(evidence, "theory", lambda params, **options: (params, options))
    assert Lab(store="s").theory("p") == ("p", {"rtol": 1e-8, "atol": 1e-10, "store": "s"})
    assert Lab().theory("p", rtol=1e-5, atol=1e-6)[1] == {
        "rtol": 1e-5, "atol": 1e-6, "store": None
    }  # fmt: skip


# ---- annealing


@pytest.mark.parametrize(("quick", "dim", "runs"), [(True, 5000, 12), (False, 10000, 20)])
def test_rows_of_annealing(monkeypatch, quick, dim, runs):
    tuned = SimpleNamespace(constant=123.456, gain=1.375, spec="tanh:0.0123456")
    searched, measured = [], []

    def search(params, family, **options):
        searched.append((params, family, options))
        return tuned

    def simulated(lab, base, number, runs, end):
        measured.append((number, runs, end))
        return 1.25, 0.0625, ["points"]

    monkeypatch.setattr(annealing, "best_schedule", search)
    monkeypatch.setattr(annealing, "_simulated", simulated)
    monkeypatch.setattr(annealing, "compare", lambda *how, store: ("compared", *how, store))
    monkeypatch.setattr(annealing, "_slowest", lambda lab: "slowest")
    monkeypatch.setattr(annealing, "_cost", lambda lab, base, found: ("cost", base, found))
    lab = Bench(quick, theory=lambda params: params)
    (panel,) = annealing.annealing(lab)
    base = vaedyn.Params(beta=1.5, lr=0.05, dim=dim, init="m=0.2,d=0.2,Q=1,E=1,R=0,D=1")
    assert searched == [(base, "tanh", {"tol": 0.01, "store": "the store"})]
    assert measured == [(0.0154, runs, 185.0)]
    best, faster, *others = panel.rows
    same(
        best, claim="gain of the best tanh schedule, ODE", expected=1.0, origin=ABSTRACT,
        found=1.375, error=None, tolerance=0.0, basis=DIGITS, relation=">",
    )  # fmt: skip
    same(
        faster, claim="gain of a 1.25 times faster schedule, SGD", expected=1.0, origin=ABSTRACT,
        found=1.25, error=0.0625, tolerance=width(runs - 1) * 0.0625,
        basis=f"{width(runs - 1):.2g} standard errors of {runs} runs", relation=">",
    )  # fmt: skip
    assert others == ["slowest", ("cost", base, tuned)]
    compared = "compared", tuned, 185.0, "the store"
    assert panel.data == {"compared": compared, "measured": ["points"]}
    plot, tune, simulate = panel.recipes
    options = {"family": "tanh", "tol": 0.01}
    assert (plot.command, plot.params) == ("plot annealing", base)
    assert plot.options == {**options, "runs": runs, "seed": 7}
    assert (tune.command, tune.params, tune.options) == ("anneal", base, options)
    assert simulate.params == replace(base, anneal="tanh:0.0154", t_max=185, points=1401)
    assert simulate.options == {"runs": runs, "seed": 7, "tol": 0.01}


@pytest.mark.parametrize("quick", [True, False])
def test_gains_of_simulations_are_those_of_the_schedule_asked_for(monkeypatch, quick):
    base = vaedyn.Params(beta=1.5, lr=0.05, dim=500)

    def arrivals(run, tol):
        assert tol == 0.01
        number = float(run.anneal.partition(":")[2] or 0.05)
        return np.array([np.nan, 1, 1]) if number == 0.4 else np.array([1, 1.5, 2]) * number

    monkeypatch.setattr(annealing, "arrivals", arrivals)
    monkeypatch.setattr(annealing, "spread", lambda values: (values[0], len(values)))
    lab = Bench(quick, simulate=lambda model: model)
    gain, error, points = annealing._simulated(lab, base, 0.2, 6, 300.0)
    assert (gain, error) == (0.25, 3)
    numbers = [0.2] if quick else [0.2, 0.08, 0.4, 0.8, 3.2]
    assert points == [(x, x, 3) for x in numbers if x != 0.4]
    ((models, runs),) = lab.asked
    assert runs == 6
    assert [model.anneal for model in models] == ["constant", *(f"tanh:{x}" for x in numbers)]
    assert [model.t_max for model in models] == [300, *(600 if x < 0.2 else 300 for x in numbers)]
    assert {model.points for model in models} == {1401}
    monkeypatch.setattr(lab, "simulate", lambda models, runs: models[1:])
    with pytest.raises((ValueError, IndexError), match="zip|range"):  # one run is missing
        annealing._simulated(lab, base, 0.2, 6, 300.0)


def test_the_row_of_slow_schedules(monkeypatch):
    asked = []

    def time(params, tol, store):
        asked.append((params.anneal, params.lr, params.t_max, tol, store))
        x = float(params.anneal.partition(":")[2]) / 1e-6 / 0.005  # 4, 2, 1
        return SimpleNamespace(t=(5 + 2 * x + 3 * x**2) / (x * 5e-9))

    monkeypatch.setattr(annealing, "time_to_converge", time)
    same(
        annealing._slowest(Bench()),
        claim="time x gamma of slow tanh, about ln(1/tol)/4 = 2.878",
        # (1 - sqrt(2 - beta))^2 = 1e-5 at beta = 2 - (1 + u)^2
        expected=float(np.arctanh(2 - (1 + 1e-5**0.5) ** 2)), origin="closed form",
        found=5.0, error=6.0, tolerance=6.0 + 1e-9, relation="=",
        basis="the last term of the extrapolation to gamma = 0",
    )  # fmt: skip
    assert [float(spec.partition(":")[2]) for spec, *_ in asked] == pytest.approx(
        [2e-8, 1e-8, 5e-9]
    )
    assert [t_max for _, _, t_max, *_ in asked] == pytest.approx([5e7, 1e8, 2e8])
    assert {(lr, tol, store) for _, lr, _, tol, store in asked} == {(1e-6, 1e-5, "the store")}


def test_the_row_of_what_slow_annealing_costs(monkeypatch):
    asked = []

    def time(params, tol, store):
        asked.append((params, tol, store))
        return SimpleNamespace(t=600.0)

    monkeypatch.setattr(annealing, "time_to_converge", time)
    base = vaedyn.Params(beta=1.5)
    same(
        annealing._cost(Bench(), base, SimpleNamespace(constant=160.0)),
        claim="time of a slow schedule over that of constant beta", expected=1.0,
        origin="constant beta", found=3.75, error=None, tolerance=0.0, basis=DIGITS, relation=">",
    )  # fmt: skip
    assert asked == [(replace(base, anneal="tanh:0.00125"), 0.01, "the store")]


def test_the_row_of_relaxation_is_that_of_the_worst_beta(monkeypatch):
    # off by more than its uncertainty: 0.02 - 0.001, though 1.75 is off by 0.03 - 0.02
    rates = {1.5: (0.98, 0.001), 1.75: (1.03, 0.02), 2.25: (1.0, 0.5)}
    betas = (0.5, 1.25, 1.5, 1.75, 2.25, 2.5)
    monkeypatch.setattr(annealing, "relaxation_time", lambda params: 10 * params.beta)

    def rate(lab, params):
        found = rates.get(params.beta, (1.0, 0.0))
        return found[0] / (10 * params.beta), found[1] / (10 * params.beta)

    monkeypatch.setattr(annealing, "_rate", rate)
    seen = []

    def attractors(constants):
        seen.append(constants)
        return {"growth": -3 * constants.beta}

    monkeypatch.setattr(annealing, "attractors", attractors)
    (panel,) = annealing.relaxation(Bench())
    (row,) = panel.rows
    same(
        row, claim="relaxation rate, ODE over fixed point (worst beta)", expected=1.0,
        origin="fixed point", found=0.98, error=0.001, tolerance=0.001 + 1e-5, relation="=",
        basis="its change while the deviation shrinks 30 times, and errors of the integration",
    )  # fmt: skip
    (constants,) = seen
    axis = [*np.linspace(0.05, 1.995, 196), *np.linspace(2.005, 3, 100)]
    assert constants.latent == 1
    assert len(constants.lr) == len(constants.eta) == len(constants.rho) == 296
    assert [set(x.tolist()) for x in (constants.eta, constants.lam, constants.lr)] == [
        {1.0}, {0.0}, {0.05}
    ]  # fmt: skip
    assert panel.data["base"] == vaedyn.Params(lr=0.05, init="m=0.2,d=0.2,Q=1,E=1,R=0,D=1")
    np.testing.assert_allclose(panel.data["beta"], axis, rtol=1e-12)
    np.testing.assert_allclose(panel.data["rates"], 3 * np.array(axis), rtol=1e-12)
    at, found = panel.data["measured"]
    assert tuple(at) == betas
    wanted = [rates.get(beta, (1.0, 0.0))[0] / (10 * beta) for beta in betas]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    (recipe,) = panel.recipes
    assert recipe.command == "sweep fixedpoints"
    assert recipe.options == {"vary": "beta=0.5,1.25,1.5,1.75,2.25,2.5"}


def test_the_rate_of_relaxation_is_the_slope_between_two_deviations(monkeypatch):
    monkeypatch.setattr(annealing, "relaxation_time", lambda params: 2.345678)
    params = SimpleNamespace(replace=lambda **new: new)

    def made(rate, last=141.0):
        def theory(new):
            assert new == {"t_max": 141.0, "points": 2401}
            t = np.linspace(0, last, 2401)
            y = np.exp(-rate * t)[:, None] * [3, 4] + np.exp(-2.5 * rate * t)[:, None] * [9, -7]
            return SimpleNamespace(t=t, states=y)

        return theory

    lab = Bench(theory=made(0.25))
    found, error = annealing._rate(lab, params)
    ode = made(0.25)({"t_max": 141.0, "points": 2401})
    away = np.linalg.norm(ode.states[40:] - ode.states[:-40], axis=1)
    early, late = (
        -np.polyfit(ode.t[:-40][inside], np.log(away[inside]), 1)[0]
        for inside in ((away < 1e-4) & (away > 3e-6), (away < 3e-6) & (away > 1e-7))
    )
    assert found == pytest.approx(late, rel=1e-9)
    assert error == pytest.approx(abs(late - early), rel=1e-6)
    assert lab.asked[0][1] == {"rtol": 1e-12, "atol": 1e-15}
    # too steep, or too short, for three times between these
    assert np.isfinite(annealing._rate(Bench(theory=made(20.0)), params)).all()
    for rate in (22.0, 23.0, 60.0):
        assert np.isnan(annealing._rate(Bench(theory=made(rate)), params)).all()
    assert np.isnan(annealing._rate(Bench(theory=made(0.05)), params)).all()
