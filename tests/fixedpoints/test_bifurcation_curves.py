"""Bifurcation curves: closed forms, the generic Jacobian, maps, and points of codimension two."""

import numpy as np
import pytest
from scipy.optimize import brentq

import vaedyn
from tests.shared import reference
from vaedyn.fixedpoints.alone_at import COLLAPSED, NOISE, members, relevant, spectrum
from vaedyn.fixedpoints.attractors import MARGINAL, Modes, attractors
from vaedyn.fixedpoints.bifurcation_curves import bifurcation_curves
from vaedyn.fixedpoints.bifurcations import hopf
from vaedyn.fixedpoints.box import Box
from vaedyn.fixedpoints.configurations import state
from vaedyn.fixedpoints.groups import Unit, Units
from vaedyn.fixedpoints.newton import symmetric
from vaedyn.fixedpoints.shooting import course
from vaedyn.fixedpoints.thresholds import collapse_threshold, fold, noise_window
from vaedyn.fixedpoints.varied import constants_of, shape, with_value
from vaedyn.kernels.constants import Constants
from vaedyn.store import ResultStore

TWO = vaedyn.Params(latent=2, signal=2, rho=(3, 1), eta=0.9, lr=0.05)
DECAY = vaedyn.Params(rho=0.13, eta=0.45, lr=1e-7)


@pytest.fixture(scope="module")
def two():
    return bifurcation_curves(TWO, ("beta", 0.06, 5), ("lr", 0.02, 1.7), lines=4)


@pytest.fixture(scope="module")
def decay():
    return bifurcation_curves(DECAY, ("lam", 0, 0.9), ("beta", 0.02, 1), lines=4)


def points(result, kind, label=None, attracting=False):
    """Return the points (n, 2) of the curves of a kind."""
    chosen = [
        n
        for n, (k, text) in enumerate(zip(result.kinds, result.labels, strict=True))
        if k == kind and label in (None, text)
    ]
    rows = np.isin(result.curve, chosen) & (result.attracting | (not attracting))
    assert rows.any()
    return np.stack([result.x, result.y], axis=1)[rows]


def at(result, point):
    """Return the model at a point, whose batch need not be a whole number."""
    varied = dict(zip((result.x_name, result.y_name), point.tolist(), strict=True))
    if "rho" in varied:
        varied["rho"] = varied["rho"] * shape(result.params)
    return constants_of(result.params, **varied)


def test_weight_decay_has_its_closed_forms(decay):
    s = 0.58
    for lam, beta in points(decay, "loss", "collapsed to signal 1"):
        assert beta == pytest.approx(collapse_threshold(s, lam), rel=1e-9)
    (special,) = {(e["x"], e["y"]) for e in decay.special if decay.kinds[e["curve"]] == "fold"
                  and decay.labels[e["curve"]] == "signal 1"}  # fmt: skip
    end = brentq(lambda x: 2 * x * (1 + x) ** 2 / (1 + 2 * x) - s**2, 0.05, 0.5)
    assert special[0] == pytest.approx(end, rel=1e-6)
    assert special[1] == pytest.approx(collapse_threshold(s, end), rel=1e-6)
    on_loss = [e["x"] for e in decay.special if decay.labels[e["curve"]] == "collapsed to signal 1"]
    assert on_loss == [pytest.approx(end, rel=1e-6)]
    for lam, beta in points(decay, "fold", "signal 1")[2:-1:6]:
        assert fold(Constants.of(DECAY, lam=lam), 0.13) == pytest.approx(beta, rel=1e-8)


def test_equal_losses_are_equal(decay):
    for point in points(decay, "maxwell")[1:-1:7]:
        model = at(decay, point)
        y = Units(model).state(Unit(1, (0.13,)))
        loss = reference_loss(y, model)
        assert loss == pytest.approx(0, abs=1e-12)
    assert points(decay, "maxwell", attracting=True)[:, 0].max() < 0.9


def reference_loss(y, model):
    """Return the loss of one latent over that of collapse, from its definition, at small rates."""
    m, d, Q, E, R, D = y
    S, A = model.rho[0] * d**2 + model.eta * E, model.rho[0] * m * d + model.eta * R
    kl = 0.5 * (S + D - np.log(D) - 1)
    return -A + 0.5 * Q * (S + D) + model.beta * kl + 0.5 * model.lam * (Q + E)


@pytest.mark.parametrize("over", [("lr", 0.03, 1.4), ("batch", 1, 9.5)])
def test_a_latent_fits_noise_at_the_roots_of_the_cubic(over):
    params = vaedyn.Params(eta=0.8, rho=2, lam=0.07, lr=(0.9, 0.6, 0.4), batch=3, momentum=0.2)
    result = bifurcation_curves(params, ("beta", 0.05, 9), over, follow="loss", lines=4)
    found = points(result, "loss", "collapsed to noise")
    sides = set()
    for beta, other in found[::5]:
        varied = {"lr": other / 0.8} if over[0] == "lr" else {"batch": other}
        window = noise_window(Constants.of(params, **varied))
        side = int(np.argmin(np.abs(np.array(window) - beta)))
        assert beta == pytest.approx(window[side], rel=1e-8)
        sides.add(side)
    assert sides == {0, 1}


def unit(kind, model):
    return Unit(1) if kind == COLLAPSED else Unit(1, (), 1) if kind == NOISE else Unit(
        1, (float(model.rho[kind]),)
    )  # fmt: skip


def modes(model, label):
    """Return the eigenvalues of the block that a label names, by the generic Jacobian."""
    names = {"collapsed": COLLAPSED, "noise": NOISE, "signal 1": 0, "signal 2": 1}
    units = Units(model)
    if " to signal " in label:
        a, k = label.split(" to signal ")
        return units.modes(unit(names[a], model), Unit(0, (float(model.rho[int(k) - 1]),)))
    own = [unit(names[name], model) for name in label.removesuffix(" to noise").split(" and ")]
    return units.modes(*own)


def test_eigenvalues_vanish_in_the_generic_jacobian(two):
    tried = set()
    for n, (kind, label) in enumerate(zip(two.kinds, two.labels, strict=True)):
        rows = np.flatnonzero((two.curve == n) & two.attracting)[2:-2]
        if kind not in ("loss", "hopf") or "two on" in label:
            continue  # of pairs: see `test_pair_curves`
        for i in rows[:: max(1, len(rows) // 4)]:
            model = at(two, np.array([two.x[i], two.y[i]]))
            values = modes(model, label) / model.lr
            values = values[np.isfinite(values)]
            if kind == "loss":
                assert np.abs(values).min() < 1e-8
            else:
                pair = values[np.argmin(np.abs(values.real))]
                assert abs(pair.real) < 1e-8
                assert abs(pair.imag) > 1e-5  # next to a Bogdanov-Takens point it is small
            tried.add((kind, label))
    assert {
        ("loss", "collapsed to signal 1"), ("loss", "collapsed to signal 2"),
        ("loss", "signal 1 and signal 2"), ("hopf", "collapsed and signal 1"),
        ("hopf", "signal 1 and signal 2"),
    } <= tried  # fmt: skip


def slope_of(model, y):
    """Return the Jacobian of the plain drift by central differences, and its eigenvalues."""
    args = (model.beta, model.rho, model.eta, model.lam, model.lr, model.latent)
    h = 1e-6
    columns = [
        (reference.drift(y + h * e, *args) - reference.drift(y - h * e, *args)) / (2 * h * model.lr)
        for e in np.eye(len(y))
    ]
    spread, gather = symmetric(model.latent, model.signal)  # Q and E of weights are symmetric
    return np.linalg.eigvals(gather @ np.array(columns).T @ spread)


@pytest.mark.usefixtures("no_thresholds")
def test_stability_of_the_whole_state_changes_where_the_plain_drift_has_it(two):
    """Both signals are learned on one side, with all eigenvalues negative, and not beyond."""
    found = points(two, "loss", "signal 1 and signal 2", attracting=True)
    beta, lr = found[len(found) // 2]

    def growth(x):
        p = vaedyn.Params(latent=2, signal=2, rho=(3, 1), eta=0.9, lr=x, beta=beta)
        listed = vaedyn.fixed_points(p, groups=1, t_max=1, points=2)
        y = listed.states[listed.types.index("signal 1, signal 2")]
        return slope_of(Constants.of(p), y).real.max()

    assert brentq(growth, 0.97 * lr, 1.03 * lr, xtol=1e-9) == pytest.approx(lr, rel=1e-6)


def test_points_of_codimension_two_are_on_both_curves(two):
    (on_loss,) = (e for e in two.special if e["kind"] == "Bogdanov-Takens"
                  and two.kinds[e["curve"]] == "loss"
                  and two.labels[e["curve"]] == "signal 1 and signal 2")  # fmt: skip
    (on_hopf,) = (e for e in two.special if e["kind"] == "Bogdanov-Takens"
                  and two.kinds[e["curve"]] == "hopf"
                  and two.labels[e["curve"]] == "signal 1 and signal 2")  # fmt: skip
    assert on_loss["x"] == pytest.approx(on_hopf["x"], rel=1e-7)
    assert on_loss["y"] == pytest.approx(on_hopf["y"], rel=1e-7)
    values = modes(at(two, np.array([on_hopf["x"], on_hopf["y"]])), "signal 1 and signal 2")
    assert np.sort(np.abs(values))[1] < 1e-3 < np.sort(np.abs(values))[2]  # a double root
    cusps = [e for e in two.special if e["kind"] == "cusp" and two.labels[e["curve"]] == "noise"]
    for cusp in cusps:  # a triple root of the function of Q
        around = [
            len(Units(at(two, np.array([cusp["x"], cusp["y"] + h]))).branches(Unit(1, (), 1)))
            for h in (-1e-3, 1e-3)
        ]
        assert abs(around[1] - around[0]) in (0, 2)
    assert cusps
    tricritical = [e for e in two.special if e["kind"] == "tricritical"]
    folds = [(e["x"], e["y"]) for e in tricritical if two.kinds[e["curve"]] == "fold"]
    losses = [(e["x"], e["y"]) for e in tricritical if two.kinds[e["curve"]] == "loss"]
    for one in folds:
        assert min(np.hypot(*np.subtract(one, other)) for other in losses) < 1e-6


def test_noise_escapes_where_its_fixed_point_goes_to_infinity(two):
    found = points(two, "escape", attracting=True)
    for beta, lr in found[1:-1:3]:
        below = vaedyn.Params(rho=1e-9, eta=0.9, lr=lr * (1 - 1e-6), beta=beta)
        above = below.replace(lr=lr * (1 + 1e-6))
        E = [
            [
                y[-3]
                for each in units.branches(Unit(1, (), 1))
                if (y := units.state(each)) is not None
            ]
            for units in (Units(Constants.of(p)) for p in (below, above))
        ]
        assert (max(E[0], default=0) > 1e3) != (max(E[1], default=0) > 1e3)


MAPS = {
    "beta x lr": (TWO, ("beta", 0.06, 5), ("lr", 0.02, 1.7)),
    "beta x eta": (TWO.replace(lr=0.3), ("beta", 0.07, 5), ("eta", 0.1, 3)),
    "beta x lam": (DECAY.replace(lr=0.04), ("beta", 0.02, 1), ("lam", 0, 0.9)),
    "rho x eta": (TWO.replace(lr=0.4, beta=0.8), ("rho", 0.1, 4), ("eta", 0.12, 3)),
    "one latent": (vaedyn.Params(rho=2, eta=1.1), ("beta", 0.05, 5), ("lr", 0.02, 2.4)),
    "three": (
        vaedyn.Params(latent=3, signal=3, rho=(3, 2, 1), eta=0.7),
        ("beta", 0.05, 5), ("lr", 0.02, 1.6),
    ),
    "sampled": (
        vaedyn.Params(latent=2, rho=2, eta=0.7, lr=(0.3, 0.2, 0.5), latents="sampled", batch=2),
        ("beta", 0.05, 5), ("lr", 0.02, 1.5),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MAPS)
def test_curves_are_the_edges_of_maps(name, two):
    """To a cell: what stable states there are changes at a curve, and at each curve.

    A map of n cells cannot see a curve that is a tenth of one off; the other tests do.
    """
    params, x, y = MAPS[name]
    result = two if name == "beta x lr" else of_latents_alone(params, x, y, lines=4)
    n, box = 31, Box(params, (x[0], y[0]), (x[1], y[1]), (x[2], y[2]))
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, n)] * 2, indexing="ij"), axis=2)
    c = box.constants(grid.reshape(-1, 2))
    found = attractors(c)
    kept = stable_states(c).reshape(n, n, -1)
    seen = np.stack([found[k].reshape(n, n) for k in ("phase", "stable", "active")], axis=2)
    line = densely(result, x, y) * (n - 1)
    for axis in (0, 1):
        first, second = (
            np.take(each, np.arange(start, n - 1 + start), axis=axis)
            for start in (0, 1)
            for each in [seen]
        )
        edges = np.argwhere((first != second).any(axis=2)) + 0.5 * np.eye(2)[axis]
        for edge in edges:
            assert np.abs(line - edge).max(axis=1).min() < 1.01, (edge, n)
    if name in ("rho x eta", "sampled"):
        return  # equal losses of states of one phase, and loss of states that saddles take over
    cell = np.clip(np.floor(line).astype(int), 0, n - 2)
    for i, j in np.unique(cell, axis=0):
        near = (slice(max(i - 1, 0), i + 3), slice(max(j - 1, 0), j + 3))
        states = np.concatenate([kept[near], seen[near]], axis=2).reshape(-1, kept.shape[2] + 3)
        assert (states != states[0]).any(), (name, i, j)


def of_latents_alone(*asked, **options):
    """Return curves without those of pairs, which maps do not have: see `test_pair_curves`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vaedyn.fixedpoints.bifurcation_curves.pair_cells", lambda *_: ())
        return bifurcation_curves(*asked, **options)


def stable_states(c):
    """Return which states of single latents are stable, and the Q of latents on noise, coarsely."""
    every = Modes(c)
    states = [(a, b) for a in range(min(c.latent, c.rho.shape[1]) + 1)
              for b in range(c.latent - a + 1)]  # fmt: skip
    found = [every.growth(a, b, c.latent - a - b) <= MARGINAL * c.lr for a, b in states]
    large = np.nan_to_num(every.kinds[NOISE].Q) > 0.15
    return np.stack([*found, large], axis=1)


def densely(result, x, y):
    """Return points (n, 2) along the parts of curves that attract, in the unit square."""
    u = (result.x - x[1]) / (x[2] - x[1])
    v = (result.y - y[1]) / (y[2] - y[1])
    alone = np.array(["two on" not in label for label in result.labels])[result.curve]
    kept = result.attracting & alone
    same = (np.diff(result.curve) == 0) & kept[1:] & kept[:-1]
    ends = np.stack([u, v], axis=1)
    shares = np.linspace(0, 1, 12)[:, None, None]
    return (ends[:-1][same] + shares * np.diff(ends, axis=0)[same]).reshape(-1, 2)


@pytest.mark.parametrize("latents", ["averaged", "sampled"])
def test_blocks_are_those_of_the_generic_jacobian(latents):
    params = vaedyn.Params(
        latent=3, signal=2, rho=(2.3, 0.9), eta=0.6, lam=0.03, beta=0.5, lr=(0.2, 0.3, 0.1),
        batch=2, latents=latents, momentum=0.3,
    )  # fmt: skip
    model = constants_of(params)
    c, units = model.many(), Units(model)
    kinds = Modes(c).kinds
    tried = 0
    for block in relevant(3, 2):
        if latents == "sampled" and NOISE in block:  # which is the collapsed one
            continue
        own = [Unit(1, (), 1) if a == COLLAPSED and model.sampled else unit(a, model)
               for a in (block[:1] if "unlearned" in block else block)]  # fmt: skip
        own += [Unit(0, (float(model.rho[block[2]]),))] if "unlearned" in block else []
        expected = units.modes(*own) / model.lr
        found = spectrum(c, block, {a: kinds[a] for a in members(block)})[0]
        np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(expected), atol=1e-8)
        tried += 1
    assert tried >= 8


@pytest.mark.parametrize("follow", ["eps_g=0.12", "kl=0.9", "relaxation_time=300"])
@pytest.mark.usefixtures("no_thresholds")
def test_a_quantity_has_its_value_along_its_curve(follow):
    result = bifurcation_curves(TWO, ("beta", 0.3, 3.5), ("eta", 0.3, 2), follow=[follow], lines=3)
    name, _, value = follow.partition("=")
    assert set(result.kinds) == {f"{name}={float(value)!r}"}
    rows = np.flatnonzero(result.attracting)
    for i in rows[3 :: len(rows) // 4]:
        p = TWO.replace(beta=float(result.x[i]), eta=float(result.y[i]))
        listed = vaedyn.fixed_points(p, groups=1, t_max=1, points=2)
        stable = np.flatnonzero(listed.stable)
        assert len(stable) == 1
        assert getattr(listed, name)[stable[0]] == pytest.approx(float(value), rel=1e-7)


LIMITED = vaedyn.Params(
    latent=2, signal=2, rho=(3, 1), eta=0.9, lam=0.02, lr=(0.1, 0.08, 0.13), batch=2, momentum=0.2
)  # fmt: skip


@pytest.fixture(scope="module")
def limited():
    return bifurcation_curves(
        LIMITED, ("beta", 0.3, 5), ("eta", 0.5, 1.6), follow="max_lr=1.3", lines=4
    )


def test_a_state_is_stable_up_to_the_largest_rate_along_its_curve(limited):
    """By bisection in the rate; fixed points and stability are those of the plain drift."""
    assert set(limited.kinds) == {"max_lr=1.3"}
    tried = set()
    for n in dict.fromkeys(limited.curve[limited.attracting].tolist()):
        rows = np.flatnonzero((limited.curve == n) & limited.attracting)
        i = rows[len(rows) // 2]
        p = LIMITED.replace(beta=float(limited.x[i]), eta=float(limited.y[i]))

        def growth(lr, of, p=p):
            there = with_value(p, "lr", lr)
            units = Units(constants_of(there))
            lacking = any(units.state(unit) is None for unit in of)
            return np.inf if lacking else growth_of(there, state(units, of))

        (of,) = (each for each in ALONE if growth(0.1, each) < 0)
        assert growth(0.5, of) < 0 > growth(1.0, of)
        assert brentq(growth, 1.27, 1.33, (of,), xtol=1e-8) == pytest.approx(1.3, rel=1e-6)
        tried.add(limited.labels[n])
    assert {"loss, signal 1 and signal 2", "hopf, collapsed and signal 1"} <= tried


ALONE = [
    (Unit(1, (3.0,)), Unit(1, (1.0,))),
    (Unit(1, (3.0,)), Unit(0, (1.0,)), Unit(1)),
    (Unit(0, (3.0,)), Unit(0, (1.0,)), Unit(1), Unit(1)),
]


def growth_of(params, y):
    """Return the largest growth rate of a fixed point of the plain drift, by differences."""
    p, (spread, gather) = params, symmetric(2, 2)
    decoder, encoder, variances = p.rates / (1 - p.momentum)

    def drift(y):
        return gather @ reference.drift(
            y, p.beta, p.strengths, p.eta, p.lam, decoder, 2,
            encoder=encoder, variances=variances, batch=p.batch,
        )  # fmt: skip

    assert np.abs(drift(y)).max() < 1e-9
    h = 1e-6
    slope = np.array([drift(y + h * e) - drift(y - h * e) for e in spread.T]).T / (2 * h)
    return np.linalg.eigvals(slope).real.max()


def test_largest_rates_are_those_of_thresholds(limited):
    rows = np.flatnonzero(limited.attracting)
    for i in rows[2 :: len(rows) // 5]:
        p = LIMITED.replace(beta=float(limited.x[i]), eta=float(limited.y[i]))
        listed = vaedyn.fixed_points(p, groups=1, t_max=3000, points=2)
        assert listed.thresholds["max_lr"] == pytest.approx(1.3, rel=1e-7)


ONE = vaedyn.Params(rho=1.3, lam=0.1, lr=1.0)


@pytest.fixture(scope="module")
def turning():
    return bifurcation_curves(ONE, ("beta", 0.1, 5), ("lr", 0.2, 3), follow="hopf", lines=4)


def test_cycles_grow_or_shrink_as_the_lyapunov_coefficient_says(turning):
    """On the curve itself 1/|z|^2 falls by 2 omega l1 t, up to a share of the size of z.

    The critical direction is that of differences of the plain drift.
    """
    (first, second) = sorted(e["x"] for e in turning.special if e["kind"] == "generalized Hopf")
    assert set(turning.labels) == {"signal 1"}
    seen = []
    for wanted in (0.5 * (first + second), second + 0.1):
        i = int(np.abs(turning.x - wanted).argmin())
        l1 = turning.lyapunov[i]
        model = at(turning, np.array([turning.x[i], turning.y[i]]))
        y = Units(model).state(Unit(1, (1.3,)))
        args = (model.beta, model.rho, model.eta, model.lam, model.lr, 1)
        h = 1e-6
        slope = np.array([
            (reference.drift(y + h * e, *args) - reference.drift(y - h * e, *args)) / (2 * h)
            for e in np.eye(6)
        ]).T  # fmt: skip
        values, right = np.linalg.eig(slope)
        k = int(np.argmin(np.where(values.imag > 0, abs(values.real), np.inf)))
        q = right[:, k] / np.linalg.norm(right[:, k])
        p = np.linalg.inv(right)[k] * np.linalg.norm(right[:, k])
        assert abs(values[k].real) < 1e-6
        omega = values[k].imag

        times = np.arange(1, 40 * 64) * (2 * np.pi / omega / 64)
        z = (course(model, y + 0.1 * q.real, times, rtol=1e-10) - y) @ p
        square = (np.abs(z[: 39 * 64]) ** 2).reshape(39, 64).mean(axis=1)
        rate = np.polyfit(times[: 39 * 64].reshape(39, 64).mean(axis=1)[3:], 1 / square[3:], 1)[0]
        assert rate == pytest.approx(-2 * omega * l1, rel=0.15)
        seen.append(l1 > 0)
    assert set(seen) == {True, False}


def test_the_lyapunov_coefficient_is_that_of_the_whole_state(two):
    """Another signal, which nobody learns, and the other blocks change nothing."""
    (n,) = (n for n, label in enumerate(two.labels) if label == "collapsed and signal 1"
            and two.kinds[n] == "hopf")  # fmt: skip
    rows = np.flatnonzero((two.curve == n) & two.attracting)
    sides = set()
    for i in rows[2:-1:4]:
        model = at(two, np.array([two.x[i], two.y[i]]))
        y = state(Units(model), (Unit(1, (3.0,)), Unit(0, (1.0,)), Unit(1)))
        whole = hopf(model, y)
        assert two.lyapunov[i] == pytest.approx(whole["coefficient"], rel=1e-5)
        sides.add(whole["side"])
    assert sides == {"supercritical", "subcritical"}


def test_what_is_asked_for_is_kept_once(tmp_path):
    store = ResultStore(tmp_path)
    asked = ("beta", 0.5, 3.2), ("eta", 0.2, 1)
    first = bifurcation_curves(vaedyn.Params(), *asked, lines=2, follow="loss", store=store)
    again = bifurcation_curves(
        vaedyn.Params(beta=2, eta=3, dim=999), *asked, lines=2, follow=["loss"], store=store
    )
    assert again.source.reused
    for name in ("x", "y", "curve", "attracting", "kinds", "labels", "ends", "special"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    other = bifurcation_curves(vaedyn.Params(rho=1.1), *asked, lines=2, follow="loss", store=store)
    assert not other.source.reused


def test_signals_beyond_the_latents_have_no_curves():
    params = vaedyn.Params(latent=1, signal=3, rho=(4, 2, 1), eta=0.8)
    result = bifurcation_curves(params, ("beta", 0.2, 5.5), ("lr", 0.02, 1.2), lines=3)
    found = {label for label in result.labels if "fold" in label or "signal" in label}
    assert "collapsed to signal 1" in found
    assert "signal 2" not in found


def test_nothing_may_be_there():
    result = bifurcation_curves(vaedyn.Params(), ("beta", 2.2, 2.4), ("eta", 0.2, 0.3), lines=2)
    assert result.kinds == []
    assert result.x.shape == (0,)


BETA, ETA = ("beta", 0.1, 2), ("eta", 0.1, 2)


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        (("gamma", 0, 1), ETA, {}, "^x: expected one of beta"),
        (BETA, BETA, {}, "^y: must vary another constant than x, beta"),
        (("beta", 0, 1), ETA, {}, "^x: beta must be > 0"),
        (BETA, ("eta", 2, 1), {}, "^y: eta must rise, got 2 to 1"),
        (BETA, ("lam", -1, 1), {}, "^y: lam must be >= 0"),
        (BETA, ("lam", 0, 1, "log"), {}, "^y: lam must start above 0"),
        (BETA, ("batch", 0.5, 3), {}, "^y: batch must be >= 1"),
        (BETA, ("eta", 0.1, np.nan), {}, "^y: eta must be finite"),
        (BETA, ("eta", 0.1), {}, "^y: expected a name"),
        (BETA, ETA, {"follow": "flod"}, "^follow: expected fold, loss.*fold"),
        (BETA, ETA, {"follow": "eps_g"}, "^follow: expected a value of eps_g, such as eps_g=0.5"),
        (BETA, ETA, {"follow": "eps_g=x"}, "^follow: eps_g must be a number"),
        (BETA, ETA, {"follow": "eps_g=-1"}, "^follow: eps_g must be > 0"),
        (BETA, ETA, {"follow": "max_lr=0.01"}, "^follow: max_lr must be above lr, 0.01, at which"),
        (BETA, ETA, {"follow": "max_lr=1e5"}, "^follow: max_lr must be above lr.*at most 10000"),
        (BETA, ("lr", 0.1, 1), {"follow": "max_lr=2"}, "^follow: max_lr is not followed over lr"),
        (BETA, ETA, {"follow": []}, "^follow: expected what to follow"),
        (BETA, ETA, {"lines": 1}, "^lines: must be at least 2"),
        (BETA, ETA, {"optimiser": "adam"}, "^optimiser: adam is not derived"),
        (BETA, ETA, {"alpha": 2}, "^alpha: is not derived"),
        (("beta", 1e-300, 1), ("eta", 1e-3, 1e3), {"lines": 2}, "^x: numbers overflow in these"),
        (("lr", 0.1, 1), ETA, {"beta": 0}, "^beta: must be > 0 for fixed points"),
    ],
)
def test_bad_requests_are_named(x, y, options, message):
    with pytest.raises(vaedyn.ParameterError, match=message):
        bifurcation_curves(vaedyn.Params(), x, y, **options)


def test_equal_strengths_leave_their_rotations_out():
    params = vaedyn.Params(latent=2, signal=2, rho=(2, 2), eta=0.8, lr=0.3)
    result = bifurcation_curves(params, ("beta", 0.3, 4), ("rho", 0.5, 3), lines=3)
    found = points(result, "loss", "collapsed to signal 1", attracting=True)
    np.testing.assert_allclose(found[:, 0], found[:, 1] + 0.8, rtol=1e-9)
    assert with_value(params, "rho", 1.5).rho == (1.5, 1.5)


def test_sampled_latents_that_have_collapsed_escape_too():
    """As far as large beta, where much noise is fitted only very close to the escape."""
    params = vaedyn.Params(rho=2.6, eta=1.13, lam=0.3, batch=2, latents="sampled")
    over = ("lr", 0.02, 5, "log"), ("beta", 0.01, 6, "log")
    result = bifurcation_curves(params, *over, follow="escape", lines=3)
    found = points(result, "escape", attracting=True)
    assert (len(found), found[:, 1].max()) == (len(result.x), pytest.approx(6))
    for lr, beta in found[1:-1:8]:
        sides = Constants.of(params, lr=lr * np.array([0.99, 1.01]), beta=beta)
        assert attractors(sides.many())["stable"].tolist() == [1, 0]
