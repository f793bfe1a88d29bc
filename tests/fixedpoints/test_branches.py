"""Branches: closed forms along them, where they end and turn, and figures of them."""

import functools
import sys

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

import vaedyn
from tests.shared import reference
from tests.shared.pictures import cascade_of
from vaedyn.figures import branches as figures_branches
from vaedyn.figures import cascade as figures_cascade
from vaedyn.fixedpoints.arclength import EDGE, END, ESCAPE, FOLD, trace
from vaedyn.fixedpoints.branches import Continuation, branches, vary
from vaedyn.fixedpoints.followed import attractor
from vaedyn.fixedpoints.groups import Unit, Units
from vaedyn.fixedpoints.newton import eigenvalues, newton, root
from vaedyn.fixedpoints.thresholds import noise
from vaedyn.kernels.constants import Constants
from vaedyn.store import ResultStore


def along(**model):
    name, low, high = model.pop("vary")
    return branches(vaedyn.Params(**model), name, low, high, groups=model.pop("groups", 2))


@pytest.fixture(scope="module")
def by_beta():
    return branches(vaedyn.Params(lr=0.01), "beta", 0.05, 3)


@pytest.fixture(scope="module")
def two():
    params = vaedyn.Params(latent=2, signal=2, rho=(3, 1), lr=0.05)
    return branches(params, "beta", 0.05, 5)


@pytest.fixture(autouse=True)
def few_points(monkeypatch):
    """Let branches that a test follows by itself have a fifth of the points along the range.

    Ends, folds and thresholds are found as exactly, and the middle of a range is a point.
    """
    fewer = functools.partial(Continuation, steps=24)
    monkeypatch.setattr(sys.modules[Continuation.__module__], "Continuation", fewer)


def event(result, name, kind):
    """Return where something happens on the branch of that name."""
    n = result.types.index(name)
    return [e["at"] for e in result.events if e["branch"] == n and e["kind"] == kind]


def test_every_point_of_every_branch_is_a_fixed_point(two):
    for i, x in enumerate(two.varied):
        p = vary(two.params, "beta", float(x))
        y = two.states[i]
        slope = reference.drift(y, p.beta, p.rho, p.eta, p.lam, p.lr, p.latent) / p.lr
        first = np.flatnonzero(two.branch == two.branch[i])
        assert np.abs(slope).max() < (1e-6 if i in (first[0], first[-1]) else 1e-11)
        if i % 50 == 25:
            fastest = eigenvalues(p, y).real.max()
            assert two.growth[i] == pytest.approx(fastest, rel=1e-6, abs=1e-10)


def test_branches_end_and_stability_changes_at_the_thresholds(by_beta):
    assert by_beta.types == ["signal 1", "collapsed", "noise"]
    assert event(by_beta, "signal 1", "end") == [pytest.approx(2, abs=1e-8)]
    assert event(by_beta, "collapsed", "stability") == [pytest.approx(2, abs=1e-10)]
    limit = noise(Constants.of(by_beta.params))
    assert event(by_beta, "noise", "end") == [pytest.approx(limit, abs=1e-8)]
    away = np.abs(by_beta.varied - 2) > 1e-9  # rounding decides on the threshold itself
    collapsed = (by_beta.branch == 1) & away
    assert collapsed.sum() > 50
    np.testing.assert_array_equal(by_beta.growth[collapsed] < 0, by_beta.varied[collapsed] > 2)


def test_branches_of_two_signals_meet_where_they_must(two):
    assert event(two, "signal 1, signal 2", "end") == [pytest.approx(2, abs=1e-8)]
    assert event(two, "signal 1, collapsed", "stability") == [pytest.approx(2, abs=1e-8)]
    assert event(two, "signal 1, collapsed", "end") == [pytest.approx(4, abs=1e-8)]
    assert event(two, "2 x collapsed", "stability") == [pytest.approx(4, abs=1e-8)]
    # where a mixed pair ends, the pair on the stronger signal alone has a mode of growth 0
    (at,) = event(two, "two on signal 1 and signal 2", "end")
    units = Units(vary(two.params, "beta", at))
    modes = units.modes(Unit(2, (3.0,)), Unit(0, (1.0,)))
    assert np.abs(modes).min() < 1e-7 * two.params.lr


@pytest.mark.parametrize("lr", [1e-6, 0.05])
def test_a_pair_on_signal_and_noise_ends_where_its_noise_is_gone(lr):
    params = vaedyn.Params(latent=2, rho=3, lr=lr)
    (at,) = event(branches(params, "beta", 0.5, 2), "two on signal 1 and noise", "end")
    # there the pair on the signal alone has a mode of growth 0
    modes = Units(vary(params, "beta", at)).modes(Unit(2, (3.0,)))
    assert np.abs(modes).min() < 2e-8 * lr
    if lr < 1e-5:  # with s = 4, eta = 1: sqrt(q + beta) = beta and 2 q = 2 sqrt(q + beta) - beta
        assert at == pytest.approx(1.5, abs=1e-5)


def test_at_small_learning_rates_a_branch_is_the_closed_form():
    result = branches(vaedyn.Params(lr=1e-6), "beta", 0.1, 1.9, groups=1)
    chosen = result.branch == result.types.index("signal 1")
    u = np.sqrt(2 - result.varied[chosen])
    np.testing.assert_allclose(result.eps_g[chosen], 1 - u * (2 - u), atol=1e-4)
    # relaxation is slowest next to the threshold, where it is linear in the distance
    growth = result.growth[chosen] / 1e-6
    assert growth.argmax() == len(growth) - 1


@pytest.mark.parametrize("name", ["eta", "rho", "lam", "lr"])
@pytest.mark.usefixtures("no_thresholds")
def test_other_constants_may_be_varied(name):
    low, high = {"eta": (0.3, 2), "rho": (0.5, 4), "lam": (0, 0.6), "lr": (0.01, 0.6)}[name]
    params = vaedyn.Params(latent=2, signal=2, rho=(2, 1), lr=0.05)
    result = branches(params, name, low, high, groups=1)
    middle = 0.5 * (low + high)
    model = vary(params, name, middle)
    there = vaedyn.Params(
        latent=2, signal=2, rho=tuple(model.rho), eta=model.eta, lam=model.lam, lr=model.lr
    )
    listed = vaedyn.fixed_points(there, groups=1)
    inside = set()
    for n, kind in enumerate(result.types):
        chosen = result.branch == n
        x = result.varied[chosen]
        if x[0] <= middle <= x[-1]:
            inside.add(kind)
            point = listed.types.index(kind)
            for each in ("eps_g", "kl", "distortion"):
                found = CubicSpline(x, getattr(result, each)[chosen])(middle)
                assert found == pytest.approx(getattr(listed, each)[point], rel=1e-10, abs=1e-12)
    assert inside == set(listed.types) - {"the end of the trajectory"}


def test_the_noise_branch_turns_back_in_the_learning_rate_and_escapes():
    result = branches(vaedyn.Params(), "lr", 0.01, 1.5)
    folds = [e["at"] for e in result.events if e["kind"] == FOLD]
    assert len(folds) == 2  # the same place on both sides
    assert folds[0] == pytest.approx(folds[1], abs=1e-9)
    # just below there are two noise-fitting points, above none
    just = [Constants.of(vaedyn.Params())._replace(lr=folds[0] + h) for h in (-1e-4, 1e-4)]
    before, beyond = (Units(each).state(Unit(1, (), 1)) for each in just)
    assert np.abs(reference.drift(before, 1, np.empty(0), 1, 0, folds[0] - 1e-4, 1)).max() < 1e-10
    assert before[0] > 0.01  # Q, without signals the first value
    assert beyond is None
    (escape,) = [e["at"] for e in result.events if e["kind"] == ESCAPE]
    # a large E grows as tau K (tau K - 2) and holds Q at tau / 2, with K = Q + 1
    assert escape == pytest.approx(np.sqrt(5) - 1, abs=1e-11)


def test_escapes_are_where_the_largest_terms_balance():
    params = vaedyn.Params(rho=1.3, eta=0.8, lam=0.1, beta=1.1, lr=(0.1, 0.07, 0.1))
    result = branches(params, "lr", 0.5, 4)
    (escape,) = [e["at"] for e in result.events if e["kind"] == ESCAPE]
    h = 0.8 * escape  # in the largest terms of dE/dt, at Q = h / 2
    K = 1.1 + h / 2
    assert 0.7 * h * K**2 == pytest.approx(2 * (K + 0.1 / 0.8), rel=1e-11)
    assert escape < result.varied[result.branch == 2].min()  # no branch leads so far


def test_near_a_tricritical_point_a_branch_ends_at_the_threshold_too():
    s, lam = 1.2, 0.614  # the overlaps are no small ones as close as to 1e-3
    result = branches(vaedyn.Params(rho=0.13, eta=1.07, lam=lam), "beta", 0.15, 0.3)
    (end,) = [e for e in result.events if e["kind"] == END]
    assert end["at"] == pytest.approx((s**2 / (1 + lam) - lam) / s, rel=1e-12)
    assert len(result.bifurcations) == 1


def test_pairs_end_where_noise_begins_to_learn_the_signal():
    """A pair that loses its signal, where the two latents it leaves see one another or do not."""
    unit, s, beta = Unit(2, (1.0,), 1), 2.0, 1.19

    def path(lr):
        return vary(vaedyn.Params(latent=2, beta=beta), "lr", lr)

    pieces = Continuation(path, 1.17, 1.19, [unit]).pieces[unit]
    shared = []
    for piece in pieces:
        model = path(piece.x[-1])
        left = newton(model, np.concatenate([np.zeros(4), piece.states[-1, 4:]]))
        Q, E, _ = left[4:16].reshape(3, 2, 2)
        B, K = E + np.diag(left[16:]), Q + beta * np.eye(2)  # eta = 1, lam = 0
        linear = np.block([[-B, s * np.eye(2)], [s * np.eye(2), -s * K]])  # m and d
        assert np.abs(np.linalg.eigvals(linear)).min() < 1e-11
        shared.append(Q[0, 1])
    assert sorted(np.abs(shared) > 1e-3) == [False, True]


def test_a_curve_is_followed_round_its_folds():
    model = Constants.of(vaedyn.Params())._replace(rho=np.empty(0))
    start = Units(model).state(Unit(1, (), 1))
    pieces = trace(Unit(1, (), 1), lambda lr: model._replace(lr=lr), start, 0.01, 0.01, 1.5)
    assert [(piece.first, piece.last) for piece in pieces] == [("edge", "fold"), ("escape", "fold")]
    for piece in pieces:
        assert (np.diff(piece.x) > 0).all()


def pieces(unit, name, low, high, **model):
    """Return all pieces of the branches of a unit over a range."""
    params = vaedyn.Params(**model)
    return Continuation(lambda x: vary(params, name, x), low, high, [unit]).pieces[unit]


@pytest.mark.parametrize(("low", "high"), [(0.001, 3), (0.01, 1.5), (0.5, 2), (0.1, 1.3)])
def test_where_a_branch_ends_does_not_depend_on_the_range_of_the_learning_rate(low, high):
    def growth(lr):  # of a signal, on a latent that fits noise
        modes = Units(vary(vaedyn.Params(), "lr", lr)).modes(Unit(1, (), 1), Unit(0, (1.0,)))
        return float(np.real(modes).max())

    (piece,) = pieces(Unit(1, (1.0,)), "lr", low, high)
    assert (piece.first, piece.last) == (EDGE, END)
    assert piece.x[0] == low
    assert piece.x[-1] == pytest.approx(root(growth, 1.2, 1.2635), abs=1e-8)


TWO = {"latent": 2, "signal": 2, "rho": (3, 1), "lr": 0.05}


@pytest.mark.parametrize(("low", "high"), [(0.05, 3), (0.001, 10), (0.5, 5)])
@pytest.mark.parametrize(
    ("model", "unit", "at"),
    [
        ({}, Unit(1, (), 1), noise(Constants.of(vaedyn.Params()))),
        (TWO, Unit(1, (1.0,)), 2),
        (TWO, Unit(2, (3.0, 1.0)), [Unit(2, (3.0,)), Unit(0, (1.0,))]),
        (TWO, Unit(2, (1.0,), 1), [Unit(2, (1.0,))]),
    ],
)
def test_where_a_branch_ends_does_not_depend_on_the_range_of_beta(model, unit, at, low, high):
    (piece,) = pieces(unit, "beta", low, high, **model)
    assert (piece.first, piece.last) == (EDGE, END)
    assert piece.x[0] == low
    end = piece.x[-1]
    if isinstance(at, list):  # the simpler state changes its stability there

        def least(beta):
            modes = Units(vary(vaedyn.Params(**model), "beta", beta)).modes(*at)
            return float(np.real(modes[np.abs(modes).argmin()]))

        at = root(least, end - 1e-3, end + 1e-3)
    assert end == pytest.approx(at, abs=1e-8)


def test_where_a_branch_folds_does_not_depend_on_the_range():
    found = [
        [piece.x[-1] for piece in pieces(Unit(1, (), 1), "lr", low, high) if piece.last == FOLD]
        for low, high in [(0.001, 3), (0.5, 2), (1.2, 1.28)]
    ]
    np.testing.assert_allclose(found, found[0][0], rtol=0, atol=1e-10)


def test_ranges_of_many_decades_lose_no_branch():
    result = branches(vaedyn.Params(), "beta", 1e-9, 1e9)
    assert event(result, "signal 1", "end") == [pytest.approx(2, abs=1e-8)]
    assert result.varied[result.branch == result.types.index("signal 1")][0] == 1e-9
    assert event(result, "collapsed", "stability")[0] == pytest.approx(2, abs=1e-8)
    assert noise(Constants.of(vaedyn.Params())) == pytest.approx(
        max(e["at"] for e in result.events if result.types[e["branch"]] == "noise"), abs=1e-8
    )
    first = pieces(Unit(1, (1.0,)), "eta", 1e-6, 60)[0]
    assert (first.x[0], first.last) == (1e-6, END)


def test_the_attractor_loses_one_latent_after_another():
    params = vaedyn.Params(latent=3, signal=3, rho=(3, 2, 1), lr=0.02)
    result = branches(params, "beta", 0.5, 4.5, groups=1)
    chosen = attractor(result)
    active = (np.diagonal(result.Q[chosen], axis1=1, axis2=2) > 1e-6).sum(axis=1)
    x = result.varied[chosen]
    clear = np.abs(x - np.round(x)) > 1e-3
    expected = (x < 2).astype(int) + (x < 3) + (x < 4)
    np.testing.assert_array_equal(active[clear], expected[clear])


@pytest.mark.parametrize(
    ("name", "low", "high", "message"),
    [
        ("gamma", 0, 1, "^name: expected one of beta"),
        ("beta", 1, 1, "^high: must be above low, 1, got 1"),
        ("beta", 0, 1, "^low: must be > 0"),
        ("beta", 1, np.inf, "^high: must be finite"),
    ],
)
def test_bad_ranges_are_named(name, low, high, message):
    with pytest.raises(vaedyn.ParameterError, match=message):
        branches(vaedyn.Params(), name, low, high)


def test_beta_zero_has_no_branches():
    with pytest.raises(vaedyn.ParameterError, match="^beta: must be > 0"):
        branches(vaedyn.Params(beta=0), "lr", 0.01, 1)


def test_what_does_not_matter_does_not_change_the_record(tmp_path):
    store = ResultStore(tmp_path)
    first = branches(vaedyn.Params(), "beta", 0.5, 2.5, groups=1, store=store)
    again = branches(
        vaedyn.Params(beta=2, dim=999, t_max=7, points=3), "beta", 0.5, 2.5, groups=1, store=store
    )
    assert again.source.reused
    assert again.types == first.types
    assert again.events == first.events
    np.testing.assert_array_equal(again.growth, first.growth)
    other = branches(vaedyn.Params(eta=0.9), "beta", 0.5, 2.5, groups=1, store=store)
    assert not other.source.reused


def test_figures_are_solid_where_stable_and_name_their_axes(two):
    limits = {"collapse": [4.0, 2.0], "noise": 1.0126}
    figure = figures_branches.branches(two, "eps_g", limits)
    top, bottom = figure.axes
    assert top.get_ylabel().startswith("generalisation error")
    assert bottom.get_xlabel() == r"KL weight $\beta$"
    assert {text.get_text() for text in top.texts} == {
        r"$\beta_{1}$", r"$\beta_{2}$", r"$\beta_\eta$"
    }  # fmt: skip
    solid = [
        line for line in top.lines if line.get_linestyle() == "-" and len(line.get_xdata()) > 2
    ]
    spans = sorted((round(min(x), 2), round(max(x), 2)) for x in (s.get_xdata() for s in solid))
    expected = [(0.05, 2.0), (2.0, 4.0), (4.0, 5.0)]
    np.testing.assert_allclose(spans, expected, atol=0.06)


@pytest.mark.parametrize("quantity", ["kl", "m", "Q", "D", "distortion"])
def test_any_quantity_can_be_drawn(by_beta, quantity):
    figure = figures_branches.branches(by_beta, quantity)
    assert figure.axes[0].lines
    with pytest.raises(vaedyn.ParameterError, match="^y: expected one of"):
        figures_branches.branches(by_beta, "nonsense")


def test_times_that_diverge_leave_the_panel_on_both_sides(two, by_beta):
    for result in (two, by_beta):
        _, bottom = figures_branches.branches(result).axes
        top = bottom.get_ylim()[1]
        changes = [event for event in result.events if event["kind"] == "stability"]
        assert changes
        for event in changes:
            colours = figures_branches._styles(result)[event["branch"]]["color"]
            drawn = [line.get_xydata() for line in bottom.lines if line.get_color() == colours]
            x, time = np.concatenate(drawn).T
            near = np.abs(x - event["at"]) < 0.01 * np.ptp(result.varied)
            for side in (x < event["at"], x > event["at"]):
                assert time[near & side].max() > top
            # rates near a threshold are proportional to the distance from it
            inside = np.flatnonzero((np.abs(x / event["at"] - 1) < 1e-3) & (x < event["at"]))
            product = (event["at"] - x[inside]) * time[inside]
            assert len(inside) > 20
            np.testing.assert_allclose(product, product[0], rtol=1e-6)


def test_lines_and_markers_of_the_cascade_count_by_one_definition(two):
    params = vaedyn.Params(latent=2, signal=2, rho=(3, 1), lr=0.05, beta=1.5, t_max=20, points=3)
    run = vaedyn.simulate(params, runs=3)
    figure = figures_cascade.cascade(cascade_of(two, None, [run]))
    units, _, divergence = figure.axes
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    names = {
        text: line.get_color() for text, line in zip(texts, legend.legend_handles, strict=True)
    }
    (counted,) = [line for line in units.lines if len(line.get_xdata()) > 5]
    lines = [line for line in divergence.lines if len(line.get_xdata()) > 5]
    assert [line.get_color() for line in lines] == [names["latent 1"], names["latent 2"]]
    kl = np.array([line.get_ydata() for line in lines])
    assert np.all(kl[0] >= kl[1])
    np.testing.assert_array_equal(counted.get_ydata(), (kl > 0.01).sum(axis=0))
    (mark,) = [line for line in units.lines if line.get_marker() == "o"]
    assert mark.get_ydata()[0] == np.mean((run.kl_per_latent[:, -1] > 0.01).sum(axis=-1))


def test_the_cascade_shows_simulations_on_top(two):
    params = vaedyn.Params(latent=2, signal=2, rho=(3, 1), lr=0.05, beta=3, t_max=20, points=3)
    runs = [vaedyn.simulate(params, runs=2)]
    figure = figures_cascade.cascade(cascade_of(two, None, runs))
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "active units\n(KL > 0.01 nats)",
        r"generalisation error $\varepsilon_g$",
        "KL per latent (nats)",
    ]
    marked = [line.get_xdata()[0] for line in figure.axes[1].lines if line.get_marker() == "o"]
    assert marked == [3]
