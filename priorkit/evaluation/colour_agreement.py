"""Measures whether images have the colour that their captions name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from priorkit.evaluation.picture_colours import COLOURS, named_colours

__all__ = ["ColourAgreement", "colour_agreement"]


@dataclass(frozen=True)
class ColourAgreement:
    """The agreement of images with the colours that their captions name.

    Attributes:
        shares: For each colour, the share of the images with this colour in their caption that show it, in the order of
            `COLOURS`.
        counts: Number of images with each of these colours in their caption.
        chance: The expected mean if the captions were shuffled among the images.

    Examples:
        >>> from priorkit.evaluation import ColourAgreement
        >>> found = ColourAgreement(shares={"red": 0.5, "blue": 1.0}, counts={"red": 10, "blue": 20}, chance=0.5)
        >>> found.mean, found.count
        (0.75, 30)
    """

    shares: Mapping[str, float]
    counts: Mapping[str, int]
    chance: float

    @property
    def mean(self) -> float:
        """The mean of the shares; all colours have the same weight."""
        return sum(self.shares.values()) / len(self.shares)

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        variances = [share * (1 - share) / self.counts[name] for name, share in self.shares.items()]
        return float(sum(variances) ** 0.5 / len(variances))

    @property
    def count(self) -> int:
        """Number of images."""
        return sum(self.counts.values())


def colour_agreement(texts: Sequence[str], shown: Tensor, *, fewest: int = 1) -> ColourAgreement:
    """Compares the colours of images with the colours that their captions name.

    Captions are left out unless they name one colour alone, and this colour is in `COLOURS`. Rare colours are left out,
    too.

    Args:
        texts: The caption of each image.
        shown: The colour of each image, int64 (N,), as `shown_colours` returns it.
        fewest: Minimal number of captions that a colour needs to be counted, at least 1.

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import colour_agreement
        >>> colour_agreement(["a red rose", "a red lily", "a blue iris", "a bud"], torch.tensor([0, 6, 5, 0])).shares
        {'red': 0.5, 'blue': 1.0}
    """
    there: dict[str, list[str | None]] = {name: [] for name in COLOURS}
    for text, colour in zip(texts, shown.tolist(), strict=True):
        named = named_colours(text)
        if len(named) == 1 and named[0] in there:
            there[named[0]].append(COLOURS[colour] if colour >= 0 else None)
    kept = {name: found for name, found in there.items() if len(found) >= fewest}
    together = [colour for found in kept.values() for colour in found]
    # Images may show no colour, or one that no caption names: these would be wrong by chance, too.
    chance = sum(together.count(name) for name in kept) / max(1, len(together) * len(kept))
    return ColourAgreement(
        {name: found.count(name) / len(found) for name, found in kept.items()},
        {name: len(found) for name, found in kept.items()},
        chance,
    )
