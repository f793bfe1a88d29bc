"""Phase diagrams: known boundaries, full enumeration, the ODE's own behaviour, the store."""

import dataclasses

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import vaedyn
from tests.shared import reference
from vaedyn.figures import phase_diagram as figures_phases
from vaedyn.fixedpoints import attractors
from vaedyn.fixedpoints import phase_diagram as phases
from vaedyn.fixedpoints.attractors import (  # fmt: skip
    COLLAPSED,
    DIVERGING,
    ENTANGLED,
    LEARNED,
    NOISE,
    OSCILLATING,
    PARTLY,
    UNDECIDED,
)
from vaedyn.fixedpoints.configurations import configurations, state
from vaedyn.fixedpoints.groups import Unit, Units
from vaedyn.fixedpoints.newton import symmetric, velocity
from vaedyn.fixedpoints.phase_diagram import phase_diagram
from vaedyn.fixedpoints.single import on_signal
from vaedyn.fixedpoints.thresholds import collapse_threshold
from vaedyn.kernels.constants import Constants
from vaedyn.model.state import observables, pack, unpack
from vaedyn.store import ResultStore

BETA = ("beta", np.linspace(0.1, 3, 30))
ETA = ("eta", np.linspace(0.1, 2, 20))


def models(seed, count):
    random = np.random.default_rng(seed)
    for _ in range(count):
        latent, signal = (int(n) for n in random.integers(1, 4, 2))
        rho = -np.sort(-(10 ** random.uniform(-1, 0.7, signal)))
        rho = np.full(signal, rho[0]) if random.random() < 0.3 else rho
        eta, beta = 10 ** random.uniform(-1, 0.5), 10 ** random.uniform(-1, 0.8)
        lam = random.integers(2) * 10 ** random.uniform(-3, 0)
        yield Constants(beta, rho, eta, lam, 10 ** random.uniform(-3, -1.2), latent)


def attractor(model):
    found = attractors.attractors(model.many())
    return {name: values[0] for name, values in found.items()}


def test_at_small_rates_a_signal_is_learned_below_the_sum_of_variances():
    result = phase_diagram(vaedyn.Params(lr=1e-4), BETA, ETA)
    gap = 1 + result.y - result.x[:, None]
    clear = np.abs(gap) > 1e-9  # on the threshold itself either is right
    np.testing.assert_array_equal(result.phase[clear], np.where(gap > 0, LEARNED, COLLAPSED)[clear])
    u = np.sqrt(np.maximum(gap, 0))
    np.testing.assert_allclose(result.eps_g[clear], (1 - u * (2 - u))[clear], atol=2e-3)
    assert (result.growth <= 1e-12).all()


def test_at_small_rates_spare_latents_fit_noise_below_its_variance():
    result = phase_diagram(vaedyn.Params(latent=3, lr=1e-5), BETA, ETA)
    x = np.broadcast_to(result.x[:, None], result.phase.shape)
    clear = (np.abs(x - result.y) > 1e-3) & (np.abs(x - 1 - result.y) > 1e-3)
    expected = np.select([x < result.y, x < 1 + result.y], [NOISE, LEARNED], COLLAPSED)
    np.testing.assert_array_equal(result.phase[clear], expected[clear])
    alive = np.choose(expected, [0, 1, 1, 3])
    np.testing.assert_array_equal(result.active[clear], alive[clear])


def test_weight_decay_moves_the_thresholds_of_two_signals():
    lam = np.linspace(0, 0.5, 11)
    params = vaedyn.Params(latent=2, signal=2, rho=(3, 1), lr=1e-4)
    result = phase_diagram(params, ("lam", lam), ("beta", np.linspace(0.5, 4.45, 80)))
    for i in range(len(lam)):
        strong, weak = (collapse_threshold(s, lam[i]) for s in (4, 2))
        expected = np.select([result.y < weak, result.y < strong], [LEARNED, PARTLY], COLLAPSED)
        clear = np.minimum(np.abs(result.y - weak), np.abs(result.y - strong)) > 1e-3
        np.testing.assert_array_equal(result.phase[i, clear], expected[clear])


def test_strong_weight_decay_makes_collapse_discontinuous():
    # the cubic in Q has a fold for lam (1 + lam) < s^2 < 2 lam (1 + lam)^2 / (1 + 2 lam)
    lam, s = 1.0, 1.5
    assert lam * (1 + lam) < s**2 < 2 * lam * (1 + lam) ** 2 / (1 + 2 * lam)
    model = Constants(collapse_threshold(s, lam) + 0.002, np.array([1.0]), 0.5, lam, 1e-4, 1)
    assert Units(model).growth([Unit(1), Unit(0, (1.0,))]) < 0
    got = attractor(model)
    assert (got["phase"], got["growth"] < 0) == (LEARNED, True)
    latent = on_signal(model.many(), np.array([1.0]))
    assert latent.Q[0] > 0.01
    assert np.abs(velocity(model, np.ravel(latent[1:]))).max() < 1e-12


@pytest.mark.parametrize("seed", [1, 2])
def test_it_is_the_stable_one_of_lowest_loss_of_all_single_latents(seed):
    seen = set()
    for model in models(seed, 30):
        units, best = Units(model), None
        for configuration in configurations(units, 1):
            growth = units.growth(configuration)
            if growth > attractors.MARGINAL * model.lr:
                continue
            parts = unpack(state(units, configuration), model.latent, model.signal)
            read = observables(parts, model.rho, model.eta)
            loss = read["distortion"] + model.beta * read["kl"]
            if best is None or loss < best[0]:
                alive = sum(unit.alive for unit in configuration)
                best = (loss, growth, read["eps_g"], alive)
        got = attractor(model)
        seen.add(int(got["phase"]))
        assert (best is None) == (got["phase"] == UNDECIDED) == (got["stable"] == 0), model
        if best:
            assert got["growth"] == pytest.approx(best[1], rel=1e-6, abs=1e-7 * model.lr)
            assert got["eps_g"] == pytest.approx(best[2], abs=1e-8)
            assert got["active"] == best[3]
    assert {COLLAPSED, LEARNED, NOISE} <= seen


def test_between_a_fold_and_an_escape_more_noise_is_fitted():
    """Two latents on noise of Q = 0.645 are stable there, though not at the least root, 0.273.

    By differences of the plain drift at the states that are listed; on both sides of the sliver
    no state is stable.
    """
    p = vaedyn.Params(latent=2, signal=2, rho=(3, 1), beta=0.8805, lr=1.3046)
    found = attractors.attractors(Constants.of(p, lr=np.array([1.304, 1.3046, 1.306])).many())
    assert found["stable"].tolist() == [0, 2, 0]
    listed = vaedyn.fixed_points(p, groups=1, t_max=1, points=2)
    assert found["phase"][1] == NOISE
    assert found["active"][1] == 2
    spread, gather = symmetric(2, 2)

    def drift(y):
        return gather @ reference.drift(y, p.beta, p.strengths, p.eta, p.lam, p.lr, 2)

    losses = {}
    for i in np.flatnonzero(listed.stable):
        y = listed.states[i]
        assert np.abs(drift(y)).max() < 1e-8 * np.abs(y).max()
        h = 1e-6
        slope = np.array([drift(y + h * e) - drift(y - h * e) for e in spread.T]).T / (2 * h)
        growth = np.linalg.eigvals(slope).real.max()
        assert growth < -1e-4
        losses[listed.distortion[i] + p.beta * listed.kl[i]] = listed.eps_g[i], growth
    eps_g, growth = losses[min(losses)]
    assert found["eps_g"][1] == pytest.approx(eps_g, rel=1e-7)
    assert found["growth"][1] == pytest.approx(growth, rel=1e-4)


def test_spectra_are_those_of_the_units():
    for model in models(3, 30):
        c, units = model.many(), Units(model)
        modes = attractors.Modes(c)
        kinds = {k: Unit(1, (rho,)) for k, rho in enumerate(model.rho.tolist())}
        kinds |= {modes.NOISE: Unit(1, (), 1), modes.COLLAPSED: Unit(1)}
        there = [k for k in kinds if not np.isnan(modes.kinds[k].Q[0])]
        row = np.array([0])
        for a in there:
            exact = np.nanmax(units.modes(kinds[a]).real)
            assert modes._own(a, row)[0] == pytest.approx(exact, rel=1e-6, abs=1e-9)
            for b in (b for b in there if a != b or a < 0):
                exact = np.nanmax(units.modes(kinds[a], kinds[b]).real)
                assert modes._between(a, b, row)[0] == pytest.approx(exact, rel=1e-6, abs=1e-9)
            for k in (k for k in range(model.signal) if k != a):
                pair = units.modes(kinds[a], Unit(0, (model.rho[k].item(),)))
                exact = np.nanmax(pair.real)
                assert modes._towards(a, k, row)[0] == pytest.approx(exact, rel=1e-6, abs=1e-9)


@pytest.mark.usefixtures("no_thresholds")
def test_trajectories_end_there():
    random = np.random.default_rng(5)
    for i in range(12):
        latent, signal = [(1, 1), (2, 1), (2, 2)][i % 3]
        params = vaedyn.Params(
            latent=latent,
            signal=signal,
            rho=tuple(np.sort(random.uniform(0.5, 3, signal))[::-1]),
            eta=random.uniform(0.3, 1.5),
            beta=random.uniform(0.2, 3),
            lr=random.uniform(0.04, 0.1),
        )
        points = vaedyn.fixed_points(params, groups=1)
        got = attractor(Constants.of(params))
        assert points.eps_g[points.reached] == pytest.approx(got["eps_g"], abs=1e-7)
        assert points.labels[points.reached] == attractors.PHASES[got["phase"]]


def test_too_large_learning_rates_leave_no_attractor():
    result = phase_diagram(vaedyn.Params(), BETA, ("lr", np.array([0.1, 3.0])))
    assert (result.phase[:, 0] != DIVERGING).all()
    assert (result.phase[5:, 1] == DIVERGING).all()
    lost = result.phase == DIVERGING
    assert np.isnan(result.eps_g[lost]).all()
    assert np.isnan(result.growth[lost]).all()
    assert (result.active[lost] == -1).all()


@pytest.mark.usefixtures("no_thresholds")
def test_where_no_latent_lives_alone_a_pair_or_nothing_is_stable():
    params = vaedyn.Params(latent=2, signal=2, rho=(1, 3))
    axes = ("beta", np.array([0.9, 1.19])), ("lr", np.array([0.92, 1.07, 1.6]))
    result = phase_diagram(params, *axes)
    assert result.phase.tolist() == [
        [ENTANGLED, ENTANGLED, DIVERGING],  [ENTANGLED, OSCILLATING, DIVERGING]
    ]  # fmt: skip
    assert (result.stable == 0).all()
    for i, j in np.argwhere(result.phase == ENTANGLED):
        at = vaedyn.Params(latent=2, signal=2, rho=(3, 1), beta=result.x[i], lr=result.y[j])
        points = vaedyn.fixed_points(at)
        (n,) = np.flatnonzero(points.stable)
        assert points.types[n] == "two on signal 1 and signal 2"
        assert result.eps_g[i, j] == pytest.approx(points.eps_g[n], abs=1e-9)
        assert result.growth[i, j] == pytest.approx(points.max_eigenvalue[n], rel=1e-6)
        assert result.active[i, j] == 2


def test_oscillations_are_those_of_another_integrator():
    params = vaedyn.Params(latent=2, signal=2, rho=(3, 1), beta=1.19, lr=1.07, dim=1000)
    model = Constants.of(params)
    times = np.linspace(900, 1000, 400)
    course = solve_ivp(
        lambda _, y: model.lr * velocity(model, y), (0, 1000), pack(**params.overlaps()),
        t_eval=times, method="LSODA", rtol=1e-9, atol=1e-11,
    )  # fmt: skip
    size = course.y[8] + course.y[11]  # the trace of Q
    assert 0.05 < np.ptp(size) < 0.1
    peaks = times[1:-1][(size[1:-1] > size[:-2]) & (size[1:-1] > size[2:])]
    assert np.std(np.diff(peaks)) < 0.05 * np.mean(np.diff(peaks))


def test_where_several_are_stable_they_are_counted():
    lam, s = 1.0, 1.5  # collapse is discontinuous, see above
    beta = collapse_threshold(s, lam) + np.array([-0.01, 0.002, 0.1])
    params = vaedyn.Params(eta=0.5, lam=lam)
    result = phase_diagram(params, ("beta", beta), ("lr", np.array([1e-4, 2e-4])))
    assert result.stable.tolist() == [[1, 1], [2, 2], [1, 1]]
    assert result.phase[:, 0].tolist() == [LEARNED, LEARNED, COLLAPSED]
    figure = figures_phases.phase_diagram(result)
    assert "several stable" in [text.get_text() for text in figure.legends[0].get_texts()]
    alone = dataclasses.replace(result, stable=np.ones_like(result.stable))
    pictures = []
    for each in (result, alone):
        drawn = figures_phases.phase_diagram(each)
        drawn.legends[0].set_visible(False)
        drawn.canvas.draw()
        pictures.append(np.asarray(drawn.canvas.buffer_rgba()).astype(int))
    assert (np.abs(pictures[0] - pictures[1]).max(axis=-1) > 50).mean() > 1e-3


def test_rho_scales_all_signals_together():
    params = vaedyn.Params(latent=2, signal=2, rho=(6, 2), lr=0.05)
    result = phase_diagram(params, ("rho", np.array([1.5, 3.0])), ("beta", np.array([0.5, 1.7])))
    for i, rho in enumerate(((1.5, 0.5), (3.0, 1.0))):
        for j, beta in enumerate((0.5, 1.7)):
            model = Constants(beta, np.array(rho), 1.0, 0.0, 0.05, 2)
            assert result.eps_g[i, j] == pytest.approx(attractor(model)["eps_g"], abs=1e-12)


def test_growing_grids_compute_only_what_is_new(tmp_path, monkeypatch):
    computed = []
    solve = attractors.attractors

    def counted(c):
        computed.append(len(c.eta))
        return solve(c)

    monkeypatch.setattr(phases, "attractors", counted)
    store = ResultStore(tmp_path)

    def drawn(nx, ny, **others):
        computed.clear()
        x, y = 0.1 * np.arange(1, nx + 1), np.linspace(0.1, 0.1 * ny, ny)
        params = vaedyn.Params(**others)
        result = phase_diagram(params, ("beta", x), ("eta", y), store=store)
        return result, sum(computed)

    first, count = drawn(5, 6)
    assert (count, first.reused, first.info["computed"]) == (30, 0, 30)
    again, count = drawn(5, 6, dim=77, t_max=9, points=3, init_seed=4, anneal="tanh:0.1", eta=9)
    assert (count, again.reused) == (0, 5)
    larger, count = drawn(7, 9)
    assert (count, larger.reused) == (5 * 3 + 2 * 9, 0)
    smaller, count = drawn(3, 4)
    assert (count, smaller.reused) == (0, 3)
    alone = phase_diagram(vaedyn.Params(), ("beta", larger.x), ("eta", larger.y))
    for name in ("phase", "eps_g", "active", "growth"):
        values = getattr(larger, name)
        np.testing.assert_array_equal(values, getattr(alone, name))
        np.testing.assert_array_equal(values[:5, :6], getattr(first, name))
        np.testing.assert_array_equal(values[:3, :4], getattr(smaller, name))
    assert len(larger.info["keys"]) == 7
    assert {record.kind for record in store.records()} == {"phases"}


def test_uneven_grids_are_stored_as_well(tmp_path):
    axes = ("lam", np.array([0, 0.1])), ("lr", np.geomspace(1e-3, 1, 7))
    first = phase_diagram(vaedyn.Params(), *axes, store=ResultStore(tmp_path))
    again = phase_diagram(vaedyn.Params(), *axes, store=ResultStore(tmp_path))
    assert (first.reused, again.reused) == (0, 2)
    np.testing.assert_array_equal(first.growth, again.growth)


def test_progress_ends_at_all_points():
    told = []
    phase_diagram(vaedyn.Params(), BETA, ETA, progress=lambda *numbers: told.append(numbers))
    assert told[-1] == (600, 600)


@pytest.mark.parametrize(
    ("x", "y", "name"),
    [
        (("beta", [0, 1]), ETA, "x"),
        (ETA, ("beta", [0, 1]), "y"),
        (("gamma", [1, 2]), ETA, "x"),
        (BETA, ("eta", [1]), "y"),
        (BETA, ("eta", [2, 1]), "y"),
        (BETA, ("eta", [1, 1]), "y"),
        (BETA, ("eta", [1, np.nan]), "y"),
        (BETA, ("eta", [1, np.inf]), "y"),
        (BETA, ("eta", ["a", "b"]), "y"),
        (BETA, ("eta", [[1, 2], [3, 4]]), "y"),
        (BETA, ("eta", [0, 1]), "y"),
        (BETA, ("lr", [1, 1e13]), "y"),
        (("rho", [-1, 1]), BETA, "x"),
        (BETA, BETA, "y"),
    ],
)
def test_axes_are_checked(x, y, name):
    with pytest.raises(vaedyn.ParameterError) as caught:
        phase_diagram(vaedyn.Params(), x, y)
    assert caught.value.name == name


def test_times_and_schedules_do_not_matter():
    axes = ("beta", np.array([0.5, 2.0])), ("lr", np.array([0.5, 2.0]))
    plain = phase_diagram(vaedyn.Params(), *axes)
    others = vaedyn.Params(anneal="points:0=0.1,500=1", dim=10**6, t_max=0.001, points=2)
    np.testing.assert_array_equal(phase_diagram(others, *axes).phase, plain.phase)
    assert DIVERGING in plain.phase


def test_beta_of_zero_is_refused():
    with pytest.raises(vaedyn.ParameterError) as caught:
        phase_diagram(vaedyn.Params(beta=0), ("lr", [0.1, 0.2]), ETA)
    assert caught.value.name == "beta"


def test_the_figure_shows_phases_error_and_thresholds():
    params = vaedyn.Params(latent=3, signal=2, rho=(3, 1), lr=0.02)
    result = phase_diagram(params, ("beta", np.linspace(0.1, 6, 20)), ETA)
    figure = figures_phases.phase_diagram(result)
    left, right, bar = figure.axes
    assert r"\beta" in left.get_xlabel()
    assert r"\eta" in left.get_ylabel()
    assert r"\varepsilon_g" in bar.get_ylabel()
    drawn = left.collections[0].get_array()
    np.testing.assert_array_equal(np.asarray(drawn).reshape(20, 20), result.phase.T)
    lines = [x for x in left.collections[1:] if x.get_paths()]
    ends = sorted(
        path.vertices[0, 0] - path.vertices[0, 1] for x in lines for path in x.get_paths()
    )
    np.testing.assert_allclose(ends, [0, 1, 3], atol=1e-9)
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"collapsed", "learned", "partly learned", "noise-fitting"} < set(words)
    assert r"threshold of signals, $\tau \to 0$" in words
    caption = figure.get_suptitle()
    assert r"\rho = (3,\,1)" in caption
    assert r"\tau = 0.02" in caption
    assert r"\beta" not in caption
    assert len(right.collections) == len(left.collections)


def test_geometric_axes_are_drawn_logarithmically():
    axes = ("rho", np.linspace(0.5, 3, 5)), ("lr", np.geomspace(1e-3, 5, 20))
    figure = figures_phases.phase_diagram(phase_diagram(vaedyn.Params(signal=2), *axes))
    assert (figure.axes[0].get_xscale(), figure.axes[0].get_yscale()) == ("linear", "log")
    assert r"\rho" not in figure.get_suptitle()
