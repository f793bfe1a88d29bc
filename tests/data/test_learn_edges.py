"""Rows in order and shuffled, and which of them a training run takes when: piece by piece."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.data import learn as module
from vaedyn.data import rows as rows_module
from vaedyn.data.learn import DataParams, _Run, learn, trained_on
from vaedyn.data.rows import Rows
from vaedyn.errors import DivergenceError, ParameterError
from vaedyn.model.state import pack

X = np.random.default_rng(2).normal(size=(9, 3)) * [3, 1, 0.5] + 7


def table(x=X, unit=4.0, at=4, **changes):
    return Rows(lambda: iter([x[:at], x[at:at], x[at:]]), x.mean(axis=0), len(x), unit, **changes)


SCALED = (X - X.mean(axis=0)) / 2


def test_rows_are_centred_and_scaled():
    usual = table()
    assert (usual.digest, usual.origin, Rows(None, X[0], 9).unit) == ("", {}, 1.0)
    np.testing.assert_allclose(np.concatenate([*usual.scaled()]), SCALED, rtol=1e-14)
    squares = (SCALED**2).sum(axis=1) / 3
    assert usual.longest == (squares.argmax(), pytest.approx(squares.max(), rel=1e-14))
    zero = table(np.zeros((5, 3)))
    assert zero.longest == (0, 0.0)


def test_large_tables_are_held_in_parts(monkeypatch):
    assert Rows(None, np.zeros(1000), 32_000).shares == 1  # 256 MB
    assert Rows(None, np.zeros(1000), 32_001).shares == 2
    monkeypatch.setattr(rows_module, "HELD", 8 * 9)
    monkeypatch.setattr(rows_module, "AT_ONCE", 2)
    parts = table()
    assert parts.shares == 3
    assert len([*parts.scaled()]) == 3  # blocks as they come
    pieces = [*parts.shuffled(np.random.default_rng(0))]
    assert max(len(piece) for piece in pieces) == 2
    order = lambda x: x[np.lexsort(x.T)]  # noqa: E731
    np.testing.assert_allclose(order(np.concatenate(pieces)), order(SCALED), rtol=1e-14)
    random = np.random.default_rng(0)
    drawn = np.random.default_rng(int(random.integers(2**63)))
    share = np.concatenate([drawn.integers(3, size=4), drawn.integers(3, size=0),
                            drawn.integers(3, size=5)])  # fmt: skip
    wanted = []
    for k in range(3):
        held = SCALED[share == k]
        wanted.append(held[random.permutation(len(held))])
    np.testing.assert_allclose(np.concatenate(pieces), np.concatenate(wanted), rtol=1e-14)


def test_rows_are_shuffled_in_pieces():
    random = np.random.default_rng(0)
    random.integers(2**63)
    (piece,) = table().shuffled(np.random.default_rng(0))
    np.testing.assert_allclose(piece, SCALED[random.permutation(9)], rtol=1e-14)
    assert (rows_module.AT_ONCE, rows_module.HELD) == (1024, 256e6)


def model(**changes):
    usual = {"dim": 3, "latent": 2, "signal": 1, "beta": 1.25, "t_max": 4.0, "points": 3}
    return DataParams(**{**usual, **changes})


class Run(_Run):
    """A run whose steps note their rows and betas, and make as many as they may."""

    def __init__(self, params, most=10**9, progress=None):
        super().__init__(params, table(), 5, progress)
        self.most, self.seen, self.betas = most, [], []

    def steps(self):
        def advance(rows, betas):
            count = min(len(betas), self.most - len(self.betas))
            self.seen.append(rows.copy())
            self.betas += betas[:count].tolist()
            self.W[0, 0], self.W[1, 0] = len(self.betas), 1e-151
            self.V[0, 1], self.V[1, 1] = -1e-151, 1.1e-150
            return count

        return advance


@pytest.mark.parametrize("batch", [1, 4, 7])
def test_batches_follow_each_other_into_the_next_pass(batch):
    done, weights = [], []
    run = Run(model(batch=batch, anneal="linear:2"), progress=lambda *at: done.append(at))
    watch = SimpleNamespace(steps=[0, 5, 12], see=lambda *given: weights.append(given[0][0, 0]))
    y = run.states(np.eye(3)[:1], watch)
    random = np.random.default_rng(5)
    passes = [next(table().shuffled(random)) for _ in range(12)]
    used = np.concatenate(run.seen)
    assert len(used) == 12 * batch == run.rows_used
    np.testing.assert_array_equal(used, np.concatenate(passes)[: len(used)])
    assert all(len(each) % batch == 0 for each in run.seen)
    wanted = [1.25 / 4 * min(k / 3 / 2, 1) for k in range(12)]
    assert run.betas == pytest.approx(wanted, rel=1e-12)
    assert done[-1] == (12, 12)
    assert weights[1:] == [5, 12]
    assert len(y) == 3
    assert run.W[1, 0] == run.V[0, 1] == 0  # which would linger
    assert run.V[1, 1] == 1.1e-150


def test_states_are_in_the_units_of_the_data():
    run = Run(model())
    W, V, D = run.W.copy(), run.V.copy(), np.array([0.5, 0.25])
    run.D = D
    teacher = np.eye(3)[:1].T * 3**0.5
    wanted = pack(
        2 * W @ teacher / 3, V @ teacher / 6, 4 * W @ W.T / 3, V @ V.T / 12, W @ V.T / 3, D
    )
    np.testing.assert_allclose(run.overlaps(np.eye(3)[:1]), wanted, rtol=1e-14)
    mu = SCALED @ V.T / 3**0.5
    kl = 0.5 * ((mu**2).mean(axis=0) + D - np.log(D) - 1)
    np.testing.assert_allclose(run.kl(), kl, rtol=1e-12)
    assert np.array_equal(run.D, D)
    assert _Run(model(), table(), 5, None).D.tolist() == [1, 1]


def test_a_run_that_stops_or_grows_diverges():
    with pytest.raises(DivergenceError, match=r"before t = 2\.33333 at learning rate"):
        Run(model(), most=7).states(np.eye(3)[:1])
    bound = (1e4 * 4 / 1.25) ** 0.5  # 178.9

    for where in "WV":
        for size, lost in ((0.999, False), (-1.001, True), (np.nan, True)):
            assert grows(model(), where, size * bound) == lost
    for size, lost in ((99.9, False), (100.1, True)):  # where beta is larger than all variances
        assert grows(model(beta=9.0), "W", size) == lost


def grows(params, where, size):
    """Return whether a run is lost whose weights are of such a size."""
    run = Run(params)

    def advance(rows, betas):
        getattr(run, where)[1, 2] = size
        return len(betas)

    run.steps = lambda: advance
    try:
        run.states(np.eye(3)[:1])
    except DivergenceError as error:
        return str(error).startswith("learning diverges before t = 2 at")
    return False


def test_what_training_returns(monkeypatch):
    made = {}

    class Short(Run):
        def __init__(self, params, rows, seed, progress):
            super().__init__(params, progress=progress)
            made.update(rows=rows, seed=seed)

    monkeypatch.setattr(module, "_Run", Short)
    rows = table(origin={"file": "f"})
    found = trained_on(model(batch=3), rows, np.eye(3)[:1], 8)
    assert made == {"rows": rows, "seed": 8}
    assert found.info["passes"] == 12 * 3 / 9
    assert found.info["file"] == "f"
    assert len(found.info["kl"]) == 2
    assert found.t.tolist() == [0, 2, 4]


def test_what_is_kept_and_refused(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "kept", lambda *given: asked.append(given))
    monkeypatch.setattr(module.Trajectory, "from_kept", lambda params, found: params)
    rows, params, one = table(digest="d"), model(), np.eye(3)[:1]
    assert learn(params, rows, one, seed=4, store="store") is params
    store, kind, record, _ = asked[0]
    assert (store, kind) == ("store", "data")
    assert record == {
        **params.to_dict(), "data": "d", "seed": 4, "numerics": module.NUMERICS["data"],
    }  # fmt: skip

    def refused(*given, **how):
        with pytest.raises(ParameterError) as error:
            learn(*given, **how)
        return str(error.value)

    assert refused(params, rows, one, seed=-1) == "seed: must be at least 0, got -1"
    text = "dim: the data have 3 columns, not {}"
    assert refused(model(dim=4), rows, np.eye(4)[:1]) == text.format(4)
    assert refused(params, rows, np.eye(3)[:2]) == text.format(3)
    assert refused(model(batch=10), rows, one) == "batch: must be at most 9, the rows, got 10"
    assert refused(params, table(), one, store="store") == (
        "digest: a store tells data apart by it, and these have none"
    )
    learn(params, table(), one)
    for name in ("latent", "signal"):
        with pytest.raises(ParameterError) as error:
            model(**{name: 4})
        assert str(error.value) == f"{name}: must be at most 3, the columns, got 4"
    overlaps = {"m": 0.1, "d": 0.1, "Q": 1.0, "E": 1.0, "R": 0.0, "D": 1.0}
    with pytest.raises(ParameterError, match="^init: must be gaussian: data have no overlaps"):
        model(init=overlaps, latent=1)
    with pytest.raises(ParameterError, match="^alpha: cannot be given: it is taken from the dat"):
        model(alpha=2.0)
