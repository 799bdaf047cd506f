"""Contexts of components that deal with images alone: data sets and feature extractors."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from priorkit.interfaces import ImageShape

__all__ = ["DataContext", "ExtractorContext"]


@dataclass(frozen=True)
class DataContext:
    """For `priorkit_datasets`.

    Attributes:
        data_dir: The user's data folder or file, or None.
        image_size: The size in pixels that the user asked for, or None. A source whose images differ in size must
            resize them to it (or raise an error that asks for it); other sources may leave resizing to priorkit.
        channels: 1 or 3 if the user asked for grey or RGB images, or None; as for `image_size`.
        holdout: Share of the images to hold out, between 0 and 1, for data without a test set.
        seed: Seed of that choice.
        memory: Bytes that the images may take in main memory, as `priorkit.plugins.image_bytes` counts them. Sources
            that support images on disk (`priorkit.interfaces.StoredImages`) should use them for larger sets, with the
            same pixels.

    Examples:
        >>> from priorkit.plugins import DataContext
        >>> from priorkit.registry import installed_plugins
        >>> digits = installed_plugins().get("dataset", "digits").component
        >>> digits.build(digits.options(), DataContext(holdout=0.2)).reads_data_dir
        False
    """

    data_dir: Path | None = None
    image_size: int | None = None
    channels: int | None = None
    holdout: float = 0.1
    seed: int = 0
    memory: int = sys.maxsize


@dataclass(frozen=True)
class ExtractorContext:
    """For `priorkit_extractors`.

    Attributes:
        shape: The images' shape.
        cache: Folder in which trained or downloaded weights are cached; it may not exist yet.
        device: Where to compute.
        bfloat16: Whether to train in bfloat16, if anything is trained: the device computes well in it.

    Examples:
        >>> from pathlib import Path
        >>> import torch
        >>> from priorkit.interfaces import ImageShape
        >>> from priorkit.plugins import ExtractorContext
        >>> from priorkit.registry import installed_plugins
        >>> classifier = installed_plugins().get("extractor", "classifier").component
        >>> context = ExtractorContext(ImageShape(1, 16), Path("cache"), torch.device("cpu"))
        >>> classifier.build(classifier.options(), context).knows_labels
        True
    """

    shape: ImageShape
    cache: Path
    device: torch.device
    bfloat16: bool = False
