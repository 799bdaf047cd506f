"""The two networks: one for images, one for texts."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from priorkit.interfaces import ImageShape
from priorkit.plugins import caption_words
from priorkit_plugins.masked_mean import masked_mean

__all__ = ["TwoTowerNetwork", "word_tokens"]

_LENGTH = 64
"""Maximal number of words read from a text."""
_SMALLEST = 4
"""Height and width of the last convolution's output."""


def word_tokens(texts: Sequence[str], numbers: dict[str, int]) -> Tensor:
    """The ids of the known words of texts, in increasing order: int64 (N, longest), padded with 0.

    Args:
        texts: The texts.
        numbers: The ids of words, from 1.
    """
    # Sorted, so that equal bags of words have equal rounding errors.
    rows = [sorted([numbers[word] for word in caption_words(text) if word in numbers][:_LENGTH]) for text in texts]
    tokens = torch.zeros(len(rows), max(1, max(map(len, rows), default=1)), dtype=torch.int64)
    for row, found in zip(tokens, rows, strict=True):
        row[: len(found)] = torch.tensor(found, dtype=torch.int64)
    return tokens


class TwoTowerNetwork(nn.Module):
    """Strided convolutions with batch norm over images; over texts, the mean of their words' vectors and two layers.

    Texts are read as bags of words, so that two texts of the same words have the same vector.

    Args:
        shape: The images' shape.
        words: Size of the vocabulary.
        dim: Dimensions of the vectors of both.
        width: Channels of the first layer; each further one has twice as many, up to eight times the first.
    """

    def __init__(self, shape: ImageShape, words: int, dim: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs, outputs, side = shape.channels, width, shape.size
        while side > _SMALLEST:
            layers += [nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
            inputs, outputs, side = outputs, min(2 * outputs, 8 * width), side // 2
        self.images = nn.Sequential(*layers)
        self.head = nn.Linear(2 * inputs, dim)
        self.words = nn.Embedding(words + 1, dim, padding_idx=0)
        self.texts = nn.Sequential(nn.Linear(dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim))
        self.log_scale = nn.Parameter(torch.tensor(0.07).log().neg())

    def of_images(self, images: Tensor) -> Tensor:
        """Vectors (N, dim) of uint8 images (N, C, H, W)."""
        scaled = (images.to(torch.float32) / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        found = self.images(scaled)
        vectors: Tensor = self.head(torch.cat([found.mean((2, 3)), found.amax((2, 3))], dim=1))
        return vectors

    def of_texts(self, tokens: Tensor) -> Tensor:
        """Vectors (N, dim) of tokens (N, L), as `word_tokens` returns them."""
        vectors: Tensor = self.texts(masked_mean(self.words(tokens), tokens > 0))
        return vectors
