"""Loads the data set that a configuration names, in a size that the networks take."""

from priorkit.config import RunConfig, component_options
from priorkit.errors import ConfigurationError, DataError
from priorkit.interfaces import DataSource, ImageData
from priorkit.plugins import DataContext, Registry
from priorkit.training.images import fit_images

__all__ = ["load_data"]


def load_data(config: RunConfig, registry: Registry) -> ImageData:
    """Reads the images, brought to a square size that is a power of two from 16 to 128 and to 1 or 3 channels.

    Raises:
        DataError: The files are missing or broken.
        ConfigurationError: The data set's options, or the size asked for, are wrong.
    """
    registered = registry.get("dataset", config.dataset.name)
    options = component_options(registered, config.dataset.options)
    context = DataContext(
        data_dir=config.data_dir,
        image_size=config.image_size,
        channels=config.channels,
        holdout=config.holdout,
        seed=config.seed,
    )
    source = registered.component.build(options, context)
    if not isinstance(source, DataSource):
        raise ConfigurationError(
            f"--dataset {config.dataset.name}: its plug-in built a {type(source).__name__}, not a DataSource; "
            "this is a mistake in the plug-in"
        )
    data = source.load()
    if not len(data.train) or not len(data.test):
        raise DataError(
            f"--dataset {config.dataset.name}: {len(data.train)} training and {len(data.test)} held-out images; "
            "at least one of each is needed"
        )
    return fit_images(data, config.image_size, config.channels)
