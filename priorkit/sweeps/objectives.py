"""The objectives of a sweep: figures of runs, and whether to minimise or maximise them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from priorkit.errors import ConfigurationError
from priorkit.evaluation import CATALOGUE
from priorkit.plugins import nearest

__all__ = ["REVIEWED_FIGURES", "Objective", "pareto_front", "parse_objectives"]

T = TypeVar("T")

REVIEWED_FIGURES = ("sample_distance", "reconstruction_error")
"""Figures of every review during training."""
_COSTS = ("seconds", "parameters", "steps", "images")
"""Costs of a run: training time, weights of its networks, steps, images seen."""
_MORE_IS_BETTER = frozenset(
    {
        *("inception-score", "precision", "recall", "density", "coverage", "label-agreement"),
        *("r-precision", "clip-score", "colour-agreement", "psnr", "ssim"),
        *("code-log-likelihood", "codebook-use", "codebook-perplexity"),
        *("clustering-accuracy", "mutual-information", "rand-index", "elbo", "importance-weighted-bound"),
    }
)
_NEITHER = frozenset({"active-units", "elbo-reconstruction", "elbo-mutual-information", "elbo-marginal-divergence"})
"""Scores that are neither better if high nor better if low."""
_DIRECTIONS: Mapping[str, Literal["minimize", "maximize"]] = {"min": "minimize", "max": "maximize"}


@dataclass(frozen=True)
class Objective:
    """An objective of a sweep.

    Attributes:
        name: The figure's name: `sample_distance`, `reconstruction_error`, `seconds`, `parameters`, `steps`, `images`,
            or a score of `priorkit evaluate`.
        direction: `minimize` or `maximize`.
        score: The name of the score in the catalogue, if the figure is a score computed after training; otherwise None.

    Examples:
        >>> from priorkit.sweeps import Objective
        >>> objective = Objective("sample_distance", "minimize")
        >>> str(objective), objective.better(0.5, 0.8), objective.reviewed
        ('sample_distance@min', True, True)
    """

    name: str
    direction: Literal["minimize", "maximize"]
    score: str | None = None

    @property
    def reviewed(self) -> bool:
        """Whether reviews measure it during training."""
        return self.name in REVIEWED_FIGURES

    def better(self, one: float, other: float) -> bool:
        """Whether one value is better than the other."""
        return one < other if self.direction == "minimize" else one > other

    def __str__(self) -> str:
        """The form that `--objective` takes."""
        return f"{self.name}@{self.direction[:3]}"


def pareto_front(candidates: Sequence[tuple[T, Sequence[float]]], objectives: Sequence[Objective]) -> list[T]:
    """The candidates that no other beats, that is: no other is better in one objective and worse in none.

    Args:
        candidates: Each with its values of the objectives.
        objectives: The objectives.
    """

    def beats(ours: Sequence[float], theirs: Sequence[float]) -> bool:
        pairs = list(zip(objectives, ours, theirs, strict=True))
        return any(item.better(our, their) for item, our, their in pairs) and not any(
            item.better(their, our) for item, our, their in pairs
        )

    return [one for one, theirs in candidates if not any(beats(ours, theirs) for _, ours in candidates)]


def parse_objectives(texts: Iterable[str] | str) -> tuple[Objective, ...]:
    """Parses objectives such as `sample_distance,seconds` or `active-units@max`.

    Args:
        texts: Names of figures, in one text separated by commas, or in several texts.

    Raises:
        ConfigurationError: There is no such figure, its direction is unknown or missing, or it is given twice.

    Examples:
        >>> from priorkit.sweeps import parse_objectives
        >>> [str(item) for item in parse_objectives("sample_distance,inception-score")]
        ['sample_distance@min', 'inception-score@max']
    """
    listed = [texts] if isinstance(texts, str) else list(texts)
    names = [part.strip() for text in listed for part in text.split(",") if part.strip()]
    objectives = tuple(_objective(name) for name in names)
    if not objectives:
        raise ConfigurationError("--objective: name a figure, such as sample_distance")
    _refuse_twice([objective.name for objective in objectives])
    return objectives


def _refuse_twice(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"--objective {name}: it is given twice; give it once")


def _objective(text: str) -> Objective:
    written, _, direction = text.partition("@")
    if direction not in ("", *_DIRECTIONS):
        raise ConfigurationError(f"--objective {text}: unknown direction {direction!r}; write @min or @max")
    scores = [item.name for item in CATALOGUE]
    name, score = written.replace("-", "_"), written.replace("_", "-")
    if name in (*REVIEWED_FIGURES, *_COSTS):
        return Objective(name, _DIRECTIONS[direction or "min"])
    if score not in scores:
        known = [*REVIEWED_FIGURES, *_COSTS, *scores]
        raise ConfigurationError(
            f"--objective {text}: a run has no such figure{nearest(written, known)} Figures: {', '.join(known)}."
        )
    if not direction and score in _NEITHER:
        raise ConfigurationError(f"--objective {text}: neither direction is better; write @min or @max")
    return Objective(score, _DIRECTIONS[direction or ("max" if score in _MORE_IS_BETTER else "min")], score)
