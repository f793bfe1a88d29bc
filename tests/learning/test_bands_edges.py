"""Bands, engines, rows and groups: what is handed on, with kernels faked."""

import logging

import numpy as np
import pytest

import vaedyn
from vaedyn import Params
from vaedyn.kernels import variances
from vaedyn.learning import (
    bands,
    engines,
    epochs,
    escape,
    groups,
    simulate,
    spread_of_errors,
)

MODEL = Params(
    latent=2, signal=3, dim=500, rho=(2.5, 1.5, 0.75), eta=0.6, beta=0.8, lam=0.03, lr=0.2,
    t_max=30, points=4, anneal="linear:10",
)  # fmt: skip


# ---- bands


def test_bands_that_take_long_are_announced_from_ten_seconds_on(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    for spread, samples, said in ((0.01, 4.99, None), (0.01, 5.01, "10"), (2.5, 1, "1,300")):
        monkeypatch.setattr(bands, "seconds_of_spread", lambda *size, s=spread: s)
        monkeypatch.setattr(bands, "seconds_of_samples", lambda *size, s=samples: s)
        caplog.clear()
        bands.note_if_long(MODEL)
        assert caplog.messages == [
            f"bands at M = 2, M* = 3 take about {said} seconds: a covariance of 300 entries is "
            "integrated; fewer latents or signals take less"
        ] * bool(said)  # fmt: skip


def test_samples_take_as_long_as_they_do():
    def literal(M, K, times):
        few, many = min(M, K), max(M, K)
        one = 3e-10 * (few * many + 1) ** 2 + 4e-9 * few * few * many
        one += 2e-10 * many * few * 2**few if few <= 10 else 3e-9 * few * few * many
        return times * 1024 * one

    for M, K, times in ((1, 1, 3), (2, 5, 7), (10, 4, 1), (10, 12, 2), (11, 12, 2), (13, 11, 5)):
        assert spread_of_errors.seconds_of_samples(M, K, times) == pytest.approx(
            literal(M, K, times), rel=1e-12
        )


def test_rows_are_treated_in_blocks():
    assert [*spread_of_errors.blocks(7, 10_000)] == [slice(0, 3), slice(3, 6), slice(6, 9)]
    assert [*spread_of_errors.blocks(2, 40_000)] == [slice(0, 1), slice(1, 2)]
    assert [*spread_of_errors.blocks(0, 1)] == []


def test_the_covariance_of_a_random_start_entry_by_entry():
    params = MODEL.replace(
        latent=2, signal=1, rho=1.5,
        init={
            "m": [[0.3], [-0.2]], "d": [[0.25], [0.1]], "Q": [[1.25, 0.2], [0.2, 0.75]],
            "E": [[0.875, -0.1], [-0.1, 1.5]], "R": [[0.3, 0.1], [-0.2, 0.25]], "D": [1, 0.5],
        },
    )  # fmt: skip
    parts = params.overlaps()
    vectors = [*"wwvvt"]
    mean, cov = np.zeros((5, 5)), np.zeros((5, 5))
    first = np.array([0.3, -0.2, 0.25, 0.1, 1.0])
    second = np.block([[parts["Q"], parts["R"]], [parts["R"].T, parts["E"]]])
    for i in range(5):
        for j in range(5):
            mean[i, j] = first[i] * first[j]
            if i < 4 and j < 4:
                cov[i, j] = second[i, j] - first[i] * first[j]
    places = [(0, 4), (1, 4), (2, 4), (3, 4)]
    for left, right in (("w", "w"), ("v", "v"), ("w", "v")):
        at = {"w": (0, 1), "v": (2, 3)}
        places += [(i, j) for i in at[left] for j in at[right]]
    assert len(vectors) == 5
    exact = np.zeros((18, 18))
    for x, (a, b) in enumerate(places):
        for y, (c, d) in enumerate(places):
            exact[x, y] = sum(
                cov[p, r] * cov[q, s] + mean[p, r] * cov[q, s] + cov[p, r] * mean[q, s]
                for p, q, r, s in ((a, b, c, d), (a, b, d, c))
            )
    np.testing.assert_allclose(bands.covariance_of_start(params), exact, atol=1e-15)


def test_errors_of_bands_are_sampled_some_times_at_once(monkeypatch):
    """All that the kernel gets, at 2 latents and 1 signal of strength 2.25."""
    params = Params(latent=2, signal=1, rho=2.25)
    asked = []

    def fake(x, C, root, step, few, points, least, found):
        asked.append((x, C, root, step, few, points, least))
        found[:] = [[4.0 * len(asked), 9.0]] * len(x)

    monkeypatch.setattr(variances, "variances", fake)
    monkeypatch.setattr(spread_of_errors, "seconds_of_samples", lambda *size: 0.02)
    size = 2 * 2 + 3 * 4 + 2
    rng = np.random.default_rng(1)
    y = rng.normal(size=(5, size))
    F = rng.normal(size=(5, size, size))
    P = F @ np.swapaxes(F, 1, 2)
    places, _ = bands.entries(2, 1)
    C = P[:, places[0], places[1]]
    matched, aligned = spread_of_errors.stds_of_errors(params, y, C)
    assert matched.tolist() == [2, 2, 8**0.5, 8**0.5, 12**0.5]
    assert aligned.tolist() == [3] * 5
    assert [len(each[0]) for each in asked] == [2, 2, 1]
    x = np.concatenate([each[0] for each in asked])
    np.testing.assert_allclose(x, np.stack([1.5 * y[:, 0], 1.5 * y[:, 1], y[:, 4] + y[:, 7]], 1))
    first = np.zeros((3, size))
    first[0, 0] = first[1, 1] = 1.5
    # of the two places of an entry of Q, the first is kept
    first[2, 4] = first[2, 7] = 1.0
    exact = first @ P @ first.T
    np.testing.assert_allclose(np.concatenate([each[1] for each in asked]), exact, rtol=1e-12)
    root = np.concatenate([each[2] for each in asked])
    np.testing.assert_allclose(root @ root, exact, rtol=1e-9)
    np.testing.assert_allclose(root, np.swapaxes(root, 1, 2), rtol=1e-9)
    size = max(1.0, np.abs(np.stack([y[:, 0], y[:, 1], y[:, 4] + y[:, 7]])).max())
    np.testing.assert_allclose(asked[0][3], 1e-6 * np.sqrt(size) * np.array([1.5, 1.5]))
    points = spread_of_errors.normals(3)
    assert (asked[0][5] == points.ravel()).all()
    few = asked[0][4].reshape(points[0].shape)
    half = few.shape[1] // 2
    assert (few[:, :half] == 2 * points[0][:, :half]).all()
    assert (few[:, half:] == 0).all()
    assert asked[0][6] == 1


# ---- engines, rows and groups


def test_seconds_of_steps_are_estimated():
    def exact(M, K):
        return 1e-8 * (K + 2 * M) + 4e-9 * M * (M + 1) * K + 5e-9 * M * M * M

    one, two = Params(dim=300), MODEL
    assert engines.exact_engine(one).seconds_per_step == 5e-8
    assert engines.exact_engine(two).seconds_per_step == pytest.approx(exact(2, 3))
    noisy = two.replace(noise="1*0.5,0.5*0.25,0.25*0.25")
    assert engines.exact_engine(noisy).seconds_per_step == pytest.approx(3 * (1e-7 + exact(2, 3)))
    for momentum, columns in ((0.0, 4), (0.5, 8)):
        for batch, points in ((5, 5), (400, 3 + 3 * 4 + 2)):
            model = noisy.replace(batch=batch, momentum=momentum)
            rows = 3 + 3 * 4 + 2
            triangles = 3 * columns * columns * (columns + min(points, 4))
            assert engines.exact_engine(model).seconds_per_step == pytest.approx(
                2e-7 + 1e-9 * (2 * points * rows * 4 + triangles)
            )
    assert engines.vector_engine(two).seconds_per_step == pytest.approx(3e-9 * 500 * (1 + 2 + 3))
    assert engines.vector_engine(noisy).seconds_per_step == pytest.approx(3e-9 * 500 * (2 + 2 + 3))
    batches = engines.vector_engine(two.replace(batch=7)).seconds_per_step
    assert batches == pytest.approx(3e-9 * 500 * 6 * (7 + 2))


def test_widths_of_engines():
    size = 2 * 2 * 3 + 3 * 4 + 2
    noisy = MODEL.replace(noise="1*0.5,0.5*0.5")
    for params, width in ((MODEL, size), (noisy, size + 8)):
        for made in (engines.exact_engine, engines.vector_engine):
            for changes in ({}, {"batch": 2}):
                assert made(params.replace(**changes)).width == width
    assert engines.exact_engine(MODEL).together is not None
    assert engines.exact_engine(MODEL.replace(batch=2)).together is None
    assert engines.vector_engine(MODEL).epochs is None
    assert engines.vector_engine(MODEL.replace(alpha=2.0)).epochs is not None


def test_velocities_are_zero_at_first():
    along, frames, speeds, D = engines.exact_engine(MODEL.replace(momentum=0.5)).state
    plain = engines.exact_engine(MODEL).state
    assert (along.shape, frames.shape, speeds.tolist()) == ((8, 3), (1, 8, 8), [0, 0])
    assert (along[:4] == np.concatenate(plain[:2])).all()
    assert (frames[0, :4, :4] == plain[2]).all()
    assert (along[4:] == 0).all()
    assert (frames[0, 4:] == 0).all()
    assert (frames[0, :, 4:] == 0).all()
    assert (plain[3] == D).all()


@pytest.mark.parametrize(
    ("changes", "points", "times", "other"),
    [
        ({"latent": 1}, 1, 1, "; the exact engine, which has the same law, needs none"),
        ({"latent": 7}, 4, 1, "; the exact engine, which has the same law, needs none"),
        ({"latent": 8}, 16, 1, "; the exact engine, which has the same law, needs none"),
        ({"latent": 1, "batch": 2}, 1, 3, "; the exact engine, which has the same law, needs none"),
        ({"latent": 2, "optimiser": "adam"}, 4, 3, ""),
    ],
)
def test_vectors_of_more_than_four_gigabytes(monkeypatch, caplog, changes, points, times, other):
    monkeypatch.setattr(engines, "_vectors_in_classes", lambda params: "engine")
    monkeypatch.setattr(engines, "_vectors_in_batches", lambda params, engine: "engine")
    each = 8e-9 * (4 * changes["latent"] + 4 * 3 + points) * times
    for share, said in ((0.99, False), (1.01, True)):
        dim = int(4 / each * share)
        params = Params(dim=dim, signal=3, noise="1*0.5,0.5*0.5", t_max=1, points=2,
                        init="m=0,d=0,Q=1,E=1,R=0,D=1", **changes)  # fmt: skip
        assert engines.vector_engine(params) == "engine"
        assert caplog.messages == [
            f"training on vectors of length {dim:g} needs about 4 GB, more with several "
            f"jobs{other}"
        ] * said  # fmt: skip


def test_rows_need_room(monkeypatch, caplog):
    params = Params(dim=1000, alpha=250.0, t_max=1, points=2)  # 2 GB of 250 000 rows
    need = "needs 6 GB for 250000 rows of 1000 entries"
    monkeypatch.setattr(epochs, "free_memory", lambda: 6.01e9)
    epochs.check_rows(params, "vector", 3)
    assert caplog.messages == [f"this {need} in 3 runs at a time; fewer jobs need less"]
    caplog.clear()
    epochs.check_rows(params, "vector", 1)
    assert not caplog.messages
    monkeypatch.setattr(epochs, "free_memory", lambda: 5.99e9)
    for change, engine, words in (
        ({}, "vector", f"alpha: {need} in 3 runs at a time, more than is free here"),
        ({}, "exact", "engine: exact draws fresh data for every step; with alpha take vector"),
        ({"batch": 250_001}, "vector", "batch: must be at most 250000, the rows, got 250001"),
        ({"noise": "1*0.5,2*0.5"}, "vector",
         "noise: is not derived for rows used again; leave out alpha"),
    ):  # fmt: skip
        with pytest.raises(vaedyn.ParameterError) as caught:
            epochs.check_rows(params.replace(**change), engine, 3)
        assert str(caught.value) == words
    epochs.check_batch(params.replace(batch=250_000), 250_000)


def test_rows_have_the_signals_in_white_noise():
    params = Params(dim=6, alpha=50.0, rho=(2.25, 0.25), signal=2, eta=0.5, t_max=1, points=2)
    rows = epochs.draw_rows(params, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    noise = np.sqrt(0.5) * rng.standard_normal((300, 6))
    c = np.concatenate([rng.standard_normal((150, 2)) for _ in range(2)]) * [1.5, 0.5]
    angles = np.pi * (np.arange(6) + 0.5) / 6
    truth = np.stack([np.ones(6), np.sqrt(2) * np.cos(angles)]) / np.sqrt(6)
    np.testing.assert_allclose(rows, noise + c @ truth, rtol=1e-12)


def test_costs_of_groups():
    assert [groups._cost(n) for n in range(17)] == [0, 1, 2, *[3] * 6, *[4] * 8]


def test_steps_of_an_ensemble_are_counted(monkeypatch, caplog):
    """Of runs 2, 3 and 4 of five, 60 steps each."""
    caplog.set_level(logging.DEBUG, "vaedyn")
    params, told = Params(dim=20, t_max=3, points=2), []
    made = [
        simulate._ensemble(
            params, simulate.ENGINES["exact"](params), 2, 5, simulate.Seeds(1, (2,)), False, jobs,
            lambda *done: told.append(done),
        )
        for jobs in (1, 8)
    ]  # fmt: skip
    found = [np.concatenate([y for y, _ in each]) for each in made]
    assert [len(each) for each in found] == [3, 3]
    assert (found[0] == found[1]).all()
    assert {total for _, total in told} == {180}
    assert told[-1][0] == 180
    assert [text for text in caplog.messages if text.startswith("simulating")] == [
        "simulating 3 runs on 1 threads", "simulating 3 runs on 3 threads"
    ]  # fmt: skip


def test_options_are_of_the_model_or_of_the_ensemble():
    def function(runs=1):
        """Stand for one that simulates."""

    model, rest = simulate.model_of(function, None, {"runs": 3, "beta": 2.0, "jobs": 1})
    assert (model, rest) == (Params(beta=2.0), {"runs": 3, "jobs": 1})
    model, rest = simulate.model_of(function, MODEL, {"seed": 4})
    assert (model, rest) == (MODEL, {"seed": 4})
    for options, words in (
        ({"run": 3}, "'run' (did you mean runs?)"), ({"bet": 3}, "'bet' (did you mean beta?)"),
        ({"zzzz": 3, "aaaa": 1}, "'aaaa'"),
    ):  # fmt: skip
        with pytest.raises(TypeError) as caught:
            simulate.model_of(function, None, options)
        assert str(caught.value) == f"function() got an unexpected keyword argument {words}"
    with pytest.raises(TypeError, match="'beta'$"):
        simulate.only_ensemble(function, {"beta": 3, "runs": 3})
    assert simulate.DIMS == (250, 500, 1000, 2000, 4000)
    assert {"runs", "seed", "engine", "jobs"} == simulate.ENSEMBLE
    assert (simulate.SECONDS_AT_ONCE, simulate.MOST_AT_ONCE, simulate.AHEAD) == (0.05, 65536, 16)


def test_engines_that_suit():
    suits = simulate._engine_for
    adam = Params(optimiser="adam")
    assert [suits(each, None) for each in (Params(), Params(alpha=3.0), adam)] == [
        "exact", "vector", "vector"
    ]  # fmt: skip
    assert suits(Params(), "vector") == "vector"
    for params, engine, words in (
        (Params(), "exac", "engine: expected exact or vector, got 'exac'"),
        (Params(), 3, "engine: expected exact or vector, got 3"),
        (adam, "exact", "engine: exact does not train by Adam; take vector"),
    ):
        with pytest.raises(vaedyn.ParameterError) as caught:
            suits(params, engine)
        assert str(caught.value) == words


def test_the_linear_stage_is_integrated_as_closely_as_it_must_be(monkeypatch):
    asked = []

    class Seen(Exception):  # noqa: N818
        """Ends it there."""

    def integrate(params, joint, times, schedule, **options):
        asked.append((joint[:2].tolist(), times, options))
        raise Seen

    monkeypatch.setattr(escape, "integrate", integrate)
    with pytest.raises(Seen):
        vaedyn.escape(Params(lr=0.1, init="m=0.2,d=0.1,Q=1,E=1,R=0,D=1"), random_start=False)
    ((overlaps, times, options),) = asked
    assert overlaps == pytest.approx([1e-12, 0.5e-12], rel=1e-12)
    assert options == {"rtol": 1e-5, "atol": pytest.approx(1e-13, rel=1e-9, abs=0)}
    assert (len(times), times[0]) == (400, 0)
