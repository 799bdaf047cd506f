"""Classes as vectors, and how Q recovers them."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

__all__ = ["one_hot", "recovery_loss"]


def one_hot(classes: Tensor, count: int) -> Tensor:
    """Class indices int64 (N,) as float32 (N, count): 1 at the class, 0 elsewhere. Does not wait for the device."""
    return (classes[:, None] == torch.arange(count, device=classes.device)).float()


def recovery_loss(recovered: Tensor, condition: Tensor) -> Tensor:
    """-E[log Q(s | x)] of logits (N, K) and one-hot s (N, K), in nats: a float32 scalar."""
    return cross_entropy(recovered.float(), condition)
