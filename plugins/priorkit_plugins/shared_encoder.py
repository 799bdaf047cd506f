"""A reference to the run's encoder, for priors that use it without owning it."""

from typing import Any

from priorkit.interfaces import Encoder

__all__ = ["SharedEncoder"]


class SharedEncoder:
    """Holds an encoder without making it a part of its owner: neither registered nor copied with it.

    Where the encoder has been copied by the same `copy.deepcopy`, the copy of its owner refers to the encoder's copy.

    Args:
        encoder: The encoder.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def __deepcopy__(self, memo: dict[int, Any]) -> "SharedEncoder":
        return SharedEncoder(memo.get(id(self.encoder), self.encoder))
