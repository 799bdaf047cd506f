"""Chooses and checks batch sizes."""

from priorkit.config import RunConfig
from priorkit.distributed import Processes
from priorkit.errors import ConfigurationError

__all__ = ["fitting_batch_size", "require_batch_sizes"]


def fitting_batch_size(config: RunConfig, images: int) -> int:
    """The batch size: the configuration's, or a smaller one if the user chose none and there are fewer images.

    A smaller one is the largest power of two that is at most the number of images, at least 2.

    Args:
        config: The run's settings; an explicit `batch_size` is kept.
        images: Number of training images, at least 2.
    """
    if "batch_size" in config.model_fields_set or config.batch_size <= images:
        return config.batch_size
    return 1 << (images.bit_length() - 1)


def require_batch_sizes(config: RunConfig, images: int, processes: Processes) -> None:
    """Checks that there are enough images for a batch of every stage, and for each process's share.

    Args:
        config: The run's settings.
        images: Number of training images.
        processes: The processes that train together; each needs two images if its batch norm sees no others.

    Raises:
        ConfigurationError: A batch is too large or too small.
    """
    sizes = {"--batch-size": config.batch_size}
    for number, stage in enumerate(config.stages or (), 1):
        if stage.batch_size is not None:
            sizes[f"batch_size of stage {number}:"] = stage.batch_size
    each = 1 if config.synchronise_batch_norm else 2
    for given, size in sizes.items():
        if size > images:
            raise ConfigurationError(
                f"{given} {size} is more than the {images} training images; use at most {given} {images}"
            )
        if processes.count > 1 and size < each * processes.count:
            raise ConfigurationError(
                f"{given} {size} is too small for {processes.count} processes, which share each batch: "
                f"use at least {given} {each * processes.count}, or fewer processes"
            )
