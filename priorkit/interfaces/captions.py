"""Captions: descriptions of images in words."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import torch
from torch import Tensor

__all__ = ["Captions"]


@dataclass(frozen=True, repr=False)
class Captions(Sequence[tuple[str, ...]]):
    """The captions of a set of images: for each image a tuple of texts, whose number may vary.

    Texts are kept unchanged; any length and any script will do.

    Attributes:
        of_images: For each image its captions, at least one, none of them empty.

    Raises:
        ValueError: An image has no caption, or a caption is empty, not a string or invalid Unicode; the message names
            the image.

    Examples:
        >>> import torch
        >>> from priorkit.interfaces import Captions
        >>> captions = Captions([["a red flower", "petals of red"], ["a blue flower"], ["a red flower"]])
        >>> len(captions), captions.max_count, captions[1]
        (3, 2, ('a blue flower',))
        >>> captions.take(torch.tensor([2, 1])).distinct()
        ('a red flower', 'a blue flower')
        >>> captions.places()
        tensor([[ 0,  1],
                [ 2, -1],
                [ 0, -1]])
    """

    of_images: tuple[tuple[str, ...], ...]

    def __init__(self, of_images: Iterable[Iterable[str]]) -> None:
        checked = tuple(_checked(captions, index) for index, captions in enumerate(of_images))
        object.__setattr__(self, "of_images", checked)

    def __len__(self) -> int:
        return len(self.of_images)

    @overload
    def __getitem__(self, index: int) -> tuple[str, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> "Captions": ...
    def __getitem__(self, index: int | slice) -> "tuple[str, ...] | Captions":
        return _unchecked(self.of_images[index]) if isinstance(index, slice) else self.of_images[index]

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(self.of_images)

    def __repr__(self) -> str:
        return f"Captions of {len(self)} images, at most {self.max_count} each"

    @property
    def max_count(self) -> int:
        """The largest number of captions that an image has; 0 if there are no images."""
        return max(map(len, self.of_images), default=0)

    def take(self, indices: Tensor) -> "Captions":
        """The captions of the images at `indices` (int64, shape (n,)), in any order, repetitions allowed."""
        return _unchecked(tuple(self.of_images[index] for index in indices.tolist()))

    def distinct(self) -> tuple[str, ...]:
        """All different captions, in order of first appearance."""
        return tuple(dict.fromkeys(caption for captions in self.of_images for caption in captions))

    def places(self) -> Tensor:
        """Positions of each image's captions in `distinct`: int64 (N, max_count), padded with -1."""
        numbers = {caption: number for number, caption in enumerate(self.distinct())}
        found = torch.full((len(self), self.max_count), -1, dtype=torch.int64)
        for row, captions in zip(found, self.of_images, strict=True):
            row[: len(captions)] = torch.tensor([numbers[caption] for caption in captions])
        return found


def _unchecked(of_images: tuple[tuple[str, ...], ...]) -> Captions:
    """Makes captions without the checks, which are slow for many images: the texts have been checked already."""
    captions = object.__new__(Captions)
    object.__setattr__(captions, "of_images", of_images)
    return captions


def _checked(captions: Iterable[str], index: int) -> tuple[str, ...]:
    if isinstance(captions, str):
        raise ValueError(f"the captions of image {index} are one text, {captions[:60]!r}: give a tuple of texts")
    kept = tuple(captions)
    if not kept:
        raise ValueError(f"image {index} has no caption: give every image a caption, or leave all captions out")
    for caption in kept:
        if not isinstance(caption, str):
            raise ValueError(f"a caption of image {index} is a {type(caption).__name__}, not a text")
        if not caption.strip():
            raise ValueError(f"a caption of image {index} is empty, {caption[:20]!r}: leave it out")
        if not caption.isascii():
            try:
                caption.encode()
            except UnicodeEncodeError as error:
                raise ValueError(f"a caption of image {index} is not valid Unicode ({error.reason})") from error
    return kept
