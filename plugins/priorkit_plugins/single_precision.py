"""Computation in float32, whatever the run's precision."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

__all__ = ["at_least_single", "single_precision"]


def single_precision(device: torch.device) -> AbstractContextManager[object]:
    """Inside this context, autocast is off on a device; inputs must be float32 already.

    Args:
        device: The tensors' device, which may have no autocast.
    """
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


def at_least_single(tensor: Tensor) -> Tensor:
    """The tensor in float32, or unchanged if it is float64."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
