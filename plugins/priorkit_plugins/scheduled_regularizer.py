"""Regularizers whose weight changes in training."""

import torch
from torch import Tensor

from priorkit.interfaces import Regularizer
from priorkit_plugins.weight_schedule import WeightSchedule

__all__ = ["ScheduledRegularizer"]


class ScheduledRegularizer(Regularizer):
    """A regularizer that counts the encoder's updates and multiplies its loss by a schedule's factor.

    Every process of a run counts the same updates, those of the whole batch. Updates are counted only if needed.

    Args:
        schedule: The factor of the weight.
        counts: Whether to count even with a constant schedule, because something else depends on the count.
    """

    updates: Tensor

    def __init__(self, schedule: WeightSchedule | None = None, *, counts: bool = False) -> None:
        super().__init__()
        self.schedule = schedule or WeightSchedule()
        self._counts = counts or not self.schedule.constant
        if self._counts:
            # A tensor: saved with the run, and counted without waiting for the device.
            self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def scheduled(self, weight: float) -> Tensor | float:
        """A weight, times the factor of the current update."""
        return weight if self.schedule.constant else weight * self.schedule.factor(self.updates)

    def count_update(self) -> None:
        """Counts the encoder's update whose terms have just been computed."""
        if self._counts and self.training and torch.is_grad_enabled():
            self.updates.add_(1)
