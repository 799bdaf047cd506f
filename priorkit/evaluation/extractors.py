"""Builds feature extractors, and says where they keep what they have trained or downloaded."""

import os
from pathlib import Path

import platformdirs
import torch

from priorkit.config import RunConfig
from priorkit.config.building import build_component
from priorkit.engine import choose_precision
from priorkit.interfaces import FeatureExtractor, ImageShape
from priorkit.plugins import ExtractorContext
from priorkit.registry import Registry

__all__ = ["build_extractor", "cache_folder"]


def cache_folder() -> Path:
    """Where priorkit keeps what can be made again: `$PRIORKIT_CACHE`, or its folder in the platform's user cache."""
    if chosen := os.environ.get("PRIORKIT_CACHE"):
        return Path(chosen).expanduser()
    return platformdirs.user_cache_path("priorkit", appauthor=False)


def build_extractor(config: RunConfig, registry: Registry, shape: ImageShape, device: torch.device) -> FeatureExtractor:
    """Builds the feature extractor that a configuration names; it is not prepared yet.

    Args:
        config: Which extractor.
        registry: Where components come from.
        shape: The images' shape.
        device: Where it is to compute.

    Raises:
        UnknownComponentError: No plug-in supplies it.
        ConfigurationError: Its options are wrong.
    """
    bfloat16 = choose_precision("auto", device).dtype == torch.bfloat16
    context = ExtractorContext(shape, cache_folder(), device, bfloat16)
    return build_component(config, registry, "extractor", FeatureExtractor, context)
