"""The panels that are not of the paper, in full and in quick: all that is asked for and said."""

from types import SimpleNamespace

import numpy as np
import pytest

import vaedyn
from tests.shared.rows import Bench, same, width
from vaedyn.claims import finite, optimisers
from vaedyn.claims.claims import CLAIMS
from vaedyn.claims.evidence import Lab
from vaedyn.fixedpoints.trained_on_rows import strength
from vaedyn.model.command_line import command_line

ROWS = "m=0.2,d=0.2,Q=1,E=1,R=0,D=1"
TRAINED = "m=0.1,d=0.1,Q=1,E=1,R=0,D=1"


def lines(panel):
    return [command_line(each.params, each.command, **each.options) for each in panel.recipes]


def test_claims_are_listed_in_order():
    assert list(CLAIMS) == [
        "convergence to the ODE", "learning curves", "entanglement", "posterior collapse",
        "superfluous latents", "relaxation", "KL annealing", "finite rows", "other optimisers",
    ]  # fmt: skip
    assert CLAIMS["finite rows"] is finite.finite_rows
    assert CLAIMS["other optimisers"] is optimisers.optimisers


# ---- rows that are used again


def test_the_model_of_the_printed_numbers():
    found = finite.model(2.5, 120)
    assert found == vaedyn.Params(
        dim=120, alpha=2.5, lam=0.4, lr=0.05, t_max=400, points=41, init=ROWS
    )
    assert finite.PRINTED == {
        2.0: (0.889, 0.288), 2.8: (0.599, 0.065), 4.0: (0.415, 0.058), 5.2: (0.346, 0.034)
    }  # fmt: skip


class Drawn:
    """Random numbers that are known: chi-squares are one more than their degrees of freedom."""

    def __init__(self):
        self.asked = []

    def chisquare(self, freedom):
        self.asked.append(freedom.tolist())
        return freedom + 1.0


@pytest.mark.parametrize("alpha", [0.6, 1.0, 2.0])
def test_the_bidiagonal_table(alpha):
    N, P = 5, int(5 * alpha)
    params = vaedyn.Params(dim=N, alpha=alpha, rho=1.75, eta=0.625, beta=0.375, lam=0.125)
    random = Drawn()
    first, second = finite.on_drawn_rows(params, 2, random)
    assert first == second
    assert random.asked[:2] == [
        [max(P - n, 1e-9) for n in range(N)], [N - 1 - n for n in range(N - 1)]
    ]  # fmt: skip
    table = np.zeros((N + 1, N))
    for n in range(min(N, P)):
        table[n, n] = np.sqrt((1.75 + 0.625 if n == 0 else 0.625) * (P - n + 1))
        if n < N - 1:
            table[n, n + 1] = np.sqrt(0.625 * (N - 1 - n + 1))
    values, vectors = np.linalg.eigh(table.T @ table / P)
    q = float(strength(values[-1], 0.375, 0.125))
    overlap = 2 * np.sqrt(1.75 * q) * abs(vectors[0, -1])
    assert first == pytest.approx(1.75 - overlap + q, rel=1e-12)


@pytest.mark.parametrize(
    ("quick", "draws", "many", "runs"), [(True, 30, 600, 6), (False, 100, 2000, 20)]
)
def test_rows_of_finite_rows(monkeypatch, quick, draws, many, runs):
    asked, told = [], []

    def drawn(params, count, random):
        asked.append((params, count))
        if not told:
            told.append(random.random())
        return np.linspace(0.25, 0.5, count) * (1 + params.alpha * params.dim / 4000)

    def simulate(params, **options):
        asked.append((params, options))
        return SimpleNamespace(eps_g=np.array([[9.0, 0.5 + k / 64] for k in range(runs)]))

    monkeypatch.setattr(finite, "on_drawn_rows", drawn)
    monkeypatch.setattr(finite, "simulate", simulate)
    monkeypatch.setattr(
        finite, "trained_on_rows",
        lambda params: SimpleNamespace(eps_g=params.alpha / 8 + params.dim / 1e9),
    )  # fmt: skip
    monkeypatch.setattr(finite, "_printed", lambda alpha, small, random: ("printed", alpha, small))
    lab = Lab(quick=quick, seed=7, jobs=3, store="s", progress="p")  # pyright: ignore
    (panel,) = finite.finite_rows(lab)
    assert told == [np.random.default_rng([7, 14]).random()]
    alphas = [2.0, 2.8, 4.0, 5.2]
    small = {alpha: np.linspace(0.25, 0.5, many) * (1 + alpha / 16) for alpha in alphas}
    large = {alpha: np.linspace(0.25, 0.5, draws) * (1 + alpha) for alpha in alphas}
    base = finite.model(4.0, 250)
    assert asked == [
        *((finite.model(alpha, 250), many) for alpha in alphas),
        *((finite.model(alpha, 4000), draws) for alpha in alphas),
        (base, {
            "runs": runs, "seed": 7, "engine": "vector", "jobs": 3, "store": "s", "progress": "p",
        }),
    ]  # fmt: skip
    best, printed, (sgd,) = panel.rows[:4], panel.rows[4:8], panel.rows[8:]
    for row, alpha in zip(best, alphas, strict=True):
        exact, x, y = alpha / 8 + 2.5e-7, small[alpha], large[alpha]
        shift = abs(x.mean() - exact) + 3 * x.std(ddof=1) / many**0.5
        error = y.std(ddof=1) / draws**0.5
        same(
            row, claim=f"eps_g on {alpha:g} N rows, N = 4000, best state", expected=exact,
            origin="closed form", found=float(y.mean()), error=error, relation="=",
            tolerance=width(draws - 1) * error + shift / 16,
            basis=f"{width(draws - 1):.2g} standard errors of {draws} runs",
        )  # fmt: skip
    assert [row[:2] for row in printed] == [("printed", alpha) for alpha in alphas]
    ends = 0.5 + np.arange(runs) / 64
    error = ends.std(ddof=1) / runs**0.5
    own = small[4.0]
    same(
        sgd, claim="eps_g on 4 N rows, N = 250, SGD", expected=float(own.mean()),
        origin=f"best states on {many} tables", found=float(ends.mean()), error=error,
        tolerance=width(runs - 1) * error + 3 * own.std(ddof=1) / many**0.5, relation="=",
        basis=f"{width(runs - 1):.2g} standard errors of {runs} runs",
    )  # fmt: skip
    data = dict(panel.data)
    axis, theory = data.pop("theory")
    np.testing.assert_allclose(axis, [1.1 * (8 / 1.1) ** (k / 59) for k in range(60)], rtol=1e-12)
    np.testing.assert_allclose(theory, axis / 8 + 1e-3, rtol=1e-12)
    at, seen = data.pop("sgd")
    assert (at, seen.tolist()) == (4.0, ends.tolist())
    assert data.pop("base") == base
    assert data.pop("printed") == finite.PRINTED
    for name, expected in (("small", small), ("large", large)):
        found = data.pop(name)
        assert list(found) == alphas
        assert all((found[alpha] == expected[alpha]).all() for alpha in alphas)
    assert not data
    model = f"--dim 250 --alpha 4 --lam 0.25 --lr 0.05 --t-max 400 --points 41 --init {ROWS}"
    words = [sorted(line.replace("=", "= ").split(" --")) for line in lines(panel)]
    expected = [f"vaedyn simulate {model} --runs {runs} --engine vector", "vaedyn fixedpoints "]
    expected[1] += model
    assert words == [sorted(line.replace("=", "= ").split(" --")) for line in expected]
    assert "of tables differ" not in panel.caption
    assert "N = 250, where tables differ much; at N = 4000 the closed form" in panel.caption
    assert (panel.name, panel.known.partition(" by")[0]) == ("finite", "arXiv 2309.07663")


def test_the_row_of_a_printed_number():
    small = np.linspace(0.25, 1.5, 40) ** 2

    def choice(values, shape):
        assert values is small
        assert shape == (20000, 5)
        return np.repeat(np.linspace(0.25, 1.0, 20000), 5).reshape(shape)

    row = finite._printed(2.8, small, SimpleNamespace(choice=choice))  # pyright: ignore
    away = np.abs(np.linspace(0.25, 1.0, 20000) - small.mean())
    same(
        row, claim="eps_g on 2.8 N rows, N = 250, printed", expected=float(small.mean()),
        origin="best states on 40 tables", found=0.599, error=0.065 / 5**0.5,
        tolerance=float(np.quantile(away, 0.9973)), relation="=",
        basis="what the mean of 5 of our tables is off by once in 370 times",
    )  # fmt: skip


# ---- other optimisers


@pytest.mark.parametrize(("quick", "runs", "dim"), [(True, 6, 400), (False, 10, 1000)])
def test_rows_of_optimisers(monkeypatch, quick, runs, dim):
    t = np.linspace(0, 50, 101)

    def theory(params):
        return SimpleNamespace(t=t, eps_g=2.0 * np.exp(-params.lr * t), params=params)

    def simulate(params):
        rise = 1 + np.arange(runs)[:, None] / (8 if params.dim == dim else 16)
        return SimpleNamespace(eps_g=rise * np.exp(-params.lr * t), params=params)

    monkeypatch.setattr(optimisers, "_floor", lambda lab, runs: ("floor", runs))
    lab = Bench(quick, theory, simulate)
    (panel,) = optimisers.optimisers(lab)  # pyright: ignore
    base = vaedyn.Params(dim=dim, rho=2.0, t_max=50, points=101, init=TRAINED)
    both = {"batch": 16, "latents": "sampled"}
    models = [
        base.replace(lr=0.1), base.replace(lr=0.01, momentum=0.9, **both),
        base.replace(lr=0.02, optimiser="adam", **both),
    ]  # fmt: skip
    assert lab.asked == [
        *((model, {}) for model in models),
        ([*models, *(model.replace(dim=dim // 4) for model in models)], runs),
    ]
    names = [
        "SGD at rate 0.1", "SGD at 0.01 with momentum 0.9, b = 16, sampled latents",
        "Adam at 0.02, b = 16, sampled latents",
    ]  # fmt: skip
    assert [p.values for p in panel.data["points"]] == [{"trained by": name} for name in names]
    assert [p.params for p in panel.data["points"]] == models
    assert [p.options for p in panel.data["points"]] == [{}, {}, {}]
    assert [each.params for each in panel.data["ode"]] == models
    assert [each.params for each in panel.data["sgd"]] == models
    # ln(2)/0.1 = 6.93, ln(2)/0.02 = 34.7; at a rate of 0.01 half is left beyond t = 50
    for row, name, model, at in zip(panel.rows, names, models, (14, 0, 70), strict=False):
        y, x = (simulate(m).eps_g[:, at] for m in (model, model.replace(dim=dim // 4)))
        exact, error = float(theory(model).eps_g[at]), y.std(ddof=1) / runs**0.5
        shift = abs(x.mean() - exact) + 3 * x.std(ddof=1) / runs**0.5
        same(
            row, claim=f"eps_g at t = {t[at]:g}, {name}", expected=exact, origin="the ODE",
            found=float(y.mean()), error=error, relation="=",
            tolerance=width(runs - 1) * error + shift / 4,
            basis=f"{width(runs - 1):.2g} standard errors of {runs} runs",
        )  # fmt: skip
    assert panel.rows[3:] == [("floor", runs)]
    assert [each.params for each in panel.recipes] == models
    assert {each.command for each in panel.recipes} == {"plot learning-curve"}
    assert all(each.options == {"runs": runs, "seed": 7} for each in panel.recipes)


def test_the_row_of_the_floor(monkeypatch):
    model = vaedyn.Params(
        dim=1000, beta=4.0, eta=0.8, lr=0.2, batch=2, latents="sampled", t_max=60, points=2,
        init="m=0,d=0,Q=0.04,E=0,R=0,D=1",
    )  # fmt: skip
    Q = np.arange(12.0).reshape(3, 2, 2, 1) ** 2
    Q = np.concatenate([Q, Q + 100], axis=-1)
    lab = Bench(simulate=lambda params: SimpleNamespace(Q=Q))
    points = SimpleNamespace(Q=np.array([[[5.0, 6.0], [7.0, 8.0]], [[1.0, 2.0], [3.0, 4.0]]]))
    monkeypatch.setattr(optimisers, "fixed_points", lambda params: points)
    row = optimisers._floor(lab, 3)  # pyright: ignore
    assert lab.asked == [([model], 12)]
    ends = np.array([4.0, 36.0, 100.0])
    error = ends.std(ddof=1) / 3**0.5
    same(
        row, claim="Q of a collapsed latent, latents sampled, b = 2", expected=5.0,
        origin="fixed point", found=float(ends.mean()), error=error, relation="=",
        tolerance=width(2) * error + 3 / 1000 * ends.mean(),
        basis=f"{width(2):.2g} standard errors of 3 runs",
    )  # fmt: skip
