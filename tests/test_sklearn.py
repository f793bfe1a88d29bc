"""The estimator: scikit-learn's own checks, PCA, rows held out, plain losses, and training."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import vaedyn
from vaedyn.sklearn import LinearVAE

COLLAPSE = "ignore:all latents collapse:UserWarning"
SCALES = np.array([3.0, 1.7, 1.1, 0.6, 0.3])


def table(rows=400, columns=5, seed=1):
    random = np.random.default_rng(seed)
    turn = np.linalg.qr(random.standard_normal((columns, columns)))[0]
    scales = np.geomspace(SCALES[0], SCALES[-1], columns)
    return random.standard_normal((rows, columns)) * scales @ turn - 2.5


@parametrize_with_checks([LinearVAE(), LinearVAE(n_components=1, beta=0.3)])
@pytest.mark.filterwarnings("ignore")
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)  # one is skipped, on arrays of other libraries


def elbo(x, model):
    """Return the ELBO of rows at decoder variance beta, (rows,), term by term."""
    W, V, D = model.components_, model.encoder_, model.variances_
    found = []
    for row in x - model.mean_:
        mu = V @ row
        error = ((row - mu @ W) ** 2).sum() + (D * (W**2).sum(axis=1)).sum()
        density = -0.5 * (error / model.beta + len(row) * np.log(2 * np.pi * model.beta))
        found.append(density - 0.5 * (mu**2 + D - np.log(D) - 1).sum())
    return np.array(found)


@pytest.mark.parametrize(("latents", "beta"), [(None, 0.7), (2, 0.15), (5, 0.02), (3, 4.0)])
def test_the_score_is_the_likelihood_of_the_gaussian_and_the_elbo(latents, beta):
    x, fresh = table(60), table(7, seed=2) * 3
    model = LinearVAE(latents, beta).fit(x)
    truth = multivariate_normal(x.mean(axis=0), model.get_covariance()).logpdf(fresh)
    np.testing.assert_allclose(model.score_samples(fresh), truth, rtol=1e-10)
    np.testing.assert_allclose(elbo(fresh, model), truth, rtol=1e-10)
    assert model.score(fresh) == pytest.approx(truth.mean(), rel=1e-10)
    np.testing.assert_allclose(
        model.get_precision() @ model.get_covariance(), np.eye(5), atol=1e-10
    )


def test_the_closed_form_is_a_maximum_of_the_elbo():
    """Every small step of any weight lowers it; 1/(P - 1) for 1/P would be seen (below)."""
    x = table(40, 4)
    model = LinearVAE(3, beta=0.5).fit(x)
    assert model.active_ == 2  # one of the three has collapsed
    best, random = elbo(x, model).mean(), np.random.default_rng(0)
    for name in ("components_", "encoder_", "variances_"):
        value = getattr(model, name)
        for _ in range(5):
            step = 1e-4 * random.standard_normal(value.shape)
            sides = []
            for sign in (1, -1):
                setattr(model, name, value + sign * step)
                sides.append(elbo(x, model).mean() - best)
            setattr(model, name, value)
            assert max(sides) < 0
            assert abs(sides[0] - sides[1]) < 1e-2 * abs(sum(sides))  # no slope
    model.variances_ = model.variances_ * (1 + 1 / 40)  # as if of another covariance
    other = elbo(x, model).mean() - best
    assert other < -1e-5


def test_at_the_noise_of_pca_it_scores_as_pca():
    """PCA divides by P - 1: its covariance is P/(P - 1) times that of the same beta in units."""
    x = table()
    pca = PCA(n_components=2).fit(x)
    model = LinearVAE(2, beta=pca.noise_variance_).fit(x)
    assert model.score(x) == pytest.approx(pca.score(x), abs=1e-5)
    share = len(x) / (len(x) - 1)
    same = LinearVAE(2, beta=pca.noise_variance_ / share).fit(x)
    np.testing.assert_allclose(share * same.get_covariance(), pca.get_covariance(), rtol=1e-10)
    np.testing.assert_allclose(share * same.eigenvalues_[:2], pca.explained_variance_, rtol=1e-10)
    ratio = model.transform(x) / pca.transform(x)
    np.testing.assert_allclose(ratio, ratio[:1].repeat(len(x), axis=0), rtol=1e-9)


def dealt(rows, folds, seed):
    """Return the folds of `vaedyn.heldout` as scikit-learn takes them."""
    fold = np.random.default_rng(seed).permutation(rows) % folds
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(folds)]


@pytest.mark.filterwarnings(COLLAPSE)
@pytest.mark.parametrize("latents", [None, 2])
def test_a_grid_search_finds_what_heldout_finds(latents):
    x = table(90)
    found = vaedyn.heldout(x, folds=5, latents=latents, seed=3)
    betas = np.sort([found.best.beta, *np.geomspace(0.01, 30, 12)])
    search = GridSearchCV(LinearVAE(latents), {"beta": betas}, cv=dealt(90, 5, 3)).fit(x)
    scores = search.cv_results_["mean_test_score"]
    np.testing.assert_allclose(scores, found.log_likelihood(betas).mean(axis=-1), rtol=1e-10)
    assert search.best_params_["beta"] == found.best.beta


@pytest.mark.filterwarnings(COLLAPSE)
def test_so_it_does_behind_a_scaler():
    """StandardScaler divides by deviations of 1/P, heldout by 1/(P - 1): units of beta differ."""
    x = table(90) * [1, 20, 0.1, 5, 300]
    found = vaedyn.heldout(x, folds=5, standardise=True, seed=3)
    share = 72 / 71  # rows that are trained on
    betas = share * np.sort([found.best.beta, *np.geomspace(0.01, 3, 9)])
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LinearVAE()),
        {"linearvae__beta": betas},
        cv=dealt(90, 5, 3),
    ).fit(x)
    expected = found.log_likelihood(betas / share) - found.folds.shift - 2.5 * np.log(share)
    scores = search.cv_results_["mean_test_score"]
    np.testing.assert_allclose(scores, expected.mean(axis=-1), rtol=1e-10)
    assert search.best_params_["linearvae__beta"] == share * found.best.beta


@pytest.mark.parametrize("beta", [50.0, 9.0])
def test_it_warns_where_all_latents_collapse(beta):
    x = table(50)
    with pytest.warns(UserWarning, match="all latents collapse: beta = ") as caught:
        model = LinearVAE(beta=beta).fit(x)
    assert [each.filename for each in caught] == [__file__]
    assert not model.transform(x).any()
    assert model.active_ == 0
    np.testing.assert_allclose(model.inverse_transform(model.transform(x))[7], x.mean(axis=0))
    assert (model.variances_ == 1).all()
    np.testing.assert_allclose(model.get_covariance(), beta * np.eye(5))


def test_a_threshold_is_an_eigenvalue_of_the_rows():
    x = table(50)
    top = np.linalg.eigvalsh(np.cov(x.T, bias=True))[-1]
    assert LinearVAE(beta=top * (1 - 1e-9)).fit(x).active_ == 1
    with pytest.warns(UserWarning, match="all latents collapse"):
        assert LinearVAE(beta=top * (1 + 1e-9)).fit(x).active_ == 0


@pytest.mark.filterwarnings(COLLAPSE)
def test_copies_tables_and_orders_of_memory():
    x = table(60)
    model = LinearVAE(2, beta=0.4).fit(x)
    latents = model.transform(x)
    again = pickle.loads(pickle.dumps(model))
    assert (again.transform(x) == latents).all()
    assert clone(model).get_params() == model.get_params()
    assert not hasattr(clone(model), "components_")
    single = LinearVAE(2, beta=0.4).fit(np.asarray(x, np.float32))
    assert single.transform(np.asarray(x, np.float32)).dtype == np.float32
    np.testing.assert_allclose(single.transform(x), latents, atol=1e-5)
    np.testing.assert_allclose(
        LinearVAE(2, beta=0.4).fit(np.asfortranarray(x)).transform(x), latents, atol=1e-12
    )
    frame = pd.DataFrame(x, columns=list("abcde"), index=range(100, 160))
    named = LinearVAE(2, beta=0.4).set_output(transform="pandas").fit(frame)
    assert list(named.feature_names_in_) == list("abcde")
    shown = named.transform(frame)
    assert list(shown.columns) == ["linearvae0", "linearvae1"] == [*named.get_feature_names_out()]
    assert shown.index[0] == 100
    np.testing.assert_allclose(shown.to_numpy(), latents)


def test_fewer_rows_than_columns():
    x = table(6, 20)
    model = LinearVAE(beta=0.01).fit(x)
    assert model.components_.shape == (6, 20)
    assert model.active_ == 5  # the mean takes one direction
    truth = multivariate_normal(x.mean(axis=0), model.get_covariance()).logpdf(x)
    np.testing.assert_allclose(model.score_samples(x), truth, rtol=1e-8)
    assert LinearVAE(11, beta=0.01).fit(x).transform(x).shape == (6, 11)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"beta": 0}, "beta: must be > 0"),
        ({"beta": -1}, "beta: must be > 0"),
        ({"beta": np.nan}, "beta: must be finite"),
        ({"beta": "much"}, "beta: must be a number"),
        ({"n_components": 0}, "n_components: must be at least 1"),
        ({"n_components": 6}, "n_components: must be at most 5, got 6"),
        ({"n_components": 0.5}, "n_components: must be a whole number"),
        ({"n_components": True}, "n_components: must be a whole number"),
        ({"solver": "adam"}, "solver: expected closed or sgd, got 'adam'"),
        ({"solver": "sgd", "max_passes": 0}, "max_passes: must be > 0"),
        ({"solver": "sgd", "learning_rate": -1}, "learning_rate: must be > 0"),
    ],
)
def test_parameters_that_make_no_sense(arguments, match):
    with pytest.raises(ValueError, match=match):
        LinearVAE(**arguments).fit(table(20))


def test_rows_that_make_no_sense():
    x, model = table(20), LinearVAE(2, beta=0.4)
    with pytest.raises(NotFittedError):
        model.transform(x)
    with pytest.raises(ValueError, match="minimum of 2"):
        model.fit(x[:1])
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.where(x > 1, np.nan, x))
    with pytest.raises(ValueError, match="squares overflow"):
        model.fit(x * 1e200)
    with pytest.raises(ValueError, match="all rows are equal"):
        LinearVAE(solver="sgd").fit(np.ones((5, 2)))
    with pytest.raises(vaedyn.DivergenceError, match="lower learning_rate"):
        LinearVAE(2, 0.4, solver="sgd", max_passes=40, learning_rate=70).fit(x)
    model.fit(x)
    with pytest.raises(ValueError, match="4 features, but LinearVAE is expecting 5"):
        model.transform(x[:, :4])
    with pytest.raises(ValueError, match="X has 3 columns, but there are 2 latents"):
        model.inverse_transform(x[:, :3])


def test_sgd_trains_as_vaedyn_does():
    """The weights have the overlaps of a trajectory from the same seeds."""
    x = table(50)
    model = LinearVAE(2, 0.4, solver="sgd", max_passes=30, learning_rate=0.07, random_state=4).fit(
        x
    )
    random = np.random.RandomState(4)
    init_seed, seed = (int(random.randint(2**31 - 1)) for _ in range(2))
    settings = {"latent": 2, "lr": 0.07, "t_max": 30 * 50 / 5, "init_seed": init_seed}
    made = vaedyn.train(x, 0.4, seed=seed, points=2, **settings)
    end, W, V = made.trajectory, model.components_, model.encoder_
    np.testing.assert_allclose(W @ W.T, end.Q[0, -1], rtol=1e-10)
    np.testing.assert_allclose(V @ V.T, end.E[0, -1], rtol=1e-10)
    np.testing.assert_allclose(W @ V.T, end.R[0, -1], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(model.variances_, end.D[0, -1])
    directions = made.look.spectrum.directions[: end.m.shape[-1]]
    np.testing.assert_allclose(W @ directions.T, end.m[0, -1], rtol=1e-10)
    assert model.passes_ == 30
    assert model.active_ == made.active[1]


def test_sgd_comes_to_the_closed_form():
    """Up to its noise, which the learning rate sets; twice beta would be off by 0.2."""
    x = table(60)
    exact = LinearVAE(2, 0.4).fit(x)
    model = LinearVAE(2, 0.4, solver="sgd", max_passes=400, random_state=0).fit(x)
    assert model.active_ == exact.active_ == 2
    own, other = (each.components_.T @ each.components_ for each in (model, exact))
    np.testing.assert_allclose(own, other, atol=0.05 * exact.eigenvalues_[0])
    np.testing.assert_allclose(np.sort(model.variances_), np.sort(exact.variances_), rtol=0.15)
    assert exact.score(x) - 0.05 < model.score(x) < exact.score(x)
    same = LinearVAE(2, 0.4, solver="sgd", max_passes=2, random_state=3)
    assert (clone(same).fit(x).components_ == same.fit(x).components_).all()


def test_without_scikit_learn_one_line_names_the_extra():
    code = (
        "import sys; sys.modules['sklearn'] = None; sys.modules['sklearn.base'] = None\n"
        "import vaedyn\n"
        "assert 'sklearn' not in vaedyn.__all__\n"
        "try: vaedyn.sklearn\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "vaedyn.sklearn needs scikit-learn 1.6 or later: pip install 'vaedyn[sklearn]'"
    ]
