"""The text encoder: from sentences to vectors."""

import abc
from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["TextEncoder"]


class TextEncoder(nn.Module, abc.ABC):
    """Turns captions into tokens, and tokens into vectors (Section V of Wang et al. 2020).

    Captions are tokenised once, on the CPU; in training, a network turns the tokens into vectors in every step. A
    caption without tokens, such as an empty caption, must have a vector too.

    Attributes:
        dim: Dimensions of a vector, at least 1.
        length: Number of tokens of a caption, at least 1: longer captions are cut off, shorter captions padded with 0.
        frozen: Whether the encoder is pretrained and stays as it is: it then has no trainable parameters.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from priorkit.interfaces import TextEncoder
        >>> class LetterEncoder(TextEncoder):
        ...     dim, length = 3, 8
        ...
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.letters = nn.Embedding(27, 3, padding_idx=0)
        ...
        ...     def token_ids(self, caption):
        ...         return [ord(c) - 96 for c in caption.lower() if "a" <= c <= "z"]
        ...
        ...     def forward(self, tokens):
        ...         return self.letters(tokens).sum(1)
        >>> encoder = LetterEncoder()
        >>> encoder.tokens(["A bee"])
        tensor([[1, 2, 5, 5, 0, 0, 0, 0]])
        >>> encoder(encoder.tokens(["a bee", "two bees"])).shape
        torch.Size([2, 3])
        >>> encoder.is_cut("two bumblebees")
        True
    """

    dim: int
    length: int
    frozen: bool = False

    @abc.abstractmethod
    def token_ids(self, caption: str) -> Sequence[int]:
        """All tokens of a caption, in order: integers of at least 1, also more than `length`.

        Must depend on the caption and the encoder's construction alone.
        """

    @abc.abstractmethod
    def forward(self, tokens: Tensor) -> Tensor:
        """Turns tokens into vectors.

        Args:
            tokens: int64 (N, L), as `tokens` returns them. L is at least `length`: additional columns of 0 must change
                nothing.

        Returns:
            float32 (N, dim); each row must depend on its own tokens alone.
        """

    def tokens(self, captions: Sequence[str]) -> Tensor:
        """The tokens of captions: int64 (N, length), on the CPU, padded with 0.

        Raises:
            TypeError: `captions` is a single string, or an item is not a string.
        """
        if isinstance(captions, str):
            raise TypeError(f"captions is a text, {captions[:40]!r}: give a list of texts, [{captions[:40]!r}]")
        rows = torch.zeros(len(captions), self.length, dtype=torch.int64)
        for row, caption in zip(rows, captions, strict=True):
            if not isinstance(caption, str):
                raise TypeError(f"a caption is a {type(caption).__name__}, {caption!r}: captions are texts")
            kept = self.kept_ids(caption)
            row[: len(kept)] = torch.tensor(kept, dtype=torch.int64)
        return rows

    def kept_ids(self, caption: str) -> Sequence[int]:
        """The tokens of a caption that are kept, at most `length`: the first ones, unless a subclass overrides this."""
        return self.token_ids(caption)[: self.length]

    def is_cut(self, caption: str) -> bool:
        """Whether a caption has more tokens than are kept."""
        return len(self.token_ids(caption)) > self.length

    def reads(self, caption: str) -> bool:
        """Whether the encoder knows some part of a caption; by default, whether the caption has any token."""
        return bool(self.kept_ids(caption))

    def unknown(self, caption: str) -> tuple[str, ...]:
        """The unknown words of a caption (without a token), in order, each once; none by default."""
        return ()
