"""A score: a number, and everything that it depends on."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Description", "Score"]

Description = Mapping[str, str | int | float]


@dataclass(frozen=True)
class Score:
    """One score of a model, or the reason why it was skipped.

    Attributes:
        name: The name that users type: `frechet-distance`.
        label: The label in output. `FID`, `IS` and `KID` are reserved for the published network and weights; with
            another extractor, the same formula is called `classifier Fréchet distance`, for example.
        value: The value, finite; None if the score was skipped.
        spread: The standard deviation (over splits or subsets) or standard error (over images) of the value, if known.
        extractor: The extractor's description of itself, if the score depends on features.
        samples: Number of the model's samples that the score is computed from, if any.
        real: Number of real images that the score is computed from, if any.
        resolution: Height and width of the images in pixels.
        note: Further information; for a skipped score, the reason.
        references: Reference values by name, such as the value by chance and that of real images.
        parts: The figures whose mean is the value, by name, if there are any.

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
        # JSON cannot represent infinity, and NaN is not a score.
        if self.value is not None and not math.isfinite(self.value):
            reason = f"the result is {self.value}, not a finite number"
            object.__setattr__(self, "note", f"{reason}; {self.note}" if self.note else reason)
            object.__setattr__(self, "value", None)
        if self.spread is not None and (self.value is None or not math.isfinite(self.spread)):
            object.__setattr__(self, "spread", None)

    @property
    def skipped(self) -> bool:
        """True if the score has no value; the note gives the reason."""
        return self.value is None

    def as_data(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = asdict(self)
        values["extractor"] = None if self.extractor is None else dict(self.extractor)
        return values
