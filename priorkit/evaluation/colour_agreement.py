"""Whether pictures have the colour that their captions name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from priorkit.evaluation.picture_colours import COLOURS, named_colours

__all__ = ["ColourAgreement", "colour_agreement"]


@dataclass(frozen=True)
class ColourAgreement:
    """How many pictures have the colour that they were asked for.

    Attributes:
        shares: The share of each colour's pictures that show it, in the order of `COLOURS`.
        counts: How many pictures each of these colours has.
        chance: What the mean would be, if the same pictures had been asked for in another order.

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
        """The mean over the colours, each of which counts alike."""
        return sum(self.shares.values()) / len(self.shares)

    @property
    def error(self) -> float:
        """Its standard error."""
        variances = [share * (1 - share) / self.counts[name] for name, share in self.shares.items()]
        return float(sum(variances) ** 0.5 / len(variances))

    @property
    def count(self) -> int:
        """How many pictures there are."""
        return sum(self.counts.values())


def colour_agreement(texts: Sequence[str], shown: Tensor, *, fewest: int = 1) -> ColourAgreement:
    """Compares the colours of pictures with those that their captions name.

    Captions that name no colour of `COLOURS`, or another colour beside it, are left out, and so are colours that stand
    in few captions.

    Args:
        texts: A caption of each picture.
        shown: What `shown_colours` finds in each picture, int64 (N,).
        fewest: Captions that a colour must have to be counted, at least 1.

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
    # Pictures may have colours that no caption names, or none: they are wrong by chance too.
    chance = sum(together.count(name) for name in kept) / max(1, len(together) * len(kept))
    return ColourAgreement(
        {name: found.count(name) / len(found) for name, found in kept.items()},
        {name: len(found) for name, found in kept.items()},
        chance,
    )
