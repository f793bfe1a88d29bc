"""Fixed points on the way: distances under symmetries, escapes, and known stories."""

from itertools import pairwise, permutations, product

import numpy as np
import pytest

import vaedyn
from vaedyn.figures.passages import passages as draw
from vaedyn.fixedpoints.newton import symmetric, velocity
from vaedyn.fixedpoints.passages import courses, distance, passages
from vaedyn.kernels.constants import Constants
from vaedyn.learning.theory import integrate
from vaedyn.model.schedules import Constant
from vaedyn.model.state import pack, unpack

SHARED = {
    "latent": 2, "rho": 3, "beta": 1.2, "lr": 0.05, "t_max": 1500,
    "init": {"m": [[0.03], [0.0301]], "d": 0.03 * np.ones((2, 1)), "Q": 0.01, "E": 0.01, "R": 0,
             "D": 1},
}  # fmt: skip
TURNED = 0.001 * np.array([[1.01, 1], [1, -1]])  # latents at 45 degrees between the signals
MIXED = {
    "latent": 2, "signal": 2, "rho": (3, 1), "lr": 0.05, "t_max": 3000, "points": 1001,
    "init": {"m": TURNED, "d": TURNED, "Q": 1e-4, "E": 1e-4, "R": 5e-5, "D": 1},
}  # fmt: skip


def flat(states):
    return states.states


def both(**model):
    params = vaedyn.Params(**model)
    return vaedyn.fixed_points(params), vaedyn.theory(params)


@pytest.fixture(scope="module")
def shared():
    return both(**SHARED)


@pytest.fixture(scope="module")
def mixed():
    return both(**MIXED)


def drawn_state(rng, latent, signal):
    """Return weights in their own frame (latent rows), and D, of which overlaps are made."""
    W, V = rng.standard_normal((2, latent, signal + 3))
    return W, V, rng.uniform(0.2, 1, latent)


def overlaps(W, V, D, signal):
    return pack(W[:, :signal], V[:, :signal], W @ W.T, V @ V.T, W @ V.T, D)


def rotation(rng, n):
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


@pytest.mark.parametrize(
    ("latent", "rho"),
    [(1, (1, 1)), (2, (3, 1)), (3, (2, 2, 1)), (4, (2, 1, 2, 2)), (4, (4, 3)), (6, (3, 2, 2))],
)
def test_images_under_symmetries_are_no_distance_apart(latent, rho):
    rng = np.random.default_rng(latent)
    signal = len(rho)
    params = vaedyn.Params(latent=latent, signal=signal, rho=rho)
    W, V, D = drawn_state(rng, latent, signal)
    images = []
    for _ in range(12):
        turn = np.eye(signal + 3)
        for strength in set(rho):
            k = np.flatnonzero(np.array(rho) == strength)
            turn[np.ix_(k, k)] = rotation(rng, len(k)) * rng.choice([-1, 1])
        order, sign = rng.permutation(latent), rng.choice([-1, 1], latent)[:, None]
        images.append(
            overlaps(sign * (W @ turn)[order], sign * (V @ turn)[order], D[order], signal)
        )
    images, point = np.array(images), overlaps(W, V, D, signal)
    assert distance(params, point, images).max() < 1e-13
    for at in (0, latent * signal, -1, -latent - 1):  # entries of m, d, D, R
        other = images.copy()
        other[:, at] += 0.01
        assert distance(params, point, other).min() > 1e-4


def test_the_distance_is_the_least_over_all_signs_and_orders():
    rng = np.random.default_rng(5)
    params = vaedyn.Params(latent=2, signal=2, rho=(3, 1))
    W, V, D = drawn_state(rng, 2, 2)
    states = np.array([overlaps(*drawn_state(rng, 2, 2), 2) for _ in range(20)])
    images = []
    for order in permutations(range(2)):
        for signs in product((1, -1), repeat=4):
            sign, turn = np.array(signs[:2])[:, None], np.array([*signs[2:], 1, 1, 1])
            o = list(order)
            images.append(overlaps(sign * W[o] * turn, sign * V[o] * turn, D[o], 2))
    by_hand = [np.sqrt(((np.array(images) - y) ** 2).mean(axis=1)).min() for y in states]
    np.testing.assert_allclose(distance(params, overlaps(W, V, D, 2), states), by_hand, rtol=1e-12)


def test_the_distance_is_the_least_over_all_rotations_of_equal_signals():
    rng = np.random.default_rng(6)
    params = vaedyn.Params(latent=1, signal=2, rho=1)
    W, V, D = drawn_state(rng, 1, 2)
    state = overlaps(*drawn_state(rng, 1, 2), 2)
    least = np.inf
    for angle in np.linspace(0, 2 * np.pi, 4001):
        turn = np.eye(5)
        turn[:2, :2] = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
        for sign in (1, -1):
            turn[:2, 0] *= sign
            image = overlaps(W @ turn, V @ turn, D, 2)
            least = min(least, np.sqrt(((image - state) ** 2).mean()))
    found = distance(params, overlaps(W, V, D, 2), state[None])
    assert found == pytest.approx(least, rel=1e-5)


def test_many_latents_are_matched_about_as_well_as_by_trying_all(monkeypatch):
    rng = np.random.default_rng(7)
    params = vaedyn.Params(latent=4, signal=2, rho=(3, 1))
    point = overlaps(*drawn_state(rng, 4, 2), 2)
    states = np.array([overlaps(*drawn_state(rng, 4, 2), 2) for _ in range(12)])
    exact = distance(params, point, states)
    monkeypatch.setattr("vaedyn.fixedpoints.passages.EXACT", 0)
    assigned = distance(params, point, states)
    assert (assigned >= exact - 1e-12).all()
    assert np.mean(assigned / exact) < 1.1


@pytest.mark.usefixtures("no_thresholds")
def test_images_of_fixed_points_with_many_latents_are_found():
    rng = np.random.default_rng(8)
    params = vaedyn.Params(latent=5, signal=2, rho=(3, 1), beta=1.2, lr=0.05)
    points = vaedyn.fixed_points(params)
    for i, point in enumerate(flat(points)):
        parts, o = unpack(point, 5, 2), rng.permutation(5)
        sign = rng.choice([-1, 1], 5)
        rows = {name: sign[:, None] * parts[name][o] * [-1, 1] for name in "md"}
        squares = {name: np.outer(sign, sign) * parts[name][np.ix_(o, o)] for name in "QER"}
        image = pack(**rows, **squares, D=parts["D"][o])
        assert distance(params, point, image[None]) < 1e-12, points.types[i]


def unstable_direction(model, y):
    """Return the fastest growing deviation, from differences of the drift."""
    spread, gather = symmetric(model.latent, model.signal)
    h = 1e-6
    columns = [
        (velocity(model, y + h * e) - velocity(model, y - h * e)) / (2 * h) for e in spread.T
    ]
    values, vectors = np.linalg.eig(gather @ np.transpose(columns))
    deviation = spread @ np.real(vectors[:, np.real(values).argmax()])
    return deviation / np.abs(deviation).max()


@pytest.mark.parametrize("kind", ["two on signal 1", "2 x collapsed"])
def test_a_start_next_to_a_saddle_leaves_it_at_its_growth_rate(shared, kind):
    points, _ = shared
    params = points.params
    i = points.types.index(kind)
    saddle, model = flat(points)[i], Constants.of(params)
    deviation = unstable_direction(model, saddle)
    t = np.linspace(0, 40 / points.max_eigenvalue[i], 801)
    y, _ = integrate(params, saddle + 1e-6 * deviation, t, Constant(), rtol=1e-11, atol=1e-14)
    trajectory = vaedyn.Trajectory.from_states(params, y, t=t)
    first, *_, last = passages(points, trajectory)
    assert (first.index, first.type, first.stable) == (i, kind, False)
    assert first.time < t[1]
    assert first.distance == pytest.approx(1e-6 * np.sqrt((deviation**2).mean()), rel=0.01)
    assert first.start == 0
    assert 8 < first.residence / first.escape_time < 25  # about ln 10^6
    away = distance(params, saddle, y)
    leaving = (away > 1e-5) & (away < 1e-3) & (t < first.end)
    rate = np.polyfit(t[leaving], np.log(away[leaving]), 1)[0]
    assert rate == pytest.approx(first.growth, rel=0.02)
    assert last.index == points.reached
    assert last.stable


def test_two_latents_share_a_signal_until_one_collapses(shared):
    found = passages(*shared)
    assert [each.type for each in found] == [
        "2 x collapsed", "two on signal 1", "signal 1, collapsed",
    ]  # fmt: skip
    assert [each.stable for each in found] == [False, False, True]
    between = found[1]
    assert between.label == "entangled"
    assert between.distance < 0.02
    assert between.residence > 5 * between.escape_time
    assert between.escape_time == pytest.approx(1 / between.growth)


def test_mixed_latents_are_entangled_first_and_disentangled_later(mixed):
    points, trajectory = mixed
    found = passages(points, trajectory)
    assert [each.type for each in found] == [
        "2 x collapsed", "two on signal 1", "two on signal 1 and signal 2", "signal 1, signal 2",
    ]  # fmt: skip
    slow = found[2]
    assert slow.residence > trajectory.t[-1] / 3
    # 0.0476 tau for small learning rates
    assert slow.growth == pytest.approx(0.0476 * 0.05, rel=0.02)
    # shown while it lasts: both latents overlap both signals
    middle = np.searchsorted(trajectory.t, slow.time)
    assert np.abs(trajectory.m[middle]).min() > 0.5
    assert trajectory.eps_g[middle] > 10 * trajectory.eps_g[-1]


@pytest.mark.usefixtures("no_thresholds")
def test_a_gaussian_start_may_be_entangled_first_too():
    found = passages(
        *both(latent=2, signal=2, rho=(3, 1), lr=0.05, t_max=3000, points=801, init_seed=4)
    )
    assert [each.type for each in found] == [
        "2 x noise", "two on signal 1", "two on signal 1 and noise",
        "two on signal 1 and signal 2", "signal 1, signal 2",
    ]  # fmt: skip
    assert found[3].residence > 5 * found[2].residence


def test_passages_are_in_order_and_the_last_is_reached(mixed):
    points, trajectory = mixed
    found = passages(points, trajectory)
    assert np.all(np.diff([each.time for each in found]) > 0)
    for before, after in pairwise(found):
        assert before.start <= before.time <= before.end <= after.start
    last = found[-1]
    assert (last.index, last.time, last.end) == (points.reached, 3000, 3000)
    assert (last.stable, last.escape_time) == (True, np.inf)
    assert last.distance < 0.01


@pytest.mark.usefixtures("no_thresholds")
def test_an_end_that_is_too_far_off_has_an_empty_residence(mixed):
    points, _ = mixed
    _, trajectory = both(**{**MIXED, "t_max": 600, "points": 201})
    *_, slow, last = passages(points, trajectory)
    assert slow.type == "two on signal 1 and signal 2"
    assert slow.end == last.start == last.end == 600
    assert (last.index, last.residence) == (points.reached, 0)


def test_nearest_approaches_do_not_depend_on_the_saved_times(mixed):
    points, _ = mixed
    few = passages(points, vaedyn.theory(vaedyn.Params(**{**MIXED, "points": 101})))[-2]
    many = passages(points, vaedyn.theory(vaedyn.Params(**{**MIXED, "points": 3001})))[-2]
    assert few.time == pytest.approx(many.time, rel=1e-3)
    assert few.distance == pytest.approx(many.distance, rel=1e-5)
    assert few.end == pytest.approx(many.end, rel=1e-3)


def test_a_trajectory_of_another_model_is_refused(shared, mixed):
    with pytest.raises(ValueError, match="latents and signals"):
        passages(shared[0], mixed[1])


@pytest.mark.parametrize("x_scale", ["linear", "log"])
def test_the_figure_names_and_marks_what_is_passed(mixed, x_scale):
    points, trajectory = mixed
    found = passages(points, trajectory)
    figure = draw(trajectory, found, courses(points, trajectory, found), x_scale=x_scale)
    top, bottom = figure.axes
    assert {axes.get_xscale() for axes in (top, bottom)} == {x_scale}
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words[:4] == [
        "1: 2 x collapsed (escape time 11.3)",
        "2: two on signal 1 (escape time 23.1)",
        "3: two on signal 1 and signal 2 (escape time 423)",
        "4: signal 1, signal 2 (stable)",
    ]
    assert "escape" in words[4]
    assert [text.get_text() for text in top.texts] == ["1", "2", "3", "4"]
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in top.texts]
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))
    spans = [patch.get_extents().transformed(top.transData.inverted()) for patch in top.patches]
    np.testing.assert_allclose([span.x1 for span in spans], [each.end for each in found])
    marks = [line for line in bottom.get_lines() if line.get_marker() == "o"]
    assert [line.get_ydata()[0] for line in marks] == [each.distance for each in found]
    curves = [line for line in bottom.get_lines() if len(line.get_xdata()) > 500]
    assert [line.get_linestyle() for line in curves] == ["--", "--", "--", "-"]
    shown = trajectory.t > 0 if x_scale == "log" else slice(None)
    expected = distance(points.params, flat(points)[found[2].index], flat(trajectory))[shown]
    np.testing.assert_allclose(curves[2].get_ydata(), expected)


@pytest.mark.usefixtures("no_thresholds")
def test_what_is_only_flown_by_is_not_passed():
    params = vaedyn.Params(latent=2, lr=0.05)
    found = vaedyn.passages(vaedyn.fixed_points(params), vaedyn.theory(params))
    assert [passage.type for passage in found] == ["2 x noise", "signal 1, noise"]


def test_second_moments_of_adam_are_remembered_where_an_approach_is_refined():
    model = {"latent": 2, "signal": 2, "rho": (2, 1), "lr": 0.1, "batch": 8, "t_max": 200}
    few, many = (
        passages(*both(**model, points=points, optimiser="adam", latents="sampled"))[0]
        for points in (41, 401)
    )
    # begun anew next to the nearest approach, as after a first step, it would be at 5.90
    assert (few.time, few.distance) == pytest.approx((many.time, many.distance), rel=1e-4)
