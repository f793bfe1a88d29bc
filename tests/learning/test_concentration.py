"""The spread of runs against N, and that errors of the power fitted to it are right."""

from dataclasses import replace

import numpy as np
import pytest

import vaedyn
from vaedyn.learning.concentration import Spread, ensembles, error_of_std, spreads

BASE = vaedyn.Params(
    rho=1.2, eta=0.8, beta=0.6, lr=0.3, t_max=3, points=3, init="m=0.3,d=0.2,Q=1,E=1,R=0,D=1"
)
DIMS = (30, 60, 120)


def spread_of(samples):
    """Return the spread of samples (dims, runs)."""
    measured = samples.std(axis=1, ddof=1)
    error = np.array([error_of_std(values) for values in samples])
    return Spread(
        name="m", t=1.0, dims=np.array(DIMS, float), predicted=measured, measured=measured,
        error=error,
    )  # fmt: skip


LAWS = {
    "gaussian": lambda random, shape: random.standard_normal(shape),
    "skew": lambda random, shape: random.gamma(4.0, size=shape),
    "flat": lambda random, shape: random.random(shape),
}


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS.keys())
def test_errors_are_right_over_many_samples(law):
    """1000 of them show the ratio of scatter to stated error to 2.2 %; a tenth would be seen."""
    random, power = np.random.default_rng(5), -0.5
    scale = np.array(DIMS, float)[:, None] ** power
    found = [spread_of(scale * law(random, (3, 50))) for _ in range(1000)]
    powers = np.array([each.power for each in found])
    assert powers[:, 0].std() / np.sqrt((powers[:, 1] ** 2).mean()) == pytest.approx(1, abs=0.1)
    assert abs(powers[:, 0].mean() - power) < 4 * powers[:, 0].std() / 1000**0.5
    single = np.array([each.measured[0] for each in found])
    stated = np.array([each.error[0] for each in found])
    assert single.std() / np.sqrt((stated**2).mean()) == pytest.approx(1, abs=0.1)


def test_the_error_of_a_standard_deviation_is_that_of_leaving_each_value_out():
    values = np.array([0.3, -1.0, 2.5, 0.7, 0.1])
    without = np.array([np.delete(values, i).std() for i in range(5)])
    assert error_of_std(values) == pytest.approx(np.sqrt(4 * without.var()), rel=1e-12)
    assert error_of_std(np.full(5, 0.1)) == 0


def test_runs_that_do_not_differ_have_no_power():
    assert np.isnan(spread_of(np.ones((3, 9))).power).all()


def test_runs_are_spread_as_one_over_root_n_with_errors_that_are_right():
    """40 seeds show the ratio of scatter to stated error to 11 %, and the mean power to 0.03."""
    models = [replace(BASE, dim=dim) for dim in DIMS]
    theory = [vaedyn.bands(model) for model in models]
    powers = []
    for seed in range(40):
        runs = [vaedyn.simulate(model, runs=20, seed=seed, jobs=1) for model in models]
        found = spreads(list(zip(theory, runs, strict=True)), [1.5, 3.0])
        assert [(each.name, each.t) for each in found] == [
            ("eps_g", 1.5), ("eps_g", 3.0), ("m", 1.5), ("m", 3.0)
        ]  # fmt: skip
        powers.append([each.power for each in found])
    np.testing.assert_array_equal(found[1].predicted, [bands.eps_g[-1] for bands in theory])
    np.testing.assert_array_equal(found[3].predicted, [bands.m[-1, 0, 0] for bands in theory])
    m = np.abs(runs[1].m[:, 1, 0, 0])
    assert found[2].measured[1] == m.std(ddof=1)
    power, error = np.moveaxis(np.array(powers), -1, 0)
    ratio = power.std(axis=0, ddof=1) / np.sqrt((error**2).mean(axis=0))
    np.testing.assert_allclose(ratio, 1, atol=0.45)
    np.testing.assert_allclose(power.mean(axis=0), -0.5, atol=0.12)


def test_ensembles_of_all_dimensions_have_the_same_overlaps():
    params = vaedyn.Params(dim=100, lr=0.2, t_max=5, points=6, init_seed=3)
    found = ensembles(params, [200, 50], random_start=True, runs=3, seed=2)
    start = params.overlaps()
    for dim, (around, runs) in zip((200, 50), found, strict=True):
        at = replace(params, dim=dim, init=start, init_seed=0)
        assert around.params == runs.params == at
        np.testing.assert_array_equal(around.m, vaedyn.bands(at, random_start=True).m)
        again = vaedyn.simulate(at, runs=3, seed=2, random_start=True)
        np.testing.assert_array_equal(runs.m, again.m)
