"""The space of a run's codes: vectors, maps, or indices of a codebook."""

import math
from dataclasses import dataclass
from enum import Enum

__all__ = ["CodeKind", "CodeSpace"]


class CodeKind(Enum):
    """What a code is."""

    VECTOR = "vectors"
    """D numbers."""

    MAP = "maps"
    """C channels of H x W numbers."""

    INDICES = "indices"
    """H x W integers, each the index of an entry of a codebook."""


@dataclass(frozen=True)
class CodeSpace:
    """The space that codes are points of.

    Batches of codes are always flat: (N, dim), float32, or int64 in [0, entries) where codes are indices. Maps are
    flattened in row-major order; code that works on maps reshapes them with `codes.view(-1, *space.shape)`.

    >>> space = CodeSpace((8, 4, 4))
    >>> space.kind, space.dim
    (<CodeKind.MAP: 'maps'>, 128)
    >>> str(CodeSpace((4, 4), entries=512))
    'indices of shape (4, 4) of 512 entries'

    Attributes:
        shape: (D,) of a vector, (C, H, W) of a map, (H, W) of indices; each at least 1.
        entries: Number of entries of the codebook, at least 2, where codes are indices; 0 where they are not.

    Raises:
        ValueError: The shape or the number of entries is invalid.
    """

    shape: tuple[int, ...]
    entries: int = 0

    def __post_init__(self) -> None:
        lengths = (2,) if self.entries else (1, 3)
        if len(self.shape) not in lengths or any(size < 1 for size in self.shape):
            raise ValueError(
                f"codes cannot have the shape {self.shape}{f' of {self.entries} entries' if self.entries else ''}: "
                "vectors have the shape (D,), maps (C, H, W), and indices (H, W) of a codebook with entries"
            )
        if self.entries < 0 or self.entries == 1:
            raise ValueError(f"a codebook has at least 2 entries, not {self.entries}")

    @property
    def kind(self) -> CodeKind:
        """Whether codes are vectors, maps or indices."""
        if self.entries:
            return CodeKind.INDICES
        return CodeKind.VECTOR if len(self.shape) == 1 else CodeKind.MAP

    @property
    def dim(self) -> int:
        """Number of entries of a flattened code."""
        return math.prod(self.shape)

    def __str__(self) -> str:
        words = f"{self.kind.value} of shape {self.shape}"
        return f"{words} of {self.entries} entries" if self.entries else words
