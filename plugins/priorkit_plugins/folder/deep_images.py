"""Images with 16 bits a value, which are converted to 8 bits."""

from collections.abc import Collection

import numpy as np

from priorkit.errors import DataError
from priorkit_plugins.folder.files import Files
from priorkit_plugins.folder.picture import FULL_RANGE, Header, read_header, read_values

__all__ = ["deep_image_notes"]

_LOOKED_AT = 256
"""Number of files whose values are examined."""
_FEW = 16
"""An image with fewer than this many of 256 shades of grey is refused."""
_LITTLE = 64
"""An image with fewer shades has low contrast."""


def deep_image_notes(files: Files, headers: Collection[Header], value_range: tuple[int, int]) -> list[str]:
    """Describes the conversion of images with 16 bits a value, and whether it loses much.

    Args:
        files: All files.
        headers: The different headers among the files.
        value_range: The values of 16-bit grey that become black and white.

    Raises:
        DataError: Fewer than 16 shades are left although values differ; or a range is given, but no image has 16 bits.
    """
    if not any(header.bits == 16 for header in headers):
        if value_range != FULL_RANGE:
            raise DataError(
                f"--dataset.range {value_range[0]},{value_range[1]} is that of images with 16 bits a pixel, and these "
                "have 8: leave it out"
            )
        return []
    low, high = value_range
    notes = [f"images with 16 bits a value are brought to 8: {low} becomes black, {high} white"]
    number = min(len(files), _LOOKED_AT)
    some = files.chosen(np.arange(number) * len(files) // number)
    deep = [(path, header) for path, header in ((path, read_header(path)) for path in some) if header.bits == 16]
    if not deep:
        return notes
    values = [read_values(path) for path, _ in deep]
    darkest, brightest = min(value[0] for value in values), max(value[1] for value in values)
    kept = min(brightest, high) - max(darkest, low)
    shades = kept * 255 // (high - low) + 1
    if darkest == brightest or shades >= _LITTLE:
        return notes
    said = f"the values of the {len(deep)} that were looked at are from {darkest} to {brightest}"
    left = f"so that {max(shades, 0)} of 256 shades are left"
    mend = (
        f"--dataset.range {darkest},{brightest} makes these black and white"
        if all(header.channels == 1 for _, header in deep)
        else "save them with 8 bits"
    )
    if shades < _FEW:
        raise DataError(f"{deep[0][0]} and others have 16 bits a value, and {said}, {left}: {mend}")
    return [*notes, f"{said}, {left}; {mend}"]
