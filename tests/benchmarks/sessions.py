"""Makes priorkit's sessions for timing: recipes with changed settings, on images that need no download."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch

from priorkit import RunConfig, installed_plugins
from priorkit.cli.memory import keep_freed_memory
from priorkit.config import merge_settings, resolve_config, validate_settings
from priorkit.data import DataSummary, load_data
from priorkit.engine import choose_device, seed_for
from priorkit.interfaces import ImageData, ImageSet
from priorkit.models import BuiltSystem, build_system
from priorkit.training import Session

__all__ = ["digits", "has_setting", "make_config", "make_session", "make_system", "random_images"]

_BASE = {"device": "cpu", "seed": 0}


def has_setting(name: str) -> bool:
    """Returns True if the installed priorkit has a setting of this name."""
    return name in RunConfig.model_fields


def make_config(recipe: str, settings: Mapping[str, Any] | None = None) -> RunConfig:
    """Returns a recipe's configuration, overridden by these settings."""
    registry = installed_plugins()
    merged = merge_settings(merge_settings(registry.recipe(recipe).settings, _BASE), settings or {})
    return resolve_config(validate_settings(merged), registry)


def digits(config: RunConfig) -> ImageData:
    """Returns scikit-learn's digits at 32x32 pixels, cut to a whole number of batches, so all have the same size."""
    data = load_data(config.model_copy(update={"image_size": 32}), installed_plugins())
    whole = len(data.train) - len(data.train) % config.batch_size
    return dataclasses.replace(data, train=ImageSet(data.train.images[:whole].clone()))


def random_images(n: int, channels: int = 1, size: int = 32) -> ImageData:
    """Returns images of noise, which serve to measure speed."""
    generator = torch.Generator().manual_seed(0)

    def draw(count: int) -> ImageSet:
        return ImageSet(torch.randint(256, (count, channels, size, size), generator=generator, dtype=torch.uint8))

    return ImageData(draw(n), draw(64))


def make_session(config: RunConfig, data: ImageData | None = None) -> Session:
    """Makes a session as `priorkit train` does, on the digits unless other data is given."""
    keep_freed_memory()
    return Session(config, installed_plugins(), digits(config) if data is None else data)


def make_system(config: RunConfig, data: ImageData) -> BuiltSystem:
    """Makes networks with the same first weights as those of `make_session`."""
    torch.manual_seed(seed_for(config.seed, "weights"))
    system = build_system(config, installed_plugins(), DataSummary(data.shape))
    system.to(choose_device(config.device), channels_last=config.channels_last)
    return system
