"""Schedules, words, tables and progress at their limits."""

from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

import vaedyn
from vaedyn import Params
from vaedyn.model import (
    command_line,
    labelled,
    progress,
    quantities,
    records,
    results,
    schedule,
    start,
    state,
    warm_ups,
)
from vaedyn.model.noise import parse_noise
from vaedyn.model.numerics import NUMERICS
from vaedyn.model.schedules import Constant, Cyclical, Decay, Points, Tanh, parse_schedule

# ---- schedules


def test_values_of_warm_ups():
    t = np.array([0.0, 2.0, 5.0, 8.0, 13.0])
    x = np.minimum(t / 8, 1)
    for made, share in (
        (warm_ups.Linear(8.0), x), (warm_ups.Cosine(8.0), (1 - np.cos(np.pi * x)) / 2),
        (warm_ups.Sigmoid(8.0), (1 + np.tanh(5 * (x - 0.5)) / np.tanh(2.5)) / 2),
    ):  # fmt: skip
        np.testing.assert_allclose(made(t, 1.25), 1.25 * share, rtol=1e-14)
        assert (made.arrival(), made.kinks(9.0).tolist(), made.kinks(8.0).tolist()) == (8, [8], [])
        assert made.scaled(0.5) == type(made)(4.0)
        names, body = made.source()
        assert names == {"DURATION": 8.0}
        scope = {"WEIGHT": 1.25, "math": __import__("math"), **names}
        exec("def f(t):\n" + "".join(f"  {line}\n" for line in body.splitlines()), scope)
        np.testing.assert_allclose([scope["f"](y) for y in t], 1.25 * share, rtol=1e-14)
    assert Decay(3.0, 2.0)(t, 1.25) == pytest.approx(1.25 * (1 + 2 * np.exp(-t / 2)))
    assert Tanh(0.5)(t, 1.25) == pytest.approx(1.25 * np.tanh(t / 2))
    assert Constant()(t, 1.25).tolist() == [1.25] * 5
    assert (Constant().arrival(), Constant().warm_up(), Constant().source()) == (
        0.0, 0.0, ({}, "return WEIGHT")
    )  # fmt: skip


def test_cycles():
    made = Cyclical(4.0, 0.25)
    t = np.array([0.0, 0.5, 1.0, 3.9, 4.0, 4.5, 7.0])
    assert made(t, 2.0).tolist() == [0.0, 1.0, 2.0, 2.0, 0.0, 1.0, 2.0]
    assert made.kinks(9.5).tolist() == [1, 4, 5, 8, 9]
    assert (made.arrival(), made.span(), made.warm_up()) == (np.inf, 8.0, 0.0)
    assert [made.reached(x, 2.0) for x in (0.5, 1.0, 5.0)] == [1.0, 2.0, 2.0]
    assert made.scaled(2.0) == Cyclical(8.0, 0.25)
    assert made.within(0.1, 2.0) == np.inf
    assert made.spec == "cyclical:4.0:0.25"


def test_points_in_between():
    made = Points((1.0, 3.0, 3.0, 5.0), (0.5, 1.0, 2.0, 1.5))
    t = np.array([0.0, 2.0, 3.0, 4.0, 9.0])
    assert made(t, 1.5).tolist() == [0.5, 0.75, 2.0, 1.75, 1.5]
    assert made.numbers == (4.0, 1, 3, 3, 5, 0.5, 1, 2, 1.5)
    assert made.kinks(6.0).tolist() == [1, 3, 5]
    assert made.kinks(5.0).tolist() == [1, 3]
    assert (made.arrival(), made.end_value(9.0), made.reached(2.0, 1.5)) == (5.0, 1.5, 0.75)
    assert made.in_units(2.0).betas == (0.25, 0.5, 1.0, 0.75)
    assert made.scaled(2.0).times == (2.0, 6.0, 6.0, 10.0)
    assert made.spec == "points:1.0=0.5,3.0=1.0,3.0=2.0,5.0=1.5"
    # from t = 4.6 on it is within a fifteenth of 1.5
    assert made.within(0.1 / 1.5, 1.5) == pytest.approx(4.6, abs=1e-3)
    assert made.within(9.0, 1.5) == 0.0
    assert Tanh(0.5).in_units(2.0) == Tanh(0.5)
    assert Tanh(0.5).end_value(9.0) == 9.0
    assert Tanh(0.5).scaled(4.0) == Tanh(2.0)
    assert Decay(3.0, 2.0).scaled(4.0) == Decay(3.0, 8.0)


def test_sources_in_straight_lines():
    names, body = schedule.between([1.0, 3.0, 3.0, 5.0], [0.5, 1.0, 2.0, 1.5])
    scope = {"WEIGHT": 2.0, "bisect": __import__("bisect").bisect, **names}
    exec("def f(t):\n" + "".join(f"  {line}\n" for line in body.splitlines()), scope)
    made = Points((1.0, 3.0, 3.0, 5.0), (0.5, 1.0, 2.0, 1.5))
    for t in (0.0, 1.0, 2.0, 3.0, 3.5, 5.0, 9.0):
        assert scope["f"](t) == 2 * made(np.array(t), 1.5)
    assert schedule.inside([3, 0, 1, 1, 5, -1], 5.0).tolist() == [1, 3]

    class Rise(schedule.Schedule):
        form = "rise:T"

        def __call__(self, t, beta):
            return beta * np.minimum(np.asarray(t) / 10, 1)

        def formula(self, beta):
            return ""

        def arrival(self):
            return 10.0

    rise = Rise()
    names, _ = rise.source()
    assert len(names["TIMES"]) == len(names["SHARES"]) == 501
    assert names["TIMES"][-1] == 10.0
    assert rise.kinks(3.0).size == 0
    assert rise.within(0.25, 2.0) == pytest.approx(7.5)
    assert rise.within(1.0, 2.0) == 0.0
    assert rise.reached(5.0, 2.0) == 1.0


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("constant", r"$\beta = 1.5$"),
        ("tanh:0.25", r"$\beta(t) = 1.5\,\tanh(0.25\,t)$"),
        ("linear:40", r"$\beta(t)$: linear to 1.5 at $t = 40$"),
        ("cosine:40", r"$\beta(t)$: cosine to 1.5 at $t = 40$"),
        ("cyclical:40:0.5", r"$\beta(t)$: to 1.5 in 0.5 of every 40"),
        ("points:0=1,4=1.5", r"$\beta(t)$: 2 points to 1.5"),
        ("decay:3:40", r"$\beta(t)$: 4.5 to 1.5, decay time 40"),
    ],
)
def test_formulas(spec, words):
    assert parse_schedule(spec).formula(1.5) == words


# ---- words and tables


def test_axes_of_all_quantities():
    axes = {name: each.axis for name, each in quantities.QUANTITIES.items() if each.axis}
    assert axes == {
        "m": r"$m = W^\top W^*/N$", "d": r"$d = V^\top W^*/N$", "Q": r"$Q = W^\top W/N$",
        "E": r"$E = V^\top V/N$", "R": r"$R = W^\top V/N$", "D": "$D$",
        "eps_g": r"generalisation error $\varepsilon_g$",
        "eps_g_rotation": r"$\varepsilon_g$ up to rotations", "kl": "KL divergence (nats)",
        "kl_per_latent": "KL per latent (nats)", "distortion": "excess distortion (nats)",
        "time": "time $t$", "max_eigenvalue": "largest eigenvalue", "period": "period $T$",
        "amplitude": "amplitude", "kl_mean": "(nats)", "relaxation_time": "relaxation time",
        "t_converge": "time to converge", "active": "active units (KL > 0.01 nats)",
    }  # fmt: skip
    assert {name: each.axis for name, each in quantities.CONSTANTS.items()} == {
        "dim": "input dimension $N$", "latent": "latent dimension $M$",
        "signal": "number of signals $M^*$", "rho": r"signal strength $\rho$",
        "eta": r"noise variance $\eta$", "beta": r"KL weight $\beta$",
        "lam": r"weight decay $\lambda$", "lr": r"learning rate $\tau$",
        "t_max": r"last time $t_\mathrm{max}$", "alpha": r"rows by dimension $\alpha$",
        "batch": "batch size $b$", "momentum": "momentum $p$",
    }  # fmt: skip
    plain = [each.plain for each in quantities.CONSTANTS.values()]
    assert plain == [
        "Input dimension N", "Latent dimension M", "Number of signals M*", "Signal strength rho",
        "Noise variance eta", "KL weight beta", "Weight decay lambda", "Learning rate tau",
        "Last time t_max", "Rows by dimension alpha", "Batch size b", "Momentum p",
    ]  # fmt: skip
    units = [name for name, each in quantities.QUANTITIES.items() if each.unit == "nat"]
    assert units == ["kl", "kl_per_latent", "distortion", "kl_mean"]
    modes = [name for name, each in quantities.QUANTITIES.items() if each.dims == ("mode",)]
    assert modes == ["eigenvalues_re", "eigenvalues_im", "multipliers_re", "multipliers_im"]
    assert quantities.active(np.array([[0.01, 0.0101], [0.5, 0.0]])).tolist() == [1, 1]
    assert quantities.REDUNDANT == ("eps_g_rotation", "kl_per_latent")
    assert ("eps_g", "kl", "distortion", *"mdQERD") == quantities.ALONG
    assert (
        "eps_g", "eps_g_rotation", "kl", "distortion", "active", *"mdQERD", "relaxation_time",
        "max_eigenvalue", "t_converge",
    ) == quantities.POINTWISE  # fmt: skip


def test_numbers_as_columns():
    assert labelled.scalars("x", 3) == {"x": 3}
    assert labelled.scalars("x", "text") == {"x": "text"}
    assert labelled.scalars("x", True) == {"x": True}
    assert labelled.scalars("x", np.array([[1, 2], [3, 4]])) == {
        "x_1_1": 1, "x_1_2": 2, "x_2_1": 3, "x_2_2": 4
    }  # fmt: skip
    both = labelled.scalars("x", {"mean": [1, 2], "std": [3, 4]})
    assert list(both.items()) == [
        ("x_1_mean", 1), ("x_1_std", 3), ("x_2_mean", 2), ("x_2_std", 4)
    ]  # fmt: skip
    assert labelled.own_dims("m", 2) == ("latent", "signal")
    assert labelled.own_dims("kl_per_latent", 1) == ("latent",)
    assert labelled.own_dims("kl", 0) == ()
    for value, kept in (
        (None, None), (3, 3), (0.5, 0.5), ("a", "a"), (True, 1), ([1, 0.5], [1, 0.5]),
        ((1, 2), [1, 2]), ({"a": 1}, '{"a": 1}'), (["a"], '["a"]'),
    ):  # fmt: skip
        assert labelled._attribute(value) == kept
        assert type(labelled._attribute(value)) is type(kept)


def test_datasets_have_coordinates():
    pytest.importorskip("xarray")
    params = Params(latent=2, signal=2, rho=(2, 1), dim=30, t_max=4, points=3)
    found = vaedyn.theory(params).to_xarray()
    assert found.sizes == {"time": 3, "latent": 2, "signal": 2, "latent_": 2}
    assert found["strength"].values.tolist() == [2, 1]
    assert found["latent_"].attrs == {"long_name": "number of the other latent", "units": "1"}
    assert found["strength"].attrs == {"long_name": "signal strength", "units": "1"}
    assert found.attrs["result"] == "Trajectory"
    assert "key" not in found.attrs
    assert (found.attrs["dim"], found.attrs["rho"]) == (30, [2, 1])
    runs = vaedyn.simulate(params, runs=2).to_xarray()
    assert runs["run"].values.tolist() == [0, 1]
    assert labelled.DIMS == {
        "run": "number of the run", "point": "number of the point",
        "latent": "number of the latent", "latent_": "number of the other latent",
        "signal": "number of the signal", "mode": "number of the eigenvalue",
    }  # fmt: skip


def test_results_on_a_screen():
    assert results._brief(np.arange(8)) == "array([0, 1, 2, 3, 4, 5, 6, 7])"
    assert results._brief(np.arange(9)) == "(9,)"
    assert results._brief(["word"] * 3) == "['word', 'word', 'word']"
    assert len(results._brief(["word"] * 99)) <= 200
    assert results._brief(["word"] * 99).endswith(" ...")
    with pytest.raises(KeyError, match="'x' is not in the table vaedyn/model/quantities.py"):
        results.label("x", (), 1)
    assert results.label("kl_per_latent", ("run",), 1) == (
        ("run", "latent"), 1, {"long_name": "KL divergence from the prior", "units": "nat"}
    )  # fmt: skip


def test_blocks_are_joined():
    blocks = [
        ({"a": (("run",), np.array([k]), {"x": "y"}), "b": ((), k, {})}, {"info": k})
        for k in (1, 2)
    ]
    variables, info = records._joined(blocks, "run")
    assert info == {"info": 2}
    assert variables["a"][1].tolist() == [1, 2]
    assert (variables["a"][0], variables["a"][2], variables["b"]) == (
        ("run",), {"x": "y"}, ((), 2, {})
    )  # fmt: skip
    assert records.variable("text", 3, ("run",)) == (
        ("run",), 3, {"long_name": "text", "units": "1"}
    )  # fmt: skip


def test_command_lines():
    assert command_line.words_of(
        {"a_b": 3, "flag": True, "no": False, "c": [1, 2.5], "d": {"x": [1]}, "e": "t", "f": 0.5}
    ) == ["--a-b", "3", "--flag", "--c", "1,2.5", "--d", '{"x": [1]}', "--e", "t", "--f", "0.5"]
    assert command_line.short([1.0, (2.5, 3.0), "a"]) == [1, [2.5, 3], "a"]
    params = Params(rho=(2, 2), signal=2, eta=0.5, beta=0.75, lr=0.25)
    line = command_line.command_line
    assert line(params, "plot x", vary="rho=1:2", runs=3) == (
        "vaedyn plot x --signal 2 --eta 0.5 --beta 0.75 --lr 0.25 --vary rho=1:2 --runs 3"
    )
    assert line(params) == "vaedyn theory --signal 2 --rho 2 --eta 0.5 --beta 0.75 --lr 0.25"
    assert line(Params(rho=(1, 1), signal=2)) == "vaedyn theory --signal 2"
    assert line(params, vary="beta=1:2").startswith("vaedyn theory --signal 2 --rho 2 --eta 0.5 ")
    assert "--beta" not in line(params, vary="beta=1:2").replace("--vary beta", "")
    noisy = Params(noise="1*0.5,2*0.5")
    assert line(noisy) == "vaedyn theory --noise '2.0*0.5,1.0*0.5'"


# ---- progress


def test_a_line_a_minute(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress, "clock", lambda: now[0])
    with progress.in_lines("title") as update:
        for at, done, total in ((59.9, 1, 4), (60.0, 1, 4), (119.9, 2, 4), (120, 2, 0),
                                (121, 3, 4)):  # fmt: skip
            now[0] = at
            update(done, total)
    assert capsys.readouterr().err == "title: 25 %\ntitle: 75 %\n"


def test_a_bar_of_a_notebook(monkeypatch):
    shown, now = [], [0.0]
    handle = SimpleNamespace(update=lambda html: shown.append(("update", html)))
    module = SimpleNamespace(
        HTML=lambda text: text,
        display=lambda html, display_id: shown.append(("new", html, display_id)) or handle,
    )
    monkeypatch.setitem(__import__("sys").modules, "IPython", SimpleNamespace(display=module))
    monkeypatch.setitem(__import__("sys").modules, "IPython.display", module)
    monkeypatch.setattr(progress, "clock", lambda: now[0])
    with progress.in_notebook("a<b") as update:
        for at, done, total in ((1.0, 1, 8), (1.01, 0, 0), (1.05, 1, 8), (1.1, 2, 8), (1.2, 9, 8)):
            now[0] = at
            update(done, total)
    bar = '<progress value="{:.4f}" max="1"></progress> a&lt;b: {} %'
    assert shown == [
        ("new", bar.format(0.125, 12), True), ("update", bar.format(1.0, 100)), ("update", "")
    ]  # fmt: skip


def test_every_kind_of_result_has_a_number():
    assert set(NUMERICS) == {
        "theory", "bands", "convergence", "annealing", "fixedpoints", "branches", "cycle",
        "cycles", "phases", "curves", "course", "warmup", "simulate", "data", "rows", "spectrum",
        "heldout",
    }  # fmt: skip
    assert all(type(number) is int and number >= 1 for number in NUMERICS.values())


@pytest.mark.parametrize(("length", "cut"), [(59, False), (60, True)])
def test_long_values_are_cut(length, cut):
    given = [["a" * (length - 9), 1]]
    assert len(repr(given)) == length
    with pytest.raises(vaedyn.ParameterError) as caught:
        parse_noise(given)
    shown = f"{repr(given)[:57]}..." if cut else repr(given)
    assert str(caught.value) == f"noise: expected pairs (variance, share), got {shown}"


def test_weights_that_are_drawn_are_those_of_the_model():
    for init in ("gaussian", "torch"):
        model = Params(dim=30, latent=2, init=init, init_seed=3)
        drawn = start.drawn_weights(init, 30, 2, 3)
        assert all((one == other).all() for one, other in zip(model.weights(), drawn, strict=True))


def test_nothing_has_no_sign():
    assert parse_schedule("points:-0=-0,5=1").spec == "points:0.0=0.0,5.0=1.0"
    assert Params(beta=-0.0).to_dict()["beta"] == 0.0
    assert str(Params(beta=-0.0).beta) == "0.0"
    init = {"m": -0.0, "d": 0, "Q": 1, "E": 1, "R": -0.0, "D": 1}
    assert str(Params(init=init).overlaps()["m"]) == "[[0.]]"


@pytest.mark.parametrize(
    ("rows", "columns", "many"),
    [(1, 1, 3), (1, 4, 3), (4, 1, 3), (2, 3, 2), (3, 2, 9), (4, 4, 5), (2, 5, 40), (5, 5, 1),
     (7, 8, 200), (9, 9, 2)],
)  # fmt: skip
def test_the_best_match_of_all_permutations(rows, columns, many):
    gain = np.random.default_rng(rows).normal(size=(many, rows, columns))
    found = state.matched(gain)
    few = min(rows, columns)
    for each, best in zip(np.abs(gain), found, strict=True):
        each = each if rows <= columns else each.T
        if few <= 4:
            exact = max(
                sum(each[i, k] for i, k in enumerate(chosen))
                for chosen in permutations(range(max(rows, columns)), few)
            )
        else:
            exact = each[linear_sum_assignment(each, maximize=True)].sum()
        assert best == pytest.approx(exact, rel=1e-13)
    exact = np.linalg.svd(gain, compute_uv=False).sum(axis=-1)
    np.testing.assert_allclose(state.aligned(gain), exact, rtol=1e-12)


def test_flat_states():
    y = np.arange(2 * (2 + 2 + 12 + 2) * 1.0).reshape(2, 18)
    parts = state.unpack(y, 2, 1)
    assert [parts[name].shape[1:] for name in "mdQERD"] == [
        (2, 1), (2, 1), (2, 2), (2, 2), (2, 2), (2,)
    ]  # fmt: skip
    assert (state.pack(**parts) == y).all()
    assert state.count(2, 1) == 18
    assert state.places(2, 1)["E"].tolist() == [[8, 9], [10, 11]]
    S, A = np.ones((2, 2, 2)), 2 * np.ones((2, 2, 2))
    more = state.with_covariances(y, S, A)
    found = state.covariances_of(more, 2, 1)
    assert (found[0] == S).all()
    assert (found[1] == A).all()
    assert state.covariances_of(y, 2, 1) is None
    kl = state.kl_per_latent(np.zeros((1, 1)), np.array([1 + 1e-7]))
    assert kl[0] == 0.0  # 2.5e-15 of its terms is rounding
    kl = state.kl_per_latent(np.zeros((1, 1)), np.array([1 + 1e-6]))
    assert kl[0] == pytest.approx(2.5e-13, rel=1e-3)


def test_many_large_matrices_are_matched_in_turn(monkeypatch):
    gain = np.random.default_rng(5).normal(size=(3, 2, 9, 8))
    exact = state.matched(gain)
    assert exact.shape == (3, 2)
    for size, said in ((gain.size, True), (gain.size + 1, False)):
        monkeypatch.setattr(state, "VERY_MANY", size)
        asked = []

        def fake(flat, which, asked=asked):
            asked.append(flat.shape)
            for each, chosen in zip(flat, which, strict=True):
                chosen[:] = linear_sum_assignment(each, maximize=True)[1]

        monkeypatch.setattr("vaedyn.kernels.matches.best_in_turn", fake)
        np.testing.assert_allclose(state.matched(gain), exact, rtol=1e-13)
        assert asked == [(6, 8, 9)] * said
    assert (state.AT_ONCE, state.MOST_AT_ONCE, state.ROUNDING) == (4, 8, 1e-14)
