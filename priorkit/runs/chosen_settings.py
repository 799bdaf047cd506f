"""Settings of a new run that its data decides, if the user left them open."""

import dataclasses
from typing import Any

from priorkit.config import RunConfig
from priorkit.data import PreparedData
from priorkit.training.batch_sizes import fitting_batch_size

__all__ = ["is_chosen_for_data", "with_chosen_settings"]

_OF_IMAGES = ("image_size", "channels")
"""Settings that a data set may choose."""


def with_chosen_settings(config: RunConfig, data: PreparedData) -> tuple[RunConfig, PreparedData]:
    """Completes a new run's settings after its data is read: with the data set's choices, and a fitting batch size.

    Args:
        config: The settings, resolved; explicitly set fields are kept.
        data: The images.

    Returns:
        The settings to record, and the images, whose notes say what has been chosen.
    """
    update: dict[str, Any] = {
        key: data.chosen[key] for key in _OF_IMAGES if key in data.chosen and getattr(config, key) is None
    }
    size = fitting_batch_size(config, len(data.train))
    if size != config.batch_size:
        update["batch_size"] = size
        note = f"--batch-size {size} is chosen: there are {len(data.train)} images to train on"
        data = dataclasses.replace(data, notes=(*data.notes, note))
    return (config.model_copy(update=update) if update else config), data


def is_chosen_for_data(key: str, config: RunConfig) -> bool:
    """Whether the data may change a setting of this configuration.

    Args:
        key: The setting.
        config: The settings before the data was read.
    """
    if key in _OF_IMAGES:
        return getattr(config, key) is None
    return key == "batch_size" and key not in config.model_fields_set
