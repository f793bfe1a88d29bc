"""Bifurcations on branches: all of them, by their names, and which branches meet there."""

import functools
from typing import Any

import numpy as np
import pytest

import vaedyn
from tests.shared import reference
from tests.shared.models import random_state
from vaedyn.errors import ParameterError
from vaedyn.fixedpoints.branches import branches
from vaedyn.fixedpoints.groups import Unit
from vaedyn.fixedpoints.newton import jacobian, residual, symmetry_tangents
from vaedyn.fixedpoints.newton import symmetric as independent
from vaedyn.fixedpoints.simpler import living, simpler
from vaedyn.fixedpoints.thresholds import thresholds
from vaedyn.fixedpoints.varied import constants_of, vary

# (a model, what varies, from, to, groups): finite rates, decay, sampled latents, batches, and
# equal signals, with pitchforks on both sides, transcritical and Hopf bifurcations, and folds
MODELS: dict[str, Any] = {
    "two": (
        vaedyn.Params(latent=2, signal=2, rho=(2.6, 1.1), eta=0.7, lr=0.15), "beta", 0.3, 4.1, 2,
    ),
    "equal signals": (
        vaedyn.Params(latent=2, signal=3, rho=(1.9, 1.9, 0.8), eta=0.7, lr=0.2, batch=2),
        "beta", 0.3, 3.3, 1,
    ),
    "decay": (vaedyn.Params(rho=0.1, lam=0.6, lr=0.02), "beta", 0.02, 0.3, 1),
    "sampled": (
        vaedyn.Params(
            latent=2, rho=1.4, eta=0.7, lr=(0.2, 0.1, 0.15), batch=3, latents="sampled", beta=1.1,
        ),
        "eta", 0.1, 2.1, 2,
    ),
    "large rates": (vaedyn.Params(rho=0.49, eta=1.13, beta=1.56), "lr", 0.3, 1.0, 1),
    "three": (
        vaedyn.Params(latent=3, signal=2, rho=(2.1, 0.9), eta=0.6, lr=0.3, beta=1.3),
        "lam", 0.0, 1.4, 1,
    ),
}  # fmt: skip


@functools.cache
def followed_of(name):
    params, *how, groups = MODELS[name]
    return branches(params, *how, groups=groups)


@pytest.fixture(params=list(MODELS))
def followed(request):
    return followed_of(request.param)


def spectrum(model, y):
    """Return all eigenvalues over tau by the whole Jacobian, but those of rotations."""
    values: Any = np.linalg.eigvals(jacobian(model, y)).astype(complex)
    tangents = symmetry_tangents(model, y)
    still = int(np.linalg.matrix_rank(tangents, tol=1e-6)) if len(tangents) else 0
    return values[np.argsort(np.abs(values))][still:]


def test_a_scan_of_whole_spectra_finds_the_same_changes_of_stability(followed):
    # independent of units, of their modes and of roots; between two points of the grid an even
    # number of changes would be missed by both
    seen = 0
    for n in range(len(followed.types)):
        points = np.flatnonzero(followed.branch == n)[1:-1]
        before = None
        for i in points:
            x = float(followed.varied[i])
            values = spectrum(vary(followed.params, followed.name, x), followed.states[i])
            top = values[np.argmax(values.real)]
            if abs(top.real) < 1e-7:
                continue
            if before is not None and top.real * before[1].real < 0:
                (event,) = (
                    e for e in followed.events
                    if e["branch"] == n and e["kind"] == "stability" and before[0] < e["at"] < x
                )  # fmt: skip
                assert (event["bifurcation"] == "hopf") == (abs(top.imag) > 0)
                seen += 1
            before = x, top
    assert seen == sum(e["kind"] == "stability" for e in followed.events)


def test_everything_that_happens_has_a_name_and_meets_something(followed):
    for event in followed.events:
        if event["kind"] in ("fold", "end", "stability"):
            assert event["bifurcation"] in ("fold", "pitchfork", "transcritical", "hopf")
            assert (event["side"] is None) == (event["bifurcation"] == "fold")
            assert event["coefficient"] != 0
        if event["kind"] in ("fold", "end"):
            assert event["meets"]
        for other in event["meets"]:
            assert event["branch"] != other
            x = followed.varied[followed.branch == other]
            assert x[0] - 1e-8 <= event["at"] <= x[-1] + 1e-8


def test_branches_that_meet_have_the_same_state_there(followed):
    for event in followed.events:
        at, close = [], []
        for n in (event["branch"], *event["meets"]):
            chosen = followed.branch == n
            x = followed.varied[chosen]
            at.append([np.interp(event["at"], x, getattr(followed, name)[chosen])
                       for name in ("eps_g", "kl", "distortion")])  # fmt: skip
            close.append(np.abs(x - event["at"]).min())
        # lines between points of the grid: errors are of the order of their distance
        for each in at[1:]:
            np.testing.assert_allclose(each, at[0], atol=0.05)


def test_as_many_eigenvalues_cross_as_the_multiplicity_says(followed):
    for event in followed.events:
        if event["kind"] != "stability":
            continue
        chosen = followed.branch == event["branch"]
        x, states = followed.varied[chosen], followed.states[chosen]
        growing = []
        for step in (-1e-4, 1e-4):
            here = event["at"] * (1 + step)
            y = np.array([np.interp(here, x, column) for column in states.T])
            model = vary(followed.params, followed.name, here)
            assert residual(model, y) < 1e-2
            values = spectrum(model, y)
            near = np.abs(values.real) < 0.02 * np.abs(values).max()
            growing.append(int((values[near].real > 0).sum()))
        pairs = 2 if event["bifurcation"] == "hopf" else 1
        assert abs(growing[1] - growing[0]) == pairs * event["multiplicity"]


def test_each_bifurcation_is_listed_once(followed):
    listed = followed.bifurcations
    places = [each["at"] for each in listed]
    assert places == sorted(places)
    for event in followed.events:
        if event["bifurcation"]:
            there = [
                each for each in listed
                if abs(each["at"] - event["at"]) < 1e-6 and event["branch"] in each["branches"]
            ]  # fmt: skip
            assert len(there) == 1
            assert set(event["meets"]) <= set(there[0]["branches"])


def test_thresholds_are_events():
    params = vaedyn.Params(latent=2, signal=2, rho=(2.6, 1.1), eta=0.7, lr=0.15)
    found = branches(params, "beta", 0.3, 4.1, groups=1)
    limits = thresholds(params)
    at = {(e["bifurcation"], round(e["at"], 3)): e["at"] for e in found.events}
    for beta in limits["collapse"]:
        assert at["pitchfork", round(beta, 3)] == pytest.approx(beta, abs=1e-9)
    noise = limits["noise"]
    assert at["transcritical", round(noise, 3)] == pytest.approx(noise, abs=1e-9)
    pair = (Unit(1, (0.49,)),)
    large = followed_of("large rates")
    most = thresholds(large.params.replace(lr=0.4), configuration=pair)["max_lr"]
    (hopf,) = (e for e in large.events if e["bifurcation"] == "hopf")
    assert hopf["at"] == pytest.approx(most, abs=1e-9)


def test_a_branch_that_only_another_one_leads_to_is_found():
    found = followed_of("large rates")
    n = found.types.index("noise")  # between two values at which branches are looked for
    x = found.varied[found.branch == n]
    assert 0.86 < x[0] < x[-1] < 0.92
    event = next(e for e in found.events if e["branch"] == 0 and e["kind"] == "end")
    assert event["meets"] == [n]
    assert event["side"] == "subcritical"


def test_a_branch_that_bends_between_two_points_is_met():
    """That on noise has other values at the nearest point: it comes from infinity."""
    found = branches(vaedyn.Params(rho=2.712, eta=0.593, beta=1.635), "lr", 0.05, 2.5)
    (end,) = (e for e in found.events if e["bifurcation"] == "pitchfork" and e["branch"] == 0)
    assert end["meets"] == [found.types.index("noise")]


def test_nothing_simpler_is_near_a_state_away_from_it():
    model = constants_of(vaedyn.Params(rho=1.7, eta=0.6, lr=0.3))
    assert simpler(Unit(1, (1.7,)), model, random_state(1, 1)) is None


def test_what_lives_on_is_told_apart():
    y = random_state(2, 1)
    spread, _ = independent(2, 1)
    assert living(Unit(2, (1.7,), 1), np.zeros(len(spread))) is None
    apart = y.copy()
    apart[:4] = 0
    apart[[5, 6, 9, 10, 13, 14]] = 0
    found = living(Unit(2, (1.7,), 1), apart)
    assert found
    unit, state = found
    assert unit == Unit(1, (), 1)
    np.testing.assert_array_equal(state, apart[[4, 8, 12, 16]])


def test_adam_has_no_branches():
    with pytest.raises(ParameterError, match="optimiser"):
        branches(vaedyn.Params(optimiser="adam"), "beta", 0.5, 2)


def test_where_a_branch_without_a_closed_form_begins_is_said():
    """By Newton's method on the plain drift: its amplitude is the root of the distance.

    It is there on one side only; no listed branch comes as near.
    """
    params = vaedyn.Params(latent=2, signal=1, rho=1.1, eta=1.22, beta=1.15, lam=0.4, lr=1.2)
    found = branches(params, "beta", 0.25, 0.5)
    lacking = [e for e in found.events if e["kind"] == "stability" and not e["meets"]]
    lacking.sort(key=lambda e: found.types[e["branch"]])
    assert [found.types[e["branch"]] for e in lacking] == [
        "signal 1, noise", "two on signal 1 and noise",
    ]  # fmt: skip
    assert {e["bifurcation"] for e in lacking} == {"pitchfork"}
    (why,) = {e["why"] for e in lacking}
    assert why == "the branch that begins here has no closed form, and is not listed"
    assert all("why" not in e for e in found.events if e["meets"])
    assert all("why" not in e for e in found.bifurcations)
    spread, gather = independent(2, 1)
    event = lacking[1]
    chosen = found.branch == event["branch"]

    def nearest(away):
        """Return how far the nearest other fixed point is from the branch."""
        x = event["at"] + away

        def drift(u):
            args = (x, params.strengths, params.eta, params.lam, params.lr, 2)
            return gather @ reference.drift(spread @ u, *args)

        def slope(u):
            h = 1e-6
            return np.array([drift(u + h * e) - drift(u - h * e) for e in np.eye(len(u))]).T / 2 / h

        def solved(u):
            for _ in range(30):
                step = np.linalg.solve(slope(u), drift(u))
                u = u - step
                if np.abs(step).max() < 1e-12:
                    break
            return u

        columns = found.states[chosen].T
        trunk = solved(
            gather @ np.array([np.interp(x, found.varied[chosen], each) for each in columns])
        )
        values, vectors = np.linalg.eig(slope(trunk))
        way = vectors[:, np.abs(values).argmin()].real
        off = [np.linalg.norm(solved(trunk + size * way) - trunk) for size in (0.02, 0.03)]
        return min((each for each in off if each > 1e-6), default=np.inf)

    one, other = nearest(-1e-3), nearest(-3e-4)
    assert one == pytest.approx(0.03, abs=0.001)
    assert one / other == pytest.approx(np.sqrt(10 / 3), rel=0.01)
    assert nearest(1e-3) > 0.3
