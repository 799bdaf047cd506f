"""Where the scores of an evaluation are written down."""

from collections.abc import Iterable, Mapping

from priorkit.evaluation.catalogue import listed
from priorkit.evaluation.score import Description, Score

__all__ = ["Scorebook"]


class Scorebook:
    """Collects the scores that are wanted; each gets a value or a reason.

    Args:
        wanted: Names of scores, in the order in which they are to be given.
        resolution: Height and width of the images in pixels.
    """

    def __init__(self, wanted: Iterable[str], resolution: int) -> None:
        self.wanted = tuple(wanted)
        self.resolution = resolution
        self._found: dict[str, Score] = {}

    def open(self, *names: str) -> tuple[str, ...]:
        """Those of these scores that are wanted and not written down yet."""
        return tuple(name for name in names if name in self.wanted and name not in self._found)

    def wants(self, *names: str) -> bool:
        """Whether any of these is still to be written down."""
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
        """Writes a score down, if it is wanted.

        Args:
            name: Its name.
            value: Its value; one that is not finite counts as skipped.
            spread: Its standard deviation or error.
            extractor: What the extractor that it depends on says of itself.
            published: Whether that is the published network with its weights.
            samples: How many samples of the model it is of.
            real: How many real images it is of.
            note: What else to know.
            references: Figures to compare it with, by name.
            parts: The figures that it is the mean of, by name.
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
        """Writes down why there are no such scores.

        Args:
            names: Theirs; those that are not wanted, or have been written down, are left alone.
            reason: Why.
            extractor: The name of the extractor that they would depend on.
        """
        for name in self.open(*names):
            label = self._label(name, {"name": extractor} if extractor else None, published=False)
            self._found[name] = Score(name, label, None, resolution=self.resolution, note=reason)

    @staticmethod
    def _label(name: str, extractor: Mapping[str, object] | None, *, published: bool) -> str:
        item = listed(name)
        if extractor is None:
            return item.label
        # The published names stand for one network and its weights; the same formula by another one is another score.
        return item.published if published and item.published else f"{extractor['name']} {item.label}"

    def scores(self) -> list[Score]:
        """What has been written down, in order."""
        assert not self.wants(*self.wanted), f"no value and no reason for {self.open(*self.wanted)}"
        return [self._found[name] for name in self.wanted]
