"""The mean of words' vectors."""

from collections.abc import Sequence

from priorkit.interfaces import TextEncoder
from priorkit.plugins import caption_words
from torch import Tensor, nn

__all__ = ["PlugInNameTextEncoder"]

_UNKNOWN = 1
"""The token of all words that are not in the vocabulary; 0 means no token."""


class PlugInNameTextEncoder(TextEncoder):
    """v = B tanh(m), where m is the mean of the vectors of a caption's words, or 0 for a caption without words.

    Args:
        vocabulary: The words of the training captions.
        dim: Dimensions of a caption's vector.
        length: Maximal number of words of a caption.
    """

    def __init__(self, vocabulary: Sequence[str], dim: int = 200, length: int = 40) -> None:
        super().__init__()
        self.dim = dim
        self.length = length
        self._tokens = {word: token for token, word in enumerate(vocabulary, _UNKNOWN + 1)}
        self.words = nn.Embedding(_UNKNOWN + 1 + len(vocabulary), dim)
        self.bend = nn.Linear(dim, dim, bias=False)

    def token_ids(self, caption: str) -> Sequence[int]:
        """Returns a token of at least 1 for each word of a caption."""
        return [self._tokens.get(word, _UNKNOWN) for word in caption_words(caption)]

    def unknown(self, caption: str) -> tuple[str, ...]:
        """Returns the words of a caption that are not in the vocabulary, each once."""
        return tuple(dict.fromkeys(word for word in caption_words(caption) if word not in self._tokens))

    def forward(self, tokens: Tensor) -> Tensor:
        """Turns tokens (N, L), int64, into vectors (N, dim)."""
        words = (tokens > 0).unsqueeze(-1)
        mean = (self.words(tokens) * words).sum(dim=1) / words.sum(dim=1).clamp(min=1)
        vectors: Tensor = self.bend(mean.tanh())
        return vectors
