"""Indices of a codebook: who asks for them, and how they are drawn."""

from torch import Tensor

from priorkit.interfaces import CodeKind, CodeSpace

__all__ = ["indices_at", "require_indices"]


def require_indices(codes: CodeSpace) -> None:
    """Makes sure that codes are indices.

    Raises:
        ValueError: They are not.
    """
    if codes.kind is not CodeKind.INDICES:
        raise ValueError(
            f"is a prior of indices, and codes are {codes.kind.value}; use an encoder that gives indices: "
            "--encoder vq --code-size 8"
        )


def indices_at(uniform: Tensor, shares: Tensor) -> Tensor:
    """The entries at which distribution functions pass uniform numbers: int64 (...).

    Args:
        uniform: Numbers in [0, 1], (...).
        shares: Probabilities of the entries, float32 (..., entries).
    """
    passed = shares.cumsum(-1) <= uniform[..., None]
    # The sum of all may round to less than a number does.
    return passed.sum(-1).clamp(max=shares.shape[-1] - 1)
