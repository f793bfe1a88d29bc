"""The linear VAE as an estimator of scikit-learn, which is imported only here."""

import warnings
from collections.abc import Collection
from numbers import Integral
from typing import Any, Self

import numpy as np

try:
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.utils import check_array, check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        "vaedyn.sklearn needs scikit-learn 1.6 or later: pip install 'vaedyn[sklearn]'"
    ) from error

from .data.learn import trained_on
from .data.look import look
from .data.suited import suited
from .errors import DivergenceError, ParameterError
from .model.params import integer, real
from .model.quantities import active

__all__ = ["LinearVAE"]
SOLVERS = ("closed", "sgd")
KINDS: Any = [np.float64, np.float32]  # of numbers that stay what they are
LARGEST_SEED = 2**31 - 1


class LinearVAE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Linear VAE of KL weight beta, trained on rows to the end in closed form, or by SGD.

    Its loss is half the squared reconstruction error, summed over columns, plus `beta` times the
    KL divergence. Up to a factor that is the one of KL weight 1 and decoder variance beta:
    probabilistic PCA (Tipping & Bishop 1999, J. R. Stat. Soc. B 61, 611) whose noise is given
    rather than fitted. A direction of the rows is encoded if its variance is above beta.

    Variances are means over all P rows (1/P), as training sees them and as `vaedyn.heldout` has
    them. `sklearn.decomposition.PCA` divides by P - 1: a beta of its is P/(P - 1) times as large.

    Parameters
    ----------
    n_components : int, optional
        Latents; otherwise as many as there are directions, the smaller number of rows and columns.
    beta : float
        KL weight, in units of variances of the columns. `vaedyn.heldout` finds one, as does
        `sklearn.model_selection.GridSearchCV`.
    solver : {"closed", "sgd"}
        ``closed``: where training ends at small learning rates. ``sgd``: training, a row a step,
        as of `vaedyn.train`.
    max_passes : float, optional
        How often SGD uses each row; otherwise until all has settled, or for about 30 s.
    learning_rate : float, optional
        Of SGD, in units in which the largest variance is 1; otherwise one that suits the rows.
    random_state : int, RandomState instance or None
        Of the start of SGD and the order of the rows.

    Attributes
    ----------
    components_ : (n_components, n_features)
        The decoder's weights W^T; in closed form sqrt(l - beta) times the eigenvector of each
        eigenvalue l above beta, its largest entry positive, and zeros for collapsed latents.
    encoder_ : (n_components, n_features)
        The encoder's weights: the posterior means are ``encoder_ @ (x - mean_)``.
    variances_ : (n_components,)
        Posterior variances D; in closed form beta/l, and 1 for collapsed latents.
    eigenvalues_ : (min(n_samples, n_features),)
        Of the covariance of the rows, 1/P, descending.
    active_ : int
        Active units: eigenvalues above beta, or, after SGD, latents of more than 0.01 nats.
    mean_ : (n_features,)
    beta_ : float
    passes_ : float
        How often SGD has used each row; 0 in closed form.
    n_components_, n_features_in_ : int
    feature_names_in_ : (n_features,)
        Where the columns have names.

    Examples
    --------
    >>> import numpy
    >>> from vaedyn.sklearn import LinearVAE
    >>> rows = numpy.random.default_rng(0).normal(size=(500, 3)) * [3, 1, 0.5]
    >>> model = LinearVAE(beta=0.7).fit(rows)
    >>> model.active_, model.transform(rows).shape
    (2, (500, 3))
    """

    def __init__(
        self,
        n_components: int | None = None,
        beta: float = 1.0,
        *,
        solver: str = "closed",
        max_passes: float | None = None,
        learning_rate: float | None = None,
        random_state: Any = None,
    ):
        self.n_components = n_components
        self.beta = beta
        self.solver = solver
        self.max_passes = max_passes
        self.learning_rate = learning_rate
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on rows (n_samples, n_features); `y` is ignored.

        Raises
        ------
        ParameterError
            When a parameter is out of range; it is a ValueError, too.
        ValueError
            When the rows make no sense.
        DivergenceError
            When SGD diverges.

        Warns
        -----
        UserWarning
            When all latents collapse.
        """
        X = validate_data(self, X, dtype=KINDS, ensure_min_samples=2)
        X = np.asarray(X, np.float64)
        self.beta_ = real("beta", self.beta)
        if self.solver not in SOLVERS:
            raise ParameterError("solver", f"expected closed or sgd, got {self.solver!r}")
        self.n_components_ = self._latents(*X.shape)
        self.mean_ = X.mean(axis=0)
        centred = X - self.mean_
        _, scales, directions = np.linalg.svd(centred, full_matrices=False)
        with np.errstate(over="ignore"):
            self.eigenvalues_ = scales**2 / len(X)
        if not np.isfinite(self.eigenvalues_[0]):
            raise ParameterError("X", "entries are so large that their squares overflow: scale X")
        (self._train if self.solver == "sgd" else self._solve)(X, directions)
        if not self.active_:
            warnings.warn(
                f"all latents collapse: beta = {self.beta_:g} is too large for rows whose largest "
                f"variance is {self.eigenvalues_[0]:.4g}; transform returns next to nothing",
                stacklevel=2,
            )
        return self

    def _latents(self, rows: int, columns: int) -> int:
        if self.n_components is None:
            return min(rows, columns)
        if isinstance(self.n_components, bool) or not isinstance(self.n_components, Integral):
            reason = f"must be a whole number or None, got {self.n_components!r}"
            raise ParameterError("n_components", reason)
        count = integer("n_components", self.n_components, 1)
        if count > columns:
            raise ParameterError("n_components", f"must be at most {columns}, got {count}")
        return count

    def _solve(self, X: np.ndarray, directions: np.ndarray) -> None:
        """Set the optimum for rows whose covariance has `eigenvalues_` along `directions`."""
        # model: closed form, at small tau and lam = 0
        beta, values = self.beta_, self.eigenvalues_[: self.n_components_]
        values = values[values > beta]
        vectors = directions[: len(values)]
        largest = np.abs(vectors).argmax(axis=1)
        vectors = vectors * np.sign(vectors[np.arange(len(values)), largest])[:, None]
        self.components_, self.encoder_ = np.zeros((2, self.n_components_, X.shape[1]))
        self.components_[: len(values)] = np.sqrt(values - beta)[:, None] * vectors
        self.encoder_[: len(values)] = (np.sqrt(values - beta) / values)[:, None] * vectors
        self.variances_ = np.ones(self.n_components_)
        self.variances_[: len(values)] = beta / values
        self.active_, self.passes_ = len(values), 0.0

    def _train(self, X: np.ndarray, directions: np.ndarray) -> None:
        """Set what SGD on the rows comes to."""
        if not self.eigenvalues_[0] > 0:
            raise ParameterError("X", "all rows are equal: there is nothing for SGD to learn")
        random = check_random_state(self.random_state)
        settings: dict[str, Any] = {"latent": self.n_components_, "points": 2}
        settings["init_seed"] = int(random.randint(LARGEST_SEED))
        if self.learning_rate is not None:
            settings["lr"] = real("learning_rate", self.learning_rate)
        if self.max_passes is not None:
            settings["t_max"] = real("max_passes", self.max_passes) * len(X) / X.shape[1]
        found = look(X)
        params = suited(found, self.beta_, **settings)
        end = _End(params.steps)
        along = found.spectrum.directions[: params.signal]
        seed = int(random.randint(LARGEST_SEED))
        try:
            result = trained_on(params, found.rows, along, seed, watch=end)
        except DivergenceError as error:
            raise DivergenceError(str(error).replace("--lr", "learning_rate")) from None
        scale, root = found.rows.unit**0.5, X.shape[1] ** 0.5
        self.components_, self.encoder_ = end.W * scale / root, end.V / (scale * root)
        self.variances_ = end.D
        self.active_ = int(active(np.array(result.info["kl"])))
        self.passes_ = float(result.info["passes"])

    @property
    def _n_features_out(self) -> int:
        return self.n_components_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _rows(self, X: Any) -> Any:
        check_is_fitted(self)
        return validate_data(self, X, dtype=KINDS, reset=False)

    def transform(self, X: Any) -> np.ndarray:
        """Return the posterior means (n_samples, n_components) of rows."""
        X = self._rows(X)
        return ((X - self.mean_) @ self.encoder_.T).astype(X.dtype, copy=False)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return the reconstructions (n_samples, n_features) from latents.

        Raises
        ------
        ValueError
            When there are not `n_components_` latents.
        """
        check_is_fitted(self)
        X = check_array(X, dtype=KINDS)
        if X.shape[1] != self.n_components_:
            reason = f"X has {X.shape[1]} columns, but there are {self.n_components_} latents"
            raise ValueError(reason)
        return (X @ self.components_ + self.mean_).astype(X.dtype, copy=False)

    def score_samples(self, X: Any) -> np.ndarray:
        """Return the log likelihood of rows in nats, (n_samples,).

        That of the gaussian of `get_covariance`. In closed form the encoder is its exact
        posterior, for any row, so that it is also the ELBO at decoder variance beta.
        """
        x = np.asarray(self._rows(X), np.float64) - self.mean_
        values, vectors = self._modes()
        inside = x @ vectors.T
        outside = ((x - inside @ vectors) ** 2).sum(axis=1) / self.beta_
        logs = np.log(values).sum() + (x.shape[1] - len(values)) * np.log(self.beta_)
        return -0.5 * (
            x.shape[1] * np.log(2 * np.pi) + logs + (inside**2 / values).sum(axis=1) + outside
        )

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log likelihood of rows in nats; `y` is ignored."""
        return float(self.score_samples(X).mean())

    def get_covariance(self) -> np.ndarray:
        """Return the model's covariance W W^T + beta I, (n_features, n_features)."""
        check_is_fitted(self)
        own = self.components_.T @ self.components_
        own.flat[:: len(own) + 1] += self.beta_
        return own

    def get_precision(self) -> np.ndarray:
        """Return the inverse of `get_covariance`, (n_features, n_features)."""
        check_is_fitted(self)
        values, vectors = self._modes()
        own = (vectors.T * (1 / values - 1 / self.beta_)) @ vectors
        own.flat[:: len(own) + 1] += 1 / self.beta_
        return own

    def _modes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return eigenvalues (k,) and vectors (k, n_features) of the model's covariance.

        Those that differ from beta, or may.
        """
        _, scales, vectors = np.linalg.svd(self.components_, full_matrices=False)
        return scales**2 + self.beta_, vectors


class _End:
    """Keeps the weights after the last step, see `vaedyn.data.learn.Watch`."""

    def __init__(self, steps: int):
        self.steps: Collection[int] = (steps,)

    def see(self, W: np.ndarray, V: np.ndarray, D: np.ndarray) -> None:
        self.W, self.V, self.D = W.copy(), V.copy(), D.copy()
