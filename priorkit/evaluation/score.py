"""A score: a number, and all that it depends on."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Description", "Score"]

Description = Mapping[str, str | int | float]


@dataclass(frozen=True)
class Score:
    """One score of a model, or the reason why there is none.

    Attributes:
        name: What asks for it: `frechet-distance`.
        label: What it is called in print. `FID`, `IS` and `KID` are kept for the published network and weights; by
            another extractor the same formula is `classifier Fréchet distance`.
        value: The score, finite; None if it was skipped.
        spread: Its standard deviation (over splits or subsets) or standard error (over images), where it has one.
        extractor: What the extractor says of itself, if the score is one of its features.
        samples: How many samples of the model it is computed from, if any.
        real: How many real images, if any.
        resolution: Height and width of the images in pixels.
        note: What else to know; for a skipped score, the reason.
        references: Figures to compare it with, by name: its value by chance, and that of real images.
        parts: The figures that it is the mean of, by name, where they say more.

    Examples:
        >>> from priorkit.evaluation import Score
        >>> score = Score("psnr", "PSNR (dB)", float("inf"))
        >>> score.skipped, score.note
        (True, 'the result is inf, not a finite number')
    """

    name: str
    label: str
    value: float | None
    spread: float | None = None
    extractor: Description | None = None
    samples: int | None = None
    real: int | None = None
    resolution: int | None = None
    note: str = ""
    references: Mapping[str, float] = field(default_factory=dict)
    parts: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # JSON has no word for infinity, and a score that is not a number is none.
        if self.value is not None and not math.isfinite(self.value):
            reason = f"the result is {self.value}, not a finite number"
            object.__setattr__(self, "note", f"{reason}; {self.note}" if self.note else reason)
            object.__setattr__(self, "value", None)
        if self.spread is not None and (self.value is None or not math.isfinite(self.spread)):
            object.__setattr__(self, "spread", None)

    @property
    def skipped(self) -> bool:
        """Whether there is no value; the note says why."""
        return self.value is None

    def as_data(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = asdict(self)
        values["extractor"] = None if self.extractor is None else dict(self.extractor)
        return values
