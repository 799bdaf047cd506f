"""Indices of a codebook: the check that a run has them, and how they are drawn."""

from torch import Tensor

from priorkit.interfaces import CodeKind, CodeSpace

__all__ = ["indices_at", "require_indices"]


def require_indices(codes: CodeSpace) -> None:
    """Checks that codes are indices.

    Raises:
        ValueError: They are not.
    """
    if codes.kind is not CodeKind.INDICES:
        raise ValueError(
            f"is a prior of indices, and codes are {codes.kind.value}; use an encoder that gives indices: "
            "--encoder vq --code-size 8"
        )


def indices_at(uniform: Tensor, shares: Tensor) -> Tensor:
    """Draws entries by inverting cumulative distributions at uniform numbers: int64 (...).

    Args:
        uniform: Numbers in [0, 1], (...).
        shares: Probabilities of the entries, float32 (..., entries).
    """
    passed = shares.cumsum(-1) <= uniform[..., None]
    # By rounding, the total may be below a uniform number.
    return passed.sum(-1).clamp(max=shares.shape[-1] - 1)
