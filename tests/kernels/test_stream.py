import numpy as np
import pytest
from scipy import stats

from tests.shared.reference import Stream
from vaedyn.kernels import stream as kernel


def draw(seed, count, run=0):
    out = np.empty(count)
    kernel.normals(kernel.open_stream(np.random.SeedSequence(seed, spawn_key=(run,))), 1.0, out)
    return out


def test_normals_are_those_of_the_twin_draw_for_draw():
    seed = np.random.SeedSequence(7)
    compiled, twin = kernel.open_stream(seed), Stream(seed)
    for count in (1, 3, 127, 128, 129, 5000):  # across the ends of blocks
        out = np.empty(count)
        kernel.normals(compiled, 1.0, out)
        # a few units in the last place: every coefficient of the series counts
        np.testing.assert_allclose(out, twin.normals(count), rtol=0, atol=3e-15)


def test_uniforms_and_chi_squares_are_those_of_the_twin():
    seed = np.random.SeedSequence(8)
    compiled, twin = kernel.open_stream(seed), Stream(seed)
    for dof in (0, 1, 2, 3, 50):
        for z in (-2.5, -1.1, 0.3, 2.9):  # at few degrees of freedom, some are rejected
            got = kernel.chi_square(compiled, dof, z)
            assert got == pytest.approx(twin.chi_square(dof, z), rel=1e-13)
        assert kernel.uniform(compiled) == twin.uniform()


def test_scale_multiplies_the_normals():
    seed = np.random.SeedSequence(9)
    one, two = np.empty(200), np.empty(200)
    kernel.normals(kernel.open_stream(seed), 1.0, one)
    kernel.normals(kernel.open_stream(seed), 2.5, two)
    np.testing.assert_allclose(two, 2.5 * one, rtol=1e-15)


def test_normals_follow_the_normal_law_far_into_the_tails():
    """Half of the time it misses a scale that is off by 0.14 %, a mean by 0.002, tails
    beyond 3 by 4 % and beyond 4 by 28 %; but the transformation is exact above."""
    x = draw(1, 4_000_000)
    assert stats.kstest(x, "norm").pvalue > 1e-3
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10170)):
        error = (x**power).mean() - moment
        assert abs(error) < 4 * np.sqrt(variance / x.size), f"moment {power}"
    for edge in (2.0, 3.0, 4.0):
        expected = 2 * stats.norm.sf(edge) * x.size
        assert abs((np.abs(x) > edge).sum() - expected) < 4 * np.sqrt(expected)


def test_a_law_that_is_wrong_by_little_is_noticed():
    x = draw(1, 4_000_000)
    assert stats.kstest(1.005 * x, "norm").pvalue < 1e-6


def test_neighbouring_normals_and_streams_are_independent():
    """At four standard errors: correlations of 0.004 are missed half of the time."""
    n = 1_000_000
    x, y = draw(2, n, run=0), draw(2, n, run=1)
    for lag in (1, 2, 63, 64, 65, 128, 256):
        for f in (np.positive, np.square):
            assert abs(np.corrcoef(f(x[lag:]), f(x[:-lag]))[0, 1]) < 4 / np.sqrt(n)
    for f in (np.positive, np.square):
        assert abs(np.corrcoef(f(x), f(y))[0, 1]) < 4 / np.sqrt(n)


def test_the_radius_is_exact_at_both_ends_and_between():
    top = np.uint64(2**64 - 1)
    assert kernel.radius(top) == 0.0
    assert kernel.radius(np.uint64(0)) == pytest.approx(np.sqrt(2 * 53 * np.log(2)), rel=1e-15)
    words = np.random.default_rng(0).integers(0, 2**64, 2000, dtype=np.uint64, endpoint=False)
    u = ((words >> np.uint64(11)).astype(float) + 1) * 2.0**-53
    got = [kernel.radius(word) for word in words]
    np.testing.assert_allclose(got, np.sqrt(-2 * np.log(u)), rtol=1e-14)


@pytest.mark.parametrize("dof", [1, 2, 3, 10, 197, 10**6, 10**9])
def test_chi_squares_follow_their_law(dof):
    """A mean that is off by 0.035 of the standard deviation is missed half of the time."""
    stream = kernel.open_stream(np.random.SeedSequence(dof))
    z = np.empty(20_000)
    kernel.normals(stream, 1.0, z)
    x = np.array([kernel.chi_square(stream, dof, value) for value in z])
    assert stats.kstest(x, "chi2", args=(dof,)).pvalue > 1e-3
    assert stats.kstest(x, "chi2", args=(dof + max(1, 0.1 * np.sqrt(dof)),)).pvalue < 1e-4


def test_chi_square_of_no_dimension_is_zero():
    stream = kernel.open_stream(np.random.SeedSequence(0))
    assert kernel.chi_square(stream, 0, 1.7) == 0.0
