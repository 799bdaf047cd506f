"""Learning-rate schedules: the factor of each step of a stage."""

import math

from priorkit.config import LRSchedule, RunConfig
from priorkit.errors import ConfigurationError
from priorkit.interfaces import Batch
from priorkit.models.stages import PlannedStage
from priorkit.training.length import last_step

__all__ = ["rate_factor", "require_length", "stage_length"]


def rate_factor(schedule: LRSchedule, step: int, length: int | None = None) -> float:
    """The factor of all learning rates in a step: a pure function, so that resumed runs are unchanged.

    Args:
        schedule: The schedule.
        step: Number of the stage's steps done.
        length: Number of the stage's steps, for schedules that depend on it; None if unknown.
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
    """Number of steps of a stage; None if only time ends it.

    Args:
        stage: The stage.
        config: The run's settings, its limits among them.
        images: Number of training images.

    Raises:
        ConfigurationError: The schedule depends on the length, but only time ends the stage; or the warm-up is longer
            than the stage.
    """
    ends = stage.ends if stage.ends is not None else last_step(config, images)
    length = None if ends is None else ends - stage.begins
    if stage.batch is not Batch.ALL_CODES:
        require_length(stage.lr_schedule, length)
    return length


def require_length(schedule: LRSchedule, length: int | None) -> None:
    """Checks that a schedule fits the length of a stage.

    Args:
        schedule: The schedule.
        length: Number of the stage's steps; None if only time ends it.

    Raises:
        ConfigurationError: The schedule depends on the length, which is unknown, or the warm-up is not shorter than the
            stage.
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
