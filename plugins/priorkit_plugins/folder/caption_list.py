"""Reads a list of captions: a .jsonl file beside or above the images that it names."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from priorkit.errors import DataError
from priorkit_plugins.caption_files import cleaned, text_lines

__all__ = ["CAPTION_LISTS", "Entry", "read_caption_list"]

CAPTION_LISTS = ("captions.jsonl", "metadata.jsonl")
"""Names of such files; the second is that of Hugging Face's image folders."""


class Entry(NamedTuple):
    """The content of a line.

    Attributes:
        line: The line's number, from 1.
        file_name: The image, as a path from the folder of the list.
        captions: The image's captions, without empty ones.
        keys: The keys of the line's object.
    """

    line: int
    file_name: str
    captions: tuple[str, ...]
    keys: tuple[str, ...]


def read_caption_list(path: Path, key: str) -> Iterator[Entry]:
    """Reads the lines of a list, each an object with `file_name`, and `key` with a text or a list of texts.

    Raises:
        DataError: The file cannot be read, is not UTF-8, or a line is something else.
    """
    for line, text in text_lines(path):
        try:
            found = json.loads(text)
        except (RecursionError, ValueError) as error:
            raise DataError(f"{path}, line {line}, is not JSON ({error}): write one object a line") from error
        name = found.get("file_name") if isinstance(found, dict) else None
        if not isinstance(name, str) or not name:
            raise DataError(
                f"{path}, line {line}, names no image: write an object with 'file_name', the image's path from here"
            )
        yield Entry(line, name, _captions(found.get(key), key, path, line), tuple(found))


def _captions(value: Any, key: str, path: Path, line: int) -> tuple[str, ...]:
    captions = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(captions, list) or not all(isinstance(caption, str) for caption in captions):
        raise DataError(f"{path}, line {line}: {key!r} is {str(value)[:60]!r}, and must be a text or a list of texts")
    kept = tuple(filter(None, map(cleaned, captions)))
    try:
        "".join(kept).encode()
    except UnicodeEncodeError as error:
        raise DataError(f"{path}, line {line}: {key!r} is not valid Unicode ({error.reason}): mend the text") from error
    return kept
