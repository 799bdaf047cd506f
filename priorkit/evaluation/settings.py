"""The settings of an evaluation."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from priorkit.errors import ConfigurationError

__all__ = ["EvaluationSettings"]


@dataclass(frozen=True)
class EvaluationSettings:
    """The settings of an evaluation. Scores with different settings cannot be compared.

    Attributes:
        scores: Names of scores or groups; all if empty.
        samples: Number of samples to draw, and maximal number of held-out images to use; at least 2.
        against: The real images to compare samples with: `held-out` or `train`.
        importance_samples: K of the importance-weighted bound, and number of draws for the ELBO; at least 1.
        likelihood_images: Maximal number of held-out images whose likelihood is bounded; at least 2.
        binarise: Conversion of held-out images to black and white for the model: `none`; `threshold`, white from grey
            level 128 on; or `stochastic`, each pixel white with its grey level as the probability, drawn once from the
            seed (Salakhutdinov and Murray 2008).
        seed: Seed of samples, draws, subsets and the two-sample test; at least 0.

    Raises:
        ConfigurationError: A number is too small, or `against` or `binarise` has another value.

    Examples:
        >>> from priorkit.evaluation import EvaluationSettings
        >>> EvaluationSettings(scores=("frechet-distance",), samples=1000).against
        'held-out'
        >>> EvaluationSettings(samples=1)
        Traceback (most recent call last):
            ...
        priorkit.errors.ConfigurationError: --samples must be at least 2, not 1
    """

    scores: tuple[str, ...] = ()
    samples: int = 10_000
    against: Literal["held-out", "train"] = "held-out"
    importance_samples: int = 50
    likelihood_images: int = 1000
    binarise: Literal["none", "threshold", "stochastic"] = "none"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("samples", 2), ("importance_samples", 1), ("likelihood_images", 2), ("seed", 0)):
            if getattr(self, name) < least:
                raise ConfigurationError(
                    f"--{name.replace('_', '-')} must be at least {least}, not {getattr(self, name)}"
                )
        for name, words in (("against", ("held-out", "train")), ("binarise", ("none", "threshold", "stochastic"))):
            if getattr(self, name) not in words:
                raise ConfigurationError(f"--{name} must be one of {', '.join(words)}, not {getattr(self, name)!r}")

    def as_data(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "scores": list(self.scores)}
