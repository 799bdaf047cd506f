"""The length of a run."""

from itertools import pairwise

from priorkit.config import RunConfig, beginnings
from priorkit.errors import ConfigurationError
from priorkit.models import BuiltSystem

__all__ = ["images_seen", "last_step", "require_steps_taken", "with_its_end"]


def last_step(config: RunConfig, images: int) -> int | None:
    """The step at which a run ends, by its steps or epochs; None if only time ends it.

    Args:
        config: Its configuration.
        images: Number of training images.
    """
    ends = [config.steps] if config.steps is not None else []
    if config.epochs is not None:
        ends.append(max(1, round(config.epochs * images / config.batch_size)))
    return min(ends, default=None)


def images_seen(config: RunConfig, steps: int) -> int:
    """The number of images or codes that a run has seen after a number of steps.

    Args:
        config: Its configuration.
        steps: Steps done.
    """
    begins = [*beginnings(config.stages), steps]
    sizes = [stage.batch_size or config.batch_size for stage in config.stages or ()] or [config.batch_size]
    spans = (max(0, min(end, steps) - begin) for begin, end in pairwise(begins))
    return sum(span * size for span, size in zip(spans, sizes, strict=True))


def require_steps_taken(config: RunConfig, system: BuiltSystem, steps: int | None) -> None:
    """Checks that a run takes the requested steps: a last stage that takes all codes has one step.

    Args:
        config: Its configuration, resolved.
        system: The system that it trains.
        steps: The requested steps, or None.

    Raises:
        ConfigurationError: The run would end earlier.
    """
    ends = system.stages[-1].ends
    if steps is None or not config.stages or ends is None or steps <= ends:
        return
    *former, before, last = config.stages
    longer = before.model_copy(update={"steps": (before.steps or 0) + steps - ends})
    stages = ",".join(map(str, (*former, longer, last.model_copy(update={"steps": 1}))))
    raise ConfigurationError(
        f"--steps {steps}: the last stage, {last}, fits the prior to all codes in one step, so the run ends after step "
        f"{ends}; to train longer before, start a run with --stages {stages}"
    )


def with_its_end(config: RunConfig, system: BuiltSystem) -> RunConfig:
    """The configuration with the length that its last stage implies: a stage that takes all codes has one step."""
    ends = system.stages[-1].ends
    return config if ends is None else config.model_copy(update={"steps": ends, "epochs": None})
