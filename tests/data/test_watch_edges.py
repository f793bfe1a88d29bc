"""Trainings that are watched and confirmed, and why they diverge, on made-up parts."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from tests.shared.trainings import known, model
from vaedyn.data import confirm as confirm_module
from vaedyn.data import watch as watch_module
from vaedyn.data.confirm import _arrivals, confirm_warm_up
from vaedyn.data.curve import LearningCurve, _last_zero, steps_of
from vaedyn.data.learn import _Run
from vaedyn.data.rows import Rows
from vaedyn.data.watch import _Seen, measured_course, watch
from vaedyn.errors import ConvergenceError, DivergenceError, ParameterError


def curve(losses=None, **changes):
    """Return a curve of two latents, of means 0 and of variances D, whose KL is known."""
    D = np.array([[1.0, 1.0], [0.5, 0.9], [0.25, 0.98]])
    zero = np.zeros((3, 2, 2))
    given = {
        "params": model(latent=2, batch=5), "samples": 40, "t": np.array([0.0, 2.0, 6.0]),
        "Q": zero, "S": zero, "A": zero, "D": D, **changes,
    }  # fmt: skip
    return LearningCurve(**given)


def kl(D):
    return 0.5 * (D - np.log(D) - 1)


def test_what_is_read_off_a_learning_curve():
    it = curve()
    assert (it.steps.tolist(), it.epochs.tolist()) == ([0, 8, 24], [0, 1, 3])
    np.testing.assert_allclose(it.kl_per_latent, kl(it.D), rtol=1e-12, atol=1e-16)
    assert it.order.tolist() == [0, 1]
    other_way = np.array([[1.0, 1.0], [0.5, 0.9], [0.98, 0.25]])
    assert curve(D=other_way).order.tolist() == [1, 0]
    assert it.active.tolist() == [True, False]
    np.testing.assert_allclose(it.loss, it.distortion + 1.25 * kl(it.D).sum(axis=1), rtol=1e-12)
    # the first has half of its last KL between 2 and 6; the second has 0.01 nats from 0 on
    half = kl(0.25) / 2
    first = 2 + 4 * (half - kl(0.5)) / (kl(0.25) - kl(0.5))
    assert it.learned.tolist() == [pytest.approx(first, rel=1e-12), 0]
    other = curve(D=np.array([[0.5, 0.5], [0.25, 0.5], [0.3, 0.98]])).learned
    falls = 2 + 4 * (kl(0.5) - 0.01) / (kl(0.5) - kl(0.98))
    far = [abs(kl(D) - kl(0.3)) - kl(0.3) / 2 for D in (0.5, 0.25)]
    assert other.tolist() == pytest.approx([2 * far[0] / (far[0] - far[1]), falls], rel=1e-12)
    assert _last_zero(it.t, np.array([1.0, -1.0, -2.0])) == 1
    assert _last_zero(it.t, np.array([0.0, -1.0, 0.0])) == 0


def test_a_curve_is_kept_and_read_again():
    it = curve()
    found = it.to_variables()
    labels = {name: (tuple(each[0]), each[2]["long_name"]) for name, each in found.items()}
    pair = ("time", "latent", "latent_")
    assert labels == {
        "time": (("time",), "SGD steps/N"),
        "Q": (pair, "products of decoder weights W^T W/N"),
        "S": (pair, "covariance of encoder means over the rows"),
        "A": (pair, "overlap E[y mu^T] of decoder and encoder over the rows"),
        "D": (pair[:2], "encoder variances"),
    }
    arrays = {name: each[1] for name, each in found.items()}
    kept = SimpleNamespace(arrays=arrays, info={"a": 1}, source="source")
    again = LearningCurve.from_kept(it.params, 40, kept)
    assert (again.samples, again.info, again.source) == (40, {"a": 1}, "source")
    assert again.t.tolist() == [0, 2, 6]
    assert again.D is it.D


def test_times_are_by_equal_factors_from_a_fiftieth_of_a_step():
    params = model(dim=100, lr=0.4, t_max=20.0, latent=2)
    wanted = np.rint(np.geomspace(0.05, 20, 7) * 100)
    assert steps_of(params, 8).tolist() == [0, *wanted.tolist()]
    short = model(dim=100, lr=0.001, t_max=4.0, latent=2)
    assert steps_of(short, 3).tolist() == [0, 200, 400]  # from half of the time
    assert steps_of(short, 2).tolist() == steps_of(short, 1).tolist() == [0, 200, 400]
    few = model(dim=2, latent=2, t_max=1.5, lr=0.04)
    assert steps_of(few, 50).tolist() == [0, 1, 2, 3]  # no step twice


def rows_of(x, unit=2.0, at=2):
    blocks = lambda: iter([x[:at], x[at:]])  # noqa: E731
    return Rows(blocks, x.mean(axis=0), len(x), unit, "digest", {"file": "f"})


X = np.random.default_rng(0).normal(size=(5, 4)) * [3, 1, 0.5, 2]


@pytest.mark.parametrize("columns", [True, False])
def test_second_moments_are_those_over_the_rows(columns):
    x = X if columns else X[:3]
    seen = _Seen(model(latent=2), rows_of(x))
    assert seen.by_columns == columns
    random = np.random.default_rng(1)
    y = (x - x.mean(axis=0)) / 2**0.5
    wanted = []
    for _ in range(2):
        W, V, D = random.normal(size=(2, 4)), random.normal(size=(2, 4)), random.random(2)
        seen.see(W, V, D)
        mu, image = y @ V.T / 2, y @ W.T / 2
        wanted.append((2 * W @ W.T / 4, mu.T @ mu / len(x), 2 * image.T @ mu / len(x), D.copy()))
        D += 1
    seen.steps = [0, 8]
    found = seen.curve()
    assert (found.samples, found.t.tolist()) == (len(x), [0, 2])
    for name, k in zip("QSAD", range(4), strict=True):
        np.testing.assert_allclose(getattr(found, name), [each[k] for each in wanted], rtol=1e-12)


def test_many_rows_are_looked_at_rarely():
    """So that it takes 2e10 multiplications, but 30 times at the least."""
    for rows, dim, points in ((10**6, 1000, 30), (2000, 400, 62), (10, 4, 200)):
        params = model(dim=dim, latent=2 if dim < 1000 else 30, points=200, t_max=10**6)
        it = _Seen(params, SimpleNamespace(samples=rows))
        fewer = min(rows, dim)
        points = min(200, max(30, int(2e10 / (2 * fewer * dim * params.latent))))
        assert it.steps == steps_of(params, points).tolist()
    wide = model(dim=3001, latent=2)
    assert not _Seen(wide, SimpleNamespace(samples=10**5)).by_columns
    assert _Seen(model(dim=3000, latent=2), SimpleNamespace(samples=10**5)).by_columns


def test_a_run_is_made_once(monkeypatch):
    made, kept_as = [], {}

    def kept(store, kind, record, compute):
        kept_as.update(store=store, kind=kind, record=record)
        variables, info = compute()
        assert info == {"file": "f", "samples": 5}
        return SimpleNamespace(arrays={n: v[1] for n, v in variables.items()}, info={}, source=None)

    def trained_on(params, rows, directions, seed, progress, seen):
        made.append((directions.tolist(), seed, progress))
        for _ in seen.steps:
            seen.see(np.ones((3, 4)), np.ones((3, 4)), np.ones(3))
        return "run"

    monkeypatch.setattr(watch_module, "kept", kept)
    monkeypatch.setattr(watch_module, "trained_on", trained_on)
    monkeypatch.setattr(watch_module, "trained", lambda *given, slowable, run: (slowable, run()))
    found = known(rows=rows_of(X))
    params = model()
    training, curve = measured_course(found, params, 3, "store", "progress", slowable=True)
    assert training == (True, "run")
    assert made == [([[1, 0, 0, 0]], 3, "progress")]
    assert (kept_as["store"], kept_as["kind"]) == ("store", "rows")
    assert kept_as["record"] == {
        **params.to_dict(), "data": "digest", "seed": 3,
        "numerics": watch_module.NUMERICS["rows"],
    }  # fmt: skip
    assert curve.samples == 5
    assert measured_course(found, params, 3, None, None)[0] == (False, "run")


def test_without_theory_there_is_a_reason(monkeypatch):
    titles, asked = [], []
    monkeypatch.setattr(watch_module, "looked", lambda *given, **how: "found")
    monkeypatch.setattr(watch_module, "suited", lambda found, beta, **settings: "params")
    monkeypatch.setattr(
        watch_module, "measured_course", lambda *given, slowable: (("training", slowable), "curve")
    )

    def course(found, params, **how):
        asked.append(how)
        if error:
            raise error
        return "predicted"

    monkeypatch.setattr(watch_module, "predicted_course", course)
    error = None
    found = watch("data", watch=lambda title: titles.append(title) or nullcontext("progress"))
    assert (found.training, found.measured, found.predicted, found.why) == (
        ("training", True), "curve", "predicted", "",
    )  # fmt: skip
    assert titles == ["train on the data", "theory"]
    assert asked == [{"rtol": 1e-8, "atol": 1e-10, "store": None, "progress": "progress"}]
    error = ParameterError("lam", "is not derived; leave it out")
    found = watch("data", lr=0.1)
    assert (found.predicted, found.why, found.training[1]) == (None, "lam is not derived", False)
    for error in (ConvergenceError("slow"), DivergenceError("lost")):
        assert watch("data").why == str(error)


# ---- confirmed


def test_when_weighted_means_have_arrived():
    t = np.array([0.0, 2.0, 4.0, 9.0, 9.5, 10.0])
    best = SimpleNamespace(end=-2.0, tol=0.25)
    made = [
        SimpleNamespace(t=t, loss=np.array(each, float))
        for each in ([0, -1, -2, -2, -2, -2], [0, -2, -2, -2, -2, -2], [0, -2, -2, -2, 0, -2],
                     [0, -2, -2, 0, -2, -2])
    ]  # fmt: skip
    weights = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    found = _arrivals(made, weights, best)
    assert found.tolist() == [3.0, 1.5, 2.0, np.inf, 9 + 0.5 * 0.75]
    flat = [SimpleNamespace(t=t, loss=np.full(6, -2.4))]
    assert _arrivals(flat, np.ones((1, 1)), best).tolist() == [0]
    for last, time in ((8.999, 8.999 + 0.75 * 1.001), (9.001, np.inf)):  # of ten
        late = np.array([0.0, last, 10.0])
        made = [SimpleNamespace(t=late, loss=np.array([0.0, 0.0, -2.0]))]
        assert _arrivals(made, np.ones((1, 1)), best)[0] == pytest.approx(time)


def test_a_gain_is_that_of_mean_losses(monkeypatch):
    asked, titles, sets = [], [], []

    def measured(found, params, seed, store, progress):
        asked.append((str(params.anneal), params.t_max, seed, store, progress))
        return None, params.anneal

    def arrivals(curves, weights, best):
        sets.append(weights)
        return np.array([30.0, *times]) if curves[0] == "constant" else np.full(201, 10.0)

    times = np.linspace(20, 40, 200)
    monkeypatch.setattr(confirm_module, "measured_course", measured)
    monkeypatch.setattr(confirm_module, "_arrivals", arrivals)
    best = SimpleNamespace(params=model(), constant=12.3456, spec="linear:5.0", tol=0.1)
    seen = confirm_warm_up(
        "found", best, runs=2, seed=7, store="store",
        watch=lambda title: titles.append(title) or nullcontext("progress"),
    )  # fmt: skip
    assert asked == [
        (spec, 24.69, seed, "store", "progress")
        for spec in ("constant", "linear:5.0") for seed in (7, 8)
    ]  # fmt: skip
    assert titles == [f"train {n} of 2, {spec}" for spec in ("constant", "linear") for n in (1, 2)]
    assert (seen.constant, seen.annealed, seen.gain) == (30, 10, 3)
    assert seen.error == pytest.approx((times / 10).std(), rel=1e-12)
    assert sets[0].shape == (201, 2)
    assert sets[0][0].tolist() == [0.5, 0.5]
    assert np.array_equal(sets[0].sum(axis=1), np.ones(201))
    assert set(sets[0][1:, 0]) == {0.0, 0.5, 1.0}
    times[3] = np.inf
    with pytest.raises(ConvergenceError) as error:
        confirm_warm_up("found", best, runs=2)
    assert str(error.value) == (
        "the mean loss of 2 runs does not stay within 0.1 of its final value: raise --tol or "
        "--confirm, or lower --lr"
    )
    with pytest.raises(ParameterError, match="^runs: must be at least 2, got 1"):
        confirm_warm_up("found", best, runs=1)


def lost(t=2.0, beta=0.5, unit=2.5, length=3.0, **changes):
    run = object.__new__(_Run)
    run.params = model(**changes)
    run.rows = SimpleNamespace(unit=unit, longest=(6, length))
    return str(run.lost(t, beta))


def test_why_learning_diverges():
    """Beta is 0.5 in units of the largest variance: D needs 8, the longest row 2/(1.5 * 3)."""
    text = "learning diverges before t = 2 at learning rate {}: lower --lr"
    row, D = " (the longest row, number 7, needs one well below {})", " (D needs one well below {})"
    assert lost(lr=0.0888) == text.format(0.0888)
    assert lost(lr=0.089) == text.format(0.089) + row.format(0.44)
    assert lost(lr=1.599, length=0.1) == text.format(1.599)
    assert lost(lr=1.601, length=0.1) == text.format(1.601) + D.format(8)
    assert lost(lr=2.0) == text.format(2) + row.format(0.44)  # the least of both
    assert lost(lr=0.08, momentum=0.5).endswith(row.format(0.22))
    assert lost(lr=0.2, batch=3).endswith("lower --lr")
    assert lost(lr=0.27, batch=3).endswith(row.format(1.3))
    assert lost(lr=0.05, latents="sampled", length=0.1).endswith(D.format(0.1))
    assert lost(lr=0.05, latents="sampled", length=0.1, batch=6).endswith("lower --lr")
    assert lost(lr=5.0, optimiser="adam").endswith("lower --lr")
    assert lost(lr=(0.08, 0.09, 0.01)).endswith(row.format(0.44))
    assert lost(lr=(0.2, 0.08, 0.01)).endswith("lower --lr")


def test_a_schedule_near_zero_is_its_own_reason():
    text = (
        "an encoder variance D reached zero at t = 2, where beta is {}: keep --beta, and its "
        "schedule --anneal, above zero"
    )
    assert lost(beta=0.5e-3) == text.format("0.00125")
    assert lost(beta=0.501e-3).startswith("learning diverges")
    assert lost(beta=0.0) == text.format("0")
