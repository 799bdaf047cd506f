"""Loads the data set of a configuration, in a size that networks support."""

import dataclasses
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from priorkit.config import RunConfig
from priorkit.config.building import build_component
from priorkit.data.data_summary import class_counts
from priorkit.data.fitting_images import PreparedData, check_image_size, fit_images
from priorkit.engine import free_memory
from priorkit.errors import ConfigurationError, DataError, PriorkitError, is_out_of_memory
from priorkit.interfaces import DataSource, ImageData, StoredImages
from priorkit.plugins import DataContext
from priorkit.registry import Registry
from priorkit.registry.guard import refusing

__all__ = ["load_data"]

_LISTED = 5
"""Maximal number of names that a note lists."""
_LOOKED_AT = 64
"""Number of images whose values are checked."""
_LITTLE = 32
"""Difference between the darkest and the brightest value below which images show hardly anything."""
_MEMORY_SHARE = 0.25
"""Maximal share of the free memory for images that are not streamed, by default."""


def load_data(config: RunConfig, registry: Registry, readers: int = 1) -> PreparedData:
    """Loads images, and brings them to squares of a power of two from 16 to 128 pixels, with 1 or 3 channels.

    Args:
        config: The choice of the data set, and the settings for reading it.
        registry: Where components come from.
        readers: Number of processes on this machine that each load the data set, and share the memory.

    Raises:
        DataError: The files are missing or broken, the images do not fit into memory, or there are too few.
        ConfigurationError: The data set's options or the requested size are wrong.
    """
    if config.image_size is not None:
        # Before a data set generates images of this size.
        check_image_size(config.image_size)
    source = data_source(config, registry, _memory(config, readers))
    if config.data_dir is not None and not source.reads_data_dir:
        raise ConfigurationError(
            f"--data-dir {config.data_dir}: the data set {config.dataset.name!r} reads no folder; leave --data-dir "
            "out, or name another data set with --dataset"
        )
    with (
        _memory_named(config),
        refusing(registry.get("dataset", config.dataset.name), f"--dataset {config.dataset.name}", DataError),
    ):
        data = source.load()
    if len(data.train) < 2 or not len(data.test):
        raise DataError(
            f"--dataset {config.dataset.name}: {len(data.train)} training and {len(data.test)} held-out images; "
            "at least 2 training images and 1 held-out image are needed"
        )
    with _memory_named(config):
        fitted = fit_images(data, config.image_size, config.channels)
    return dataclasses.replace(
        fitted, notes=(*fitted.notes, *_untrained(fitted), *_low_contrast(fitted), *_streaming(fitted, config))
    )


def data_source(config: RunConfig, registry: Registry, memory: int = sys.maxsize) -> DataSource:
    """Builds the data set of a configuration, without reading it.

    Args:
        config: The choice of the data set, and the settings for reading it.
        registry: Where components come from.
        memory: Maximal size of the images in memory, in bytes.

    Raises:
        DataError: The data set cannot be built.
        ConfigurationError: Its options are wrong.
    """
    context = DataContext(
        data_dir=config.data_dir,
        image_size=config.image_size,
        channels=config.channels,
        holdout=config.holdout,
        seed=config.seed,
        memory=memory,
    )
    return build_component(config, registry, "dataset", DataSource, context, DataError)


def _memory(config: RunConfig, readers: int) -> int:
    """Maximal size of the images in memory, in bytes."""
    if config.stream == "auto":
        return int(_MEMORY_SHARE * free_memory() / readers)
    return 0 if config.stream == "always" else sys.maxsize


@contextmanager
def _memory_named(config: RunConfig) -> Iterator[None]:
    """Inside this context, errors of missing memory say that the images take it: a smaller network would not help."""
    try:
        yield
    except Exception as error:
        if isinstance(error, PriorkitError) or not is_out_of_memory(error):
            raise
        raise DataError(
            f"--dataset {config.dataset.name}: its images do not fit into memory; use fewer, a smaller --image-size, "
            "or --stream always, which leaves those of a folder or of an uncompressed .npz file on disk"
        ) from error


def _untrained(data: ImageData) -> list[str]:
    """A note on the classes without training images."""
    counts = class_counts(data)
    names = [*data.class_names, *map(str, range(len(data.class_names), len(counts)))]
    missing = [name for name, count in zip(names, counts, strict=True) if not count]
    if not missing:
        return []
    listed = ", ".join(missing[:_LISTED]) + (", ..." if len(missing) > _LISTED else "")
    return [f"{len(missing)} of {len(counts)} classes have no image to train on: {listed}"]


def _low_contrast(data: ImageData) -> list[str]:
    """A note if all images have almost the same shade, because their values may not be from 0 to 255."""
    try:
        some = data.train.spread(_LOOKED_AT)
    except DataError:
        # Reading the image in training will raise this error again.
        return []
    low, high = int(some.min()), int(some.max())
    if low == high or high - low >= _LITTLE:
        return []
    return [
        f"all values of the {len(some)} images that were checked are from {low} to {high}, although 0 is black and "
        "255 white; if they have another range, scale them to 0 to 255"
    ]


def _streaming(data: ImageData, config: RunConfig) -> list[str]:
    """A note if images are streamed, or cannot be streamed although the user wants it."""
    if isinstance(data.train.images, StoredImages):
        return ["images are streamed: they are read from disk when they are needed"]
    if config.stream == "always":
        return ["images are not streamed: this data set reads them into memory"]
    return []
