"""A recurrent network over words."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from priorkit.errors import ConfigurationError
from priorkit.interfaces import TextEncoder
from priorkit.plugins import caption_words
from priorkit_plugins.masked_mean import masked_mean
from priorkit_plugins.single_precision import single_precision

__all__ = ["GRUTextEncoder"]

_UNKNOWN = 1
"""The token of a word that is not in the vocabulary; 0 is none."""


class GRUTextEncoder(TextEncoder):
    """Vectors of words, a gated recurrent unit in one or both directions, pooling, and a linear layer.

    Words outside the vocabulary share one vector. It is initially 0, and is trained only if the vocabulary lacks some
    words of the training captions.

    Args:
        vocabulary: The words that have vectors, as `priorkit.plugins.caption_words` finds them.
        dim: Dimensions of a caption's vector.
        word_dim: Dimensions of a word's vector.
        hidden: Width of the recurrent layer in each direction; None for `dim`.
        bidirectional: Whether captions are read backwards, too, by another layer.
        pooling: `mean` of the states over the words, or the `last` state, which has read the whole caption.
        length: Maximal number of words of a caption.
        dropout: Dropout rate of words' vectors.

    Raises:
        ConfigurationError: The vocabulary is empty.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        dim: int = 200,
        *,
        word_dim: int = 200,
        hidden: int | None = None,
        bidirectional: bool = True,
        pooling: str = "mean",
        length: int = 40,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not vocabulary:
            raise ConfigurationError(
                "--text-encoder gru: it learns vectors of the words of the training captions, and there are none; use "
                "a data set with captions, or --text-encoder char-cnn-rnn or static, which need no vocabulary"
            )
        self.dim = dim
        self.length = length
        self.pooling = pooling
        self._tokens = {word: token for token, word in enumerate(vocabulary, _UNKNOWN + 1)}
        self.words = nn.Embedding(_UNKNOWN + 1 + len(vocabulary), word_dim, padding_idx=0)
        nn.init.zeros_(self.words.weight[_UNKNOWN])
        self.dropout = nn.Dropout(dropout)
        width = hidden or dim
        self.forwards = nn.GRU(word_dim, width, batch_first=True)
        self.backwards = nn.GRU(word_dim, width, batch_first=True) if bidirectional else None
        self.output = nn.Linear(width * (2 if bidirectional else 1), dim)

    def token_ids(self, caption: str) -> Sequence[int]:
        """A token for each word of a caption: its position in the vocabulary + 2, or 1 for an unknown word."""
        return [self._tokens.get(word, _UNKNOWN) for word in caption_words(caption)]

    def reads(self, caption: str) -> bool:
        """Whether a word in the kept part of a caption is in the vocabulary."""
        return any(token != _UNKNOWN for token in self.kept_ids(caption))

    def unknown(self, caption: str) -> tuple[str, ...]:
        """The words of a caption that are not in the vocabulary."""
        return tuple(dict.fromkeys(word for word in caption_words(caption) if word not in self._tokens))

    def forward(self, tokens: Tensor) -> Tensor:
        """Turns tokens (N, L), int64, into vectors (N, dim), float32."""
        count = (tokens > 0).sum(dim=1, keepdim=True)
        with single_precision(tokens.device):
            pooled = [self._pooled(self.forwards, tokens, count)]
            if self.backwards is not None:
                place = torch.arange(tokens.shape[1], device=tokens.device)
                # Last word first, so that the padding comes last in this direction, too.
                turned = tokens.gather(1, (count - 1 - place).clamp(min=0)) * (place < count)
                pooled.append(self._pooled(self.backwards, turned, count))
            vectors: Tensor = self.output(torch.cat(pooled, dim=1))
        return vectors

    def _pooled(self, layer: nn.GRU, tokens: Tensor, count: Tensor) -> Tensor:
        states, _ = layer(self.dropout(self.words(tokens)))
        if self.pooling == "mean":
            return masked_mean(states, tokens > 0)
        last = torch.arange(tokens.shape[1], device=tokens.device) == count - 1
        return masked_mean(states, last)
