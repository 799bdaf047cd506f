"""Computing in float32 whatever precision a run computes in."""

from contextlib import AbstractContextManager, nullcontext

import torch

__all__ = ["single_precision"]


def single_precision(device: torch.device) -> AbstractContextManager[object]:
    """Inside this context, autocast rounds nothing that is computed on a device; inputs must be float32 already.

    Args:
        device: Where the tensors are; also one that has no autocast.
    """
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)
