"""The text encoder: from sentences to vectors."""

import abc
from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["TextEncoder"]


class TextEncoder(nn.Module, abc.ABC):
    """Turns captions into tokens, and tokens into vectors (Section V of Wang et al. 2020).

    A caption becomes tokens once, on the CPU; a network turns them into a vector as often as it is trained. A caption
    without tokens, such as an empty one, has a vector as any other.

    Attributes:
        dim: Dimensions of a vector, at least 1.
        length: Number of tokens of a caption, at least 1: those beyond are cut off, and 0 takes the place of those that
            are missing.
        frozen: Whether it comes trained, and no phase trains it: it then has no parameters that learn.

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
        """The tokens of a caption, in its order: whole numbers of at least 1, however many there are.

        A function of the caption alone, and of what the encoder was built from.
        """

    @abc.abstractmethod
    def forward(self, tokens: Tensor) -> Tensor:
        """Turns tokens into vectors.

        Args:
            tokens: int64 (N, L), as `tokens` gives them. L is `length`, or larger: columns of 0 at the end change
                nothing.

        Returns:
            float32 (N, dim); each row is a function of its own tokens alone.
        """

    def tokens(self, captions: Sequence[str]) -> Tensor:
        """The tokens of captions: int64 (N, length), on the CPU, with 0 after the last one.

        Raises:
            TypeError: `captions` is one caption, or has something in it that is no text.
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
        """Of the tokens of a caption those that are kept, at most `length`: the first ones, unless it is overridden."""
        return self.token_ids(caption)[: self.length]

    def is_cut(self, caption: str) -> bool:
        """Whether a caption has more tokens than are kept."""
        return len(self.token_ids(caption)) > self.length

    def reads(self, caption: str) -> bool:
        """Whether something of a caption is known, so that its vector says something about it; any token by default."""
        return bool(self.kept_ids(caption))

    def unknown(self, caption: str) -> tuple[str, ...]:
        """The words of a caption that the encoder has no token for, in its order, each once; none by default."""
        return ()
