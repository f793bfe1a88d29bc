"""Fixed points under Adam of drifts that are made up, and branches that are traced from states."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

import vaedyn
from vaedyn.errors import ConvergenceError, ParameterError
from vaedyn.fixedpoints import branches as following
from vaedyn.fixedpoints import under_adam as module
from vaedyn.fixedpoints.arclength import Piece
from vaedyn.fixedpoints.branches import Continuation
from vaedyn.fixedpoints.groups import Unit
from vaedyn.fixedpoints.under_adam import Adam, slaved, thresholds_under_adam
from vaedyn.kernels.constants import Constants
from vaedyn.model.state import pack, unpack

PARAMS = vaedyn.Params(
    optimiser="adam", latents="sampled", batch=16, dim=500, lr=0.5, beta=0.8, rho=3.0, eta=0.7
)
ONE, NOISE = Unit(1, (3.0,)), Unit(1, (), 1)
AT = np.array([1.2, 0.4, 2.0, 0.5, 0.6, 0.8 / 2.8])  # m, d, Q, E, R and D of one latent


def test_variances_follow():
    y = slaved(Constants(0.8, np.array([3.0]), 0.7, 0.0, 0.5, 1), AT * [1, 1, 1, 1, 1, 9])
    np.testing.assert_allclose(y, AT)


def made(velocity=None, whole=None, moments=None, **changes):
    adam = Adam(PARAMS.replace(**changes))
    if velocity:
        adam.velocity = velocity
    if whole:
        adam.whole = whole
    if moments is not None:
        adam.moments = lambda model, y: np.array(moments)
    return adam


def alone(adam):
    return adam.alone(ONE)


def test_a_unit_alone_has_its_own_signals():
    two = made(latent=2, signal=2, rho=(3.0, 1.0))
    model = two.alone(Unit(1, (1.0,)))
    assert (model.latent, model.rho.tolist(), model.beta) == (1, [1.0], 0.8)


def test_newtons_method_leads_to_where_all_but_variances_rest(monkeypatch):
    """Of a drift that is far steeper in some order parameters than in others."""
    steep = np.array([1.0, -1e3, 1e-4, 5.0, 2.0, 0.0])
    calls = []

    def velocity(model, y):
        calls.append(1)
        off = y - AT
        return steep * (off + 0.1 * off[[1, 2, 3, 4, 0, 5]] ** 2)

    adam = made(velocity)
    start = AT * [1.05, 0.9, 1.1, 0.95, 1.02, 3]
    found = adam.newton(alone(adam), start)
    np.testing.assert_allclose(found, AT, rtol=1e-10)
    assert len(calls) < 11 * 12
    # steps are half of the size of an order parameter at most
    seen = []

    def far(model, y):
        seen.append(y[0])
        return (y - AT * [30, 1, 1, 1, 1, 1]) * [1, 1, 1, 1, 1, 0]

    adam = made(far)
    monkeypatch.setattr(module, "real_weights", lambda model, y: True)
    found = adam.newton(alone(adam), AT)
    assert found[0] == pytest.approx(36)
    assert seen[21] - seen[10] == pytest.approx(0.5 * 2**0.5)  # of the root of Q
    monkeypatch.setattr(module, "real_weights", lambda model, y: False)
    assert adam.newton(alone(adam), AT) is None
    adam = made(lambda model, y: np.full(6, np.inf))
    with np.errstate(all="ignore"), pytest.raises(np.linalg.LinAlgError):
        adam.newton(alone(adam), AT)
    drifting = made(lambda model, y: np.array([1.0, 0, 0, 0, 0, 0]) * (2 + np.cos(40 * y[0])))
    assert drifting.newton(alone(drifting), AT) is None


def resting(monkeypatch, found, status="finished", vanishes=False, calls=1):
    """Return where a latent rests whose course ends as is given, and how it began."""
    from scipy import integrate

    seen = {}

    class Flow:
        def __init__(self, flow, start, y, end, rtol, atol):
            seen.update(start=start, y=y, end=end, rtol=rtol, atol=atol, rate=flow(0.0, y))
            self.status, self.nfev, self.y, self.steps = "running", 0, y + 1, 0

        def step(self):
            self.steps += 1
            self.nfev += 60_000
            if self.steps == calls:
                self.status = status
            seen["steps"] = self.steps

    monkeypatch.setattr(integrate, "LSODA", Flow)
    adam = made(lambda model, y: y)
    adam.newton = lambda model, y: seen.update(ended=y) or found
    adam.vanishes = lambda model: vanishes
    return adam, seen


def test_a_latent_is_followed_to_where_it_rests(monkeypatch):
    """From nearly what it has at small rates: Q = s - beta, or s / 10, and an overlap of 0.9."""
    adam, seen = resting(monkeypatch, AT)
    assert adam.rest(ONE) is AT
    Q, v = 3.7 - 0.8, 1 / 3.7
    np.testing.assert_allclose(
        seen["y"], [np.sqrt(0.9 * Q), v * np.sqrt(0.9 * Q), Q, v**2 * Q, 0.9 * v * Q, 1.0]
    )
    rate = seen["y"].copy()
    rate[-1] = 0
    np.testing.assert_allclose(seen["rate"], rate)
    assert (seen["start"], seen["end"], seen["rtol"], seen["atol"]) == (0, 1e4, 1e-8, 1e-14)
    np.testing.assert_array_equal(seen["ended"], seen["y"] + 1)
    on_noise = np.array([0.3, 0.2, 0.1, 0.7])
    adam, seen = resting(monkeypatch, on_noise)
    assert adam.rest(NOISE) is on_noise
    assert seen["y"][0] == pytest.approx(0.07)
    assert len(seen["y"]) == 4
    adam, seen = resting(monkeypatch, AT, status="failed")
    assert adam.rest(ONE) is None
    assert "ended" not in seen
    adam, seen = resting(monkeypatch, AT, calls=5)
    assert adam.rest(ONE) is None
    assert seen["steps"] == 2  # up to 100000 calls
    assert resting(monkeypatch, None)[0].rest(NOISE) is None
    assert resting(monkeypatch, None, vanishes=True)[0].rest(ONE) is None
    text = (
        "adam_epsilon: is so large that latents collapse wholly, for which fixed points under "
        "adam are not derived; lower it"
    )
    with pytest.raises(ParameterError) as caught:
        resting(monkeypatch, None, vanishes=True)[0].rest(NOISE)
    assert str(caught.value) == text
    for m, there in ((1.005e-4, True), (0.995e-4, False)):
        y = AT.copy()
        y[:3] = m, 0, 1.0
        assert (resting(monkeypatch, y)[0].rest(ONE) is not None) == there


def test_weights_vanish_where_small_ones_shrink():
    J = np.array([[-1.0, 0.5, 0.2], [0.1, -2.0, 0.3], [0.0, 0.2, -1.5]])
    seen = []

    def velocity(model, y):
        seen.append((model.rho.tolist(), y.tolist()))
        return np.append(J @ y[:3], 9.0)

    averaged = {"latents": "averaged", "adam_epsilon": 1e-3}
    adam = made(velocity, **averaged)
    model = adam.alone(NOISE)
    assert adam.vanishes(model)
    assert seen == [([], [1e-60 * (n == k) for n in range(3)] + [1.0]) for k in range(3)]
    J[2, 2] = 0.5
    assert not adam.vanishes(model)
    J[2, 2] = -1.5
    assert not made(velocity, latents="averaged", adam_epsilon=0.0).vanishes(model)
    sampled = made(velocity, adam_epsilon=1e-3)
    assert not sampled.vanishes(sampled.alone(NOISE))


@pytest.mark.parametrize(("sampled", "moments"), [(True, 3), (False, 2)])
def test_a_spectrum_is_that_of_order_parameters_and_second_moments(monkeypatch, sampled, moments):
    """Of a linear drift: of all but the correction of bias, and gradients of log D if averaged."""
    rng = np.random.default_rng(4)
    J = rng.normal(size=(10, 10))
    v = np.array([2.0, 0.5, 0.25])
    point = np.concatenate([AT, np.where(np.arange(3) < moments, v, 0), [1.0]])
    adam = made(
        whole=lambda model, z: J @ (z - point), moments=v,
        latents="sampled" if sampled else "averaged",
    )  # fmt: skip
    found = adam.spectrum(adam.alone(ONE), AT)
    kept = np.arange(6 + moments)
    expected = np.linalg.eigvals(J[np.ix_(kept, kept)])
    np.testing.assert_allclose(
        found, expected[np.lexsort((np.imag(expected), -np.real(expected)))], rtol=1e-7
    )
    equal = np.zeros((1, 6))
    equal[0, 0] = 1.0
    monkeypatch.setattr(module, "symmetry_tangents", lambda model, y: equal)
    fewer = adam.spectrum(adam.alone(ONE), AT)
    assert np.isnan(fewer[-1])
    left = np.delete(expected, np.abs(expected).argmin())
    np.testing.assert_allclose(np.sort(np.abs(fewer[:-1])), np.sort(np.abs(left)), rtol=1e-7)


def bounds(monkeypatch, floor, found=True):
    """Return thresholds where Q, E and D of a latent on noise are functions of beta."""
    asked = []

    class Some(Adam):
        def newton(self, model, start):
            asked.append(float(self.params.beta))
            if not found and self.params.beta != round(self.params.beta, 3):
                return None
            return self.at()

        def rest(self, unit):
            assert unit == NOISE
            return self.at() if found else None

        def at(self):
            Q, E, D = floor(float(self.params.beta))
            return pack(np.zeros((1, 0)), np.zeros((1, 0)), [[Q]], [[E]], [[0.0]], [D])

    monkeypatch.setattr(module, "Adam", Some)
    return thresholds_under_adam(Some(PARAMS.replace(latent=2, signal=2, rho=(3.0, 1.5)))), asked


def test_a_latent_on_noise_learns_a_signal_up_to_a_beta(monkeypatch):
    """s > (eta E + D) (Q + beta), looked for from 1000 times eta + rho down to eta / 1000."""
    limits, asked = bounds(monkeypatch, lambda beta: (0.2, 0.3, 1.0))
    scale = 0.7 * 0.3 + 1
    np.testing.assert_allclose(
        limits["collapse"], [3.7 / scale - 0.2, 2.2 / scale - 0.2], rtol=1e-9
    )
    assert (limits["noise_upper"], limits["max_lr"]) == (None, None)
    # KL is (eta E + D - log D - 1)/2 = 0.105 nats at any beta
    assert limits["noise"] is None
    assert max(asked) <= 3.7e3
    limits, _ = bounds(monkeypatch, lambda beta: (0.2, 0.02 * 1.7 / beta / 0.7, 1.0))
    assert limits["noise"] == pytest.approx(1.7, rel=1e-9)
    limits, asked = bounds(monkeypatch, lambda beta: (0.0, 0.0, 1e9))
    assert limits["collapse"] == [0.0, 0.0]
    assert limits["noise"] is None
    assert min(asked) == pytest.approx(7e-4, rel=0.15)
    limits, _ = bounds(monkeypatch, lambda beta: (0.0, 0.0, 1e-9))
    assert limits["collapse"] == [None, None]
    assert bounds(monkeypatch, lambda beta: (0.0, 0.0, 1.0))[0]["noise"] == 0.0


def test_what_a_latent_keeps_may_not_be_found(monkeypatch):
    with pytest.raises(ConvergenceError) as caught:
        bounds(monkeypatch, lambda beta: (0.2, 0.3, 1.0), found=False)
    assert str(caught.value) == "what a latent keeps on noise is not found at beta = 3700"


# ---- pieces of branches


def tracing(monkeypatch, there, known=(), first=False):
    """Return the pieces of a unit over 1 to 3, and from where they were followed."""
    asked = []

    class Some:
        def __init__(self, model):
            self.x = model.x

        def branches(self, unit):
            assert unit == (ONE, self.x)
            assert not first
            return ["usual", "other"]

        def state(self, each):
            return there(each, self.x)

    def trace(unit, path, start, x, low, high):
        asked.append((start, x, low, high, path(9.0)))
        return [f"piece {len(asked)}", "more"]

    monkeypatch.setattr(following, "Units", Some)
    monkeypatch.setattr(following, "trace", trace)
    found = Continuation.__new__(Continuation)
    found.low, found.high, found.path = 1.0, 3.0, lambda x: Made(x=x)
    found.at = lambda unit, x: (unit, x)
    found.alone = lambda unit, x: ("alone", x)
    found._passes = lambda unit, piece, x, start: (piece, start) in known
    found._ended = lambda unit, piece: piece
    return found._trace(ONE, first), asked


def test_branches_are_looked_for_at_nine_values(monkeypatch):
    places = []
    pieces, asked = tracing(monkeypatch, lambda each, x: places.append((each, x)))
    assert (pieces, asked) == ([], [])
    assert places == [(each, x) for x in np.linspace(1, 3, 9) for each in ("usual", "other")]
    pieces, asked = tracing(
        monkeypatch, lambda each, x: x if each == "usual" and x < 2 else None,
        known=[("piece 1", 1.25), ("more", 1.5)],
    )  # fmt: skip
    assert asked == [(x, x, 1.0, 3.0, ("alone", 9.0)) for x in (1.0, 1.75)]
    assert pieces == ["piece 1", "more", "piece 2", "more"]


def test_first_branches_are_looked_for_where_the_range_begins(monkeypatch):
    """Of the unit itself; others that are joined are not looked for."""
    pieces, asked = tracing(monkeypatch, lambda each, x: each, first=True)
    assert asked == [((ONE, 1.0), 1.0, 1.0, 3.0, ("alone", 9.0))]
    assert pieces == ["piece 1", "more"]
    log = []
    monkeypatch.setattr(Continuation, "_trace", lambda self, unit, first: log.append((unit, first)))
    monkeypatch.setattr(Continuation, "_trace_joined", lambda self, unit: log.append(unit))
    Continuation(lambda x: x, 1.0, 3.0, [ONE, NOISE])
    assert log == [(ONE, False), (NOISE, False), ONE, NOISE]
    log.clear()
    made = Continuation(lambda x: x, 1.0, 3.0, [ONE], 12, True)
    assert log == [(ONE, True)]
    assert (made.steps, made.low, made.high, made.base) == (12, 1.0, 3.0, 3.0)
    assert Continuation(lambda x: x, 1.0, 3.0, []).steps == 120


def test_units_are_put_where_pieces_of_them_are(monkeypatch):
    """Those with as many latents as there are at most; all others stand in the first state."""
    put, wanted = {}, []

    class Some:
        def __init__(self, path, low, high, units):
            wanted.extend(units)
            self.pieces = {ONE: [Piece(np.zeros(2), np.arange(2.0), "", "")], NOISE: []}

        def choices(self, configuration):
            return [{}]

        def branch(self, configuration, chosen):
            return configuration if configuration == (ONE,) else None

    monkeypatch.setattr(following, "Continuation", Some)
    monkeypatch.setattr(following, "Units", lambda model: Made(put=put.__setitem__))
    monkeypatch.setattr(
        following, "configurations", lambda units, groups: [(NOISE,), (ONE._replace(branch=1),)]
    )
    traced, found = following._all(vaedyn.Params(rho=3.0, latent=1), "beta", 0.5, 1.0, 2, None)
    assert found == []
    assert wanted == [ONE, NOISE]
    assert put[ONE] == 0
    assert put[NOISE] is None
    assert put[Unit(2, (3.0,))] is None
    assert isinstance(traced, Some)
    two = unpack(np.arange(18.0), 2, 1)
    assert two["D"].tolist() == [16, 17]
    wanted.clear()
    following._all(vaedyn.Params(rho=3.0, latent=2), "beta", 0.5, 1.0, 2, None)
    assert len(wanted) == 5
