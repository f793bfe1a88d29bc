"""Where a learning curve on data starts, and what it is handed and kept under: number by number."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.data import course as module
from vaedyn.data.course import (
    _classes,
    as_curve,
    integrated,
    predicted_course,
    refuse,
    start_on,
    unknown,
)
from vaedyn.data.learn import DataParams
from vaedyn.errors import ParameterError

RANDOM = np.random.default_rng(6)
BASIS = np.linalg.qr(RANDOM.normal(size=(6, 6)))[0]


def known(values=(6.0, 3.0, 2.0, 0.75, 0.5, 0.25), tracked=3, total=None, complete=True, dim=6):
    values = np.array(values)
    spectrum = SimpleNamespace(
        eigenvalues=values, directions=BASIS[:tracked], samples=11, dim=dim, complete=complete,
        total=float(values.sum() if total is None else total),
    )  # fmt: skip
    rows = SimpleNamespace(unit=6.0, digest="digest", origin={"file": "f"})
    return SimpleNamespace(spectrum=spectrum, rows=rows, epochs="many")


def model(**changes):
    usual = {"dim": 6, "latent": 2, "signal": 1, "beta": 1.25, "t_max": 8.0, "points": 3}
    return DataParams(**{**usual, **changes})


def test_classes_are_of_neighbours():
    assert _classes(np.array([])) == []
    assert _classes(np.array([3.0, 1.0])) == [(3.0, 1), (1.0, 1)]
    many = np.arange(100.0)
    found = _classes(many)
    assert sum(count for _, count in found) == 100
    parts = np.array_split(many, module.CLASSES)
    assert found == [(part.mean(), len(part)) for part in parts]


def weights(params):
    """Return W and V of `params`, and what of them is beside the first three directions."""
    W, V = params.weights()
    beside = np.eye(6) - BASIS[:3].T @ BASIS[:3]
    return W, V, W @ beside, V @ beside


def test_a_start_is_projected_onto_the_directions_that_are_known():
    params = model()
    start = start_on(known(), params)
    W, V, W_rest, V_rest = weights(params)
    np.testing.assert_allclose(start.parts["m"], W @ BASIS[:3].T / 6**0.5, rtol=1e-12)
    np.testing.assert_allclose(start.parts["d"], V @ BASIS[:3].T / 6**0.5, rtol=1e-12)
    assert start.parts["D"].tolist() == [1, 1]
    # of two latents in use, the third direction is noise, of which nothing more is known
    values = np.array([6, 3, 2, 0.75, 0.5, 0.25]) * (10 / 11) / 6
    tracked, classes, shares = start.directions
    np.testing.assert_allclose(tracked, values[:3], rtol=1e-14)
    np.testing.assert_allclose(classes, values[2:], rtol=1e-14)
    np.testing.assert_allclose(shares, np.ones(4) / 6, rtol=1e-14)
    for name, wanted in (
        ("q", W_rest @ W_rest.T), ("e", V_rest @ V_rest.T), ("r", W_rest @ V_rest.T),
    ):  # fmt: skip
        assert start.parts[name].shape == (4, 2, 2)
        assert not start.parts[name][0].any()
        for each in start.parts[name][1:]:
            np.testing.assert_allclose(each, wanted / 3, rtol=1e-10)


@pytest.mark.parametrize(
    ("latent", "beta", "noise"), [(3, 1.25, 0), (1, 1.25, 2), (3, 2.0 * 10 / 11 * 1.001, 1),
                                  (3, 2.0 * 10 / 11 * 0.999, 0), (3, 9.0, 3)]
)  # fmt: skip
def test_directions_that_no_latent_uses_are_noise(latent, beta, noise):
    start = start_on(known(), model(latent=latent, beta=beta))
    assert len(start.directions[1]) == noise + 3
    assert not start.parts["q"][:noise].any()
    assert start.parts["q"][noise:].any()


def test_eigenvalues_that_are_missing_are_of_one_class():
    """Their sum is that of all, less those known: 1 of two columns; none where all are known."""
    params = model()
    some = known((6.0, 3.0, 2.0, 0.5), total=12.5, complete=False)
    start = start_on(some, params)
    unit = 10 / 11 / 6
    np.testing.assert_allclose(start.directions[1], np.array([2, 0.5, 0.5]) * unit, rtol=1e-12)
    np.testing.assert_allclose(start.directions[2], np.array([1, 1, 2]) / 6, rtol=1e-14)
    *_, W_rest, V_rest = weights(params)
    np.testing.assert_allclose(start.parts["r"][2], W_rest @ V_rest.T / 3, rtol=1e-10)
    zero = start_on(known((6.0, 3.0, 2.0, 0.5), total=12.5), params)
    np.testing.assert_allclose(zero.directions[1], np.array([2, 0.5, 0]) * unit, rtol=1e-12)
    less = start_on(known((6.0, 3.0, 2.0, 0.5), total=11.0, complete=False), params)
    assert less.directions[1][2] == 0
    assert (unknown(some), unknown(known())) == (2, 0)


def test_where_all_directions_are_used_there_is_no_class():
    basis = known((6.0, 3.0, 2.0), tracked=3, dim=3)
    basis.spectrum.directions = np.eye(3)
    start = start_on(basis, model(dim=3, latent=3))
    assert [len(each) for each in start.directions] == [3, 0, 0]
    assert start.parts["q"].shape == (0, 3, 3)


def test_what_is_not_derived_is_refused():
    def refused(found, params):
        with pytest.raises(ParameterError) as error:
            refuse(found, params)
        return str(error.value)

    refuse(known(), model())
    end = "for learning curves on data; leave it out"
    assert refused(known(), model(lam=0.1)) == f"lam: is not derived {end}"
    assert refused(known(), model(optimiser="adam")) == f"optimiser: adam is not derived {end}"
    one = known()
    one.epochs = "one"
    assert refused(one, model(lam=0.1)) == (
        "epochs: is derived for many only in learning curves on data; leave it out"
    )
    with pytest.raises(ParameterError, match="^lam: "):
        predicted_course(known(), model(lam=0.1))


def test_the_ode_is_handed_the_units_of_the_largest_variance(monkeypatch):
    asked = {}

    def follow(directions, parts, t, **how):
        asked.update(directions=directions, parts=parts, t=t, **how)
        return "course"

    monkeypatch.setattr(module, "follow", follow)
    params = model(lam=0.3, anneal="points:0=3,4=1.25")
    start = SimpleNamespace(directions="directions", parts="parts")
    t = np.arange(3.0)
    given = (params, known(), start, t, params.schedule, 1e-3, 1e-4)
    assert integrated(*given, "progress") == "course"
    assert asked.pop("schedule")(np.array(0.0), 0.25) == pytest.approx(0.5)
    assert asked["lam"] == 0.0
    assert {name: asked[name] for name in ("directions", "parts", "rtol", "atol", "progress")} == {
        "directions": "directions", "parts": "parts", "rtol": 1e-3, "atol": 1e-4,
        "progress": "progress",
    }  # fmt: skip
    assert asked["beta"] == pytest.approx(1.25 / 6)
    assert asked["t"] is t


def test_curves_are_in_the_units_of_the_data(monkeypatch):
    made = SimpleNamespace(
        t=np.arange(2.0), Q=np.full((2, 2, 2), 2.0), S=np.full((2, 2, 2), 3.0),
        A=np.full((2, 2, 2), 5.0), D=np.full((2, 2), 0.5), info={"solver": "s"},
    )  # fmt: skip
    curve = as_curve(model(), known(), made)
    assert (curve.Q[0, 0, 0], curve.S[0, 0, 0], curve.A[0, 0, 0], curve.D[0, 0]) == (12, 3, 30, 0.5)
    assert (curve.samples, curve.t.tolist()) == (11, [0, 1])
    times, kept_as = [], {}

    def kept(store, kind, record, compute):
        variables, info = compute()
        kept_as.update(store=store, kind=kind, record=record, info=info)
        return SimpleNamespace(arrays={n: v[1] for n, v in variables.items()}, info=info, source=1)

    def integrated(params, found, start, t, schedule, rtol, atol, progress):
        times.append(t.tolist())
        kept_as.update(rtol=rtol, atol=atol, progress=progress, schedule=schedule)
        return made

    monkeypatch.setattr(module, "kept", kept)
    monkeypatch.setattr(module, "integrated", integrated)
    params = model(lr=0.04)
    found = predicted_course(known(), params, store="store", progress="progress")
    assert (found.samples, found.source) == (11, 1)
    steps = module.steps_of(params, 3)
    assert times == [(steps / 6).tolist()]
    assert (kept_as["store"], kept_as["kind"], kept_as["progress"]) == (
        "store",
        "course",
        "progress",
    )
    assert kept_as["info"] == {"file": "f", "solver": "s", "samples": 11}
    assert kept_as["record"] == {
        **params.to_dict(), "data": "digest", "rtol": 1e-8, "atol": 1e-10, "known": 3,
        "numerics": module.NUMERICS["course"],
    }  # fmt: skip
    assert (kept_as["rtol"], kept_as["atol"]) == (1e-8, 1e-10)
