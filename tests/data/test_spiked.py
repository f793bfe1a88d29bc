"""Laws of noise and of single spikes: against quadrature, exact distributions and derivatives."""

import numpy as np
import pytest
from scipy import integrate, special, stats

from tests.shared.tables import blocks
from vaedyn.data import spiked as noise
from vaedyn.data.spectrum import covariance_spectrum
from vaedyn.data.spiked import Sample, bulk_cdf, bulk_quantile
from vaedyn.model.sample_covariance import overlap


@pytest.mark.parametrize("gamma", [1e-6, 0.01, 0.3, 0.999, 1, 3, 200])
def test_law_of_noise_against_quadrature(gamma):
    low, high = (1 - np.sqrt(gamma)) ** 2, (1 + np.sqrt(gamma)) ** 2
    middle, half = (low + high) / 2, (high - low) / 2

    def density(angle):  # of those that are not zero, by angle, which has no singular ends
        x = middle - half * np.cos(angle)
        return max(gamma, 1) * (half * np.sin(angle)) ** 2 / (2 * np.pi * gamma * max(x, 1e-300))

    angles = np.linspace(0, np.pi, 7)[1:-1]
    expected = [integrate.quad(density, 0, angle, epsabs=1e-11)[0] for angle in angles]
    x = middle - half * np.cos(angles)
    np.testing.assert_allclose(bulk_cdf(x, gamma), expected, atol=1e-9)
    np.testing.assert_allclose(
        bulk_cdf(np.array([0, low, high, 2 * high]), gamma), [0, 0, 1, 1], atol=1e-12
    )
    p = np.linspace(0.01, 0.99, 9)
    np.testing.assert_allclose(bulk_cdf(bulk_quantile(p, gamma), gamma), p, atol=1e-9)


def test_median_of_the_law():
    # the factor 2.858 of Gavish & Donoho (2014), eq. 5, is (4 / sqrt 3) / sqrt(median)
    assert 4 / np.sqrt(3 * bulk_quantile(np.array(0.5), 1.0)) == pytest.approx(2.858, abs=5e-4)
    rng = np.random.default_rng(9)
    for samples, dim in ((901, 450), (401, 800)):
        values = covariance_spectrum(blocks(rng.normal(size=(samples, dim)))).eigenvalues
        expected = bulk_quantile(np.array(0.5), dim / (samples - 1))
        # a median of so few varies by 0.5 % from draw to draw
        assert np.median(values) == pytest.approx(expected, rel=0.02)


def tracy_widom(s):
    """F_1(s) = det(1 - Ai(x + y + s)) on x, y > 0: Ferrari & Spohn (2005)."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    x, w = 8 * (nodes + 1), 8 * weights
    kernel = special.airy(x[:, None] + x + s)[0]
    return np.linalg.det(np.eye(60) - np.sqrt(w[:, None] * w) * kernel)


def test_quantile_of_tracy_and_widom():
    assert tracy_widom(noise.TRACY_WIDOM) == pytest.approx(0.999, abs=2e-6)
    assert tracy_widom(0.9793) == pytest.approx(0.95, abs=1e-5)


def test_the_spread_of_noise_has_no_unit():
    values = np.array([90.0, 5.0, 4.0, 2.0])
    for unit in (1.0, 1e-3, 1e3):
        sample = Sample(unit * values, unit * values.sum(), 4, 51)
        # mean square over squared mean of 5, 4, 2, less 1 + 3/50
        expected = (45 / 3) / (11 / 3) ** 2 - 1.06
        assert noise.spread_of_noise(sample, 1) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("samples", "dim"), [(120, 40), (40, 120)])
def test_pure_noise_is_rarely_taken_for_signals(samples, dim):
    """As often as its largest eigenvalue over the trace lets it: Nadler (2011), J. Multivar.
    Anal. 102, 363. That is more rarely than in 0.1 % and 5 %, as the trace grows with it.

    Half of the time it misses a share that is 0.2 % or 5.4 % instead of 0.04 % and 3.7 %.
    """
    rng, many = np.random.default_rng(13), 2000
    counts = {noise.TRACY_WIDOM: 0, 0.9793: 0}
    for _ in range(many):
        data = rng.normal(size=(samples, dim))
        data -= data.mean(axis=0)
        products = data.T @ data if dim < samples else data @ data.T
        values = np.linalg.eigvalsh(products)[::-1][: min(dim, samples - 1)] / (samples - 1)
        sample = Sample(values, values.sum(), dim, samples - 1)
        for quantile in counts:
            counts[quantile] += noise.count_spikes(sample, noise.likelihood_noise, quantile)[0] > 0
    high, low = np.sqrt(samples - 1.5), np.sqrt(dim - 0.5)
    width = (high + low) * (1 / high + 1 / low) ** (1 / 3)
    for quantile, count in counts.items():
        below, here, above = (tracy_widom(quantile + h) for h in (-0.01, 0, 0.01))
        bent = (above - 2 * here + below) / 1e-4
        share = 1 - here + bent * ((high + low) ** 2 / width) ** 2 / (samples - 1) / dim
        assert abs(count - many * share) < 4 * np.sqrt(many * share)


def chance_beyond(largest, dim, freedom):
    """Return how often the largest eigenvalue of a real Wishart matrix is beyond `largest`.

    Exact: the Pfaffian of Chiani (2014), J. Multivar. Anal. 129, 69, by quadrature.
    """
    shapes = (freedom - dim + 1) / 2 + np.arange(dim)
    nodes, weights = np.polynomial.legendre.leggauss(400)

    def log_pfaffian(end):
        x = end * (nodes + 1) / 2
        density = stats.gamma.pdf(x, shapes[:, None], scale=2)
        whole = stats.gamma.cdf(end, shapes, scale=2)
        part = 2 * stats.gamma.cdf(x, shapes[:, None], scale=2) - whole[:, None]
        A = (part * weights * end / 2) @ density.T
        if dim % 2:
            A = np.block([[A, whole[:, None]], [-whole, 0.0]])
        return np.linalg.slogdet((A - A.T) / 2)[1] / 2

    return 1 - np.exp(log_pfaffian(largest) - log_pfaffian(20 * freedom))


def test_the_threshold_holds_in_small_matrices():
    """Its error falls with dim^(-2/3), as Ma (2012) proves, to nothing beside 0.1 %."""
    dims, chances = np.array([3, 5, 8]), []
    for dim in dims:
        sample = Sample(np.ones(dim), float(dim), int(dim), int(2 * dim))
        chances.append(chance_beyond(2 * dim * noise.threshold(sample, 1.0), dim, 2 * dim))
    slope, limit = np.polyfit(dims ** (-2 / 3), chances, 1)
    assert limit == pytest.approx(0.001, rel=0.02)
    np.testing.assert_allclose(chances, limit + slope * dims ** (-2 / 3), rtol=0.005)
    assert (np.array(chances) < 0.0017).all()


@pytest.mark.parametrize("gamma", [0.3, 2.0])
def test_numbers_of_a_spike_follow_from_its_eigenvalue(gamma):
    """From psi(s) = s + gamma eta s/(s - eta) and its slope all else follows: Paul (2007).

    Its direction has squared overlap s psi'/psi, and the eigenvalue of a gaussian signal
    variance 2 psi' s^2/n; what kurtosis adds is that of the sum of squares, s^2 psi'^2/n.
    """
    eta, rho, freedom = 0.7, np.array([9.0, 3.0, 1.6]), 350
    s = rho + eta

    def psi(s):
        return s + gamma * eta * s / (s - eta)

    steepness = psi(s + 1e-30j).imag / 1e-30
    np.testing.assert_allclose(noise.true_variance(psi(s), eta, gamma), s, rtol=1e-12)
    np.testing.assert_allclose(overlap(rho, eta, gamma), s * steepness / psi(s), rtol=1e-12)
    for kurtosis in (0.0, 2.3, -1.1):
        variance = s**2 * (2 * steepness + kurtosis * steepness**2) / freedom
        np.testing.assert_allclose(
            noise.strength_error(rho, eta, gamma, freedom, kurtosis),
            np.sqrt(variance) / steepness,
            rtol=1e-12,
        )
