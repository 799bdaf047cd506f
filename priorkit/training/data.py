"""Loads the data set that a configuration names, in a size that the networks take."""

from collections.abc import Iterator
from contextlib import contextmanager

from priorkit.config import RunConfig, component_options
from priorkit.errors import ConfigurationError, DataError, PriorkitError
from priorkit.interfaces import DataSource, ImageData
from priorkit.plugins import DataContext, Registry
from priorkit.training.images import check_image_size, fit_images

__all__ = ["load_data"]


@contextmanager
def _named_errors(dataset: str) -> Iterator[None]:
    """Says which data set it was that complained of its values."""
    try:
        yield
    except PriorkitError:
        raise
    except ValueError as error:
        raise DataError(f"--dataset {dataset}: {error}") from error


def load_data(config: RunConfig, registry: Registry) -> ImageData:
    """Reads the images, brought to a square size that is a power of two from 16 to 128 and to 1 or 3 channels.

    Raises:
        DataError: The files are missing or broken, or the data set has too few images.
        ConfigurationError: The data set's options, or the size asked for, are wrong.
    """
    if config.image_size is not None:
        # Before a data set makes images of that size.
        check_image_size(config.image_size)
    registered = registry.get("dataset", config.dataset.name)
    options = component_options(registered, config.dataset.options)
    context = DataContext(
        data_dir=config.data_dir,
        image_size=config.image_size,
        channels=config.channels,
        holdout=config.holdout,
        seed=config.seed,
    )
    with _named_errors(config.dataset.name):
        source = registered.component.build(options, context)
    if not isinstance(source, DataSource):
        raise ConfigurationError(
            f"--dataset {config.dataset.name}: its plug-in built a {type(source).__name__}, not a DataSource; "
            "this is a mistake in the plug-in"
        )
    if config.data_dir is not None and not source.reads_data_dir:
        raise ConfigurationError(
            f"--data-dir {config.data_dir}: the data set {config.dataset.name!r} reads no folder; leave --data-dir "
            "out, or name another data set with --dataset"
        )
    with _named_errors(config.dataset.name):
        data = source.load()
    if len(data.train) < 2 or not len(data.test):
        raise DataError(
            f"--dataset {config.dataset.name}: {len(data.train)} training and {len(data.test)} held-out images; "
            "at least two to train on and one held out are needed"
        )
    return fit_images(data, config.image_size, config.channels)
