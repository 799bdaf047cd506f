"""How long a run is."""

from itertools import pairwise

from priorkit.config import RunConfig, beginnings

__all__ = ["images_seen", "last_step"]


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


def images_seen(config: RunConfig, steps: int) -> int:
    """How many images or codes a run has seen after so many steps, batch by batch.

    Args:
        config: Its configuration.
        steps: Steps done.
    """
    begins = [*beginnings(config.stages), steps]
    sizes = [stage.batch_size or config.batch_size for stage in config.stages or ()] or [config.batch_size]
    spans = (max(0, min(end, steps) - begin) for begin, end in pairwise(begins))
    return sum(span * size for span, size in zip(spans, sizes, strict=True))
