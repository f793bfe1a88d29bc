"""Curves of states with pairs: the generic Jacobian, the plain drift, branches, and maps."""

import numpy as np
import pytest

import vaedyn
from tests.shared import reference
from vaedyn.fixedpoints.alone_at import COLLAPSED, NOISE
from vaedyn.fixedpoints.attractors import ENTANGLED, UNDECIDED
from vaedyn.fixedpoints.bifurcation_curves import bifurcation_curves
from vaedyn.fixedpoints.bifurcations import hopf
from vaedyn.fixedpoints.box import box_of
from vaedyn.fixedpoints.branches import Continuation
from vaedyn.fixedpoints.configurations import completed, state
from vaedyn.fixedpoints.continued import corrected, followed
from vaedyn.fixedpoints.groups import Unit, Units
from vaedyn.fixedpoints.newton import symmetric
from vaedyn.fixedpoints.pair_conditions import PairFold, on_block, word_of
from vaedyn.fixedpoints.pair_modes import PairModes, State, states_of, usual
from vaedyn.fixedpoints.pairs_at import APART, BORN, OWN, Pair, Turned, pairs_of, spectrum
from vaedyn.fixedpoints.varied import constants_of, vary, with_value
from vaedyn.listings.bifurcation_curves import parts

TWO = vaedyn.Params(latent=2, signal=2, rho=(3, 1.2), eta=0.9, lam=0.02, batch=2, momentum=0.2)
THREE = vaedyn.Params(
    latent=3, signal=2, rho=(2.5, 1.2), eta=0.8, lam=0.03, beta=0.6, lr=(2.4, 2.2, 3)
)
ONE = vaedyn.Params(latent=2, signal=1, eta=1.1, beta=0.4, lr=(1, 1.4, 0.6))
BOXES = {
    "two": (TWO, ("beta", 0.3, 2.2), ("lr", 1.1, 2.3)),
    "three": (THREE, ("eta", 0.65, 1.1), ("lr", 1, 1.85)),
    "one": (ONE, ("rho", 0.6, 4), ("lam", 0, 0.4)),
}


@pytest.fixture(scope="module")
def curves():
    """Of the two boxes in which that takes long, those of latents alone are left out."""
    asked = {"follow": ["loss", "hopf"], "lines": 2}
    found = {"one": bifurcation_curves(*BOXES["one"], **asked)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vaedyn.fixedpoints.starts.Scan.blocks", lambda *_: iter(()))
        return found | {
            name: bifurcation_curves(*BOXES[name], **asked) for name in ("two", "three")
        }


def unit(kind, model):
    """Return the unit that a kind of latents is."""
    if isinstance(kind, Pair):
        return Unit(2, tuple(float(model.rho[k]) for k in kind.signals), int(NOISE in kind))
    if kind == COLLAPSED:
        return Unit(1, (), 1) if model.sampled else Unit(1)
    return Unit(1, (), 1) if kind == NOISE else Unit(1, (float(model.rho[kind]),))


def configuration_of(one, model):
    """Return a state of `pair_modes` as all others know it."""
    living = [*one.pairs, *one.alone, *[NOISE] * one.noise]
    return completed(model, [unit(kind, model) for kind in living])


def at(result, i, moved=0.0):
    """Return the model at point `i` of the curves, with y `moved` by a share of its range."""
    p = with_value(result.params, result.x_name, float(result.x[i]))
    shift = moved * (result.y.max() - result.y.min())
    return constants_of(with_value(p, result.y_name, float(result.y[i] + shift)))


def slope_of(model, y):
    """Return the eigenvalues over tau of the plain drift's Jacobian, by central differences."""
    rates = {"encoder": model.lr * model.encoder, "variances": model.lr * model.variances}

    def drift(x):
        of = (model.beta, model.rho, model.eta, model.lam, model.lr, model.latent)
        return reference.drift(x, *of, **rates, batch=model.batch) / model.lr

    assert np.abs(drift(y)).max() < 1e-11
    h = 1e-6
    columns = [(drift(y + h * e) - drift(y - h * e)) / (2 * h) for e in np.eye(len(y))]
    spread, gather = symmetric(model.latent, model.signal)
    return np.linalg.eigvals(gather @ np.array(columns).T @ spread)


def most_stable(model, label):
    """Return the eigenvalues of the most stable state with the latents that a label names."""
    sides = label.split(" to ")[0].split(", ")
    pairs = pairs_of(model.rho, bool(model.sampled))
    found = []
    for one in states_of(model.latent, model.signal, pairs):
        if {*sides} <= {*map(word_of, one.kinds)}:
            units, whole = Units(model), configuration_of(one, model)
            if all(units.state(each) is not None for each in whole):
                found.append(slope_of(model, state(units, whole)))
    return min(found, key=lambda values: np.sort(values.real)[-2])


def of_pairs(result):
    """Yield number, kind and label of the curves of attracting states with pairs."""
    for n, (kind, label) in enumerate(zip(result.kinds, result.labels, strict=True)):
        if "two on" in label and parts(result, n):
            yield n, kind, label


@pytest.mark.parametrize("name", BOXES)
def test_eigenvalues_of_the_plain_drift_are_critical(name, curves):
    """All others are negative; 1 % of the range off the curve none vanishes (the control)."""
    result, kinds = curves[name], set()
    for n, kind, label in of_pairs(result):
        (part, *_) = parts(result, n)
        for i in part[[len(part) // 4, (2 * len(part)) // 3]][: 1 if name == "three" else 2]:
            values = most_stable(at(result, i), label)
            critical = values[np.argsort(np.abs(values.real))][: 2 if kind == "hopf" else 1]
            assert np.abs(critical.real).max() < 1e-7, (label, kind)
            assert np.all(np.abs(critical.imag) > 1e-3 if kind == "hopf" else critical.imag == 0)
            assert np.sort(values.real)[-1 - len(critical)] < -1e-7
            off = most_stable(at(result, i, 0.01), label)
            assert np.abs(off.real).min() > 2e-6
            kinds.add(kind)
    assert kinds == {"loss", "hopf"}


@pytest.mark.parametrize(("name", "kind"), [("two", "loss"), ("two", "hopf"), ("one", "hopf")])
def test_branches_in_one_constant_meet_the_curves(name, kind, curves):
    result = curves[name]
    n, _, label = next(each for each in of_pairs(result) if each[1] == kind)
    i = parts(result, n)[0][7]
    p = with_value(result.params, result.x_name, float(result.x[i]))
    y = float(result.y[i])
    ends = 0.96 * y, 1.04 * y
    (pair,) = (each for each in pairs_of(constants_of(p).rho, False) if word_of(each) == label)
    kept = unit(pair, vary(p, result.y_name, ends[1]))
    traced = Continuation(lambda x: vary(p, result.y_name, x), *ends, [kept], steps=8)
    branch = traced.branch((kept,), {kept: 0})
    (change,) = (where for what, where in branch.events if what == "stability")
    assert change == pytest.approx(y, rel=1e-8)
    if kind == "hopf":
        model = at(result, i)
        printed = hopf(model, Units(model).state(kept))["frequency"]
        values = most_stable(model, label)
        assert np.abs(values.imag[np.argmin(np.abs(values.real))]) * model.lr == pytest.approx(
            printed, rel=1e-6
        )


@pytest.mark.parametrize(("name", "n"), [("two", 12), ("three", 6), ("one", 12)])
def test_curves_are_the_edges_of_entangled_phases(name, n, curves):
    """To a cell, where the ODE decides nothing by itself: a coarse map, so no more than that.

    Beside Hopf points learning may end at a cycle that is stable, too; here that is within a cell.
    """
    (params, x, y), result = BOXES[name], curves[name]
    axes = [(each[0], np.linspace(*each[1:], n)) for each in (x, y)]
    phase = vaedyn.phase_diagram(params, *axes).phase
    u, v = ((values - each[1]) / (each[2] - each[1]) * (n - 1)
            for values, each in ((result.x, x), (result.y, y)))  # fmt: skip
    same = (np.diff(result.curve) == 0) & result.attracting[1:] & result.attracting[:-1]
    ends, shares = np.stack([u, v], axis=1), np.linspace(0, 1, 12)[:, None, None]
    line = (ends[:-1][same] + shares * np.diff(ends, axis=0)[same]).reshape(-1, 2)
    seen = 0
    for axis in (0, 1):
        first, second = np.take(phase, range(n - 1), axis), np.take(phase, range(1, n), axis)
        for edge in np.argwhere(first != second):
            sides = {int(first[tuple(edge)]), int(second[tuple(edge)])}
            if ENTANGLED in sides and UNDECIDED not in sides:
                off = np.abs(line - edge - 0.5 * np.eye(2)[axis]).max(axis=1).min()
                assert off < 1.01, (edge, sides)
                seen += 1
    assert seen > 5


MODELS = {
    "rates": vaedyn.Params(
        latent=4, signal=3, rho=(3, 1.9, 1.2), eta=0.8, beta=0.35, lr=(1.2, 1, 1.5), lam=0.02
    ),
    "sampled": vaedyn.Params(
        latent=4, signal=3, rho=(3, 1.9, 1.2), eta=0.8, beta=0.35, lr=(0.6, 0.5, 0.9), lam=0.02,
        latents="sampled", batch=2,
    ),
    "equal": vaedyn.Params(latent=4, signal=3, rho=(2.2, 2.2, 1.2), eta=0.7, beta=0.4, lr=1.1),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_blocks_are_those_of_the_generic_jacobian(name):
    """All deviations within pairs, and between them and others, in one state with each pair."""
    model = constants_of(MODELS[name])
    modes, units, tried = PairModes(model.many()), Units(model), set()
    for pair in pairs_of(model.rho, bool(model.sampled))[:6]:
        modes.find(pair)
        if np.isnan(modes.latents[Turned(pair, 0)].Q[0]):
            continue
        alone = tuple(k for k in range(2) if k not in pair.signals)
        one = State((pair,), alone, 0, 2 - len(alone))
        for kind in one.kinds:
            modes.find(kind)
        groups: dict = {}
        for block in one.blocks(3):
            own = block[:1] if "unlearned" in block else block
            if block[0] in (OWN, APART, BORN):
                own = (Turned(block[1], 0),)
            key = tuple(a.pair if isinstance(a, Turned) else a for a in own)
            if pair in key:
                key += (block[2] + 100,) if "unlearned" in block else ()
                values = spectrum(modes.c, block, modes.latents)[0]
                groups.setdefault(key, []).extend(values)
        for key, values in groups.items():
            expected = units.modes(
                *(Unit(0, (float(model.rho[a - 100]),)) if not isinstance(a, Pair) and a >= 100
                  else unit(a, model) for a in key)
            ) / model.lr  # fmt: skip
            expected = expected[np.isfinite(expected)]
            np.testing.assert_allclose(
                np.sort_complex(np.array(values)), np.sort_complex(expected), atol=2e-8
            )
            tried.add(tuple(type(a).__name__ for a in key))
    assert {("Pair",), ("Pair", "int")} <= tried


def test_usual_pairs_are_those_that_are_found_one_by_one():
    """Where pairs are stable; the roots of mixed latents are close to poles of the function."""
    rng, count = np.random.default_rng(4), 8
    for _ in range(count):
        p = vaedyn.Params(
            latent=2, signal=2, rho=(rng.uniform(1.5, 4), rng.uniform(0.4, 1.4)),
            eta=rng.uniform(0.3, 1.5), beta=rng.uniform(0.02, 1.5), lr=rng.uniform(0.3, 1.7),
            lam=float(rng.choice([0, 0.05])),
        )  # fmt: skip
        model = constants_of(p)
        units, c = Units(model), model.many()
        for pair in (Pair(0, 1), Pair(0, NOISE)):
            known = [units.state(each) for each in units.branches(unit(pair, model))]
            found = usual(c, pair)[0]
            assert np.isnan(found).all() or known
            if known and len(known) == 1:
                Q = known[0][-14:-10].reshape(2, 2)
                assert found.sum() == pytest.approx(Q.trace(), rel=1e-9)


def test_a_fold_of_pairs_is_where_branches_turn():
    """Weight decay ends pairs that are saddles; so they are followed from a guess."""
    p = vaedyn.Params(latent=2, signal=2, rho=(0.6, 0.4), eta=0.5, beta=0.1, lr=0.5)
    box, pair = box_of(p, ("lam", 0.5, 0.7), ("beta", 0.08, 0.12)), Pair(0, 1)
    condition = on_block(PairFold, box, (OWN, pair), tuple(states_of(2, 2, [pair])))

    def turn(beta):
        kept = unit(pair, constants_of(p))
        path = Continuation(lambda x: vary(p.replace(beta=beta), "lam", x), 0.5, 0.7, [kept])
        return max(path.pieces[kept], key=lambda piece: piece.x[-1])

    piece = turn(0.1)
    Q = piece.states[-1][8:12].reshape(2, 2)
    guess = np.array(
        [Q[0, 0] + abs(Q[0, 1]), Q[0, 0] - abs(Q[0, 1]), (piece.x[-1] - 0.5) / 0.2, 0.5]
    )
    start = corrected(condition, guess, np.eye(4)[3])
    assert box.values(start[None, -2:])[0, 0] == pytest.approx(piece.x[-1], rel=1e-8)
    line = followed(condition, start)
    lam, beta = box.values(line.points[[2], -2:])[0]
    assert abs(beta - 0.1) > 0.005
    assert turn(beta).x[-1] == pytest.approx(lam, rel=1e-8)


def test_small_learning_rates_cost_nothing(monkeypatch):
    """There some state of latents alone is stable everywhere, and no pair attracts."""
    monkeypatch.setattr("vaedyn.fixedpoints.pair_modes.usual", None)
    result = bifurcation_curves(
        TWO.replace(lr=0.05), ("beta", 0.3, 5), ("eta", 0.3, 2), follow="loss", lines=2
    )
    assert "loss" in result.kinds
