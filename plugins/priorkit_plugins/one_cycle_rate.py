"""A learning rate that rises linearly and falls along a cosine, for networks that plug-ins train themselves."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

__all__ = ["one_cycle_rate"]


def one_cycle_rate(optimizer: Optimizer, steps: int, rising: float) -> LambdaLR:
    """Schedules the optimiser's learning rates, which are the highest: a linear rise, then a cosine decay to 0.

    The first step has a rate above 0, so that none is wasted.

    Args:
        optimizer: The optimiser.
        steps: Number of steps of the training, at least 1.
        rising: Part of the steps in which the rate rises, in [0, 1].
    """
    first = max(1, round(rising * steps))

    def factor(step: int) -> float:
        if step < first:
            return (step + 1) / first
        return (1 + math.cos(math.pi * (step - first) / max(1, steps - first))) / 2

    return LambdaLR(optimizer, factor)
