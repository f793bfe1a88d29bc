"""Branches put together by hand: which points are stable, and which of them attracts."""

from dataclasses import replace

import numpy as np
import pytest

import vaedyn
from vaedyn.fixedpoints.arclength import EDGE, Piece
from vaedyn.fixedpoints.branches import Branches, Continuation, branches, vary
from vaedyn.fixedpoints.followed import attractor
from vaedyn.fixedpoints.groups import Unit
from vaedyn.model.state import count, observables, unpack

PARAMS = vaedyn.Params(latent=2, signal=2, rho=(2.3, 1.2), eta=0.7, beta=0.8, lam=0.3, lr=0.05)


def made(name, varied, growth, seed=0):
    """Return points of random states."""
    y = np.random.default_rng(seed).uniform(0.1, 1, (len(varied), count(2, 2)))
    parts = unpack(y, 2, 2)
    measured = observables(parts, PARAMS.strengths, PARAMS.eta)
    info = {"name": name, "types": ["any"], "events": []}
    return Branches(
        params=PARAMS, **parts, **measured, varied=np.array(varied, float),
        branch=np.zeros(len(varied), int), growth=np.array(growth, float), info=info,
    )  # fmt: skip


def test_growth_is_marginal_in_units_of_the_rate_at_the_point():
    rates = np.array([0.01, 0.2, 3.0])
    for share, stable in ((-2.0, True), (-0.5, False), (0.5, False)):
        assert (made("lr", rates, 1e-8 * share * rates).stable == stable).all()
        growth = np.full(3, 1e-8 * share * PARAMS.lr)
        assert (made("beta", rates, growth).stable == stable).all()


@pytest.mark.parametrize("name", ["beta", "eta", "rho", "lam", "lr"])
def test_the_stable_point_of_least_loss_attracts(name):
    """With weight decay lam (|W|^2 + |V|^2)/2N; every term decides somewhere."""
    varied = np.tile(np.linspace(0.2, 2.0, 60), 3)
    unstable = np.arange(180) % 7 == 0
    result = made(name, varied, np.where(unstable, 1.0, -1.0))
    beta = varied if name == "beta" else PARAMS.beta
    lam = varied if name == "lam" else PARAMS.lam
    Q, E = (np.trace(each, axis1=1, axis2=2) for each in (result.Q, result.E))
    terms = [result.distortion, beta * result.kl, 0.5 * lam * Q, 0.5 * lam * E]

    def least(losses):
        found = []
        for x in np.unique(varied):
            here = np.flatnonzero((varied == x) & ~unstable)
            found.append(here[losses[here].argmin()])
        return found

    assert attractor(result).tolist() == least(sum(terms))
    for term in terms:
        assert least(sum(terms) - term) != least(sum(terms))


def test_pieces_that_share_no_range_make_no_branch():
    traced = Continuation(lambda x: vary(PARAMS, "beta", x), 0.5, 3.0, [])
    one, two = Unit(1, (2.3,)), Unit(1, (1.2,))
    for unit, low, high in ((one, 0.5, 1.0), (two, 1.0, 3.0)):
        states = np.ones((2, count(1, 1)))
        traced.pieces[unit] = [Piece(np.array([low, high]), states, EDGE, EDGE)]
    assert traced.branch((one, two), {one: 0, two: 0}) is None


def test_branches_are_counted_while_they_are_followed(monkeypatch):
    params = replace(PARAMS, signal=1, rho=2.3)
    seen = []
    result = branches(params, "lam", 0.1, 0.11, groups=1, progress=lambda *at: seen.append(at))
    number = len(result.types)
    assert seen == [(n, number) for n in range(1, number + 1)]
    monkeypatch.setattr("vaedyn.fixedpoints.branches.MOST", number)
    assert branches(params, "lam", 0.1, 0.11, groups=1).types == result.types
    monkeypatch.setattr("vaedyn.fixedpoints.branches.MOST", number - 1)
    fewer = f"^groups: there are more than {number - 1} branches: lower latent or signal"
    with pytest.raises(vaedyn.ParameterError, match=fewer):
        branches(params, "lam", 0.1, 0.11, groups=1)
    with pytest.raises(vaedyn.ParameterError, match="branches: lower groups"):
        branches(params, "lam", 0.1, 0.11, groups=2)


def test_latents_live_together_in_pairs_at_most():
    with pytest.raises(vaedyn.ParameterError, match="^groups: must be 0, 1 or 2, got 3"):
        branches(PARAMS, "beta", 0.5, 2, groups=3)
