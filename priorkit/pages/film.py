"""A film of a training's pictures, small enough for a page."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from priorkit.pages.compression import compressed
from priorkit.pages.markup import Html, picture
from priorkit.whole_files import read_regular

__all__ = ["film_strip"]

_MOST_FRAMES = 24
_LARGEST = 2_500_000
"""Maximal size of all frames in bytes."""


def film_strip(frames: Sequence[tuple[int, Path]], caption: str) -> Html:
    """Returns a film of a training's pictures; the page needs `PageScript.FILM`.

    If there are many pictures, some are left out; large pictures are compressed.

    Args:
        frames: Steps and PNG files, in order.
        caption: A description of the pictures.

    Returns:
        HTML; empty if there are fewer than two pictures.
    """
    if len(frames) < 2:
        return Html("")
    count = min(len(frames), _MOST_FRAMES)
    chosen = [frames[round(index * (len(frames) - 1) / (count - 1))] for index in range(count)]
    contents = [read_regular(path) for _, path in chosen]
    if sum(map(len, contents)) > _LARGEST:
        # Files of another person's run may be anything: files that are not pictures are left out.
        smaller = [(frame, _compressed(content)) for frame, content in zip(chosen, contents, strict=True)]
        chosen = [frame for frame, content in smaller if content]
        contents = [content for _, content in smaller if content]
    while len(contents) > 2 and sum(map(len, contents)) > _LARGEST:
        # The last picture stays.
        del contents[-2::-2], chosen[-2::-2]
    if len(chosen) < 2:
        return Html("")
    shown = Html("").join(
        Html('<li data-step="{}">{}</li>').format(step, picture(content, f"step {step:,}"))
        for (step, _), content in zip(chosen, contents, strict=True)
    )
    return Html('<div class="film" data-caption="{}"><ol>{}</ol></div>').format(caption, shown)


def _compressed(content: bytes) -> bytes:
    """Compresses a picture; returns nothing (`b""`) if the file is not a picture."""
    try:
        return compressed(content, 0)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return b""
