"""The standard error of a mean."""

from torch import Tensor

__all__ = ["standard_error"]


def standard_error(values: Tensor) -> float | None:
    """The standard error of the mean of values (N,); None if there is only one value."""
    return float(values.std() / len(values) ** 0.5) if len(values) > 1 else None
