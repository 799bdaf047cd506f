"""Averaged word vectors."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional

from priorkit.errors import ConfigurationError
from priorkit_plugins.masked_mean import masked_mean
from priorkit_plugins.pretrained_text_encoder import PretrainedTextEncoder

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["StaticTextEncoder"]


class StaticTextEncoder(PretrainedTextEncoder):
    """The mean of the vectors of a caption's tokens, which are words or parts of words; nothing is trained.

    It ignores the order of words. Unknown characters become bytes, so every word has tokens.

    Args:
        vectors: A vector for each token of the tokenizer, (V, D), with the most important dimensions first.
        tokenizer: Splits a caption into tokens, numbered from 0.
        dim: Number of dimensions to keep, at most D.
        length: Maximal number of tokens of a caption.

    Raises:
        ConfigurationError: The vectors have fewer dimensions, or do not match the tokenizer.
    """

    vectors: Tensor

    def __init__(self, vectors: Tensor, tokenizer: "Tokenizer", dim: int = 256, length: int = 64) -> None:
        if dim > vectors.shape[1]:
            raise ConfigurationError(
                f"--text-encoder.dim {dim}: the vectors have {vectors.shape[1]} dimensions; give that many at most"
            )
        if tokenizer.get_vocab_size() > len(vectors):
            raise ConfigurationError(
                f"--text-encoder static: the tokenizer has {tokenizer.get_vocab_size()} tokens, and there are vectors "
                f"of {len(vectors)}: the files do not belong together; pip install --force-reinstall wordllama"
            )
        kept = vectors[:, :dim].clone()
        super().__init__([kept], "the package wordllama")
        self.dim = dim
        self.length = length
        self._tokenizer = tokenizer
        self.register_buffer("vectors", kept, persistent=False)

    def token_ids(self, caption: str) -> Sequence[int]:
        """The ids of a caption's tokens, + 1; repeated spaces count once."""
        text = " ".join(caption.split())
        if not text:
            return []
        return [token + 1 for token in self._tokenizer.encode(text, add_special_tokens=False).ids]

    def forward(self, tokens: Tensor) -> Tensor:
        """Turns tokens (N, L), int64, into vectors (N, dim), float32."""
        vectors = functional.embedding((tokens - 1).clamp(min=0), self.vectors)
        return masked_mean(vectors.float(), tokens > 0)
