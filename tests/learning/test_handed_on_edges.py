"""What functions of learning hand on, estimate and say: numbers and words, with kernels faked."""

import numpy as np
import pytest

import vaedyn
from vaedyn import Params
from vaedyn.learning import (
    follow,
    on_rows,
    theory,
)
from vaedyn.learning.solve import Marks
from vaedyn.model.state import pack

MODEL = Params(
    latent=2, signal=3, dim=500, rho=(2.5, 1.5, 0.75), eta=0.6, beta=0.8, lam=0.03, lr=0.2,
    t_max=30, points=4, anneal="linear:10",
)  # fmt: skip


@pytest.fixture
def solved(monkeypatch):
    """Yield a list of what `solve` is asked for, which returns ones."""
    asked = []

    def fake(flow, start, times, schedule, **options):
        asked.append((flow, start, times, schedule, options))
        return np.ones((len(times), len(start))), {"steps": 3, "least_variance": 1.0}

    monkeypatch.setattr(theory, "solve", fake)
    monkeypatch.setattr(follow, "solve", fake)
    return asked


def seconds(M, K, spread):
    one = 3e-7 + 1e-9 * (5 * M * M * M + 5 * M * M * K)
    free = 2 * M * K + 2 * M * (M + 1) // 2 + M * M + M
    more = 3e-6 + free * (4e-10 * (9 * M * M * M + 8 * M * M * K) + 5e-9 * free)
    return 7 * (one + more if spread else one)


@pytest.mark.parametrize(("M", "K"), [(1, 1), (2, 3), (3, 2), (40, 7)])
def test_steps_of_theory_take_a_twentieth_of_a_second_at_once(M, K):
    params = Params(latent=M, signal=K, dim=1000)
    assert theory.steps_at_once(params) == max(1, int(0.05 / seconds(M, K, False)))
    assert theory.steps_at_once(params, spread=True) == max(1, int(0.05 / seconds(M, K, True)))
    assert theory.seconds_of_spread(M, K) == pytest.approx(
        (seconds(M, K, True) - seconds(M, K, False)) / 7
    )


def test_theory_is_integrated_from_the_start_of_the_model(solved):
    start = pack(**MODEL.overlaps())
    y, found = theory.integrate(
        MODEL, start, MODEL.times(), MODEL.schedule, rtol=1e-5, atol=1e-7, progress=len, read=None
    )
    assert (y.shape, found["steps"]) == ((4, len(start)), 3)
    ((flow, state, times, schedule, options),) = solved
    assert state is start
    assert (times == MODEL.times()).all()
    assert (schedule, flow.size, flow.latent) == (MODEL.schedule, len(start), 2)
    assert options.pop("pace")() == "0.2"
    assert options == {
        "beta": 0.8, "rtol": 1e-5, "atol": 1e-7, "bound": MODEL.bound(start),
        "at_once": theory.steps_at_once(MODEL), "most": 5_000_000, "progress": len, "read": None,
        "marks": None,
    }  # fmt: skip


def test_what_is_asked_of_an_integration_is_handed_on(solved):
    start = pack(**MODEL.overlaps())
    size = len(start)
    y, _ = theory.integrate(
        MODEL, np.append(start, np.zeros(size * size)), MODEL.times()[1:], MODEL.schedule,
        rtol=1e-5, atol=1e-7, most=9, bound=7.0, read=lambda y: y[:, :1], marks=Marks(),
    )  # fmt: skip
    assert y.shape == (3, size + size * size)  # as `read` returned it
    options = solved[0][4]
    assert (options["most"], options["bound"], options["marks"]) == (9, 7.0, [])
    assert options["at_once"] == theory.steps_at_once(MODEL, spread=True)


def test_under_adam_moments_follow_the_state(solved):
    params = MODEL.replace(optimiser="adam", adam_betas=(0.5, 0.75), batch=4)
    start = pack(**params.overlaps())
    y, _ = theory.integrate(params, start, params.times(), params.schedule, rtol=1e-5, atol=1e-7)
    assert y.shape == (4, len(start))
    state = solved[0][1]
    assert len(state) == len(start) + 3 * 2 + 1
    assert (state[: len(start)] == start).all()
    assert (state[len(start) : -1] > 0).all()
    assert state[-1] == 1 - 0.75
    assert solved[0][0].latent == 2


@pytest.mark.parametrize("which", ["integrate", "in_classes", "on_same_rows"])
def test_theory_goes_by_the_kind_of_data(monkeypatch, which):
    changes = {
        "integrate": {}, "in_classes": {"noise": "1*0.5,0.25*0.5", "eta": 1.0},
        "on_same_rows": {"alpha": 3.0, "init": "m=0.1,d=0.1,Q=1,E=1,R=0,D=1"},
    }  # fmt: skip
    params = MODEL.replace(**changes[which])
    size = len(pack(**params.overlaps()))
    for i, name in enumerate(changes):

        def fake(*given, i=i, **options):
            assert options == {"rtol": 1e-6, "atol": 1e-9, "progress": None}
            more = 2 * 4 if i == 1 else 0  # S and A
            return np.full((4, size + more), i + 1.0), {"least_variance": 1.0}

        monkeypatch.setattr(theory, name, fake)
    found = vaedyn.theory(params, rtol=1e-6, atol=1e-9)
    assert (found.m == 1 + list(changes).index(which)).all()
    assert (found.t == params.times()).all()


def test_noise_in_classes_and_rows_are_followed(solved):
    params = MODEL.replace(noise="1*0.5,0.25*0.5", lam=0.0, batch=3, latents="sampled")
    y, info = theory.in_classes(params, params.times(), rtol=1e-6, atol=1e-9, progress=None)
    size = len(pack(**params.overlaps()))
    assert (y.shape, info["steps"]) == ((4, size + 8), 3)
    options = solved[0][4]
    assert options["bound"] == params.bound(pack(**params.overlaps()))
    assert (options["rtol"], options["atol"], options["beta"]) == (1e-6, 1e-9, 0.8)
    assert options["pace"]() == "0.2"
    M, K, C = 2, 3, 2
    assert options["at_once"] == int(
        0.05 / (7 * (3e-7 + 1e-9 * (5 + 5 * C) * M**3 + 5e-9 * M * M * K))
    )
    again = MODEL.replace(alpha=3.0, init="m=0.1,d=0.1,Q=1,E=1,R=0,D=1", lam=0.0)
    y, _ = theory.on_same_rows(again, again.times(), rtol=1e-6, atol=1e-9, progress=None)
    assert y.shape == (4, size)
    assert solved[1][4]["bound"] == again.bound(pack(**again.overlaps()))
    m = np.ones((2, len(on_rows.on_rows(again).parts))) @ on_rows.on_rows(again).parts
    np.testing.assert_allclose(y[0, :6], m.ravel())


def test_a_course_has_a_natural_bound(solved):
    start = {"m": [[0.5]], "d": [[0.25]], "q": [[[2.0]]], "e": [[[1.0]]], "r": [[[0.0]]], "D": [1]}
    rest = {"beta": 1.5, "schedule": MODEL.schedule, "lam": 0.0, "lr": 0.125}
    for s, eta, first, bound in (
        (3.0, 0.5, 2.0, 3e4), (0.5, 0.75, 0.5, 2e4), (1.5, 0.5, 7.0, 7e4), (0.5, 0.0, 1.0, 1e10),
        (1.0, 1.0, 0.5, 1e4),
    ):  # fmt: skip
        start["q"] = [[[first]]]
        course = follow.follow(([s], [eta], [0.75]), start, np.array([0.0, 1.0]), **rest)
        assert solved[-1][4]["bound"] == pytest.approx(bound)
        assert solved[-1][4]["pace"]() == "0.125"
        assert (solved[-1][4]["rtol"], solved[-1][4]["atol"]) == (1e-8, 1e-10)
        assert course.info == {"solver": {"steps": 3, "least_variance": 1.0}}
    follow.follow(([1], [1], [1]), start, np.array([0.0, 1.0]), **rest, bound=6.0)
    assert solved[-1][4]["bound"] == 6.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lr": 0.4}, None),
        ({"lr": 0.41}, "(lr alpha (rho + eta) is 2)"),
        ({"lr": 0.5}, "(lr alpha (rho + eta) is 2.5)"),
        ({"lr": 0.81, "batch": 2}, "(lr alpha (rho + eta)/batch is 2)"),
        ({"lr": 0.41, "momentum": 0.5}, "(lr alpha (rho + eta) is 4.1)"),
    ],
)
def test_long_epochs_are_warned_of(caplog, changes, words):
    params = Params(
        alpha=2.5, rho=(1.25, 0.5), signal=2, eta=0.75, init="m=0,d=0,Q=1,E=1,R=0,D=1", **changes
    )
    theory.check_alpha(params)
    wanted = [
        f"an epoch is long against learning {words}: part of the noise of SGD is left, which "
        "theory takes to cancel; lower --lr"
    ] * bool(words)  # fmt: skip
    assert caplog.messages == wanted


def test_starts_that_are_drawn_are_warned_of(caplog):
    theory.check_alpha(Params(alpha=2.5, lr=0.1))
    assert caplog.messages == [
        "the start has overlaps by chance, and those with the directions of the rows differ from "
        "table to table, which theory leaves out: give overlaps by --init"
    ]
    with pytest.raises(vaedyn.ParameterError) as caught:
        theory.check_alpha(Params(alpha=2.5, noise="1*0.5,2*0.5"))
    assert str(caught.value) == "noise: is not derived for rows used again; leave out alpha"


def test_tolerances_in_words():
    assert theory.tolerances(1e-14, 1e-300) == (1e-14, 1e-300)
    for rtol, atol, words in (
        (1.0, 0.5, "rtol: must be below 1, got 1.0"), (0.5, 1, "atol: must be below 1, got 1"),
        (0.99e-14, 0.5, "rtol: must be at least 1e-14, got 9.9e-15"),
        (0, 0.5, "rtol: must be > 0, got 0"), (0.5, 0, "atol: must be > 0, got 0"),
    ):  # fmt: skip
        with pytest.raises(vaedyn.ParameterError) as caught:
            theory.tolerances(rtol, atol)
        assert str(caught.value) == words
