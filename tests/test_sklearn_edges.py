"""The estimator on rows of known eigenvalues: each attribute, each refusal, and SGD's settings."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from vaedyn import sklearn as module
from vaedyn.errors import DivergenceError, ParameterError
from vaedyn.sklearn import LinearVAE

# four rows along orthogonal axes, with variances 8, 2 and 0.5 around a mean
MEAN = np.array([1.0, -2.0, 3.0])
ROWS = MEAN + np.array(
    [[4, 2, 1], [4, -2, -1], [-4, 2, -1], [-4, -2, 1.0]]
) * np.sqrt(0.5)  # fmt: skip
TURN = np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1.0]])


def fitted(*given, rows=ROWS, **options):
    return LinearVAE(*given, **options).fit(rows)


def refused(error, call, *given, **options):
    with pytest.raises(error) as caught:
        call(*given, **options)
    return str(caught.value)


def test_where_training_ends():
    model = fitted(beta=0.75)
    np.testing.assert_allclose(model.eigenvalues_, [8, 2, 0.5], rtol=1e-12)
    np.testing.assert_allclose(model.mean_, MEAN, rtol=1e-14)
    assert (model.beta_, model.n_components_, model.active_, model.passes_) == (0.75, 3, 2, 0)
    wanted = np.array([[7.25**0.5, 0, 0], [0, 1.25**0.5, 0], [0, 0, 0]])
    np.testing.assert_allclose(model.components_, wanted, atol=1e-12)
    np.testing.assert_allclose(model.encoder_, wanted / [[8], [2], [1]], atol=1e-12)
    np.testing.assert_allclose(model.variances_, [0.75 / 8, 0.75 / 2, 1], rtol=1e-12)
    one = fitted(1, 0.75)
    assert (one.n_components_, one.active_) == (1, 1)
    np.testing.assert_allclose(one.components_, wanted[:1], atol=1e-12)
    assert fitted(beta=2 * (1 + 1e-9)).active_ == 1
    assert fitted(beta=float(model.eigenvalues_[1])).active_ == 1  # lost at its eigenvalue
    assert fitted(beta=2 * (1 - 1e-9)).active_ == 2
    turned = LinearVAE(beta=0.75).fit((ROWS - MEAN) @ TURN)
    np.testing.assert_allclose(abs(turned.components_), abs(wanted @ TURN), atol=1e-12)
    assert turned.components_[0].tolist() == pytest.approx([-0.6 * 7.25**0.5, 0.8 * 7.25**0.5, 0])
    assert turned.components_[1].tolist() == pytest.approx([0.8 * 1.25**0.5, 0.6 * 1.25**0.5, 0])


def test_rows_go_to_latents_and_back():
    model = fitted(2, 0.75)
    row = np.add(MEAN, [3.0, -1.0, 0.25])
    mu = np.array([3 * 7.25**0.5 / 8, -(1.25**0.5) / 2])
    np.testing.assert_allclose(model.transform([row]), [mu], rtol=1e-12)
    back = np.add(MEAN, [mu[0] * 7.25**0.5, mu[1] * 1.25**0.5, 0])
    np.testing.assert_allclose(model.inverse_transform([mu]), [back], rtol=1e-12)
    covariance = np.diag([8, 2, 0.75])
    np.testing.assert_allclose(model.get_covariance(), covariance, atol=1e-12)
    np.testing.assert_allclose(model.get_precision(), np.linalg.inv(covariance), atol=1e-12)
    square = 9 / 8 + 1 / 2 + 0.0625 / 0.75
    density = -0.5 * (3 * np.log(2 * np.pi) + np.log(8 * 2 * 0.75) + square)
    np.testing.assert_allclose(model.score_samples([row]), [density], rtol=1e-12)
    assert model.score([row, row]) == pytest.approx(density, rel=1e-12)
    single = model.transform(np.array([row], np.float32))
    assert single.dtype == np.float32
    assert model.inverse_transform(single).dtype == np.float32
    assert [*model.get_feature_names_out()] == ["linearvae0", "linearvae1"]
    assert model.__sklearn_tags__().transformer_tags.preserves_dtype == ["float64", "float32"]


def test_what_is_usual():
    model = LinearVAE()
    assert model.get_params() == {
        "n_components": None, "beta": 1.0, "solver": "closed", "max_passes": None,
        "learning_rate": None, "random_state": None,
    }  # fmt: skip
    assert fitted(beta=0.1, rows=np.vstack([ROWS[:2], ROWS[2:3]])[:2]).n_components_ == 2
    assert module.SOLVERS == ("closed", "sgd")


def test_all_latents_collapse_at_the_largest_eigenvalue():
    text = (
        "all latents collapse: beta = 9 is too large for rows whose largest variance is 8; "
        "transform returns next to nothing"
    )
    with pytest.warns(UserWarning, match="all latents") as caught:
        model = fitted(beta=9.0)
    assert [str(each.message) for each in caught] == [text]
    assert caught[0].filename == __file__  # where fit was called
    assert model.active_ == 0
    assert not model.components_.any()
    np.testing.assert_allclose(model.get_covariance(), 9 * np.eye(3), rtol=1e-12)


def test_each_refusal():
    for given, text in (
        ({"beta": 0}, "beta: must be > 0, got 0"),
        ({"solver": "adam"}, "solver: expected closed or sgd, got 'adam'"),
        ({"n_components": 4}, "n_components: must be at most 3, got 4"),
        ({"n_components": 0}, "n_components: must be at least 1, got 0"),
        ({"n_components": 2.0}, "n_components: must be a whole number or None, got 2.0"),
        ({"n_components": True}, "n_components: must be a whole number or None, got True"),
    ):
        assert refused(ParameterError, fitted, **given) == text
    assert fitted(np.int64(3), 0.1).n_components_ == 3
    assert refused(ParameterError, fitted, rows=ROWS * 1e200) == (
        "X: entries are so large that their squares overflow: scale X"
    )
    assert fitted(rows=ROWS * 1e150).active_ == 3
    sgd = LinearVAE(solver="sgd")
    assert refused(ParameterError, sgd.fit, np.ones((3, 2))) == (
        "X: all rows are equal: there is nothing for SGD to learn"
    )
    with pytest.warns(UserWarning, match="largest variance is 0;"):
        assert LinearVAE().fit(np.ones((3, 2))).active_ == 0
    model = LinearVAE(2)
    for call in (model.transform, model.inverse_transform, model.score, model.score_samples):
        assert "not fitted" in refused(NotFittedError, call, ROWS)
    for call in (model.get_covariance, model.get_precision):
        assert "not fitted" in refused(NotFittedError, call)
    assert refused(ValueError, fitted(2, 0.1).inverse_transform, ROWS) == (
        "X has 3 columns, but there are 2 latents"
    )
    assert "minimum of 2 is required" in refused(ValueError, LinearVAE().fit, ROWS[:1])


@pytest.fixture
def trained(monkeypatch):
    """Let training be recorded, and come to known weights."""
    made = SimpleNamespace(kl=[0.3, 0.0101, 0.0099], error=None, settings=[], seeds=[])

    def suited(found, beta, **settings):
        made.settings.append((beta, settings))
        return SimpleNamespace(steps=77, signal=2)

    def trained_on(params, rows, along, seed, watch):
        made.seeds.append(seed)
        made.along = along
        assert watch.steps == (77,)
        W, V, D = np.full((3, 3), 2.0), np.full((3, 3), 5.0), np.array([0.5, 0.25, 1.0])
        watch.see(W, V, D)
        W += 1  # weights that go on are not those that were seen
        V += 1
        D += 1
        if made.error:
            raise DivergenceError(made.error)
        return SimpleNamespace(info={"kl": made.kl, "passes": 12.5})

    monkeypatch.setattr(module, "suited", suited)
    monkeypatch.setattr(module, "trained_on", trained_on)
    spectrum = SimpleNamespace(directions=np.eye(3))
    monkeypatch.setattr(module, "look", lambda X: SimpleNamespace(
        spectrum=spectrum, rows=SimpleNamespace(unit=7.0)))  # fmt: skip
    return made


def test_sgd_has_its_settings(trained):
    model = fitted(beta=0.75, solver="sgd", random_state=3)
    random = np.random.RandomState(3)
    init, seed = (int(random.randint(2**31 - 1)) for _ in range(2))
    assert trained.settings == [(0.75, {"latent": 3, "points": 2, "init_seed": init})]
    assert trained.seeds == [seed]
    assert trained.along.tolist() == [[1, 0, 0], [0, 1, 0]]
    np.testing.assert_allclose(model.components_, 2 * (7 / 3) ** 0.5, rtol=1e-14)
    np.testing.assert_allclose(model.encoder_, 5 / (7 * 3) ** 0.5, rtol=1e-14)
    assert model.variances_.tolist() == [0.5, 0.25, 1]
    assert (model.active_, model.passes_) == (2, 12.5)
    fitted(2, 0.75, solver="sgd", random_state=3, max_passes=6, learning_rate=0.25)
    assert trained.settings[1] == (
        0.75, {"latent": 2, "points": 2, "init_seed": init, "lr": 0.25, "t_max": 8.0}
    )  # fmt: skip
    trained.kl = [0.0, 0.0]
    with pytest.warns(UserWarning, match="all latents collapse"):
        fitted(2, 0.75, solver="sgd", random_state=3)


def test_sgd_refuses_what_makes_no_sense(trained):
    for given, text in (
        ({"max_passes": 0.0}, "max_passes: must be > 0, got 0"),
        ({"learning_rate": -1.0}, "learning_rate: must be > 0, got -1"),
    ):
        assert refused(ParameterError, fitted, solver="sgd", **given) == text
    trained.error = "it diverges: lower --lr"
    assert refused(DivergenceError, fitted, solver="sgd") == "it diverges: lower learning_rate"
