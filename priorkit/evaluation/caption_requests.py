"""Which captions samples are drawn for, and which images those captions are of."""

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
    """The words of a text in alphabetical order: texts of the same words say the same to the scores."""
    return tuple(sorted(caption_words(text)))


def numbered(texts: Sequence[str]) -> tuple[list[str], Tensor]:
    """Texts, each once, and the place of every text among them."""
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    return list(places), torch.tensor([places[text] for text in texts])


@dataclass(frozen=True)
class CaptionRequests:
    """Captions that samples are drawn for.

    Attributes:
        texts: One caption for each of n samples.
        images: The held-out images that they are captions of, each once, int64 (m,).
        rows: Which of these images each is a caption of, int64 (n,): its row in `images`.
        vectors: The conditioning vectors of the texts, float32 (n, dim).
        unread: How many of the held-out captions were left out, because the model's text encoder knows no word of them.
    """

    texts: Sequence[str]
    images: Tensor
    rows: Tensor
    vectors: Tensor
    unread: int = 0

    def __len__(self) -> int:
        return len(self.texts)


def choose_requests(images: ImageSet, condition: Condition, n: int, seed: int) -> CaptionRequests | None:
    """Chooses a caption of each of `n` images, evenly spaced over a set and repeated where there are fewer.

    Args:
        images: Held-out images with captions.
        condition: A condition that reads texts.
        n: How many samples there will be.
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
    # Those alone that are asked for: an encoder of texts may be slow.
    wanted, of_texts = numbered(texts)
    vectors = condition.of_texts(wanted).cpu()[of_texts]
    return CaptionRequests(texts, shown, rows, vectors, len(distinct) - len(read))
