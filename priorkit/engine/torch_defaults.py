"""The global torch settings that priorkit's computations expect."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

__all__ = ["torch_defaults"]


@contextmanager
def torch_defaults() -> Iterator[None]:
    """Inside this context, torch's default dtype is float32, its default device the CPU, and gradients are enabled.

    The calling program may have set another default dtype or device, or be inside `torch.no_grad` or
    `torch.inference_mode`; its settings are restored afterwards. Can also decorate functions.
    """
    before = torch.get_default_dtype()
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        if torch.get_default_device().type != "cpu":
            # Only if needed: it makes every call of torch slower.
            stack.enter_context(torch.device("cpu"))
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(before)
