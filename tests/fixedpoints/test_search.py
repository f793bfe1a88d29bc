"""A search for fixed points: what is known is found, what is found is there, and counted right."""

from itertools import combinations_with_replacement, permutations, product
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from scipy.optimize import root as solve

import vaedyn
from tests.shared.models import random_state
from tests.shared.reference import drift
from vaedyn.errors import ParameterError
from vaedyn.fixedpoints.groups import of_weights
from vaedyn.fixedpoints.newton import symmetric
from vaedyn.fixedpoints.points import FixedPoints
from vaedyn.fixedpoints.search import spectrum
from vaedyn.fixedpoints.symmetries import fingerprint, how_many, turns
from vaedyn.fixedpoints.trials import trials
from vaedyn.fixedpoints.varied import constants_of
from vaedyn.model.state import pack, unpack
from vaedyn.store import ResultStore

SHORT: dict[str, Any] = {"t_max": 20, "points": 3}
TWO = vaedyn.Params(latent=2, signal=2, rho=(3, 1.2), eta=0.8, beta=0.6, lam=0.02, lr=0.07, **SHORT)
THREE = vaedyn.Params(latent=3, signal=2, rho=(3, 1.2), eta=0.8, beta=0.6, lr=0.004, **SHORT)
# three latents on three signals, where learning ends with all of them together
HIGH = vaedyn.Params(latent=3, signal=3, rho=(3, 2, 1), beta=0.8, lr=0.95, **SHORT)


def reference(params):
    """Return the drift over tau as a function of y, written independently."""
    p, (decoder, encoder, variances) = params, params.rates / (1 - params.momentum)
    return lambda y: drift(
        y, p.beta, p.strengths, p.eta, p.lam, decoder, p.latent, encoder=encoder,
        variances=variances, batch=p.batch, sampled=p.sampled,
    ) / decoder  # fmt: skip


@pytest.fixture(scope="module")
def two():
    return vaedyn.fixed_points(TWO)


@pytest.fixture(scope="module")
def three():
    return vaedyn.fixed_points(THREE, search=600, search_seed=1)


@pytest.fixture(scope="module")
def high():
    return vaedyn.fixed_points(HIGH, search=400)


@pytest.mark.parametrize("groups", [0, 1])
def test_a_search_finds_the_pairs_that_a_shorter_list_lacks(two, groups):
    searched = vaedyn.fixed_points(TWO, groups=groups, search=400)
    assert sorted(searched.types) == sorted(two.types)
    assert sum(searched.new) == len(two.types) - {0: 2, 1: 8}[groups]
    for i, name in enumerate(two.types):
        j = searched.types.index(name)
        assert searched.multiplicity[j] == two.multiplicity[i]
        for quantity in ("eps_g", "kl", "max_eigenvalue"):
            a, b = (getattr(points, quantity) for points in (two, searched))
            assert b[j] == pytest.approx(a[i], rel=1e-9, abs=1e-11), (name, quantity)
    went = searched.search
    assert went["listed"] + went["added"] == len(two.types) == (np.array(searched.found) > 0).sum()
    assert sum(searched.found) == went["converged"] - went["unphysical"]
    assert went["unphysical"] > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"rho": (2, 2)},
        {"latent": 3, "signal": 1, "rho": 2, "lam": 0.0, "batch": 2, "lr": (0.2, 0.1, 0.3)},
        {"latents": "sampled", "momentum": 0.4},
        {"latent": 2, "signal": 3, "rho": (2.5, 1.1, 2.5), "lam": 0.01},
        {"latent": 1, "lam": 0.3, "lr": 0.3},
    ],
)
def test_nothing_else_is_found_up_to_groups_of_two(changes):
    params = TWO.replace(**changes)
    found = vaedyn.fixed_points(params, search=350)
    assert found.search["listed_found"] == found.search["listed"]
    assert all(name.startswith("three on") for name in np.array(found.types)[found.new])
    assert (found.residual < 1e-11).all()
    for i, y in enumerate(found.states):
        assert np.abs(reference(params)(y)).max() < 1e-10
        if not found.new[i]:
            assert how_many(constants_of(params), y) == found.multiplicity[i]


def groups_of_three(strengths, eta, beta):
    """Return the variance that three latents share by the directions that they live on.

    At small learning rates, without weight decay; noise has any number of directions.
    """
    found = {}
    for n in (1, 2, 3):
        for chosen in combinations_with_replacement([*strengths, 0.0], n):
            signals = [rho for rho in chosen if rho]
            s = np.array(chosen) + eta
            if len(set(signals)) < len(signals) or chosen == (0.0,) * 3:
                continue  # three on noise alone are not together

            def excess(q, s=s):
                return (np.sqrt(s * (q + beta)) - beta).sum() / 3 - q

            if excess(0.0) <= 0:
                continue
            q = brentq(excess, 0, 50)
            if (np.sqrt(s * (q + beta)) > beta).all():
                found[tuple(chosen)] = beta / (q + beta)
    return found


def test_groups_of_three_are_those_of_the_closed_form(three):
    p = THREE
    expected = groups_of_three(p.rho, p.eta, p.beta)
    variances = [three.D[i] for i in np.flatnonzero(three.new)]
    assert len(variances) == len(expected) == 10
    np.testing.assert_allclose(np.ptp(variances, axis=1), 0, atol=1e-9)
    means = np.sort(np.mean(variances, axis=1))
    np.testing.assert_allclose(means, np.sort(list(expected.values())), atol=0.004)
    assert np.abs(means - np.sort(list(expected.values()))).max() > 1e-6  # lr is not 0
    names = {three.types[i]: three.D[i, 0] for i in np.flatnonzero(three.new)}
    assert names["three on signal 2"] == pytest.approx(expected[1.2,], abs=0.004)
    at = names["three on signal 1 and 2 directions of noise"]
    assert at == pytest.approx(expected[3, 0.0, 0.0], abs=0.004)
    assert names["three on signal 1 and signal 2"] == pytest.approx(expected[3, 1.2], abs=0.004)


def independent(params, starts, seed):
    """Return fixed points of real weights that scipy finds with the reference drift."""
    M, K = params.latent, params.signal
    spread, gather = symmetric(M, K)
    rate, found = reference(params), []
    for n in range(starts):
        y = random_state(M, K, seed + n)
        if n % 2:  # some latents and all encoders small
            parts = {name: np.array(part) for name, part in unpack(y, M, K).items()}
            size = np.random.default_rng(n).choice([0.05, 1.0, 1.5], M)
            both = np.outer(size, size)
            y = pack(
                parts["m"] * size[:, None], parts["d"] * size[:, None], parts["Q"] * both,
                parts["E"] * both, parts["R"] * both, parts["D"],
            )  # fmt: skip
        end = solve(lambda x: gather @ rate(spread @ x), gather @ y, tol=1e-13)
        y = spread @ end.x
        if np.abs(rate(y)).max() < 1e-10 and of_weights(unpack(y, M, K)):
            found.append(y)
    return found


def test_an_independent_solver_finds_nothing_else(two, three):
    for params, points, starts in ((TWO, two, 30), (THREE, three, 14)):
        model = constants_of(params)
        known = np.array([fingerprint(model, y) for y in points.states])
        found = independent(params, starts, 7)
        marks = [fingerprint(model, y) for y in found]
        which = [int(np.abs(known - mark).max(axis=1).argmin()) for mark in marks]
        for mark, nearest in zip(marks, which, strict=True):
            np.testing.assert_allclose(mark, known[nearest], rtol=1e-5, atol=1e-5)
        assert len(set(which)) >= 4  # or it would have had no chance to find others


def images(y, M, K):
    """Return all states that signs and permutations of latents make of one."""
    parts = unpack(y, M, K)
    for order in permutations(range(M)):
        for signs in product((1, -1), repeat=M):
            P = np.eye(M)[list(order)] * np.array(signs)[:, None]
            turned = {name: P @ parts[name] for name in "md"}
            turned |= {name: P @ parts[name] @ P.T for name in "QER"}
            yield pack(**turned, D=np.abs(P) @ parts["D"])


def test_multiplicities_are_the_numbers_of_images(three):
    model = constants_of(THREE)
    for i, y in enumerate(three.states):
        distinct: list[np.ndarray] = []
        for image in images(y, 3, 2):
            assert np.abs(fingerprint(model, image) - fingerprint(model, y)).max() < 1e-9
            if not any(np.abs(image - other).max() < 1e-7 for other in distinct):
                distinct.append(image)
        expected = three.multiplicity[i]
        assert expected in (None, len(distinct)), three.types[i]
    several = [name for name, n in zip(three.types, three.multiplicity, strict=True) if n is None]
    # a group of three on one direction, or one and equal ones, can only be turned by signs
    assert sorted(several) == [
        "three on signal 1 and noise", "three on signal 1 and signal 2",
        "three on signal 1 and signal 2 and noise", "three on signal 2 and noise",
    ]  # fmt: skip


def test_continua_go_on_along_their_turns_and_the_points_on_them_are_one(three):
    model, rate = constants_of(THREE), reference(THREE)
    i = three.types.index("three on signal 1 and signal 2")
    y = three.states[i]
    (along,) = turns(model, y)
    along /= np.abs(along).max()
    away = [np.abs(rate(y + step * along)).max() for step in (1e-3, 1e-4)]
    assert away[1] < 0.02 * away[0] < 1e-5  # of second order
    other = np.random.default_rng(0).normal(size=len(y))
    assert np.abs(rate(y + 1e-4 * other)).max() > 1e-5
    alone = three.types.index("three on signal 1")
    assert np.abs(turns(model, three.states[alone])).max(initial=0) < 1e-9


def test_stability_is_that_of_a_jacobian_by_differences(three):
    model, rate = constants_of(THREE), reference(THREE)
    spread, gather = symmetric(3, 2)
    for i in np.flatnonzero(three.new):
        y, matrix = three.states[i], []
        for column in spread.T:
            step = 1e-6 * column
            matrix.append(gather @ (rate(y + step) - rate(y - step)) / 2e-6)
        values = np.linalg.eigvals(np.array(matrix).T) * THREE.lr
        assert values.real.max() == pytest.approx(three.max_eigenvalue[i], rel=1e-5)
        assert not three.stable[i]  # saddles all, at small learning rates
        left = spectrum(model, y)
        still = int(np.isnan(left).sum())
        assert still == (three.multiplicity[i] is None)
        # all others are those of the differences, and as many vanish there as are left out
        rest = np.sort(np.abs(values))[still:]
        np.testing.assert_allclose(rest, np.sort(np.abs(left[~np.isnan(left)])), rtol=1e-3)
        assert (np.sort(np.abs(values))[:still] < 1e-10).all()


def test_three_latents_may_learn_together_at_a_large_rate(high):
    i = high.reached
    assert high.types[i] == "three on signal 1 and signal 2 and signal 3"
    assert high.multiplicity[i] is None
    assert high.stable[i]
    assert high.stable.sum() == 1
    without = vaedyn.fixed_points(HIGH)
    assert without.types[without.reached] == "of another kind"
    # a state next to it stays there: errors of 1e-3 fade, but for those along the continuum
    y, rate = high.states[i], reference(HIGH)
    start = y * (1 + 1e-3 * symmetric(3, 3)[0] @ np.random.default_rng(1).normal(size=42))
    span = (0, 25 / -high.max_eigenvalue[i] * HIGH.lr)
    end = solve_ivp(lambda _, y: rate(y), span, start, "LSODA", rtol=1e-9, atol=1e-11).y[:, -1]
    model = constants_of(HIGH)
    marks = [fingerprint(model, state) for state in (y, start, end)]
    assert np.abs(marks[1] - marks[0]).max() > 1e-4
    assert np.abs(marks[2] - marks[0]).max() < 1e-7
    assert np.abs(end - y).max() > 1e-5


def test_states_on_their_way_to_infinity_are_found():
    # closed forms are looked at up to a largest Q only: single latents beyond are not listed
    params = vaedyn.Params(rho=3, eta=1.6, beta=0.09, lr=2, **SHORT)
    found = vaedyn.fixed_points(params, search=100)
    assert [name for name, new in zip(found.types, found.new, strict=True) if not new] == [
        "collapsed"
    ]
    assert sorted(found.types) == ["collapsed", "noise", "signal 1"]
    assert found.missing == {"threshold": [], "ended": []}
    assert found.Q[found.types.index("signal 1"), 0, 0] > 50
    assert vaedyn.fixed_points(params).missing["ended"] == ["signal 1", "noise"]


def test_trials_are_of_real_weights_and_those_of_a_smaller_number_come_first():
    model = constants_of(THREE)
    states = trials(model, 4, 0, 40)
    for y in states:
        assert of_weights(unpack(y, 3, 2))
        np.testing.assert_array_less(0, unpack(y, 3, 2)["D"])
    np.testing.assert_array_equal(trials(model, 4, 7, 12), states[7:12])
    assert np.abs(trials(model, 5, 0, 40) - states).max() > 0.1
    collapsed = [(np.diag(unpack(y, 3, 2)["Q"]) == 0).any() for y in states]
    assert any(collapsed)
    assert not all(collapsed)
    # latents of a group are equally strong, and more of them than directions
    Q = unpack(states, 3, 2)["Q"]
    even = [np.ptp(np.diag(q)) < 1e-9 < abs(q[0, 1]) and np.linalg.det(q) < 1e-9 for q in Q]
    assert sum(even) >= 3


def test_order_parameters_of_no_weights_are_seen():
    y = random_state(2, 2, 3)
    assert of_weights(unpack(y, 2, 2))
    for name, factor in (("m", 9.0), ("R", 9.0), ("D", -1.0), ("Q", np.nan), ("E", -1.0)):
        parts = {key: np.array(part) for key, part in unpack(y, 2, 2).items()}
        parts[name] = factor * parts[name]
        assert not of_weights(parts), name


def test_searches_are_kept_apart_and_lists_without_one_stay(tmp_path):
    store = ResultStore(tmp_path)
    small = {**SHORT, "beta": 0.7, "lr": 0.03}
    kept = [
        vaedyn.fixed_points(**small, **options, store=store)
        for options in ({}, {"search": 20}, {"search": 21}, {"search": 20, "search_seed": 3})
    ]
    assert len({each.source.key for each in kept}) == 4
    assert kept[0].search is kept[0].found is None
    assert not any(kept[0].new)
    again = vaedyn.fixed_points(**small, search=20, store=store)
    assert again.source.reused
    assert again.search == kept[1].search
    opened = vaedyn.store.open(kept[1].source.key, store)
    assert isinstance(opened, FixedPoints)
    assert opened.found == kept[1].found
    assert {"found", "new"} <= set(kept[1].to_frame().columns)
    assert "found" not in kept[0].to_frame().columns


def test_progress_counts_states_and_starts():
    seen = []
    vaedyn.fixed_points(**SHORT, search=120, progress=lambda *at: seen.append(at))
    assert seen[-1] == (123, 123)
    assert seen == sorted(seen)
    assert len(seen) >= 5


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"search": 0}, "search: must be at least 1"),
        ({"search": 10**9}, "search: must be at most 1000000"),
        ({"search": float("nan")}, "search: must be a whole number"),
        ({"search": 9, "search_seed": -1}, "search_seed: must be at least 0"),
        ({"search": 9, "optimiser": "adam"}, "search: is not derived for adam"),
        ({"search": 9, "latent": 20, "signal": 3}, "search: is for at most 700 order parameters"),
        ({"search": 9, "beta": 0}, "beta: must be > 0"),
    ],
)
def test_what_cannot_be_searched_is_refused(options, text):
    with pytest.raises(ParameterError, match=text):
        vaedyn.fixed_points(**{**SHORT, **options})
