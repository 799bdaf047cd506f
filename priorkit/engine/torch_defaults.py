"""torch's settings for the whole program, as priorkit's computations expect them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

__all__ = ["torch_defaults"]


@contextmanager
def torch_defaults() -> Iterator[None]:
    """Inside, tensors are float32 and on the CPU unless said otherwise, and gradients are kept; then all is as before.

    The program around may have chosen another default type or device, or be inside `torch.no_grad` or
    `torch.inference_mode`. Also a decorator of functions.
    """
    before = torch.get_default_dtype()
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        if torch.get_default_device().type != "cpu":
            # Only then: it makes every call of torch slower.
            stack.enter_context(torch.device("cpu"))
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(before)
