"""Drifts called by their address: the one written out, against the general one; sums of rows."""

import numba
import numpy as np
import pytest
from numba import types

from tests.shared.models import random_state
from vaedyn.kernels import flows, general, ode, one
from vaedyn.kernels.constants import Constants
from vaedyn.kernels.jit import leaf
from vaedyn.kernels.padded import combine, copy, distance, excess, length
from vaedyn.kernels.pointers import NUMBER, NUMBERS, address_of, evaluate, run

PLAIN = Constants(0.7, np.array([3.1]), 0.6, 0.03, 0.05, 1, batch=4.0)
OTHER = PLAIN._replace(encoder=1.7, variances=0.4, batch=3.0, sampled=1.0)
WAYS = {
    "plain": PLAIN,
    "three rates": PLAIN._replace(encoder=1.7, variances=0.4),
    "sampled": PLAIN._replace(sampled=1.0),
    "all": OTHER,
}


def of_one(c, y):
    """Return dy/dt by the drift of one latent and one signal."""
    out = np.full(6, np.nan)
    one.drift(c.beta, y, np.array(flows.head(c)), out)
    return out


def in_general(c, y):
    """Return dy/dt by the drift of any number of either."""
    out = np.empty(6)
    general.of_sgd(y, c, general.workspace(1, 1), out)
    return out


@pytest.mark.parametrize("c", WAYS.values(), ids=WAYS.keys())
def test_the_drift_of_one_latent_is_the_general_one_and_so_is_its_jacobian(c):
    for seed in range(5):
        y = random_state(1, 1, seed=seed)
        expected = in_general(c, y)
        np.testing.assert_allclose(of_one(c, y), expected, rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(flows.derivative(c, y), expected, rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(
            flows.jacobian(c, y), general.jacobian(y, c), rtol=1e-13, atol=1e-14
        )
    if c.plain:
        out = np.empty(6)
        ode.drift(y, c, np.empty(ode.scratch(1, 1)), out)
        np.testing.assert_allclose(of_one(c, y), out, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("c", [PLAIN, OTHER], ids=["plain", "with rates"])
def test_a_latent_without_signals_is_one_with_a_signal_that_has_no_strength(c):
    c, y = c._replace(rho=np.empty(0)), random_state(1, 1, seed=4)[2:]
    expected = np.empty(4)
    general.of_sgd(y, c, general.workspace(1, 0), expected)
    np.testing.assert_allclose(flows.derivative(c, y), expected, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(flows.jacobian(c, y), general.jacobian(y, c), rtol=1e-13, atol=1e-14)
    assert flows.jacobian(c._replace(latent=0, rho=np.array([3.1])), np.empty(0)).shape == (0, 0)


@pytest.mark.parametrize("name", ["eta", "lam", "lr", "encoder", "variances", "batch", "sampled"])
def test_the_comparison_sees_every_constant(name):
    y = random_state(1, 1, seed=3)
    changed = OTHER._replace(**{name: 1.01 * getattr(OTHER, name)})
    assert np.abs(of_one(changed, y) / in_general(OTHER, y) - 1).max() > 1e-6


def test_where_d_is_zero_nothing_is_known_and_nothing_fails():
    y = random_state(1, 1, seed=3)
    y[5] = 0.0
    assert np.isnan(flows.derivative(PLAIN, y)).all()
    assert np.isinf(of_one(PLAIN, y)[5])


@leaf
def mixture(beta, y, box, out):
    """Write a mixture of all arguments, of which none could be exchanged for another."""
    for i in range(out.size):
        out[i] = beta * y[i] - box[i]


@leaf
def total(beta, y):
    """Return a number made of both arguments."""
    return beta * y.sum()


@numba.njit
def by_address(first, second, beta, y, box, out):
    """Call both by their addresses."""
    run(first, (beta, y, box, out))
    return evaluate(second, (beta, out))


def test_functions_are_called_by_their_address():
    y, box, out = np.random.default_rng(2).standard_normal((3, 5))
    addresses = address_of(mixture, NUMBER, *[NUMBERS] * 3), address_of(total, NUMBER, NUMBERS)
    assert all(addresses)
    assert address_of(mixture, NUMBER, *[NUMBERS] * 3) == addresses[0]
    found = by_address(*addresses, 1.3, y, box, out)
    np.testing.assert_allclose(out, 1.3 * y - box, rtol=1e-15)
    assert found == pytest.approx(1.3 * out.sum(), rel=1e-14)


@numba.njit
def sums(rows, weights, count, rtol, atol):
    """Call all that is for compiled callers: rows 8 and 9 are written, the sums returned."""
    combine(rows[8], rows[7], 0.3, weights, rows, count)
    copy(rows[6], rows[9])
    return distance(rows[0], rows[1]), excess(rows[2], rows[3], rows[4], rtol, atol)


@pytest.mark.parametrize("size", [1, 6, 8, 9, 33])
def test_rows_are_summed_and_nothing_is_written_behind_them(size):
    rng = np.random.default_rng(size)
    rows = np.zeros((10, length(size)))
    rows[:, :size] = rng.standard_normal((10, size))
    rows[8:] = np.nan
    weights = rng.standard_normal(8)
    for count in (0, 1, 7):
        kept = rows.copy()
        far, over = sums(rows, weights, count, 0.3, 0.02)
        expected = kept[7] + 0.3 * weights[:count] @ kept[:count]
        np.testing.assert_allclose(rows[8], expected, rtol=1e-13, atol=1e-14)
        assert (rows[8, size:] == 0).all()
        np.testing.assert_array_equal(rows[9], kept[6])
        np.testing.assert_array_equal(rows[:8], kept[:8])
        assert far == pytest.approx(((kept[0] - kept[1]) ** 2).sum(), rel=1e-14)
        tolerated = 0.02 + 0.3 * np.maximum(np.abs(kept[3]), np.abs(kept[4]))
        assert over == pytest.approx(((kept[2] / tolerated) ** 2).sum(), rel=1e-14)


@pytest.mark.parametrize("row", [2, 4])
def test_what_is_no_number_leaves_no_number(row):
    rows = np.ones((10, 8))
    rows[row, 5] = np.nan
    assert np.isnan(sums(rows, np.ones(8), 1, 0.3, 0.02)[1])


def test_addresses_and_numbers_are_of_the_types_of_the_kernels():
    assert isinstance(flows.of_sgd(PLAIN).drift, int)
    assert numba.typeof(flows.of_sgd(PLAIN).box) == NUMBERS
    assert numba.typeof(1) == types.intp


@leaf
def unpacked(beta, box, rho, others):
    """Write the strengths in a box, and what is behind them; return the other constants."""
    c, rest = flows.opened(beta, box)
    for i in range(rho.size):
        rho[i] = c.rho[i]
        others[i] = rest[i]
    return c.batch, c.beta, c.encoder, c.eta, c.lam, c.latent, c.lr, c.sampled, c.variances


def test_all_constants_come_out_of_the_box_and_what_is_behind_them():
    numbers = np.random.default_rng(4).uniform(1, 2, 8)
    c = Constants(numbers[0], np.array([3.1, 1.7]), *numbers[1:4], 5, *numbers[4:])
    rho, rest = np.zeros((2, 2))
    found = unpacked(c.beta, flows.boxed(c, [7.5, 8.5], 0), rho, rest)
    assert dict(zip(sorted({*c._fields} - {"rho"}), found, strict=True)) == {
        name: value for name, value in c._asdict().items() if name != "rho"
    }
    assert rho.tolist() == [3.1, 1.7]
    assert rest.tolist() == [7.5, 8.5]


@pytest.mark.parametrize("c", [PLAIN, OTHER], ids=["plain", "with rates"])
def test_the_box_has_what_every_drift_reads(c):
    """Two latents, three signals: the drift by its address is that of the leaf itself."""
    c = c._replace(latent=2, rho=np.array([3.1, 1.7, 0.9]))
    y = random_state(2, 3, seed=8)
    expected = np.empty(len(y))
    general.of_sgd(y, c, general.workspace(2, 3), expected)
    np.testing.assert_allclose(flows.derivative(c, y), expected, rtol=1e-12, atol=1e-14)
    flow, out = flows.of_sgd(c), np.empty(len(y))
    nothing = address_of(total, NUMBER, NUMBERS)
    by_address(flow.drift, nothing, float(c.beta), y, flow.box, out)
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-14)
    assert (flow.size, flow.latent) == (len(y), 2)
