"""The panels of `reproduce` in small: what their rows hold, and what is drawn."""

from dataclasses import replace

import numpy as np
import pytest

import vaedyn
from vaedyn.annealing import best_schedule as tuning
from vaedyn.claims import (
    annealing as claims_annealing,
)
from vaedyn.claims import (
    collapse as claims_collapse,
)
from vaedyn.claims import (
    entangled as claims_entangled,
)
from vaedyn.claims import (
    limit as claims_limit,
)
from vaedyn.claims.evidence import Lab
from vaedyn.figures.claims import figure_of


class Small(Lab):
    """A lab that simulates in few dimensions, and remembers what."""

    dim = 40

    def simulate(self, models, runs):
        found = super().simulate([replace(model, dim=self.dim) for model in models], runs)
        self.asked.append((list(models), runs, found))
        return found

    @property
    def asked(self):
        return self.__dict__.setdefault("_asked", [])


def lines(axes):
    return {line.get_label(): line.get_xydata() for line in axes.lines}


def markers(axes):
    """Return the points (n, 2) and half lengths (n,) of all bars of errors."""
    (bars,) = axes.containers
    points = bars.lines[0].get_xydata()
    ends = np.array(bars.lines[2][0].get_segments())
    return points, np.diff(ends[:, :, 1], axis=1)[:, 0] / 2


def words(legend):
    return [text.get_text() for text in legend.get_texts()]


@pytest.fixture(scope="module")
def collapsing():
    lab = Small(quick=True, seed=3)
    return lab, *claims_collapse.collapse(lab)


def test_collapse_holds_what_was_simulated(collapsing):
    lab, panel = collapsing
    (models, runs, found), (long, _, (longest,)) = lab.asked
    betas = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2.25, 2.5, 3]
    assert [model.beta for model in models] == betas
    assert (runs, long[0].beta, long[0].t_max) == (6, 2.5, 15000)
    threshold, once, best, least, last = panel.rows
    assert (threshold.expected, once.expected, best.expected, least.expected) == (2, 1, 1, 0)
    assert threshold.passed
    assert best.passed
    assert least.passed
    assert once.found == longest.eps_g[:, -1].mean()
    ends = np.array([run.eps_g[:, -1] for run in found])
    error = np.hypot(ends.std(axis=1, ddof=1) / 6**0.5, 1e-9**0.5)
    theory = np.array([vaedyn.theory(run.params).eps_g[-1] for run in found])
    off = np.abs(ends.mean(axis=1) - theory) / error
    assert last.found == pytest.approx(off.max(), rel=1e-6)
    assert [recipe.command for recipe in panel.recipes] == [
        "sweep simulate", "simulate", "plot branches"
    ]  # fmt: skip
    assert panel.recipes[0].options["vary"].startswith("beta=0.25,0.5,0.75,1,")


def test_collapse_is_drawn_against_beta(collapsing):
    lab, panel = collapsing
    figure = figure_of(panel)
    (axes,) = figure.axes
    ends = np.array([run.eps_g[:, -1] for run in lab.asked[0][2]])
    points, bars = markers(axes)
    np.testing.assert_allclose(points[:, 1], ends.mean(axis=1))
    np.testing.assert_allclose(bars, ends.std(axis=1, ddof=1), atol=1e-12)
    drawn = lines(axes)
    beta, limit = drawn[r"limit $\tau \to 0$"].T
    u = np.sqrt(np.maximum(2 - beta, 0))
    np.testing.assert_allclose(limit, (1 - u) ** 2, atol=1e-5)
    finite = drawn[r"fixed point, $\tau = 0.05$"][:, 1]
    # the least error is the lowest point of the line
    label = next(label for label in drawn if label.startswith("least, at"))
    ((at, least),) = drawn[label]
    assert finite.min() - 1e-5 < least <= finite.min()
    assert at == pytest.approx(beta[finite.argmin()], abs=0.011)
    points = vaedyn.fixed_points(vaedyn.Params(lr=0.05, beta=at))
    assert least == pytest.approx(points.eps_g[0], rel=1e-6)
    assert label == rf"least, at $\beta = {at:.3f}$"
    (shade,) = axes.patches
    assert (shade.get_x(), shade.get_width()) == (2, pytest.approx(1.2))
    assert "SGD, 6 runs" in words(figure.legends[0])
    assert axes.get_xlim() == (0.05, 3.2)
    assert axes.get_ylim() == (-0.03, pytest.approx(1.15))


@pytest.fixture(scope="module")
def spare():
    lab = Small(quick=True, seed=3)
    return lab, *claims_collapse.superfluous(lab)


def test_spare_latents_cost_what_was_simulated(spare):
    lab, panel = spare
    ((models, _, found),) = lab.asked
    assert [model.beta for model in models] == [0.25, 0.5, 0.75, 1.5]
    half, none, sgd, power, slower = panel.rows
    assert (half.expected, none.expected, power.expected, slower.expected) == (0.5, 0, -1, 1)
    assert all(row.passed for row in (half, none, power, slower))
    assert sgd.found == found[1].eps_g[:, -1].mean()
    points = vaedyn.fixed_points(replace(models[1], dim=1000))
    assert sgd.expected == pytest.approx(points.eps_g[0], rel=1e-6)
    assert slower.found > 10


def test_spare_latents_are_drawn_in_the_end_and_in_time(spare):
    lab, panel = spare
    left, right = figure_of(panel).axes
    ends = np.array([run.eps_g[:, -1] for run in lab.asked[0][2]])
    points, bars = markers(left)
    np.testing.assert_allclose(points, np.transpose([[0.25, 0.5, 0.75, 1.5], ends.mean(axis=1)]))
    np.testing.assert_allclose(bars, ends.std(axis=1, ddof=1))
    drawn = lines(left)
    one, two, three = (drawn[f"$M = {count}$"] for count in (1, 2, 3))
    low = (one[:, 0] > 0.4) & (one[:, 0] < 0.8)
    for more, fewer in ((two, one), (three, two)):
        cost = more[low, 1] - fewer[low, 1]
        np.testing.assert_allclose(cost, 1 - one[low, 0], rtol=0.2)
    assert (drawn[r"$\beta = \eta$"][:, 0] == 1).all()
    assert left.get_xlim() == (0.05, pytest.approx(2.6))
    falling = lines(right)
    assert list(falling) == [r"$\beta = 0.8$", r"$\beta = 1$", r"$\beta = 1.2$", r"$1/(\tau t)$"]
    t, away = falling[r"$\beta = 1$"].T
    np.testing.assert_allclose(away[t > 1000] * t[t > 1000], 1, rtol=0.02)
    t, guide = falling[r"$1/(\tau t)$"].T
    np.testing.assert_allclose(guide * t, 1)
    for beta in (0.8, 1.2):  # exponential, and left out where it is rounding
        assert falling[rf"$\beta = {beta}$"][:, 1].min() > 1e-9
        t, away = falling[rf"$\beta = {beta}$"].T
        assert away[t > 200].max() < 1e-6
    assert (right.get_xscale(), right.get_yscale()) == ("log", "log")


@pytest.fixture(scope="module")
def entangled():
    lab = Small(quick=True, seed=3)
    return lab, *claims_entangled.entanglement(lab)


def test_entanglement_holds_correlations_of_both_kinds_of_signals(entangled):
    lab, first, escape = entangled
    ((models, _, found),) = lab.asked
    assert [model.rho for model in models] == [(1, 1), (3, 1)]
    assert [model.t_max for model in models] == [400, 2500]
    assert [row.claim.partition(",")[0] for row in first.rows] == ["equal signals"] * 4 + [
        "unequal signals"
    ] * 4
    for model, run, rows in zip(models, found, (first.rows[:4], first.rows[4:]), strict=True):
        ode = vaedyn.theory(model).Q
        exact = ode[:, 0, 1] / np.sqrt(ode[:, 0, 0] * ode[:, 1, 1])
        top = int(np.abs(exact).argmax())
        Q = run.Q
        seen = Q[..., 0, 1] / np.sqrt(Q[..., 0, 0] * Q[..., 1, 1])
        peak, end = rows[2:]
        assert peak.expected == pytest.approx(exact[top])
        assert peak.found == pytest.approx(seen[:, top].mean())
        assert (end.expected, end.found) == (0, pytest.approx(seen[:, -1].mean()))
        assert rows[0].passed
        assert rows[1].passed
    assert len(escape.rows) == 1
    assert escape.rows[0].passed


def test_entanglement_is_drawn_with_the_saddles_that_are_passed(entangled):
    _, panel, _ = entangled
    figure = figure_of(panel)
    for axes, name in zip(figure.axes, ("equal", "unequal"), strict=True):
        data = panel.data[name]
        drawn = [line.get_xydata() for line in axes.lines]
        for quantity in ("Q", "S"):
            exact = data["course"]["ode"][quantity]
            assert any(
                len(line) > 20 and np.isin(line[:, 1], exact).all() for line in drawn
            ), quantity  # fmt: skip
        shades = [(patch.get_x(), patch.get_width()) for patch in axes.patches]
        spans = [(each.start, each.end - each.start) for each in data["passed"]]
        assert shades == [pytest.approx(span) for span in spans]
        if spans:
            assert words(axes.get_legend()) == [
                f"{each.type} ({each.escape_time:.3g})" for each in data["passed"]
            ]
    assert panel.data["equal"]["passed"]
    assert panel.data["unequal"]["passed"]
    below = words(figure.legends[0])
    assert below[:2] == [r"$Q_{12}/\sqrt{Q_{11}Q_{22}}$", r"cov($\mu$), normalised"]
    assert any("6 runs" in text for text in below)


def test_annealing_holds_gains_and_is_drawn(monkeypatch):
    monkeypatch.setattr(tuning, "SCAN", 40)
    monkeypatch.setattr(claims_annealing, "TOL", 0.05)  # in few dimensions runs are noisy
    monkeypatch.setattr(Small, "dim", 800)
    lab = Small(quick=True, seed=3)
    (panel,) = claims_annealing.annealing(lab)
    ((models, runs, found),) = lab.asked
    best, sgd, slow, cost = panel.rows
    tuned = panel.data["compared"].tuning
    assert runs == 12
    assert (best.found, best.relation, best.passed) == (tuned.gain, ">", True)
    assert cost.found > 4
    assert slow.passed
    gamma = float(tuned.spec.partition(":")[2])
    assert [model.anneal for model in models] == [
        "constant", f"tanh:{float(f'{1.25 * gamma:.3g}')!r}"
    ]  # fmt: skip
    assert models[0].t_max == float(f"{1.5 * tuned.constant:.3g}")
    times = [
        vaedyn.annealing.time_to_converge.measured(
            run, vaedyn.annealing.time_to_converge.end_of_learning(model), 0.05
        )
        for model, run in zip(models, found, strict=True)
    ]
    ratio = times[0] / times[1]
    np.testing.assert_equal((sgd.found, sgd.error), vaedyn.annealing.time_to_converge.spread(ratio))
    left, right = figure_of(panel).axes
    np.testing.assert_array_equal(left.lines[0].get_xdata(), tuned.numbers)
    assert right.get_yscale() == "log"
    assert [recipe.command for recipe in panel.recipes] == [
        "plot annealing", "anneal", "simulate"
    ]  # fmt: skip


def test_learning_curves_are_drawn_for_every_beta():
    lab = Small(quick=True, seed=3)
    (panel,) = claims_limit.learning_curves(lab)
    ((models, runs, found),) = lab.asked
    assert (runs, [model.beta for model in models]) == (10, [0.5, 1, 1.5, 2.5, 3])
    below, above = panel.rows
    off = []
    for model, run in zip(models, found, strict=True):
        ode, some = vaedyn.theory(model).eps_g[10::10], run.eps_g[:, 10::10]
        error = np.hypot(some.std(axis=0, ddof=1) / 10**0.5, 1e-6)
        off.append(np.abs(some.mean(axis=0) - ode) / error)
    assert below.found == pytest.approx(np.max(off[:3]), rel=1e-6)
    assert above.found == pytest.approx(np.max(off[3:]), rel=1e-6)
    axes = figure_of(panel).axes[0]
    assert axes.get_yscale() == "log"
    curves = [line.get_ydata() for line in axes.lines]
    for model in models:
        exact = vaedyn.theory(model).eps_g
        assert any(len(y) > 100 and np.isin(y, exact).all() for y in curves)
