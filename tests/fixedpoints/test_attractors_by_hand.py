"""Which state of single latents attracts, and how fixed points are listed: growth rates by hand."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

import vaedyn
from vaedyn.fixedpoints import attractors as module
from vaedyn.fixedpoints import points as listing
from vaedyn.fixedpoints.attractors import PHASES, Modes, attractors, kl_of, largest
from vaedyn.fixedpoints.points import FixedPoints, in_order
from vaedyn.fixedpoints.single import Latent
from vaedyn.kernels.constants import Constants
from vaedyn.model.state import pack

THREE = Constants(0.8, np.array([[3.0, 1.5]] * 2), 0.7, 0.1, 0.5, 3).many()
NAMES = ("phase", "eps_g", "active", "growth", "stable", "loss")


def latent(rho=0.0, m=0.0, d=0.0, Q=1.0, E=0.5, R=0.25, D=0.5, n=2):
    return Latent(*(np.full(n, float(x)) for x in (rho, m, d, Q, E, R, D)))


KINDS = {
    0: latent(3.0, 1.1, 0.5, 1.3, 0.6, 0.4, 0.3), 1: latent(1.5, 0.9, 0.7, 1.2, 0.7, 0.3, 0.4),
    -1: latent(0, 0, 0, 0.6, 0.3, 0.2, 0.7), -2: latent(0, 0, 0, 0.1, 0.05, 0.02, 0.9),
    -3: latent(0, 0, 0, 2.5, 1.5, 0.9, 0.2),
}  # fmt: skip


def test_phases_have_numbers():
    assert PHASES == (
        "collapsed", "learned", "partly learned", "noise-fitting", "entangled", "oscillating",
        "undecided", "diverging",
    )  # fmt: skip
    names = ("COLLAPSED", "LEARNED", "PARTLY", "NOISE", "ENTANGLED", "OSCILLATING", "UNDECIDED",
             "DIVERGING")  # fmt: skip
    assert [getattr(module, name) for name in names] == list(range(8))


class Surveyed(Modes):
    """Modes whose growth rates and losses are given by state, else unstable."""

    def __init__(self, c, rates, losses, sampled=False):
        self.c, self.signals, self.sampled, self._known = c, 2, sampled, {}
        self.rates, self.losses, self.kinds = rates, losses, KINDS

    def growth(self, *state):
        return np.broadcast_to(self.rates.get(state, 1.0), len(self.c.eta)).astype(float)

    def loss(self, learned, noise, beyond=0):
        loss = self.losses.get((learned, noise, beyond), 9.0)
        return np.broadcast_to(loss, len(self.c.eta)).astype(float), np.full(2, learned + 0.25)


def surveyed(rates, losses, sampled=False, beyond=False, c=THREE):
    found = {name: np.zeros(2) for name in NAMES}
    found["loss"] += 8.0
    found["phase"] += 6
    Surveyed(c, rates, losses, sampled).survey(found, beyond)
    return [found[name].tolist() for name in NAMES]


def test_the_stable_state_of_least_loss_is_taken():
    """States are (learned, noise, collapsed, more); a growth rate of 1e-8 lr is none."""
    at, above = 0.5e-8, 0.501e-8
    found = surveyed({(0, 0, 3, 0): -0.5}, {(0, 0, 0): 2.0})
    assert found == [[0, 0], [0.25, 0.25], [0, 0], [-0.5, -0.5], [1, 1], [2, 2]]
    found = surveyed(
        {(0, 0, 3, 0): -0.5, (1, 0, 2, 0): [at, above], (2, 0, 1, 0): -0.25},
        {(0, 0, 0): [2.0, 3.0], (1, 0, 0): 1.0, (2, 0, 0): [4.0, 2.5]},
    )
    assert found == [
        [2, 1], [1.25, 2.25], [1, 2], [at, -0.25], [3, 2], [1, 2.5],
    ]  # fmt: skip
    equal = surveyed({(0, 0, 3, 0): -0.5, (2, 0, 1, 0): -0.25}, {(0, 0, 0): 2.0, (2, 0, 0): 2.0})
    assert equal[0] == [0, 0]
    nothing = surveyed({}, {})
    assert nothing == [[6, 6], [0, 0], [0, 0], [0, 0], [0, 0], [8, 8]]
    worse = surveyed({(0, 0, 3, 0): -0.5}, {(0, 0, 0): 8.0})
    assert worse == [[6, 6], [0, 0], [0, 0], [0, 0], [1, 1], [8, 8]]


@pytest.mark.parametrize(
    ("state", "phase", "active"),
    [
        ((0, 1, 2, 0), 3, 1), ((1, 0, 2, 0), 2, 1), ((1, 2, 0, 0), 3, 3), ((2, 0, 1, 0), 1, 2),
        ((2, 1, 0, 0), 3, 3), ((0, 3, 0, 0), 3, 3),
    ],
)  # fmt: skip
def test_phases_of_states(state, phase, active):
    found = surveyed({state: -0.5}, {(*state[:2], 0): 2.0})
    assert (found[0], found[2]) == ([phase] * 2, [active] * 2)


def test_all_states_are_looked_at_once():
    every = {(a, b, 3 - a - b, 0) for a in range(3) for b in range(4 - a)}
    assert surveyed(dict.fromkeys(every, -0.5), {})[4] == [len(every)] * 2
    more = {(a, b, 3 - a - b - k, k) for a in range(3) for b in range(3) for k in (1, 2, 3)
            if a + b + k <= 3}  # fmt: skip
    found = surveyed(dict.fromkeys(more, -0.5) | dict.fromkeys(every, -0.5),
                     {(1, 0, 2): 0.5}, beyond=True)  # fmt: skip
    assert found[4] == [len(more)] * 2
    assert [each[0] for each in found[:3]] == [3, 1.25, 3]
    few = THREE._replace(latent=1)
    assert surveyed({(1, 0, 0, 0): -0.5}, {(1, 0, 0): 1.0}, c=few)[0] == [1, 1]


def test_latents_that_fit_noise_are_counted_by_nats():
    """Where they are sampled: the one on noise has more than 0.01, the other one has less."""
    modes = Surveyed(THREE, {}, {})
    assert modes.fitting(2, 5).tolist() == [2, 2]
    sampled = Surveyed(THREE, {}, {}, True)
    assert sampled.fitting(2, 5).tolist() == [7, 7]
    little, much = (latent(E=2 * 0.01 * x / 0.7, D=1.0) for x in (0.99, 1.01))
    assert kl_of(much, THREE)[0] == pytest.approx(0.0101)
    sampled.kinds = {**KINDS, -2: little, -1: much}
    assert sampled.fitting(2, 5).tolist() == [2, 2]
    sampled.kinds = {**KINDS, -2: much, -1: little}
    assert sampled.fitting(2, 5).tolist() == [5, 5]


def test_losses_add_up():
    """With everything that latents without a signal have, where they are sampled."""

    def one(kind):
        rho, m, d, Q, E, R, D = (x[0] for x in KINDS[kind])
        S, A = rho * d**2 + 0.7 * E, rho * m * d + 0.7 * R
        loss = -A + 0.5 * Q * (S + D) + 0.4 * (S + D - np.log(D) - 1) + 0.05 * (Q + E)
        return loss, Q - 2 * np.sqrt(rho) * m

    def total(*kinds):
        loss, eps_g = np.sum([one(kind) for kind in kinds], axis=0)
        return [pytest.approx(loss), pytest.approx(4.5 + eps_g)]

    plain = Modes(THREE, KINDS)
    assert [x[0] for x in plain.loss(2, 1)] == total(0, 1, -1)
    assert [x[0] for x in plain.loss(1, 0)] == total(0)
    assert [x[0] for x in plain.loss(0, 1, 2)] == total(-1, -3, -3)
    sampled = Modes(THREE._replace(sampled=np.ones(2)), KINDS)
    assert [x[0] for x in sampled.loss(1, 1)] == total(0, -1, -2)
    assert [x[0] for x in sampled.loss(0, 0)] == total(-2, -2, -2)


def test_growth_is_looked_for_until_it_is_positive(monkeypatch):
    """Within latents, towards signals that nobody learns, and between any two."""
    modes, asked = Modes(THREE, KINDS), []
    given = {}

    def rates(name):
        def method(*key):
            *kinds, rows = key
            asked.append((name, *kinds, rows.tolist()))
            return np.array([given.get((name, *kinds), -0.5)] * len(rows))[:, None].T[0]

        return method

    for name in ("_own", "_towards", "_between"):
        monkeypatch.setattr(modes, name, rates(name))
    assert modes.growth(1, 1, 1).tolist() == [-0.5, -0.5]
    both = [0, 1]
    assert asked == [
        ("_own", -2, both), ("_towards", -2, 1, both), ("_own", -1, both),
        ("_towards", -1, 1, both), ("_own", 0, both), ("_towards", 0, 1, both),
        ("_between", -2, -1, both), ("_between", -2, 0, both), ("_between", -1, 0, both),
    ]  # fmt: skip
    asked.clear()
    assert modes.growth(1, 1, 1).tolist() == [-0.5, -0.5]  # all are known
    assert asked == []
    modes.growth(0, 2, 0, 1)
    assert asked == [
        ("_own", -3, both), ("_towards", -3, 0, both), ("_towards", -3, 1, both),
        ("_towards", -1, 0, both), ("_between", -3, -1, both), ("_between", -1, -1, both),
    ]  # fmt: skip
    fresh = Modes(
        THREE, KINDS, {(0,): np.array([0.501e-8, 0.5e-8]), (0, "unlearned", 1): [1.0] * 2}
    )
    for name in ("_own", "_towards", "_between"):
        monkeypatch.setattr(fresh, name, rates(name))
    fresh._known[0, "unlearned", 1] = np.array([0.25, 0.125])
    assert fresh.growth(1, 0, 0).tolist() == [0.501e-8, 0.125]


def test_the_largest_eigenvalue_and_the_one_that_is_still():
    J = np.array([np.diag([-3.0, 1e-9, -0.5]), np.diag([-3.0, 0.4, 2.0])])
    assert largest(J).tolist() == [1e-9, 2.0]
    assert largest(J, still=True).tolist() == [-0.5, 2.0]
    turning = np.array([[[-1.0, 5.0], [-5.0, -1.0]]])
    assert largest(turning) == pytest.approx(-1)


def test_more_noise_is_looked_for_where_latents_are_averaged(monkeypatch):
    more = latent(Q=3.0)
    more.Q[0] = np.nan
    seen = []

    def survey(self, found, beyond=False):
        seen.append((len(self.c.eta), beyond, Modes.BEYOND in self.kinds))
        found["phase"][:] = 3 if beyond else 0
        found["loss"] -= 1

    own = [KINDS[0], KINDS[1]], [KINDS[-2], KINDS[-1]]
    monkeypatch.setattr(module, "singles", lambda c: own)
    monkeypatch.setattr(module, "beyond", lambda c, one: more)
    monkeypatch.setattr(Modes, "survey", survey)
    found = attractors(THREE)
    assert seen == [(2, False, False), (1, True, True)]
    assert found["phase"].tolist() == [0, 3]
    assert set(found) == {"phase", "eps_g", "active", "growth", "stable"}
    assert [found[name].dtype for name in ("phase", "active", "stable")] == [
        np.int8, np.int16, np.int16,
    ]  # fmt: skip
    seen.clear()
    attractors(THREE._replace(sampled=np.ones(2)))
    assert seen == [(2, False, False)]
    own[1].pop(0)
    monkeypatch.setattr(Modes, "survey", lambda *_: None)
    monkeypatch.setattr(module, "beyond", lambda c, one: latent(Q=np.nan))
    blank = attractors(THREE)
    assert blank["phase"].tolist() == [6, 6]
    assert blank["active"].tolist() == [-1, -1]
    assert blank["stable"].tolist() == [0, 0]
    assert np.isnan([blank["eps_g"], blank["growth"]]).all()


# ---- lists of fixed points

PARAMS = vaedyn.Params(latent=1, signal=1, rho=2.25, eta=0.7, beta=0.8, lam=0.5, lr=0.25, dim=50)
OWN = ((0, 1, 0.3, 0.9), (1, 1.1, 0.4, 0.5), (0.5, 1.2, 0.5, 0.4))  # m, Q, E and D
STATES = [pack([[m]], [[0.4 * m]], [[Q]], [[E]], [[0.1]], [D]) for m, Q, E, D in OWN]
SPECTRA = np.array([[0.25, -0.3], [-0.125, -0.5], [0.25e-8, -0.4]]) + 0j


def ordered(**others):
    given = {
        "states": STATES, "spectra": SPECTRA, "left": [1e-13, 2e-13, 3e-13],
        "types": ["a", "b", "c"], "copies": [1, 2, None], "at": 1,
        "info": {"missing": {}, "thresholds": {"noise": 0.7}},
    }  # fmt: skip
    return in_order(PARAMS, **(given | others))


def test_points_stand_by_growing_modes_and_by_loss():
    found = ordered()
    losses = [
        float(p) for p in found.distortion + 0.8 * found.kl + 0.25 * (found.Q + found.E)[:, 0, 0]
    ]
    assert losses[0] < losses[1] or found.types == ["c", "b", "a"]
    assert found.types in (["b", "c", "a"], ["c", "b", "a"])
    order = [("a", "b", "c").index(name) for name in found.types]
    np.testing.assert_array_equal(found.states, np.array(STATES)[order])
    np.testing.assert_array_equal(found.residual, np.array([1e-13, 2e-13, 3e-13])[order])
    np.testing.assert_array_equal(found.max_eigenvalue, np.array([0.25, -0.125, 0.25e-8])[order])
    assert found.reached == found.types.index("b")
    assert found.multiplicity == [(1, 2, None)[i] for i in order]
    assert found.thresholds == {"noise": 0.7}
    assert ordered(at=None).reached is None
    growing = SPECTRA.copy()
    growing[2, 0] = 0.251e-8
    assert ordered(spectra=growing).types[0] == "b"
    turning = SPECTRA + np.array([[0.0], [0.5j], [0.0]])
    assert 0.5 in ordered(spectra=turning).eigenvalues_im[:, 0]


@pytest.mark.parametrize("term", range(4))
def test_every_term_of_the_loss_decides(monkeypatch, term):
    """Of two stable points one has more of a term of the loss, and less of a small other one."""
    parts = np.zeros((4, 2))
    parts[term] = [1.0, 0.0]
    given = Made(
        distortion=parts[0], kl=parts[1], Q=parts[2][:, None, None], E=parts[3][:, None, None],
        to_variables=dict,
    )  # fmt: skip
    monkeypatch.setattr(listing.FixedPoints, "from_states", lambda *_, **__: given)
    monkeypatch.setattr(listing, "replace", lambda points, info: info)
    for weight in (0.2, 0.3):
        parts[:, 1] = 0
        parts[0 if term else 1, 1] = weight * (1 if term else 1.25)
        info = ordered(states=STATES[:2], spectra=SPECTRA[[1, 1]], types=["a", "b"],
                       copies=[1, 1], at=0)  # fmt: skip
        size = (1.0, 0.8, 0.25, 0.25)[term]
        assert info["types"] == (["b", "a"] if size > weight else ["a", "b"])
        assert info["reached"] == (size > weight)


def test_rates_close_to_zero_are_marginal():
    found = ordered(spectra=np.array([[0.251e-8, -1], [-0.251e-8, -1], [-0.25e-8, -1]]) + 0j)
    assert dict(zip(found.types, found.stable.tolist(), strict=True)) == {
        "a": False, "b": True, "c": False,
    }  # fmt: skip
    assert dict(zip(found.types, found.marginal.tolist(), strict=True)) == {
        "a": False, "b": False, "c": True,
    }  # fmt: skip
    times = dict(zip(found.types, found.relaxation_time, strict=True))
    assert times == {
        "a": pytest.approx(1 / 0.251e-8),
        "b": pytest.approx(1 / 0.251e-8),
        "c": np.inf,
    }


def test_what_a_search_has_found_stands_by_point():
    search = {"starts": 20, "seed": 3, "converged": 17, "unphysical": 1, "found": [3, 0, 1],
              "new": [False, False, True]}  # fmt: skip
    found = ordered(info={"search": search})
    order = [("a", "b", "c").index(name) for name in found.types]
    assert found.found == [search["found"][i] for i in order]
    assert found.new == [search["new"][i] for i in order]
    assert found.search == {
        "starts": 20, "seed": 3, "converged": 17, "unphysical": 1, "listed": 2, "listed_found": 1,
        "added": 1, "unseen": 1 / 16,
    }  # fmt: skip
    nothing = ordered(info={"search": {**search, "converged": 1}})
    assert nothing.search["unseen"] == 1.0
    plain = ordered()
    assert (plain.search, plain.found, plain.new) == (None, None, [False] * 3)


def test_a_table_has_a_row_for_each_point(monkeypatch):
    pytest.importorskip("pandas")
    monkeypatch.setattr(FixedPoints, "labels", ["x", "y", "z"])
    found = ordered()
    table = found.to_frame()
    assert table.columns[:8].tolist() == [
        "type", "label", "stable", "marginal", "max_eigenvalue", "relaxation_time", "multiplicity",
        "reached",
    ]  # fmt: skip
    assert {"found", "new"}.isdisjoint(table.columns)
    assert {"eps_g", "kl", "D_1"} <= {*table.columns}
    assert {name[:2] for name in table.columns} >= {"m_", "d_", "Q_", "E_", "R_"}
    assert table["type"].tolist() == found.types
    assert table["label"].tolist() == ["x", "y", "z"]
    assert table["reached"].tolist() == [name == "b" for name in found.types]
    search = {"starts": 20, "seed": 3, "converged": 17, "unphysical": 1, "found": [3, 0, 1],
              "new": [False, False, True]}  # fmt: skip
    table = ordered(info={"search": search}).to_frame()
    assert table["found"].tolist() == ordered(info={"search": search}).found
    assert table["new"].sum() == 1


def test_what_is_read_off_a_list():
    found = ordered(info={"lost": "why", "partial": "how", "missing": {"threshold": ["x"]}})
    assert (found.lost, found.partial, found.missing) == ("why", "how", {"threshold": ["x"]})
    kept = ordered(info={"std": {"at": [], "kl": []}})
    assert np.isnan(kept.std["kl"]).all()
    assert kept.std["m"].shape == (3, 1, 1)
