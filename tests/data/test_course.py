"""Learning curves on tables: theory on the rows' spectrum against SGD and plain gradient flow."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn import datasets

import vaedyn
from vaedyn import ParameterError
from vaedyn.data.course import as_curve, course, integrated, predicted_course, start_on, unknown
from vaedyn.data.curve import LearningCurve, steps_of
from vaedyn.data.learn import DataParams, learn, trained_on
from vaedyn.data.look import look
from vaedyn.data.spectrum import covariance_spectrum
from vaedyn.data.suited import suited
from vaedyn.data.watch import _Seen, measured_course, watch
from vaedyn.learning.follow import Directions
from vaedyn.model.numerics import NUMERICS
from vaedyn.model.schedules import parse_schedule
from vaedyn.store import ResultStore

EXACT = {"rtol": 1e-9, "atol": 1e-11}


def table(samples=300, dim=9, seed=3):
    x = np.random.default_rng(seed).standard_normal((samples, dim))
    return x * np.sqrt([9.0, 4.0, *np.linspace(2, 0.3, dim - 2)]) @ rotation(dim) + 7


def rotation(dim):
    return np.linalg.qr(np.random.default_rng(1).standard_normal((dim, dim)))[0]


def at(found, params, times, start=None):
    """Return theory's curve at some times."""
    start = start or start_on(found, params)
    times = np.array(times, float)
    return as_curve(
        params, found, integrated(params, found, start, times, params.schedule, **EXACT)
    )


def on_rows(found, params, times, seed=0):
    """Return the curve measured while SGD learns the rows, at some times."""
    seen = _Seen(params, found.rows)
    seen.steps = [round(t * params.dim) for t in times]
    trained_on(params, found.rows, found.spectrum.directions[: params.signal], seed, None, seen)
    return seen.curve()


def apart(one, other, unit):
    """Return the largest difference of Q, S, A and D, in units of the largest variance."""
    scales = {"Q": 1 / unit, "S": 1, "A": 1 / unit, "D": 1}
    return max(
        np.abs(scales[name] * (getattr(one, name) - getattr(other, name))).max() for name in scales
    )


# --- where it starts --------------------------------------------------------------------


@pytest.mark.parametrize(("samples", "dim"), [(300, 9), (7, 12), (12, 12), (3, 2)])
def test_the_start_is_that_of_training_on_the_rows(samples, dim):
    """In all four matrices, to rounding: any direction or factor that is wrong shows."""
    x = np.random.default_rng(2).standard_normal((samples, dim)) * np.geomspace(3, 0.2, dim)
    found = look(x, standardise=True) if samples > 5 else look(x)
    params = DataParams(
        dim=dim, latent=2, signal=1, rho=0.5, beta=0.3, lr=0.01, t_max=9.0, points=2, init_seed=5
    )
    start = start_on(found, params)
    assert start.directions.shares.sum() <= 1 + 1e-12
    theory = at(found, params, [0.0, 1e-9])
    W, V = params.weights()
    rows = np.concatenate(list(found.rows.scaled()))
    C = rows.T @ rows / samples
    np.testing.assert_allclose(theory.Q[0], found.rows.unit * W @ W.T / dim, rtol=1e-9)
    np.testing.assert_allclose(theory.S[0], V @ C @ V.T / dim, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        theory.A[0], found.rows.unit * W @ C @ V.T / dim, rtol=1e-9, atol=1e-12
    )
    np.testing.assert_array_equal(theory.D[0], 1)


def test_where_directions_are_not_known_the_rest_of_the_weights_is_spread_evenly():
    x = table(200, 40)
    params = DataParams(dim=40, latent=2, signal=1, rho=1, beta=1.0, lr=0.05, t_max=9.0, points=2)
    full, few = look(x), look(x, leading=5)
    assert len(few.spectrum.directions) == 5
    one, other = at(full, params, [0.0, 5.0]), at(few, params, [0.0, 5.0])
    np.testing.assert_allclose(one.Q[0], other.Q[0], rtol=1e-9)
    # four classes of eigenvalues instead of 35, and random instead of actual weights along them
    assert 1e-4 < apart(one, other, full.rows.unit) < 0.15


def test_where_eigenvalues_are_not_known_their_mean_stands_for_them():
    x = table(300, 60)
    spectrum = covariance_spectrum(x, 20, largest_exact=30)
    found = replace(look(x), spectrum=spectrum)
    assert unknown(found) == 40
    params = DataParams(dim=60, latent=2, signal=1, rho=1, beta=1.0, lr=0.05, t_max=9.0, points=2)
    directions = start_on(found, params).directions
    total = directions.tracked.sum() + directions.classes[-1] * 40
    rows = np.concatenate(list(found.rows.scaled()))
    assert total == pytest.approx((rows**2).sum() / 300, rel=1e-6)
    assert unknown(look(x)) == 0


# --- against gradient flow, which knows nothing of eigenvectors --------------------------


def flow(rows, W, V, times, beta, lr):
    """Solve the gradient flow of the loss on all rows at once, for weights (latent, dim)."""
    from scipy.integrate import solve_ivp

    (latent, dim), C = W.shape, rows.T @ rows / len(rows)

    def drift(t, y):
        W, V, D = np.split(y, [W0.size, 2 * W0.size])
        W, V = W.reshape(latent, dim), V.reshape(latent, dim)
        K = W @ W.T / dim + beta(t) * np.eye(latent)
        dW = V @ C - (V @ C @ V.T / dim + np.diag(D)) @ W
        dV = W @ C - K @ V @ C
        dD = -0.5 * (np.diag(K) - beta(t) / D)
        return lr * np.concatenate([dW.ravel(), dV.ravel(), dD])

    W0 = W
    y = np.concatenate([W.ravel(), V.ravel(), np.ones(latent)])
    found = solve_ivp(drift, (0, times[-1]), y, t_eval=times, rtol=1e-9, atol=1e-11).y.T
    for each in found:
        W, V, D = np.split(each, [W0.size, 2 * W0.size])
        W, V = W.reshape(latent, dim), V.reshape(latent, dim)
        yield W @ W.T / dim, V @ C @ V.T / dim, W @ C @ V.T / dim, D


@pytest.mark.parametrize("anneal", ["constant", "linear:1e6", "points:0=0.7,4e5=2.5,8e5=1.3"])
@pytest.mark.parametrize(("samples", "dim"), [(300, 9), (7, 12)])
def test_at_small_rates_it_is_gradient_flow_on_the_rows(anneal, samples, dim):
    """The noise of steps, of order lr, is below what is compared."""
    found = look(table(samples, dim))
    params = DataParams(
        dim=dim, latent=3, signal=1, rho=1, beta=1.3, lr=1e-5, anneal=anneal, t_max=2e6, points=2
    )
    unit, times = found.rows.unit, np.array([0, 1e5, 3e5, 7e5, 2e6])
    theory = at(found, params, times)
    schedule = parse_schedule(anneal)
    rows = np.concatenate(list(found.rows.scaled()))
    expected = flow(
        rows, *params.weights(), times, lambda t: schedule(np.array(t), 1.3) / unit, 1e-5
    )
    for n, (Q, S, A, D) in enumerate(expected):
        for ours, theirs in ((theory.Q / unit, Q), (theory.S, S), (theory.A / unit, A)):
            np.testing.assert_allclose(ours[n], theirs, atol=2e-4)
        np.testing.assert_allclose(theory.D[n], D, atol=2e-4)


# --- against SGD on the rows ------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    return look(datasets.load_digits().data)


TIMES = (75.0, 150.0, 300.0, 600.0)


@pytest.mark.parametrize("latent", [2, 4])
def test_sgd_on_digits_follows_the_theory_of_their_spectrum(digits, latent):
    """White noise of the mean eigenvalue, the control, is off by ten times as much."""
    unit = digits.rows.unit
    params = DataParams(
        dim=64, latent=latent, signal=1, rho=1, beta=0.3 * unit, lr=0.02, t_max=600.0, points=2
    )
    times = [0.0, *TIMES]
    seen, theory = on_rows(digits, params, times), at(digits, params, times)
    assert apart(seen, theory, unit) < 0.01
    start = start_on(digits, params)
    W, V = params.weights()
    none = np.empty((latent, 0))
    parts = {"m": none, "d": none, "D": np.ones(latent)}
    parts |= {"q": [W @ W.T / 64], "e": [V @ V.T / 64], "r": [W @ V.T / 64]}
    mean = start.directions.tracked.sum() / 64
    white = start._replace(
        directions=Directions(np.empty(0), np.array([mean]), np.ones(1)), parts=parts
    )
    assert apart(seen, at(digits, params, times, white), unit) > 0.1


def test_the_noise_of_steps_is_that_of_classes():
    """Mean of 12 runs, within 4 standard errors; without classes 10 of them off.

    A share of noise directions that is wrong by a fifth would be missed.
    """
    x = np.random.default_rng(0).standard_normal((1500, 60))
    x[:, :2] *= np.sqrt([9, 4])
    found = look(x)
    params = suited(found, 1.0, latent=2, lr=0.2, t_max=400.0, points=2)
    runs = [on_rows(found, params, [0.0, 400.0], seed) for seed in range(12)]
    Q = np.array([np.trace(each.Q[-1]) for each in runs])
    error = Q.std(ddof=1) / np.sqrt(len(Q))
    theory = at(found, params, [0.0, 400.0])
    assert abs(Q.mean() - np.trace(theory.Q[-1])) < 4 * error + 0.005
    start = start_on(found, params)
    quiet = start._replace(directions=start.directions._replace(shares=np.zeros(4)))
    silent = at(found, params, [0.0, 400.0], quiet)
    assert Q.mean() - np.trace(silent.Q[-1]) > 10 * error


def test_batches_momentum_and_three_rates_are_those_of_training(digits):
    """Within 0.01, as one rate is; the controls are off by ten times as much."""
    steps = {"lr": (0.02, 0.015, 0.04), "momentum": 0.4, "batch": 3}
    unit, times = digits.rows.unit, [0.0, *TIMES[:3]]
    params = DataParams(
        dim=64, latent=2, signal=1, rho=1, beta=0.3 * unit, t_max=300.0, points=2, **steps
    )
    seen = on_rows(digits, params, times)
    assert apart(seen, at(digits, params, times), unit) < 0.01
    for other in ({"lr": 0.02}, {"momentum": 0.0}):
        assert apart(seen, at(digits, params.replace(**other), times), unit) > 0.1


def test_sampled_latents_and_batches_make_the_noise_of_training():
    """Mean of 12 runs of collapsed latents, within 4 standard errors, or 1 % of what there is."""
    x = np.random.default_rng(0).standard_normal((1500, 60))
    found = look(x)
    beta, steps = 2.5 * found.rows.unit, {"latents": "sampled", "batch": 2, "lr": 0.4}
    params = suited(found, beta, latent=2, t_max=30.0, points=2, **steps)
    runs = [on_rows(found, params, [0.0, 30.0], seed) for seed in range(12)]
    Q = np.array([np.trace(each.Q[-1]) for each in runs])
    error = Q.std(ddof=1) / np.sqrt(len(Q))
    expected = np.trace(at(found, params, [0.0, 30.0]).Q[-1])
    assert abs(Q.mean() - expected) < 4 * error + 0.01 * expected
    for other in ({"latents": "averaged"}, {"batch": 1}):
        wrong = np.trace(at(found, params.replace(**other), [0.0, 30.0]).Q[-1])
        assert abs(Q.mean() - wrong) > 10 * error


# --- curves -----------------------------------------------------------------------------


def curve_of(kl, t=None):
    """Return a curve of given KL divergences (times, latent), at D = 1."""
    kl = np.array(kl, float)
    t = np.arange(len(kl), dtype=float) if t is None else np.array(t)
    latent = kl.shape[1]
    S = 2 * kl[:, :, None] * np.eye(latent)
    params = DataParams(dim=10, latent=latent, signal=1, beta=0.5, t_max=t[-1], points=2)
    zero = np.zeros_like(S)
    return LearningCurve(params=params, samples=5, t=t, Q=zero, S=S, A=zero, D=np.ones_like(kl))


def test_a_latent_is_learned_once_it_stays_within_half_of_its_last_value():
    rising = [0.2, 0.0, 0.4, 1.0, 0.8, 0.8]  # passes 0.4 at t = 2 for good
    high = [0.2, 2.0, 2.0, 1.4, 1.0, 1.0]  # from twice its value down to it
    lost = [0.2, 0.3, 0.02, 0.0, 0.0, 0.0]
    there = [1.0, 1.1, 1.0, 1.0, 1.0, 1.0]
    found = curve_of(np.transpose([rising, high, lost, there]))
    np.testing.assert_allclose(found.kl_per_latent[:, 0], rising)
    np.testing.assert_array_equal(found.active, [True, True, False, True])
    expected = [2.0, 2 + 0.5 / 0.6, 2.5, 0.0]
    np.testing.assert_allclose(found.learned, expected)
    np.testing.assert_array_equal(found.order, [1, 3, 0, 2])
    np.testing.assert_allclose(found.steps, 10 * found.t)
    np.testing.assert_allclose(found.epochs, 2 * found.t)


def test_saved_times_are_whole_steps_from_the_first_to_the_last():
    for points in (2, 3, 50, 5000):
        params = DataParams(dim=7, lr=0.1, t_max=30.0, points=2)
        steps = steps_of(params, points)
        assert steps[0] == 0
        assert steps[-1] == params.steps == 210
        assert len(steps) <= min(points + 1, 211)
        assert (np.diff(steps) > 0).all()
    # however soon training ends
    brief = DataParams(dim=1000, lr=0.1, t_max=0.1, points=2)
    assert len(steps_of(brief, 8)) == 8


def test_units_of_the_data_do_not_matter():
    x = table()
    one = course(x, beta=1.3, latent=3, t_max=400.0, anneal="points:0=0.5,50=1.3")
    other = course(100 * x, beta=1.3e4, latent=3, t_max=400.0, anneal="points:0=5000,50=13000")
    np.testing.assert_allclose(one.kl_per_latent, other.kl_per_latent, atol=1e-6)
    np.testing.assert_allclose(one.learned, other.learned, rtol=1e-5)
    np.testing.assert_allclose(1e4 * one.Q, other.Q, rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(1e4 * one.loss, other.loss, rtol=1e-4, atol=1e-2)


def test_the_loss_falls_to_what_the_eigenvalues_say():
    x = table()
    result = course(x, beta=1.3, latent=5, lr=0.001, t_max=8e6)
    s = np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1][:5]
    alive = s[s > 1.3]
    expected = -0.5 * (alive - 1.3 - 1.3 * np.log(alive / 1.3)).sum()
    assert result.loss[-1] == pytest.approx(expected, rel=2e-3)
    kl = result.kl_per_latent[-1][result.order]
    np.testing.assert_allclose(kl, 0.5 * np.log(np.maximum(s / 1.3, 1)), atol=2e-3)


# --- training that is watched ------------------------------------------------------------


@pytest.mark.parametrize("largest", [0, 3000])
def test_what_is_measured_is_of_the_weights_on_all_rows(monkeypatch, largest):
    from vaedyn.data import watch as watched

    monkeypatch.setattr(watched, "LARGEST", largest)
    found = look(table())
    params = suited(found, 1.3, latent=3, t_max=50.0)
    training, curve = measured_course(found, params, 0, None, None)
    np.testing.assert_allclose(np.sort(curve.kl_per_latent[-1])[::-1], training.measured, rtol=1e-9)
    np.testing.assert_allclose(curve.Q[-1], training.trajectory.Q[0, -1], rtol=1e-12)
    np.testing.assert_allclose(curve.D[-1], training.trajectory.D[0, -1], rtol=1e-12)
    rows = np.concatenate(list(found.rows.scaled()))
    W, V = params.weights()
    A = found.rows.unit * W @ (rows.T @ rows) @ V.T / len(rows) / params.dim
    np.testing.assert_allclose(curve.A[0], A, rtol=1e-9)


def test_rows_are_looked_at_as_often_as_asked_unless_that_takes_long(monkeypatch):
    found = look(table())
    params = suited(found, 1.3, latent=3, t_max=5000.0, points=60)
    each = 2 * 9 * 9 * 3  # multiplications: covariance and weights of three latents, twice
    for products, points in ((1e9, 60), (40.5 * each, 40), (1.0, 30)):
        monkeypatch.setattr("vaedyn.data.watch.PRODUCTS", products)
        assert _Seen(params, found.rows).steps == steps_of(params, points).tolist()


def test_being_watched_changes_nothing_and_trains_once(tmp_path, monkeypatch):
    x = table()
    params = suited(look(x), 1.3, latent=3, t_max=50.0)
    found, store = look(x), ResultStore(tmp_path)
    plain = learn(params, found.rows, found.spectrum.directions[: params.signal])
    seen = watch(found, beta=1.3, latent=3, t_max=50.0, store=store)
    np.testing.assert_array_equal(seen.training.trajectory.states, plain.states)
    from vaedyn.data import learn as learning

    monkeypatch.setattr(learning._Run, "states", None)
    again = watch(found, beta=1.3, latent=3, t_max=50.0, store=store)
    assert again.measured.source.reused
    assert again.predicted.source.reused
    np.testing.assert_array_equal(again.measured.S, seen.measured.S)
    np.testing.assert_array_equal(again.predicted.S, seen.predicted.S)
    assert again.training.trajectory.source.reused


def test_weight_decay_is_refused_and_training_goes_on_without_theory():
    x = table()
    with pytest.raises(ParameterError, match="lam.*not derived") as info:
        course(x, beta=1.3, lam=0.1)
    assert info.value.name == "lam"
    fresh = look(np.random.default_rng(3).standard_normal((900, 9)) * [4, *[1] * 8], epochs="one")
    with pytest.raises(ParameterError, match="epochs.*for many only"):
        course(fresh, beta=1.3)
    seen = watch(x, beta=1.3, lam=0.1, t_max=20.0)
    assert seen.predicted is None
    assert seen.why == "lam is not derived for learning curves on data"


def test_a_theory_that_is_too_stiff_is_no_reason_to_fail(monkeypatch):
    from vaedyn.learning import solve

    usual = solve.solve.__kwdefaults__
    monkeypatch.setattr(solve.solve, "__kwdefaults__", {**usual, "most": 5})
    seen = watch(table(), beta=1.3, t_max=20.0)
    assert seen.predicted is None
    assert "after 5 steps" in seen.why


def test_a_stored_prediction_depends_on_all_that_is_asked(tmp_path, monkeypatch):
    found, store = look(table()), ResultStore(tmp_path)
    base = {"latent": 2, "t_max": 30.0, "lr": 0.1}
    keys = set()
    for changes in ({}, {"latent": 1}, {"lr": 0.05}, {"t_max": 40.0}, {"init_seed": 1},
                    {"anneal": "linear:5"}, {"points": 9}):  # fmt: skip
        params = suited(found, 1.3, **(base | changes))
        for _ in range(2):
            keys.add(predicted_course(found, params, store=store).source.key)
    params = suited(found, 1.3, **base)
    keys.add(predicted_course(found, params, rtol=1e-5, store=store).source.key)
    scaled = look(table(), standardise=True)
    keys.add(predicted_course(scaled, params, store=store).source.key)
    monkeypatch.setitem(NUMERICS, "course", -1)
    keys.add(predicted_course(found, params, store=store).source.key)
    assert len(keys) == 10


def test_what_is_measured_is_stored_for_each_seed_and_version(tmp_path, monkeypatch):
    found, store = look(table()), ResultStore(tmp_path)
    params, keys = suited(found, 1.3, t_max=9.0), set()
    for seed in (0, 1, 0):
        keys.add(measured_course(found, params, seed, store, None)[1].source.key)
    monkeypatch.setitem(NUMERICS, "rows", -1)
    keys.add(measured_course(found, params, 0, store, None)[1].source.key)
    assert len(keys) == 3


def test_it_is_offered_from_python():
    assert vaedyn.course is course
    assert vaedyn.watch is watch
