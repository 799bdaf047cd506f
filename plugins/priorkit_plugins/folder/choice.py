"""Chooses what images that differ are brought to, where the user has not said it."""

from collections.abc import Sequence
from typing import NamedTuple

from priorkit.plugins import IMAGE_SIZES
from priorkit_plugins.folder.conversion import Conversion
from priorkit_plugins.folder.picture import Header

__all__ = ["Choice", "choose"]

_LARGEST = 64
"""The largest size that is chosen: images of 128 have four times as many pixels, and take the longer."""
_SHARE = 0.9
"""Share of the images that are not enlarged much."""
_MUCH = 4 / 3
"""Enlarging by more is enlarging much."""


class Choice(NamedTuple):
    """What has been chosen.

    Attributes:
        conversion: What is done to each image now.
        settings: The settings of a run that say the same, as far as they were open: `image_size`, `channels`.
        notes: The same for people.
    """

    conversion: Conversion
    settings: dict[str, int]
    notes: list[str]


def choose(headers: Sequence[Header], conversion: Conversion) -> Choice:
    """Chooses a size where images differ in size, and colour where grey and colour images are mixed.

    The size is the largest of 16, 32 and 64 pixels to which nine images in ten are reduced, or enlarged by a third at
    most. It depends on no device: a configuration gives the same images everywhere.

    Args:
        headers: What the images are, at least one.
        conversion: What the user has said; that stays.
    """
    settings: dict[str, int] = {}
    notes = []
    if conversion.image_size is None and len({header.size for header in headers}) > 1:
        size = settings["image_size"] = _size(sorted(min(header.size) for header in headers))
        notes.append(f"--image-size {size} is chosen: images differ in size, and nine in ten need not be enlarged much")
    if conversion.channels is None and len({header.channels for header in headers}) > 1:
        settings["channels"] = 3
        notes.append("--channels 3 is chosen: some images are in colour, others grey")
    changed = Conversion(
        settings.get("image_size", conversion.image_size),
        settings.get("channels", conversion.channels),
        conversion.value_range,
    )
    return Choice(changed, settings, notes)


def _size(sides: Sequence[int]) -> int:
    """The size for images of which these are the shorter sides, in ascending order."""
    small = sides[int((1 - _SHARE) * len(sides))]
    fitting = [size for size in IMAGE_SIZES if size <= min(_LARGEST, _MUCH * small)]
    return max(fitting, default=IMAGE_SIZES[0])
