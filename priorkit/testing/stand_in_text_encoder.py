"""A small text encoder, in place of a run's own."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from priorkit.interfaces import Captions, TextEncoder
from priorkit.plugins import caption_words

__all__ = ["SmallTextEncoder", "some_captions"]

_COLOURS = ("red", "green", "blue")
_THINGS = ("flower", "bird", "square", "digit")


def some_captions(number: int) -> Captions:
    """Returns captions of `number` images, one or two for each."""
    return Captions(
        (
            f"a {_COLOURS[index % 3]} {_THINGS[index % 4]}",
            f"this {_THINGS[index % 4]} is {_COLOURS[index % 3]}",
        )[: 1 + index % 2]
        for index in range(number)
    )


class SmallTextEncoder(TextEncoder):
    """A text encoder whose vectors are sums of learned word vectors.

    Args:
        vocabulary: The known words.
        dim: Dimensions of a vector.
    """

    length = 8

    def __init__(self, vocabulary: Sequence[str], dim: int = 3) -> None:
        super().__init__()
        self.dim = dim
        self.numbers = {word: number for number, word in enumerate(vocabulary, 1)}
        weight = torch.randn(len(vocabulary) + 1, dim, generator=torch.Generator().manual_seed(0))
        self.words = nn.Parameter(weight)

    def token_ids(self, caption: str) -> Sequence[int]:
        """Returns the numbers of the known words."""
        return [self.numbers[word] for word in caption_words(caption) if word in self.numbers]

    def forward(self, tokens: Tensor) -> Tensor:
        """Returns vectors (N, dim) of tokens (N, L)."""
        return (self.words[tokens] * (tokens > 0)[:, :, None]).sum(1)

    def unknown(self, caption: str) -> tuple[str, ...]:
        """Returns the words that are not in the vocabulary."""
        return tuple(dict.fromkeys(word for word in caption_words(caption) if word not in self.numbers))
