"""Pretrained text encoders."""

import hashlib
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from priorkit.errors import ConfigurationError
from priorkit.interfaces import TextEncoder

__all__ = ["PretrainedTextEncoder"]


class PretrainedTextEncoder(TextEncoder):
    """A pretrained text encoder, whose weights are read from their files each time, and are not saved with a run.

    A fingerprint of the weights is saved, so that a run cannot be used with other weights than in training.

    Args:
        weights: All tensors that the vectors depend on.
        origin: The source of the weights in words, for the error message.
    """

    frozen = True
    fingerprint: Tensor

    def __init__(self, weights: Iterable[Tensor], origin: str) -> None:
        super().__init__()
        self._origin = origin
        digest = hashlib.blake2b(digest_size=16)
        for tensor in weights:
            digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
        self.register_buffer("fingerprint", torch.tensor(list(digest.digest()), dtype=torch.uint8))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        saved = state_dict.get(f"{prefix}fingerprint")
        if saved is not None and not torch.equal(saved.cpu(), self.fingerprint.cpu()):
            raise ConfigurationError(
                f"the text encoder's weights, of {self._origin}, differ from those of the training; restore these"
            )
        super()._load_from_state_dict(state_dict, prefix, *rest)
