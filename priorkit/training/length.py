"""How long a run is."""

from priorkit.config import RunConfig

__all__ = ["last_step"]


def last_step(config: RunConfig, images: int) -> int | None:
    """At which step a run ends, by its steps or epochs; None if only time ends it.

    Args:
        config: Its configuration.
        images: Number of training images.
    """
    ends = [config.steps] if config.steps is not None else []
    if config.epochs is not None:
        ends.append(max(1, round(config.epochs * images / config.batch_size)))
    return min(ends, default=None)
