"""Reads captions of images from text files."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from priorkit.errors import DataError

__all__ = ["Captionless", "captioned_images", "cleaned", "read_captions", "text_lines"]

Captionless = Literal["refuse", "drop"]
"""What to do if some images have captions and others have none."""

_BYTE_ORDER_MARK = "\ufeff"
_SHOWN = 3
"""Maximal number of files listed in a message."""


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file that are not blank, with their numbers, from 1.

    Line ends of any system are accepted, and a byte order mark is removed.

    Raises:
        DataError: The file cannot be read, or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                # Text in UTF-16 has a null byte for each ASCII character.
                if b"\0" in line or (number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff"))):
                    raise _not_utf8(path, number, "UTF-16")
                try:
                    text = line.decode()
                except UnicodeDecodeError:
                    raise _not_utf8(path, number, "LATIN1") from None
                for part in text.split("\r"):
                    if part := cleaned(part):
                        yield number, part
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}): check that you may read it") from error


def _not_utf8(path: Path, line: int, encoding: str) -> DataError:
    return DataError(
        f"{path}, line {line}, is not UTF-8: convert the file, such as by iconv -f {encoding} -t UTF-8, where -f says "
        "what it was written in"
    )


def cleaned(text: str) -> str:
    """A caption without the white space and byte order marks around it."""
    return text.strip().strip(_BYTE_ORDER_MARK).strip()


def read_captions(path: Path) -> tuple[str, ...]:
    """The captions of an image, one a line; none of an empty file.

    Raises:
        DataError: The file cannot be read, or is not UTF-8.
    """
    return tuple(line for _, line in text_lines(path))


def captioned_images(
    captions: Sequence[Sequence[str]],
    reason: Callable[[int], str],
    captionless: Captionless,
    how: str = "by --dataset.captionless drop",
) -> tuple[NDArray[np.int64], list[str]]:
    """Finds the images that have captions.

    Args:
        captions: The captions of each image.
        reason: From an image's index to the reason why it has no captions: what is missing or empty.
        captionless: What to do if some images have none.
        how: How users can leave these images out.

    Returns:
        The images' indices, in ascending order, and notes.

    Raises:
        DataError: An image has no captions and shall not be left out, or no image has captions.
    """
    numbers = np.fromiter(map(len, captions), dtype=np.int64, count=len(captions))
    kept, lost = np.flatnonzero(numbers), np.flatnonzero(numbers == 0)
    if len(lost) and (captionless == "refuse" or not len(kept)):
        shown = ", ".join(reason(int(index)) for index in lost[:_SHOWN]) + (", ..." if len(lost) > _SHOWN else "")
        leave_out = f"leave these images out {how}, " if len(kept) else ""
        raise DataError(
            f"{len(lost)} of {len(captions)} images have no captions ({shown}): add them, {leave_out}or read no "
            "captions by --no-dataset.captions"
        )
    least, most = int(numbers[kept].min()), int(numbers[kept].max())
    many = f"{most} caption{'s' * (most > 1)}" if least == most else f"{least} to {most} captions"
    notes = [f"{len(lost)} of {len(captions)} images are left out, as they have no captions"] if len(lost) else []
    return kept, [*notes, f"there are {many} of each image" if most > 1 else f"there is {many} of each image"]
