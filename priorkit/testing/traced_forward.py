"""A backend of torch.compile that takes a quarter of the time: the forward pass alone is traced."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["traced_forward"]


def traced_forward(graph: torch.fx.GraphModule, inputs: Sequence[Any]) -> Callable[..., Any]:
    """Runs what was traced as it is; its gradients are torch's own.

    What a component does when it is compiled is decided where its forward pass is traced. Tracing gradients, too, as
    `aot_eager` and `inductor` do, costs three times as much, and adds that there are no gradients of gradients: here as
    there, those are an error.

    Args:
        graph: What was traced.
        inputs: Examples of its inputs.
    """

    def run(*given: Any) -> Any:
        return graph(*(_Once.apply(value) if _is_differentiable(value) else value for value in given))

    return run


def _is_differentiable(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad and torch.is_grad_enabled()


class _Once(torch.autograd.Function):
    """The identity, which can be differentiated once."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return _Twice.apply(gradient) if torch.is_grad_enabled() else gradient


class _Twice(torch.autograd.Function):
    """The identity, which cannot be differentiated."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        raise RuntimeError("torch.compile does not support double backward: it has no gradients of gradients")
