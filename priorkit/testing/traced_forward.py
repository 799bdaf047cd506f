"""A backend of torch.compile that traces the forward pass alone, in a quarter of the time."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["traced_forward"]


def traced_forward(graph: torch.fx.GraphModule, inputs: Sequence[Any]) -> Callable[..., Any]:
    """Runs the traced graph unchanged, with torch's usual gradients.

    Tracing the forward pass decides how a compiled component behaves. `aot_eager` and `inductor` also trace gradients,
    which takes three times as long, and makes gradients of gradients an error. They are an error here, too.

    Args:
        graph: The traced graph.
        inputs: Examples of its inputs.
    """

    def run(*given: Any) -> Any:
        return graph(*(_Once.apply(value) if _is_differentiable(value) else value for value in given))

    return run


def _is_differentiable(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad and torch.is_grad_enabled()


class _Once(torch.autograd.Function):
    """The identity, differentiable once."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return _Twice.apply(gradient) if torch.is_grad_enabled() else gradient


class _Twice(torch.autograd.Function):
    """The identity, not differentiable."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        raise RuntimeError("torch.compile does not support double backward: it has no gradients of gradients")
