"""Chooses the captions of samples, with their images."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from priorkit.engine import seed_for
from priorkit.interfaces import Condition, ImageSet
from priorkit.plugins import caption_words

__all__ = ["CaptionRequests", "choose_requests", "numbered", "words_of"]

Words = tuple[str, ...]


def words_of(text: str) -> Words:
    """The sorted words of a text: for the scores, texts with the same words are equal."""
    return tuple(sorted(caption_words(text)))


def numbered(texts: Sequence[str]) -> tuple[list[str], Tensor]:
    """The distinct texts, and the index of every text among them."""
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    return list(places), torch.tensor([places[text] for text in texts])


@dataclass(frozen=True)
class CaptionRequests:
    """The captions of samples.

    Attributes:
        texts: One caption for each of n samples.
        images: The held-out images that they are captions of, each once, int64 (m,).
        rows: The index in `images` of each caption's image, int64 (n,).
        vectors: The conditioning vectors of the texts, float32 (n, dim).
        unread: Number of held-out captions left out because they have no known word.
    """

    texts: Sequence[str]
    images: Tensor
    rows: Tensor
    vectors: Tensor
    unread: int = 0

    def __len__(self) -> int:
        return len(self.texts)


def choose_requests(images: ImageSet, condition: Condition, n: int, seed: int) -> CaptionRequests | None:
    """Chooses a caption for each of `n` images, evenly spaced over a set, with repetitions if there are fewer.

    Args:
        images: Held-out images with captions.
        condition: A condition that reads texts.
        n: Number of samples.
        seed: Seed of the choice among an image's captions.

    Returns:
        The captions; None if the condition can read none of them.
    """
    captions = images.captions
    assert captions is not None, "the images have captions"
    distinct = captions.distinct()
    read = {text for text in distinct if condition.reads(text)}
    usable = [tuple(text for text in of_image if text in read) for of_image in captions]
    readable = torch.tensor([index for index, texts in enumerate(usable) if texts], dtype=torch.int64)
    if not len(readable):
        return None
    chosen = readable[torch.arange(n) * max(len(readable), n) // n % len(readable)]
    chances = torch.rand(n, generator=torch.Generator().manual_seed(seed_for(seed, "captions"))).tolist()
    texts = [
        usable[index][int(chance * len(usable[index]))] for index, chance in zip(chosen.tolist(), chances, strict=True)
    ]
    shown, rows = chosen.unique(return_inverse=True)  # type: ignore[no-untyped-call]
    # Only the requested captions: a text encoder may be slow.
    wanted, of_texts = numbered(texts)
    vectors = condition.of_texts(wanted).cpu()[of_texts]
    return CaptionRequests(texts, shown, rows, vectors, len(distinct) - len(read))
