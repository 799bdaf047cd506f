"""The learning rates of a training as it goes on: of its stages and schedules, and what divergence has left of them."""

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
        optimizers: One for each network that is trained.
        system: The components.
        config: The run's settings, its limits among them.
        images: Number of training images.

    Attributes:
        reduction: What all learning rates are multiplied by, since training that diverged was rolled back: 1 before.
    """

    def __init__(
        self, optimizers: Mapping[str, Optimizer], system: BuiltSystem, config: RunConfig, images: int
    ) -> None:
        self.reduction = 1.0
        self._optimizers = optimizers
        self._system = system
        self._config = config
        # Of each stage, how long it is, which its schedule may depend on.
        self._lengths = {stage.begins: stage_length(stage, config, images) for stage in system.stages}

    def set(self, stage: PlannedStage, steps: int) -> None:
        """Sets the learning rates of the step that is about to be taken.

        Args:
            stage: The stage that the step belongs to.
            steps: Steps done.
        """
        schedule, factor = stage.lr_schedule, self.reduction
        if not schedule.constant:
            factor *= rate_factor(schedule, steps - stage.begins, self._lengths[stage.begins])
        set_learning_rates(self._optimizers, self._system, self._config, stage, factor)

    def change(self, stage: PlannedStage, steps: int) -> None:
        """Sets the learning rates where they change from step to step; others stay as `set` has left them."""
        if not stage.lr_schedule.constant:
            self.set(stage, steps)
