"""Convolutions and a recurrent network over characters."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from priorkit.interfaces import TextEncoder
from priorkit_plugins.char_cnn_rnn.alphabet import OTHER, character_ids, unwritable_words
from priorkit_plugins.masked_mean import masked_mean
from priorkit_plugins.single_precision import single_precision

__all__ = ["CharCNNRNN"]

_STRIDE = 3 * 3 * 2
"""Characters from one state of the recurrent layer to the next: the strides of the three poolings."""


class CharCNNRNN(TextEncoder):
    """Three convolutions with max pooling over the characters, a recurrent layer, its mean state, a linear layer.

    Reed et al. 2016 average over all states. Here, only states that see a character of the caption are averaged, so
    that the vector of a short caption does not depend on the padding. The last pooling also keeps an incomplete window
    at the end, so that all 201 characters are seen.

    Args:
        dim: Dimensions of a caption's vector.
        channels: Channels of the three convolutions; the recurrent layer is as wide as the last.
        dropout: Dropout rate of the mean state.
    """

    length = 201

    def __init__(self, dim: int = 200, channels: Sequence[int] = (384, 512, 256), dropout: float = 0.0) -> None:
        super().__init__()
        self.dim = dim
        first, second, third = channels
        self.convolutions = nn.Sequential(
            *(nn.Conv1d(OTHER, first, 4), nn.ReLU(), nn.MaxPool1d(3)),
            *(nn.Conv1d(first, second, 4), nn.ReLU(), nn.MaxPool1d(3)),
            *(nn.Conv1d(second, third, 4), nn.ReLU(), nn.MaxPool1d(3, 2, ceil_mode=True)),
        )
        self.recurrent = nn.GRU(third, third, batch_first=True)
        self.output = nn.Sequential(nn.Dropout(dropout), nn.Linear(third, dim))

    def token_ids(self, caption: str) -> Sequence[int]:
        """A token for each character of a caption: its position in the alphabet, from 1."""
        return character_ids(caption)

    def reads(self, caption: str) -> bool:
        """Whether the kept part of a caption has a letter or digit of the alphabet."""
        written = set(character_ids("abcdefghijklmnopqrstuvwxyz0123456789"))
        return any(token in written for token in self.kept_ids(caption))

    def unknown(self, caption: str) -> tuple[str, ...]:
        """The words of a caption with a character outside the alphabet."""
        return unwritable_words(caption)

    def forward(self, tokens: Tensor) -> Tensor:
        """Turns tokens (N, L), int64, into vectors (N, dim), float32."""
        tokens = tokens[:, : self.length]
        alphabet = torch.arange(1, OTHER + 1, device=tokens.device).view(1, -1, 1)
        with single_precision(tokens.device):
            states, _ = self.recurrent(self.convolutions((tokens.unsqueeze(1) == alphabet).float()).transpose(1, 2))
            begins = _STRIDE * torch.arange(states.shape[1], device=tokens.device)
            seen = begins < (tokens > 0).sum(dim=1, keepdim=True)
            vectors: Tensor = self.output(masked_mean(states, seen))
        return vectors
