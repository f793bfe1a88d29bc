"""The likelihood of rows held out: against plain densities, scikit-learn, and trained VAEs."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from sklearn.datasets import load_digits, load_wine
from sklearn.decomposition import PCA

import vaedyn
from vaedyn.data import folds as module
from vaedyn.data.blocks import moments_of
from vaedyn.data.folds import folds_of
from vaedyn.data.heldout import heldout
from vaedyn.store import ResultStore


def table(rows=60, columns=7, seed=0):
    """Return rows around a mean, in turned directions of unequal variance."""
    random = np.random.default_rng(seed)
    turn = np.linalg.qr(random.standard_normal((columns, columns)))[0]
    return random.standard_normal((rows, columns)) * np.geomspace(3, 0.2, columns) @ turn + 4.0


def parts(x, folds, seed, standardise=False):
    """Yield (training rows, rows held out, logarithm of units), each fold by itself."""
    dealt = np.random.default_rng(seed).permutation(len(x)) % folds
    for fold in range(folds):
        train, held = x[dealt != fold], x[dealt == fold]
        unit = train.std(axis=0, ddof=1) if standardise else np.ones(x.shape[1])
        common = x.std(axis=0, ddof=1) if standardise else unit
        yield train / unit, held / unit, np.log(common / unit).sum()


def trained(train, beta, latents):
    """Return decoder W (dim, latents) and the covariance's vectors where training ends."""
    values, vectors = np.linalg.eigh(np.cov(train.T, bias=True))
    values, vectors = values[::-1][:latents], vectors[:, ::-1][:, :latents]
    return vectors * np.sqrt(np.maximum(values - beta, 0))


@pytest.mark.parametrize("standardise", [False, True])
@pytest.mark.parametrize(("shape", "latents"), [((60, 7), None), ((60, 7), 3), ((24, 40), None)])
def test_likelihood_and_error_are_those_of_the_trained_model(shape, latents, standardise):
    x = table(*shape)
    found = heldout(x, folds=4, latents=latents, standardise=standardise, seed=3)
    assert found.dim == shape[1]
    for beta in (0.15, 0.6, 2.2, 30.0):
        likelihood, error, active = [], [], []
        for train, held, shift in parts(x, 4, 3, standardise):
            W = trained(train, beta, latents)
            mean, covariance = train.mean(axis=0), W @ W.T + beta * np.eye(shape[1])
            density = multivariate_normal(mean, covariance)
            likelihood.append(density.logpdf(held).mean() + shift)
            posterior = np.linalg.inv(np.eye(W.shape[1]) + W.T @ W / beta)
            mu = (held - mean) @ W @ posterior / beta
            left = ((held - mean - mu @ W.T) ** 2).sum(axis=1).mean()
            error.append(left + np.trace(W @ posterior @ W.T))
            active.append((np.abs(W).max(axis=0) > 1e-12).sum())
        np.testing.assert_allclose(found.log_likelihood(beta), likelihood, rtol=1e-9)
        np.testing.assert_allclose(found.squared_error(beta), error, rtol=1e-9)
        assert found.active(beta).tolist() == active
        score = found.score(beta)
        assert score.log_likelihood == pytest.approx(np.mean(likelihood))
        spread = np.std(likelihood, ddof=1) / 2
        assert score.log_likelihood_error == pytest.approx(spread, rel=1e-6)
        assert score.active == np.mean(active)
    both = found.log_likelihood(np.array([0.15, 2.2]))
    np.testing.assert_allclose(both[1], found.log_likelihood(2.2), rtol=1e-14)


@pytest.mark.parametrize("latents", [2, 5])
def test_it_is_the_score_of_pca_with_noise_beta(latents):
    """scikit-learn's density of probabilistic PCA, its eigenvalues those of a mean over rows."""
    x, beta = load_wine().data[:, :9] / load_wine().data[:, :9].std(axis=0), 0.3
    found = heldout(x, folds=3, latents=latents, seed=1).log_likelihood(beta)
    for fold, (train, held, _) in enumerate(parts(x, 3, 1)):
        pca = PCA(latents, svd_solver="full").fit(train)
        pca.explained_variance_ *= 1 - 1 / len(train)
        pca.noise_variance_ = beta
        assert pca.score(held) == pytest.approx(found[fold], rel=1e-9)


def test_the_elbo_of_a_trained_vae_is_that_likelihood():
    """BFGS on a linear VAE's own loss, unit decoder variance and weight beta, then its ELBO."""
    x, beta, latents = table(40, 4, seed=2), 0.7, 2
    found = heldout(x, folds=2, latents=latents, seed=5)

    def split(theta):
        W, V = theta[: 8 * latents].reshape(2, 4, latents)
        return W, V, np.exp(theta[8 * latents :])

    def terms(theta, rows):
        W, V, D = split(theta)
        mu = rows @ V
        error = ((rows - mu @ W.T) ** 2).sum(axis=1) + (W**2 @ D).sum()
        return error.mean(), 0.5 * ((mu**2 + D - np.log(D) - 1).sum(axis=1)).mean()

    for fold, (train, held, _) in enumerate(parts(x, 2, 5)):
        centred = train - train.mean(axis=0)

        def loss(theta, centred=centred):
            error, kl = terms(theta, centred)
            return error / 2 + beta * kl

        start = 0.3 * np.random.default_rng(fold).standard_normal(9 * latents)
        end = minimize(loss, start, method="BFGS", options={"gtol": 1e-8, "maxiter": 900})
        error, kl = terms(end.x, held - train.mean(axis=0))
        elbo = -error / (2 * beta) - 2 * np.log(2 * np.pi * beta) - kl
        assert elbo == pytest.approx(found.log_likelihood(beta)[fold], abs=2e-4)
        assert error == pytest.approx(found.squared_error(beta)[fold], rel=1e-3)


def test_the_best_beta_is_the_maximum_and_the_simplest_is_within_its_error():
    found = heldout(table(50, 12, seed=4), folds=5)
    fine = np.geomspace(found.beta[0], found.beta[-1], 40_001)
    means = np.array([found.log_likelihood(beta).mean() for beta in fine[::10]])
    near = fine[::10][np.argmax(means)]
    close = fine[(fine > near / 1.02) & (fine < near * 1.02)]
    best = max(close, key=lambda beta: found.log_likelihood(beta).mean())
    assert found.best.beta == pytest.approx(best, rel=3e-4)
    assert found.best.log_likelihood >= means.max()
    limit = found.best.log_likelihood - found.best.log_likelihood_error
    assert found.simplest.beta > found.best.beta
    assert found.simplest.log_likelihood >= limit
    further = found.beta[found.beta > found.simplest.beta]
    assert all(found.log_likelihood(beta).mean() < limit for beta in further)
    assert not found.unbounded


def test_a_row_unlike_all_others_leaves_no_latent_worth_having():
    """Best is then the mean square of rows held out, far beyond all eigenvalues met in training."""
    x = table(30, 4)
    x[7] = 1e4
    found = heldout(x, folds=5, standardise=True)
    assert found.best.active == 0
    assert found.simplest.beta == found.best.beta
    without = found.folds.total.mean() / 4
    assert without > 1.5 * found.folds.variances.max()
    assert found.best.beta == pytest.approx(without, rel=1e-9)
    around = found.best.beta * np.array([0.9, 1.1])
    assert (found.log_likelihood(around).mean(axis=1) < found.best.log_likelihood).all()


def test_white_noise_is_found_where_there_is_some():
    """Signals in noise of eta = 0.5: with a latent for each, beta is eta up to 4 errors.

    The estimate of a variance over 20 x 600 squares has the relative error sqrt(2/12000) =
    0.013; an optimum at the rows' eigenvalues would be off by more than 1.
    """
    x = np.random.default_rng(0).standard_normal((600, 20)) * 0.5**0.5
    x[:, :2] *= np.sqrt([8, 4])
    found = heldout(x, latents=2)
    assert found.best.beta == pytest.approx(0.5, rel=4 * 0.013)
    assert found.best.active == 2


@pytest.mark.parametrize("latents", [None, 1])
def test_few_rows_of_many_columns_find_their_noise_far_below_their_eigenvalues(latents):
    """Of 20 rows of noise of variance 0.5 in 400 columns, eigenvalues are about 10.

    With all latents alive, beta stands for the 385 directions without: 20 x 385 squares, whose
    mean has a relative error of 0.016; the mean of 15 training rows adds a fifteenth. With one
    latent, hardly anything changes.
    """
    x = np.random.default_rng(0).standard_normal((20, 400)) * 0.5**0.5
    found = heldout(x, folds=4, latents=latents)
    assert found.folds.variances[:, 0].min() > 10
    assert found.best.beta == pytest.approx(0.5 * 16 / 15, rel=4 * 0.016)
    assert not found.unbounded
    around = found.best.beta * np.array([0.97, 1.03])
    assert (found.log_likelihood(around).mean(axis=1) < found.best.log_likelihood).all()


def test_the_same_folds_come_of_columns_and_of_rows():
    x = table(30, 25)
    moments = moments_of(lambda: iter([x]))
    columns, dealt = np.arange(25), np.random.default_rng(0).permutation(30) % 3
    for standardise in (False, True):
        both = [
            make(lambda: iter([x[:11], x[11:]]), moments, columns, dealt, 3, standardise)
            for make in (module._by_columns, module._by_rows)
        ]
        assert both[0][0] == both[1][0] == 25
        for a, b in zip(both[0][1], both[1][1], strict=True):
            rank = min(len(a.variances), len(b.variances), 19)
            np.testing.assert_allclose(a.variances[:rank], b.variances[:rank], rtol=1e-6)
            np.testing.assert_allclose(a.seen[:rank], b.seen[:rank], rtol=1e-5)
            np.testing.assert_allclose((a.total, a.shift), (b.total, b.shift), rtol=1e-9)


def test_constant_and_dependent_columns_count_as_no_directions():
    x = table(50, 6)
    plain = heldout(x, seed=2)
    padded = heldout(np.hstack([x, np.full((50, 3), 7.0)]), seed=2)
    assert (padded.dim, padded.columns) == (6, 9)
    np.testing.assert_allclose(padded.log_likelihood(0.3), plain.log_likelihood(0.3), rtol=1e-12)
    turned = x @ np.linalg.qr(np.random.default_rng(1).standard_normal((11, 6)))[0].T
    thin = heldout(turned, seed=2)
    assert (thin.dim, thin.columns) == (6, 11)
    np.testing.assert_allclose(thin.log_likelihood(0.3), plain.log_likelihood(0.3), rtol=1e-9)
    wide = heldout(turned[:9], folds=3, seed=2)
    assert wide.dim == 6
    assert np.isfinite(wide.best.log_likelihood)


def test_unusual_tables_have_finite_scores():
    random = np.random.default_rng(0)
    rare = random.standard_normal((30, 4))
    rare[:, 3] = np.arange(30) == 7  # constant in all folds but one
    column = random.standard_normal((9, 1))
    for x in (
        rare, column, np.repeat(random.standard_normal((8, 5)), 2, axis=0), rare * 1e60,
        rare * 1e-60, random.standard_normal((3, 2)), random.standard_normal((5, 40)),
        random.integers(0, 3, (40, 6)).astype(float),
    ):  # fmt: skip
        for standardise in (False, True):
            found = heldout(x, folds=3, standardise=standardise)
            for score in (found.best, found.simplest, found.score(float(found.beta[200]))):
                assert np.isfinite(score).all()
                assert score.beta > 0
    assert np.isfinite(heldout(table(), folds=60).best).all()


@pytest.mark.parametrize("columns", [5, 60])
def test_a_column_constant_in_training_has_the_deviation_of_all_rows(columns):
    """Up to rounding it is constant there, which leaves a deviation of 1e-10 or so."""
    x = table(41, columns)
    x[:, 3] = 5 + 0.1 * (np.arange(41) == 7)
    found = heldout(x, folds=3, standardise=True)
    dealt = np.random.default_rng(0).permutation(41) % 3
    for fold in range(3):
        train, held = x[dealt != fold], x[dealt == fold]
        unit = train.std(axis=0, ddof=1)
        if fold == dealt[7]:
            unit[3] = x[:, 3].std(ddof=1)
        total = (((held - train.mean(axis=0)) / unit) ** 2).sum(axis=1).mean()
        assert found.folds.total[fold] == pytest.approx(total, rel=1e-6)


def test_units_of_columns_do_not_matter_once_standardised():
    x = table(40, 5)
    scaled = x * np.geomspace(1e-3, 1e4, 5) + 3
    ours, theirs = (heldout(y, standardise=True, seed=7) for y in (x, scaled))
    np.testing.assert_allclose(ours.log_likelihood(0.4), theirs.log_likelihood(0.4), rtol=1e-7)


def test_a_store_keeps_what_all_numbers_of_latents_need(tmp_path):
    store, x = ResultStore(tmp_path), table()
    first = heldout(x, store=store)
    again = heldout(x, latents=2, store=store)
    assert (first.source.reused, again.source.reused) == (False, True)
    assert again.log_likelihood(0.3).tolist() == heldout(x, latents=2).log_likelihood(0.3).tolist()
    for change in ({"folds": 4}, {"seed": 1}, {"standardise": True}):
        assert not heldout(x, **change, store=store).source.reused
    told = []
    heldout(x, folds=3, progress=lambda *at: told.append(at))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_what_is_too_large_or_makes_no_sense_is_refused(monkeypatch):
    x = table(30, 8)
    for options, name in (
        ({"folds": 1}, "folds"), ({"folds": 31}, "folds"), ({"folds": 2.5}, "folds"),
        ({"seed": -1}, "seed"), ({"latents": 0}, "latent"),
    ):  # fmt: skip
        with pytest.raises(vaedyn.ParameterError) as caught:
            heldout(x, **options)
        assert caught.value.name == name
    for bad, words in ((np.array([[1, np.nan]] * 4), "nan"), (np.ones((5, 2)), "equal")):
        with pytest.raises(vaedyn.ParameterError, match=words):
            heldout(bad, folds=2)
    monkeypatch.setattr(module, "ROOM", 8 * 64 * 4)
    with pytest.raises(vaedyn.ParameterError, match="^folds: 8 columns leave room for 4, got 5"):
        heldout(x)
    with pytest.raises(vaedyn.ParameterError, match="^data: with fewer rows than columns"):
        heldout(x[:, :].T.repeat(10, axis=1))
    monkeypatch.setattr(module, "LARGEST", 7)
    with pytest.raises(vaedyn.ParameterError, match="30 rows and 8 columns are too many"):
        heldout(x)


def test_rows_stream_by_in_blocks_of_any_size():
    x = load_digits().data[:300]
    moments = moments_of(lambda: iter([x]))
    whole, dim = folds_of(lambda: iter([x]), moments, folds=4)
    assert dim == np.linalg.matrix_rank(x - x.mean(axis=0))
    for size in (7, 128):
        blocks = [x[at : at + size] for at in range(0, 300, size)]
        cut, _ = folds_of(lambda b=blocks: iter(b), moments, folds=4)
        np.testing.assert_allclose(cut.variances, whole.variances, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(cut.seen, whole.seen, rtol=1e-9, atol=1e-9)
