"""A prior as a scikit-learn estimator."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from priorkit.codes.fitting import fit_prior

try:
    from sklearn.utils.validation import validate_data
except ImportError:  # scikit-learn before 1.6

    def validate_data(estimator: Any, X: Any, **checks: Any) -> Any:  # noqa: N803
        """A substitute for a function of later versions."""
        return estimator._validate_data(X, **checks)


__all__ = ["PriorDensity"]

Array = np.ndarray[Any, Any]
_MOST = 2**31 - 1
_OWN = {
    "codes": "fit(X)",
    "prior": "prior",
    "conditions": "conditional",
    "steps": "steps",
    "batch_size": "batch_size",
    "learning_rate": "learning_rate",
    "device": "device",
    "seed": "random_state",
}
"""Arguments of `fit_prior` that are separate arguments of the estimator."""


class PriorDensity(DensityMixin, BaseEstimator):  # type: ignore[misc]
    """A density estimator for scikit-learn's pipelines and searches, by any prior that learns from codes.

    `fit` learns the rows of X, `score_samples` gives their log-density in nats, `score` its mean, and `sample` draws
    new rows. A prior without a density (`flow-matching`) can only be sampled.

    Args:
        prior: The prior: its name, or a table with the key `name` and its options.
        conditional: Whether y are classes that X is conditioned on. Otherwise y is ignored, as by scikit-learn's
            density estimators.
        steps: Steps of training; a prior that is fitted in closed form has one.
        batch_size: Rows in a step, at least 2; None for 256, or all rows if there are fewer.
        learning_rate: Above 0.
        settings: Other settings of `fit_prior`, except those that have an argument here.
        device: The device: auto, cpu, cuda, cuda:N or mps.
        random_state: A seed, a RandomState, or None for a different result every time.

    Attributes:
        fitted_: The prior, a `FittedPrior`.
        n_features_in_: Number of columns of X.
        feature_names_in_: Their names, if X had names.
        classes_: The classes of y, if `conditional`.

    Examples:
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.decomposition import PCA
        >>> from sklearn.pipeline import make_pipeline
        >>> from priorkit import PriorDensity
        >>> model = make_pipeline(PCA(2), PriorDensity("full-gaussian", device="cpu", random_state=0))
        >>> model.fit(load_iris().data).score_samples(load_iris().data).shape
        (150,)
        >>> X, y = model[-1].sample(3)
        >>> X.shape
        (3, 2)
    """

    def __init__(
        self,
        prior: str | Mapping[str, Any] = "full-gaussian",
        *,
        conditional: bool = False,
        steps: int = 2000,
        batch_size: int | None = None,
        learning_rate: float = 1e-3,
        settings: Mapping[str, Any] | None = None,
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.prior = prior
        self.conditional = conditional
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.settings = settings
        self.device = device
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Fits the prior to the rows of X.

        Args:
            X: Numbers (N, D).
            y: Classes (N,), if `conditional`; otherwise ignored.

        Returns:
            This estimator.

        Raises:
            ValueError: X is not a table of finite numbers, the prior cannot learn it, or `settings` has a setting that
                is an argument.
        """
        rows = validate_data(self, X, dtype=[np.float64, np.float32], ensure_min_samples=2)
        if self.conditional and y is None:
            raise ValueError("conditional=True, but y is missing: give the classes of the rows, or conditional=False")
        more = dict(self.settings or {})
        for name in sorted(_OWN.keys() & more.keys()):
            raise ValueError(f"settings has {name!r}, which is given by {_OWN[name]} here; leave it out of settings")
        if self.batch_size is not None:
            more["batch_size"] = self.batch_size
        self.fitted_ = fit_prior(
            rows,
            self.prior,
            conditions=np.asarray(y) if self.conditional else None,
            steps=self.steps,
            learning_rate=self.learning_rate,
            device=self.device,
            seed=self._seed(),
            **more,
        )
        if self.conditional:
            self.classes_ = np.array(self.fitted_.classes)
        return self

    def _seed(self) -> int:
        return int(check_random_state(self.random_state).randint(_MOST))

    def score_samples(self, X: Any) -> Array:  # noqa: N803
        """Log-density of each row of X in nats: float64 (N,).

        Raises:
            TypeError: The prior has no density.
        """
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        density: Array = self.fitted_.log_prob(rows).numpy()
        return density

    def score(self, X: Any, y: Any = None) -> float:  # noqa: N803
        """The mean log-density of the rows of X, in nats; y is ignored."""
        return float(self.score_samples(X).mean())

    def sample(self, n_samples: int = 1) -> tuple[Array, Array | None]:
        """Draws rows, as `GaussianMixture` does.

        Returns:
            X (n_samples, D), and y: the classes (n_samples,) if `conditional`, otherwise None.
        """
        check_is_fitted(self)
        codes, classes = self.fitted_.sample_with_conditions(n_samples, seed=self._seed())
        return codes.numpy(), classes
