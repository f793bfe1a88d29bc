"""The rows of claims about SGD, the ODE and entangled latents, from results that are made up."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

import vaedyn
from tests.shared.rows import ABSTRACT, Bench, same, width
from vaedyn.claims import entangled, limit

START = "m=0.2,d=0.2,Q=1,E=1,R=0,D=1"
TIMES = np.array([0.0, 2.0, 5.0, 9.0])


def made(params, eps_g, y):
    return SimpleNamespace(params=params, t=TIMES, eps_g=np.array(eps_g), states=np.array(y))


@pytest.mark.parametrize(
    ("quick", "dims", "runs"),
    [(True, (100, 300, 1000, 3000), 100), (False, (100, 300, 1000, 3000, 10000), 300)],
)
def test_rows_of_convergence_in_dim(quick, dims, runs):
    """Largest distances are 4 N^-0.4 (1 + 0.1 x), mean errors at half the way 0.3 + 2/N."""
    ode = made(None, [1.0, 0.62, 0.59, 0.2], np.zeros((4, 2)))  # half the way is 0.6
    x = np.random.default_rng(1).normal(size=runs)

    def simulate(model):
        far = 4 * model.dim**-0.4 * (1 + 0.1 * x)
        y = far[:, None, None] * np.array([[0.1, 0], [0.6, 0.8], [0.5, 0.5], [0.1, 0.2]])
        eps_g = np.full((runs, 4), 5.0)
        eps_g[:, 2] = 0.3 + 2 / model.dim + 0.01 * x / model.dim**0.5
        return made(model, eps_g, y)

    lab = Bench(quick, theory=lambda params: ode, simulate=simulate)
    (panel,) = limit.convergence_in_dim(lab)
    base = vaedyn.Params(lr=0.05, t_max=100, points=101, init=START)
    assert lab.asked == [(base, {}), ([replace(base, dim=dim) for dim in dims], runs)]
    size = np.array(dims, float)
    distance, error = (4 * size**-0.4 * f for f in (1 + 0.1 * x.mean(), 0.1 * stats.sem(x)))
    power, level = panel.rows
    line = np.polyfit(np.log(size), np.log(distance), 1, w=distance / error, cov="unscaled")
    slope = float(np.sqrt(line[1][0, 0]))
    basis = "3 standard errors of the fit"
    three = stats.t.isf(0.00135, 10**6)
    same(
        power, claim="distance of SGD from the ODE: power of N", expected=-0.5,
        origin="paper, Theorem 4.2", found=-0.4, error=slope, tolerance=three * slope,
        basis=basis, relation="=",
    )  # fmt: skip
    means = 0.3 + 2 / size + 0.01 * x.mean() / size**0.5
    weights = 1 / (0.01 * stats.sem(x) / size**0.5)
    line = np.polyfit(1 / size, means, 1, w=weights, cov="unscaled")
    error_there = float(np.sqrt(line[1][1, 1]))
    same(
        level, claim="eps_g of SGD at t = 5 (N to infinity)", expected=0.59, origin="the ODE",
        found=float(line[0][1]), error=error_there, tolerance=three * error_there,
        basis=basis, relation="=",
    )  # fmt: skip
    data = panel.data
    assert data["ode"] is ode
    assert [run.params.dim for run in data["sgd"]] == [100, dims[-1]]
    for name, wanted in (("dims", size), ("distance", distance), ("error", error)):
        np.testing.assert_allclose(data[name], wanted, rtol=1e-9)
    factor = 4 * (1 + 0.1 * x.mean())
    np.testing.assert_allclose(data["fit"], (-0.4, slope, factor), rtol=1e-8)
    (recipe,) = panel.recipes
    listed = ",".join(map(str, dims))
    assert (recipe.command, recipe.params) == ("sweep simulate", base)
    assert recipe.options == {"runs": runs, "seed": 7, "vary": f"dim={listed}"}
    assert panel.caption.startswith(f"Left: generalisation error of {runs} runs")
    assert panel.known == f"The paper proves the rate (its Theorem 4.2). {limit.SCRIPT}"


@pytest.mark.parametrize(("quick", "dim", "runs"), [(True, 500, 10), (False, 2000, 20)])
def test_rows_of_learning_curves(monkeypatch, quick, dim, runs):
    off = {0.5: 1.0, 1.0: 3.0, 1.5: 2.0, 2.5: 0.5, 3.0: 4.0}
    monkeypatch.setattr(limit, "_off", lambda ode, sgd: np.array([ode, sgd]))
    lab = Bench(
        quick, theory=lambda params: off[params.beta], simulate=lambda model: off[model.beta] - 0.25
    )
    (panel,) = limit.learning_curves(lab)
    base = vaedyn.Params(dim=dim, points=301, init=START)
    models = [replace(base, beta=beta) for beta in off]
    assert lab.asked == [*((model, {}) for model in models), (models, runs)]
    for row, side, largest, count in zip(
        panel.rows, ("below", "above"), (3.0, 4.0), (6, 4), strict=True
    ):
        same(
            row, claim=f"beta {side} rho + eta: |SGD - ODE| in standard errors",
            expected=width(runs - 1, count), origin="chance, 1 in 370", found=largest, error=None,
            tolerance=0.0, relation="<", basis="exceeded by chance once in 370 times, by the "
            f"largest of {count} with {runs - 1} degrees of freedom",
        )  # fmt: skip
    (recipe,) = panel.recipes
    assert recipe.options == {"runs": runs, "seed": 7, "vary": "beta=0.5,1,1.5,2.5,3"}
    assert [point.params for point in panel.data["points"]] == models
    assert panel.data["ode"] == [*off.values()]
    script = "The authors' published script has M = M* = 1, rho = eta = 1 and N = 200."
    assert (base.latent, base.signal, *base.rho, base.eta) == (1, 1, 1, 1)
    assert panel.known == (
        f"{script} Its learning rate is {base.lr:g}, and t goes to {base.t_max:g}."
    )


def test_every_tenth_time_is_compared_but_the_first():
    eps_g = np.random.default_rng(2).normal(1, 0.01, size=(5, 35))
    eps_g[:, 20] = 0.7  # runs that do not differ are compared up to the integration's errors
    ode = np.linspace(0.9, 1.1, 35)
    ode[20] = 0.7 + 3e-6
    found = limit._off(SimpleNamespace(eps_g=ode), SimpleNamespace(eps_g=eps_g))
    some = eps_g[:, [10, 20, 30]]
    error = np.sqrt(stats.sem(some) ** 2 + 1e-12)
    np.testing.assert_allclose(found, np.abs(some.mean(axis=0) - ode[[10, 20, 30]]) / error)
    assert found[1] == pytest.approx(3, rel=1e-6)


# ---- entanglement


def test_rows_of_one_start_are_the_peak_and_the_end(monkeypatch):
    courses = {
        "ode": {"Q": np.array([0.1, -0.75, 0.5, -0.125]), "S": "S"},
        "sgd": {"Q": np.array([[0.3, -0.5, 0.1, 0.01], [0.2, -0.7, 0.2, 0.05], [0, -1, 0, 0]])},
    }
    monkeypatch.setattr(entangled, "correlations", courses.get)
    rows, course = entangled._judged("equal", "ode", "sgd")
    assert course == courses
    usual = {"basis": f"{width(2):.2g} standard errors of 3 runs", "relation": "="}
    for row, words, at, expected, origin, known in (
        (rows[0], "peak of the correlation", 1, -0.75, "the ODE", 1e-9),
        (rows[1], "it vanishes", 3, 0.0, ABSTRACT, 0.125),
    ):
        values = courses["sgd"]["Q"][:, at]
        same(
            row, claim=f"equal signals, SGD: {words}", expected=expected, origin=origin,
            found=float(values.mean()), error=stats.sem(values),
            tolerance=width(2) * stats.sem(values) + known, **usual,
        )  # fmt: skip


@pytest.mark.parametrize(("quick", "seeds"), [(True, 12), (False, 40)])
def test_rows_of_random_starts(monkeypatch, quick, seeds):
    def correlations(params):
        s = params.init_seed
        return {"Q": np.array([-0.01 * s, 0.1, -0.5 - 0.01 * s**2, 1e-7 * s])}

    monkeypatch.setattr(entangled, "correlations", correlations)
    lab = Bench(quick, theory=lambda params: params)
    like = vaedyn.Params(latent=2, signal=2, lr=0.05, rho=(3, 1), t_max=9, dim=77, points=5)
    rises, vanishes = entangled._from_random_starts(lab, "unequal", like)
    s = np.arange(seeds)
    before, rise = 0.01 * s, 0.5 + 0.01 * s**2 - 0.01 * s
    same(
        rises, claim="unequal signals, random starts: correlation rises",
        expected=float(before.mean()), origin="its value at the start",
        found=float(rise.mean() + before.mean()), error=stats.sem(rise), relation=">",
        tolerance=width(seeds - 1) * stats.sem(rise) + 1e-9,
        basis=f"{width(seeds - 1):.2g} standard errors of {seeds} runs",
    )  # fmt: skip
    same(
        vanishes, claim="unequal signals, random starts: it vanishes", expected=0.0,
        origin=ABSTRACT, found=1e-7 * (seeds - 1), error=None, tolerance=1e-6,
        basis="accuracy of the integration", relation="=",
    )  # fmt: skip
    starts = {"dim": 1000, "init": "gaussian", "t_max": 8000, "points": 1601}
    assert lab.asked == [(replace(like, init_seed=int(k), **starts), {}) for k in s]


@pytest.mark.parametrize(
    ("quick", "runs", "dim"), [(True, 6, 1000), (False, 20, 5000)], ids=["quick", "full"]
)
def test_panels_of_entanglement(monkeypatch, quick, runs, dim):
    passed = [SimpleNamespace(label=label) for label in ("learned", "entangled", "collapsed")]
    monkeypatch.setattr(entangled, "fixed_points", lambda params, store: (params, store))
    monkeypatch.setattr(entangled, "passages", lambda points, ode: passed)
    monkeypatch.setattr(entangled, "_escape", lambda lab: "escape")
    monkeypatch.setattr(
        entangled, "_judged", lambda name, ode, sgd: ([(name, ode, sgd)], f"course {name}")
    )
    monkeypatch.setattr(entangled, "_from_random_starts", lambda lab, *rest: ["random"])
    lab = Bench(quick, theory=lambda params: params, simulate=lambda model: (model, "sgd"))
    panel, escape = entangled.entanglement(lab)
    assert escape == "escape"
    tilted = [[0.2, 0.04], [0.16, -0.04]]
    base = vaedyn.Params(
        latent=2, signal=2, lr=0.05, points=1001,
        init={"m": tilted, "d": tilted, "Q": 1, "E": 1, "R": 0, "D": 1},
    )  # fmt: skip
    equal = replace(base, rho=(1, 1), dim=5000, t_max=400)
    unequal = replace(base, rho=(3, 1), dim=dim, t_max=2500)
    assert lab.asked[0] == ([equal, unequal], runs)
    assert panel.rows == [
        "random", ("equal", equal, (equal, "sgd")),
        "random", ("unequal", unequal, (unequal, "sgd")),
    ]  # fmt: skip
    assert panel.data == {
        name: {"ode": params, "course": f"course {name}", "passed": passed[1:2]}
        for name, params in (("equal", equal), ("unequal", unequal))
    }
    assert f"and {runs} runs of SGD" in panel.caption
    recipes = [(each.command, each.params, each.options) for each in panel.recipes]
    assert recipes == [
        recipe
        for params in (equal, unequal)
        for recipe in (
            ("plot order-parameters", params, {"runs": runs, "seed": 7}),
            ("fixedpoints", params, {"along": True}),
        )
    ]


def test_the_row_of_the_saddle_is_that_of_the_last_that_is_entangled(monkeypatch):
    passed = [
        SimpleNamespace(label=label, growth=growth)
        for label, growth in (("entangled", 0.1), ("entangled", 0.375), ("learned", 0.3))
    ]
    balanced = [[0.1, 0.1], [0.1, -0.099]]
    params = vaedyn.Params(
        dim=10000, latent=2, signal=2, rho=(3, 1), lr=0.05, t_max=3600, points=1201,
        init={"m": balanced, "d": balanced, "Q": 1, "E": 1, "R": 0, "D": 1},
    )  # fmt: skip
    close = {"rtol": 1e-11, "atol": 1e-13}

    def points(at, **options):
        assert (at, options) == (params, {**close, "store": "the store"})
        return "points"

    monkeypatch.setattr(entangled, "fixed_points", points)
    monkeypatch.setattr(entangled, "passages", lambda points, ode: passed)
    monkeypatch.setattr(entangled, "courses", lambda points, ode, found: "courses")
    monkeypatch.setattr(
        entangled, "growth", lambda points, ode, saddle: (saddle.growth + 0.25, 0.5)
    )
    lab = Bench(theory=lambda params: "ode")
    panel = entangled._escape(lab)
    assert lab.asked == [(params, close)]
    (row,) = panel.rows
    same(
        row, claim="rate at which the entangled saddle is left", expected=0.375,
        origin="fixed point", found=0.625, error=0.5, tolerance=0.5, relation="=",
        basis="what the extrapolation to the saddle itself changes",
    )  # fmt: skip
    assert panel.data == {"trajectory": "ode", "found": passed, "distances": "courses"}
    (recipe,) = panel.recipes
    assert (recipe.command, recipe.params, recipe.options) == ("plot passages", params, close)


def test_growth_is_read_off_between_two_distances_and_the_ends_of_a_passage(monkeypatch):
    """Of a deviation whose rate is 0.5 - 2 times its square, up to the grid's differences."""
    t = np.linspace(0, 20, 4001)
    away = 1 / np.sqrt(4 + np.exp(-t) * 4e6)
    saddle = SimpleNamespace(index=3, distance=1e-3, time=2.0, end=17.0)

    def distances(points, ode, chosen):
        assert (points, chosen) == ("points", [3])
        return away[None]

    monkeypatch.setattr(entangled, "distances", distances)
    ode = SimpleNamespace(t=t)
    rate, error = entangled.growth("points", ode, saddle)
    assert rate == pytest.approx(0.5, rel=1e-5)
    near = (away > 3e-3) & (away < 0.1) & (t > 2) & (t < 17)
    assert error == pytest.approx(2 * (away[near] ** 2).mean(), rel=1e-3)
    for limits in ({"end": 6.2}, {"time": 12.0}):
        cut = SimpleNamespace(**{**vars(saddle), **limits})
        near = (away > 3e-3) & (away < 0.1) & (t > cut.time) & (t < cut.end)
        found = entangled.growth("points", ode, cut)
        if near.any():
            assert found[1] == pytest.approx(2 * (away[near] ** 2).mean(), rel=1e-2)
        else:
            assert np.isnan(found).all()
