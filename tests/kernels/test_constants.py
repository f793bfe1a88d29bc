"""The one tuple of constants: from parameters, at many points, and what is derived from it."""

import numpy as np

import vaedyn
from vaedyn.kernels.constants import Constants

PARAMS = vaedyn.Params(
    latent=2, signal=3, rho=(1, 3, 2), eta=0.7, beta=0.8, lam=0.1, lr=0.05, anneal="tanh:1"
)


def test_constants_are_those_of_the_parameters_but_for_some():
    c = Constants.of(PARAMS)
    assert c.rho.tolist() == [1, 3, 2]
    plain = (1.0, 1.0, 1.0, 0.0)
    assert c._replace(rho=None) == (0.8, None, 0.7, 0.1, 0.05, 2, *plain)
    assert (c.signal, c.second, c.h) == (3, 0.05, 0.05 * 0.7)
    assert Constants.of(PARAMS, eta=0.9, latent=1)._replace(rho=None) == (
        0.8, None, 0.9, 0.1, 0.05, 1, *plain,
    )  # fmt: skip
    three = PARAMS.replace(lr=(0.02, 0.03, 0.05), momentum=0.9, batch=7, latents="sampled")
    np.testing.assert_allclose(Constants.of(three)[4:], (0.2, 2, 1.5, 2.5, 7, 1), rtol=1e-12)


def test_every_constant_is_one_of_the_parameters():
    """`Constants.of` finds each by its name, but for what three rates and the latents make."""
    derived = {"encoder", "variances", "sampled"}
    assert set(Constants._fields) - derived < {*PARAMS.__dataclass_fields__}


def test_many_points_have_the_strongest_signal_first():
    c = Constants.of(PARAMS, beta=[0.1, 0.2]).many()
    np.testing.assert_array_equal(c.rho, [[3, 2, 1]] * 2)
    np.testing.assert_array_equal(
        [c.beta, c.eta, c.lam, c.lr], [[0.1, 0.2], *_pairs(0.7, 0.1, 0.05)]
    )
    assert (c.signal, c.latent) == (3, 2)
    one = Constants.of(PARAMS).many()
    assert [np.shape(x) for x in one] == [(1,), (1, 3), (1,), (1,), (1,), (), *[(1,)] * 4]
    each = Constants.of(PARAMS, rho=np.arange(6.0).reshape(2, 3)).many()
    np.testing.assert_array_equal(each.rho, [[2, 1, 0], [5, 4, 3]])
    np.testing.assert_array_equal(each.eta, [0.7, 0.7])


def test_points_are_selected_and_set_against_other_values():
    c = Constants.of(PARAMS, beta=[0.1, 0.2, 0.3], rho=np.arange(9.0).reshape(3, 3)).many()
    some = c.at(np.array([2, 0]))
    assert some.beta.tolist() == [0.3, 0.1]
    assert some.rho[:, 0].tolist() == [8, 2]
    column = c.column()
    assert column.beta.shape == column.h.shape == (3, 1)
    assert column.rho.shape == (3, 3)


def _pairs(*values):
    return [[value, value] for value in values]
