"""Where VAEs of other likelihoods collapse, against tiny VAEs that are trained to the end."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

import vaedyn
from tests.shared.tiny_vae import TinyVAE, logistic, slopes
from vaedyn import ParameterError, collapse_thresholds
from vaedyn.data.convention import LIKELIHOODS

ALIVE = 3e-3  # nats: at 0.95 of its threshold a latent has ln(1/0.95)/2 = 0.026 or so
DISPERSION = 3.0
OTHERS = LIKELIHOODS[1:]


def drawn(random, means, likelihood):
    """Return entries with such means, or logarithms or logits of means."""
    if likelihood == "bernoulli":
        return (random.random(means.shape) < logistic(2 * means + 0.3)).astype(float)
    if likelihood in ("poisson", "nb"):
        rate = np.exp(0.6 * means + np.linspace(0.2, 1.2, means.shape[1]))
        spread = random.gamma(DISPERSION, 1 / DISPERSION, means.shape)
        return random.poisson(rate * (spread if likelihood == "nb" else 1)).astype(float)
    noise = random.normal(size=means.shape)
    return (means + 0.7 * noise) * np.linspace(0.5, 3, means.shape[1])


def mixed(likelihood, rows=150):
    """Return a table in which both factors act on some of the columns."""
    random = np.random.default_rng(3)
    weights = np.array([[1.2, 0.9, 1, 1.3, 0.6, 0], [0, 0, -0.5, 0.7, -0.9, 1.1]])
    return drawn(random, random.normal(size=(rows, 2)) @ weights, likelihood)


def apart(likelihood, size=14):
    """Return a table of two groups of columns, every row of one beside every row of the other."""
    random = np.random.default_rng(8)
    first = drawn(random, random.normal(size=(size, 1)) * [1.6, 1.3, 1.5, 1.2], likelihood)
    second = drawn(random, random.normal(size=(size, 1)) * [1.1, -1.2, 1.0], likelihood)
    return np.hstack([np.repeat(first, size, axis=0), np.tile(second, (size, 1))])


def thresholds(x, likelihood):
    dispersion = DISPERSION if likelihood == "nb" else None
    return collapse_thresholds(x, likelihood, dispersion=dispersion)


def vae(x, likelihood, beta, latent=2):
    return TinyVAE(x, latent, beta, likelihood, DISPERSION)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_gradients_of_the_tiny_vae_are_those_of_its_loss(likelihood):
    tiny = vae(mixed(likelihood, 20), likelihood, 1.3)
    flat = tiny.start(np.random.default_rng(1), 0.3)
    step = 1e-6 * np.eye(len(flat))
    by_differences = [(tiny.loss(flat + e)[0] - tiny.loss(flat - e)[0]) / 2e-6 for e in step]
    np.testing.assert_allclose(tiny.loss(flat)[1], by_differences, atol=1e-7)


@pytest.mark.parametrize("likelihood", OTHERS)
def test_all_latents_collapse_beyond_the_first_threshold(likelihood):
    x = mixed(likelihood)
    first = thresholds(x, likelihood).eigenvalues[0]
    random = np.random.default_rng(1)
    alive = vae(x, likelihood, 0.95 * first).trained(random)
    dead = vae(x, likelihood, 1.05 * first).trained(random)
    assert alive[0] > ALIVE > 10 * alive[1]
    assert dead[0] < 0.1 * ALIVE


@pytest.mark.parametrize("likelihood", OTHERS)
def test_a_second_latent_on_other_columns_goes_at_the_second_threshold(likelihood):
    x = apart(likelihood)
    first, second, third = thresholds(x, likelihood).eigenvalues[:3]
    assert first > 1.1 * second > 1.2 * third
    random = np.random.default_rng(2)
    alive = vae(x, likelihood, 0.95 * second).trained(random)
    dead = vae(x, likelihood, 1.05 * second).trained(random)
    assert alive[1] > ALIVE > 10 * dead[1]
    assert dead[0] > ALIVE


@pytest.mark.parametrize(
    ("likelihood", "factor", "alive"), [("bernoulli", 1.05, 2), ("nb", 0.95, 1)]
)
def test_where_latents_share_columns_the_second_threshold_is_a_guess(likelihood, factor, alive):
    """As docs/losses.md says: the first latent changes what is left for the second."""
    x = mixed(likelihood)
    beta = factor * thresholds(x, likelihood).eigenvalues[1]
    kl = vae(x, likelihood, beta).trained(np.random.default_rng(1))
    assert (kl > ALIVE).sum() == alive


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_as_many_directions_grow_as_there_are_eigenvalues_above(likelihood):
    """By the Hessian of the loss of the tiny VAE about the collapsed state, by differences."""
    x = mixed(likelihood)
    found = thresholds(x, likelihood)
    for k in range(3):
        beta = np.sqrt(found.eigenvalues[k] * found.eigenvalues[k + 1])
        tiny = vae(x, likelihood, beta, latent=1)
        flat = tiny.start(np.random.default_rng(0), 0.0)
        step = 1e-4
        hessian = np.array(
            [(tiny.loss(flat + step * e)[1] - tiny.loss(flat - step * e)[1]) / (2 * step)
             for e in np.eye(len(flat))]
        )  # fmt: skip
        values = np.linalg.eigvalsh((hessian + hessian.T) / 2)
        assert (values < -1e-5).sum() == k + 1 == found.unstable(beta)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_decoder_weights_solve_the_generalised_problem(likelihood):
    """Scores and Fisher information by differences of the loss of the tiny VAE's entries."""
    x = mixed(likelihood)
    found = thresholds(x, likelihood)
    start = vae(x, likelihood, 1.0)
    location = start.parts(start.start(np.random.default_rng(0), 0.0))["b"]
    psi = x.var(axis=0) if likelihood == "factor" else 1.0
    _, first, second = slopes(likelihood, np.broadcast_to(location, x.shape), x, DISPERSION)
    score, information = first / psi, np.diag((second / psi).mean(axis=0))
    covariance = np.cov(score.T, bias=True)
    for value, weight in zip(found.eigenvalues, found.weights, strict=True):
        np.testing.assert_allclose(covariance @ weight, value * (information @ weight), atol=1e-9)


def test_digits_have_the_known_thresholds():
    found = collapse_thresholds((load_digits().data > 7).astype(float), "bernoulli")
    np.testing.assert_allclose(
        found.eigenvalues[:5], [4.8657, 4.3744, 3.9151, 2.9041, 2.2132], atol=5e-5
    )
    assert len(found.eigenvalues) == 54
    assert len(found.left_out) == 10


def test_plain_cases_are_those_of_linear_algebra():
    x = mixed("factor")
    binary = mixed("bernoulli")
    for found, expected in (
        (collapse_thresholds(x, "gaussian"), np.cov(x.T, bias=True)),
        (collapse_thresholds(x, "factor"), np.corrcoef(x.T)),
        (collapse_thresholds(binary, "bernoulli"), np.corrcoef(binary.T)),
    ):
        np.testing.assert_allclose(found.eigenvalues, np.linalg.eigvalsh(expected)[::-1])
    counts = mixed("poisson")
    wide = collapse_thresholds(counts, "nb", dispersion=1e9)
    np.testing.assert_allclose(
        wide.eigenvalues, collapse_thresholds(counts, "poisson").eigenvalues, rtol=1e-6
    )


def test_constant_columns_are_left_out_and_counted():
    x = np.insert(np.insert(mixed("bernoulli"), 0, 1.0, axis=1), 3, 0.0, axis=1)
    found = collapse_thresholds(x, "bernoulli")
    assert found.left_out == (0, 3)
    assert found.dim == 8
    np.testing.assert_allclose(
        found.eigenvalues, thresholds(mixed("bernoulli"), "bernoulli").eigenvalues
    )
    assert not found.weights[:, [0, 3]].any()
    assert found.directions.shape == (6, 8)


def test_scaled_data_are_those_that_were_scaled_before():
    x = 255 * mixed("bernoulli")
    found = collapse_thresholds(x, "bernoulli", scale=0.00392157)  # 255 comes out above 1
    expected = collapse_thresholds(x / 255, "bernoulli")
    np.testing.assert_allclose(found.eigenvalues, expected.eigenvalues, rtol=1e-5)


def test_counts_that_are_none_are_warned_of():
    x = mixed("poisson")
    assert not collapse_thresholds(x, "poisson").warnings
    (text,) = collapse_thresholds(0.5 * x, "poisson").warnings
    assert "no whole numbers" in text


def test_entries_of_all_blocks_are_looked_at(monkeypatch):
    x = mixed("poisson", rows=30)
    monkeypatch.setattr("vaedyn.data.collapse_thresholds.AT_ONCE", 8 * x.shape[1] * 10)
    assert not collapse_thresholds(x, "poisson").warnings
    for row in (2, 25):
        half = x + 0.5 * (np.arange(30) == row)[:, None]
        assert "no whole numbers" in " ".join(collapse_thresholds(half, "poisson").warnings)
    x[25, 1] = -1
    with pytest.raises(ParameterError, match="row 26, column 2 is -1"):
        collapse_thresholds(x, "poisson")


@pytest.mark.parametrize(
    ("change", "likelihood", "message"),
    [
        (lambda x: -x, "poisson", r"data: row 1, column \d is -\d.* needs numbers at least 0"),
        (lambda x: x + 0.5, "bernoulli", "needs numbers between 0 and 1"),
        (lambda x: np.where(x == x.max(), np.nan, x), "poisson", "is nan"),
        (lambda x: np.where(x == x.max(), np.inf, x), "factor", "is inf"),
        (lambda x: x[:2], "poisson", "at least 3 rows"),
        (lambda x: 0 * x, "bernoulli", "all rows are equal"),
        (lambda x: x, "gauss", "likelihood: expected gaussian, bernoulli"),
        (lambda x: x, "nb", "dispersion: is needed"),
    ],
)  # fmt: skip
def test_what_does_not_fit_a_likelihood_is_named(change, likelihood, message):
    with pytest.raises(ParameterError, match=message):
        collapse_thresholds(change(mixed("poisson", 30)), likelihood)


def test_a_dispersion_is_for_nb_only_and_positive():
    for value, likelihood in ((1.0, "poisson"), (0.0, "nb"), (np.nan, "nb")):
        with pytest.raises(ParameterError, match="^dispersion: "):
            collapse_thresholds(mixed("poisson", 30), likelihood, dispersion=value)
    assert vaedyn.collapse_thresholds is collapse_thresholds


def test_few_rows_many_columns_and_one_column():
    random = np.random.default_rng(0)
    wide = random.poisson(3.0, size=(12, 40)).astype(float)
    found = collapse_thresholds(wide, "poisson")
    centred = (wide - wide.mean(axis=0)) / np.sqrt(wide.mean(axis=0))
    expected = np.linalg.svd(centred, compute_uv=False)[:11] ** 2 / 12
    np.testing.assert_allclose(found.eigenvalues, expected)
    one = collapse_thresholds(wide[:, :1], "poisson")
    assert one.eigenvalues == pytest.approx([wide[:, 0].var() / wide[:, 0].mean()])


def test_columns_and_missing_numbers_are_those_of_a_look():
    x = np.random.default_rng(3).poisson(4.0, (200, 5)).astype(float)
    holes = x.copy()
    holes[7, 2] = np.nan
    found = collapse_thresholds(holes, "poisson", columns=[0, 2, 3], missing="drop")
    plain = collapse_thresholds(np.delete(x, 7, axis=0)[:, [0, 2, 3]], "poisson")
    np.testing.assert_allclose(found.eigenvalues, plain.eigenvalues, rtol=1e-12)
    with pytest.raises(ParameterError, match="missing"):
        collapse_thresholds(holes, "poisson")
