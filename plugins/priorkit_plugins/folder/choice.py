"""Chooses a common size and channels for images that differ, if the user has not."""

from collections.abc import Sequence
from typing import NamedTuple

from priorkit.plugins import IMAGE_SIZES
from priorkit_plugins.folder.conversion import Conversion
from priorkit_plugins.folder.picture import Header

__all__ = ["Choice", "choose"]

_LARGEST = 64
"""The largest size that is chosen: images of 128 have four times as many pixels, and train more slowly."""
_SHARE = 0.9
"""Share of the images that must not be enlarged by more than the factor below."""
_MUCH = 4 / 3
"""Largest acceptable enlargement."""


class Choice(NamedTuple):
    """The chosen conversion.

    Attributes:
        conversion: The conversion of each image.
        settings: The corresponding settings of a run that the user left open: `image_size`, `channels`.
        notes: The choice in words.
    """

    conversion: Conversion
    settings: dict[str, int]
    notes: list[str]


def choose(headers: Sequence[Header], conversion: Conversion) -> Choice:
    """Chooses a size if images differ in size, and colour if grey and colour images are mixed.

    The size is the largest of 16, 32 and 64 pixels to which nine images in ten are reduced, or enlarged by a third at
    most. The choice does not depend on the device, so a configuration gives the same images everywhere.

    Args:
        headers: The images' headers, at least one.
        conversion: The user's settings, which are kept.
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
