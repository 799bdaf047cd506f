"""Optimisers by name."""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

__all__ = ["make_optimizer"]


def make_optimizer(
    name: str,
    parameters: Iterable[Parameter],
    *,
    learning_rate: float | Tensor,
    beta1: float,
    beta2: float,
    weight_decay: float,
    capturable: bool = False,
) -> Optimizer:
    """Makes an optimiser.

    Args:
        name: `adam`, `adamw`, `rmsprop` or `sgd`.
        parameters: The parameters to train.
        learning_rate: Above 0; a scalar tensor on the parameters' device if recorded steps should read the current
            value.
        beta1: Adam's beta1, or the momentum of the other optimisers.
        beta2: Adam's beta2, or the smoothing constant of RMSprop.
        weight_decay: At least 0.
        capturable: Whether steps can be recorded in a CUDA graph.
    """
    weights = list(parameters)
    # The fused kernel, on devices that support it.
    fused = bool(weights) and all(weight.device.type in ("cpu", "cuda") for weight in weights)
    match name:
        case "adam" | "adamw":
            return (torch.optim.Adam if name == "adam" else torch.optim.AdamW)(
                weights,
                learning_rate,
                betas=(beta1, beta2),
                weight_decay=weight_decay,
                fused=fused or None,
                capturable=capturable,
            )
        case "rmsprop":
            return torch.optim.RMSprop(
                weights,
                learning_rate,
                alpha=beta2,
                momentum=beta1,
                weight_decay=weight_decay,
                foreach=True,
                capturable=capturable,
            )
        case "sgd":
            return torch.optim.SGD(
                weights, learning_rate, momentum=beta1, weight_decay=weight_decay, fused=fused or None
            )
    raise AssertionError(f"no optimiser {name!r}")
