"""Which buffers a call changes."""

from collections.abc import Callable

import torch
from torch import nn

from priorkit.testing.check import require

__all__ = ["after_training", "moved"]


def _buffers(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: buffer.detach().clone() for name, buffer in module.named_buffers()}


def moved(module: nn.Module, call: Callable[[], object]) -> list[str]:
    """Returns the names of the buffers that a call changes.

    Raises:
        Defect: The call replaces a buffer by another tensor.
    """
    before, kept = _buffers(module), dict(module.named_buffers())
    call()
    for name, buffer in module.named_buffers():
        require(
            buffer is kept.get(name),
            f"the buffer {name!r} is another tensor after the call",
            "a buffer is assigned to (`self.k = ...`): CUDA graphs and copies keep the old tensor",
            "change it in place: copy_, add_, mul_, clamp_",
        )
    return [name for name, buffer in module.named_buffers() if not torch.equal(buffer, before[name])]


def after_training(module: nn.Module, call: Callable[[], object]) -> dict[str, torch.Tensor]:
    """Returns the buffers after a call in training mode, and restores them."""
    before, training = _buffers(module), module.training
    module.train()
    call()
    after = _buffers(module)
    with torch.no_grad():
        for name, buffer in module.named_buffers():
            buffer.copy_(before[name])
    module.train(training)
    return after
