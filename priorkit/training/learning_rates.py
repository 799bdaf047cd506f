"""How learning rates change while a stage is trained: the factor of each step."""

import math

from priorkit.config import LRSchedule, RunConfig
from priorkit.errors import ConfigurationError
from priorkit.interfaces import Batch
from priorkit.models.stages import PlannedStage
from priorkit.training.length import last_step

__all__ = ["rate_factor", "require_length", "stage_length"]


def rate_factor(schedule: LRSchedule, step: int, length: int | None = None) -> float:
    """The factor of all learning rates in a step: a pure function, so a run that goes on is the same run.

    Args:
        schedule: The schedule.
        step: Steps of the stage that are done.
        length: Steps of the stage, for schedules that fall over its length and have none of their own; None where
            nobody knows.
    """
    if step < schedule.warm_up:
        return (step + 1) / schedule.warm_up
    done = step - schedule.warm_up
    if schedule.falls_over_its_length:
        whole = schedule.length or length
        assert whole is not None, "require_length refuses stages of no known length"
        return _falling(schedule, min(1.0, done / max(1, whole - schedule.warm_up)))
    match schedule.name:
        case "exponential":
            return float(schedule.factor ** (done / schedule.every))
        case "step":
            return float(schedule.factor ** (done // schedule.every))
        case _:
            return 1.0


def _falling(schedule: LRSchedule, share: float) -> float:
    """The factor after a share of the length that follows the warm-up."""
    match schedule.name:
        case "linear":
            return 1 + (schedule.final - 1) * share
        case "cosine":
            return _cosine(1.0, schedule.final, share)
        case _:
            if share <= schedule.peak:
                return _cosine(schedule.start, 1.0, share / schedule.peak)
            return _cosine(1.0, schedule.final, (share - schedule.peak) / (1 - schedule.peak))


def _cosine(first: float, last: float, share: float) -> float:
    """From one value to another, along half a period of a cosine."""
    return last + (first - last) * 0.5 * (1 + math.cos(math.pi * share))


def stage_length(stage: PlannedStage, config: RunConfig, images: int) -> int | None:
    """How many steps a stage has; None where only time ends it.

    Args:
        stage: The stage.
        config: The run's settings, its limits among them.
        images: Number of training images.

    Raises:
        ConfigurationError: Its schedule falls over its length, and only time ends it; or it is over before its warm-up.
    """
    ends = stage.ends if stage.ends is not None else last_step(config, images)
    length = None if ends is None else ends - stage.begins
    if stage.batch is not Batch.ALL_CODES:
        require_length(stage.lr_schedule, length)
    return length


def require_length(schedule: LRSchedule, length: int | None) -> None:
    """Makes sure that learning rates can follow a schedule.

    Args:
        schedule: The schedule.
        length: Steps of the stage; None where only time ends it.

    Raises:
        ConfigurationError: It falls over the stage's length, and nobody knows that, or its warm-up takes all of it.
    """
    if not schedule.falls_over_its_length or schedule.length is not None:
        return
    given = f"--lr-schedule {schedule.name}"
    if length is None:
        raise ConfigurationError(
            f"{given}: learning rates fall over the run's length, and only --max-time ends this run: give --steps "
            "or --epochs too, or --lr-schedule.length STEPS, or use --lr-schedule exponential or step"
        )
    if schedule.warm_up >= length:
        raise ConfigurationError(
            f"{given}: a warm-up of {schedule.warm_up} steps leaves nothing of a stage of {length}; give a smaller "
            "--lr-schedule.warm-up, or more steps"
        )
