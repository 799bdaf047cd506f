"""The scorebook, which records the scores of an evaluation."""

from collections.abc import Iterable, Mapping

from priorkit.evaluation.catalogue import listed
from priorkit.evaluation.score import Description, Score

__all__ = ["Scorebook"]


class Scorebook:
    """Records the requested scores: a value or a reason for each.

    Args:
        wanted: Names of the requested scores, in the order of output.
        resolution: Height and width of the images in pixels.
    """

    def __init__(self, wanted: Iterable[str], resolution: int) -> None:
        self.wanted = tuple(wanted)
        self.resolution = resolution
        self._found: dict[str, Score] = {}

    def open(self, *names: str) -> tuple[str, ...]:
        """Those of the named scores that are requested and not recorded yet."""
        return tuple(name for name in names if name in self.wanted and name not in self._found)

    def wants(self, *names: str) -> bool:
        """Whether any of the named scores is requested and not recorded yet."""
        return bool(self.open(*names))

    def add(
        self,
        name: str,
        value: float,
        spread: float | None = None,
        *,
        extractor: Description | None = None,
        published: bool = False,
        samples: int | None = None,
        real: int | None = None,
        note: str = "",
        references: Mapping[str, float] | None = None,
        parts: Mapping[str, float] | None = None,
    ) -> None:
        """Records a score, if it is requested and not recorded yet.

        Args:
            name: The score's name.
            value: The value; a value that is not finite counts as skipped.
            spread: The standard deviation or error of the value.
            extractor: The description of the extractor that the score depends on.
            published: Whether this extractor is the published network with its weights.
            samples: Number of the model's samples that the score is computed from.
            real: Number of real images that the score is computed from.
            note: Further information.
            references: Reference values, by name.
            parts: The figures whose mean is the value, by name.
        """
        if name in self.open(name):
            label = self._label(name, extractor, published=published)
            self._found[name] = Score(
                name,
                label,
                value,
                spread,
                extractor,
                samples,
                real,
                self.resolution,
                note,
                dict(references or {}),
                dict(parts or {}),
            )

    def skip(self, names: Iterable[str], reason: str, extractor: str = "") -> None:
        """Records why scores are skipped.

        Args:
            names: Names of scores; scores that are not requested, or are recorded already, are left alone.
            reason: The reason.
            extractor: The name of the extractor that the scores would depend on, if any.
        """
        for name in self.open(*names):
            label = self._label(name, {"name": extractor} if extractor else None, published=False)
            self._found[name] = Score(name, label, None, resolution=self.resolution, note=reason)

    @staticmethod
    def _label(name: str, extractor: Mapping[str, object] | None, *, published: bool) -> str:
        item = listed(name)
        if extractor is None:
            return item.label
        # The published labels stand for one network and its weights; with another extractor, it is another score.
        return item.published if published and item.published else f"{extractor['name']} {item.label}"

    def scores(self) -> list[Score]:
        """Returns all requested scores, in order; each must have been recorded."""
        assert not self.wants(*self.wanted), f"no value and no reason for {self.open(*self.wanted)}"
        return [self._found[name] for name in self.wanted]
