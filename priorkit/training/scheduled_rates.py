"""The learning rates of a training: by stages, schedules, and reductions after divergence."""

from collections.abc import Mapping

from torch.optim import Optimizer

from priorkit.config import RunConfig
from priorkit.models.stages import PlannedStage
from priorkit.models.system import BuiltSystem
from priorkit.training.learning_rates import rate_factor, stage_length
from priorkit.training.optimizers import set_learning_rates

__all__ = ["ScheduledRates"]


class ScheduledRates:
    """Sets the learning rates of a system's optimisers.

    Args:
        optimizers: One for each trained network.
        system: The components.
        config: The run's settings, its limits among them.
        images: Number of training images.

    Attributes:
        reduction: Factor of all learning rates after rollbacks of diverged training; 1 before.
    """

    def __init__(
        self, optimizers: Mapping[str, Optimizer], system: BuiltSystem, config: RunConfig, images: int
    ) -> None:
        self.reduction = 1.0
        self._optimizers = optimizers
        self._system = system
        self._config = config
        # The length of each stage, on which its schedule may depend.
        self._lengths = {stage.begins: stage_length(stage, config, images) for stage in system.stages}

    def set(self, stage: PlannedStage, steps: int) -> None:
        """Sets the learning rates of the next step.

        Args:
            stage: The stage of the step.
            steps: Steps done.
        """
        schedule, factor = stage.lr_schedule, self.reduction
        if not schedule.constant:
            factor *= rate_factor(schedule, steps - stage.begins, self._lengths[stage.begins])
        set_learning_rates(self._optimizers, self._system, self._config, stage, factor)

    def change(self, stage: PlannedStage, steps: int) -> None:
        """Sets learning rates that change from step to step; others stay as set by `set`."""
        if not stage.lr_schedule.constant:
            self.set(stage, steps)
