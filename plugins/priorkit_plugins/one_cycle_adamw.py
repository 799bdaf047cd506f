"""AdamW with one cycle of the learning rate, for networks that plug-ins train themselves."""

import math

from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

__all__ = ["one_cycle_adamw"]


def one_cycle_adamw(
    network: nn.Module, rate: float, steps: int, *, rising: float, weight_decay: float
) -> tuple[AdamW, LambdaLR]:
    """Returns an optimiser of the network, and the schedule of its learning rate.

    The rate rises linearly from above 0, and then decays to 0 along a cosine. Parameters of at most one dimension
    (batch norm, biases, temperatures) have no weight decay.

    Args:
        network: The network.
        rate: The highest learning rate.
        steps: Number of steps of the training, at least 1.
        rising: Share of the steps in which the rate rises, in [0, 1].
        weight_decay: Weight decay of the other parameters.
    """
    matrices = [weights for weights in network.parameters() if weights.ndim > 1]
    others = [weights for weights in network.parameters() if weights.ndim <= 1]
    optimizer = AdamW(
        [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}], rate
    )
    first = max(1, round(rising * steps))

    def factor(step: int) -> float:
        if step < first:
            return (step + 1) / first
        return (1 + math.cos(math.pi * (step - first) / max(1, steps - first))) / 2

    return optimizer, LambdaLR(optimizer, factor)
