"""Builds feature extractors, and names their cache folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs
import torch

from priorkit.config import ComponentChoice, RunConfig
from priorkit.config.building import build_component
from priorkit.engine import choose_precision
from priorkit.errors import ConfigurationError, PriorkitError
from priorkit.interfaces import FeatureExtractor, ImageShape
from priorkit.plugins import ExtractorContext
from priorkit.registry import Registry

__all__ = ["DEFAULT_MATCHER", "build_extractor", "build_matcher", "cache_folder", "named_by_flag"]

DEFAULT_MATCHER = "two-tower"
"""The default feature extractor of images and texts."""


def cache_folder() -> Path:
    """The cache folder: `$PRIORKIT_CACHE`, or priorkit's folder in the platform's user cache.

    Examples:
        >>> from unittest import mock
        >>> from priorkit.evaluation import cache_folder
        >>> with mock.patch.dict("os.environ", PRIORKIT_CACHE="models"):
        ...     print(cache_folder())
        models
    """
    if chosen := os.environ.get("PRIORKIT_CACHE"):
        return Path(chosen).expanduser()
    return platformdirs.user_cache_path("priorkit", appauthor=False)


def build_extractor(config: RunConfig, registry: Registry, shape: ImageShape, device: torch.device) -> FeatureExtractor:
    """Builds the feature extractor that a configuration names; it is not prepared yet.

    Args:
        config: The choice of the extractor.
        registry: The registry of components.
        shape: The images' shape.
        device: The extractor's device.

    Raises:
        UnknownComponentError: No plug-in supplies it.
        ConfigurationError: Its options are wrong.

    Examples:
        >>> import torch
        >>> from priorkit import RunConfig, installed_plugins
        >>> from priorkit.evaluation import build_extractor
        >>> from priorkit.interfaces import ImageShape
        >>> config = RunConfig(extractor="classifier")
        >>> extractor = build_extractor(config, installed_plugins(), ImageShape(1, 16), torch.device("cpu"))
        >>> extractor.knows_labels, extractor.reads_text
        (True, False)
    """
    bfloat16 = choose_precision("auto", device).dtype == torch.bfloat16
    context = ExtractorContext(shape, cache_folder(), device, bfloat16)
    return build_component(config, registry, "extractor", FeatureExtractor, context)


@contextmanager
def named_by_flag(flag: str) -> Iterator[None]:
    """Inside this context, errors of a feature extractor name the given flag instead of `--extractor`."""
    try:
        yield
    except PriorkitError as error:
        error.args = tuple(str(part).replace("--extractor", flag) for part in error.args)
        raise


def build_matcher(config: RunConfig, registry: Registry, shape: ImageShape, device: torch.device) -> FeatureExtractor:
    """Builds the feature extractor of images and texts; it is not prepared yet.

    Args:
        config: The choice, as its `extractor`.
        registry: The registry of components.
        shape: The images' shape.
        device: The extractor's device.

    Raises:
        UnknownComponentError: No plug-in supplies it.
        ConfigurationError: Its options are wrong, or it does not read texts.

    Examples:
        >>> import torch
        >>> from priorkit import RunConfig, installed_plugins
        >>> from priorkit.evaluation import DEFAULT_MATCHER, build_matcher
        >>> from priorkit.interfaces import ImageShape
        >>> config = RunConfig(extractor=DEFAULT_MATCHER)
        >>> build_matcher(config, installed_plugins(), ImageShape(3, 32), torch.device("cpu")).reads_text
        True
    """
    with named_by_flag("--matcher"):
        matcher = build_extractor(config, registry, shape, device)
    if not matcher.reads_text:
        others = ", ".join(_reading_texts(config, registry, shape, device)) or "a plug-in's that reads texts"
        raise ConfigurationError(
            f"--matcher {config.extractor.name}: this feature extractor reads no texts; use one of: {others}"
        )
    return matcher


def _reading_texts(config: RunConfig, registry: Registry, shape: ImageShape, device: torch.device) -> list[str]:
    """The names of the feature extractors that read texts and can be built without options."""
    found = []
    for name in registry.names("extractor"):
        with suppress(PriorkitError):
            chosen = config.model_copy(update={"extractor": ComponentChoice(name=name)})
            if build_extractor(chosen, registry, shape, device).reads_text:
                found.append(name)
    return found
