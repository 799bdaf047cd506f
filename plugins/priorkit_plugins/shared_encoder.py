"""A reference to the run's encoder, for priors that use it without owning it."""

from typing import Any

from priorkit.interfaces import Encoder

__all__ = ["SharedEncoder"]


class SharedEncoder:
    """Refers to an encoder without registering it as a submodule of the owner or copying it with the owner.

    If the same `copy.deepcopy` copies the encoder, too, the owner's copy refers to the encoder's copy.

    Args:
        encoder: The encoder.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def __deepcopy__(self, memo: dict[int, Any]) -> "SharedEncoder":
        return SharedEncoder(memo.get(id(self.encoder), self.encoder))
