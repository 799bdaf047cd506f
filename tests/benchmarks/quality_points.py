"""The task that the benchmark `quality` gives to a system, and the points that it gets back."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from priorkit import installed_plugins
from priorkit.data import load_data
from priorkit.interfaces import ImageData
from sessions import make_config

__all__ = ["Point", "Report", "Task", "ladder", "passing_time"]

_FIRST = 10.0
"""Seconds of training after which samples are first drawn."""


@dataclass(frozen=True)
class Task:
    """Data, times and seed for training a system.

    Attributes:
        dataset: Name of the data set.
        data_dir: Folder of the data set, or None.
        times: Training times after which samples are drawn, in seconds, ascending.
        samples: Number of samples.
        seed: Seed of the weights, the order of images and the samples.
        device: The device to train on: `auto`, `cpu` or `cuda`.
    """

    dataset: str
    data_dir: Path | None
    times: tuple[float, ...]
    samples: int
    seed: int = 0
    device: str = "auto"

    @property
    def settings(self) -> dict[str, Any]:
        """Settings that override every recipe's."""
        settings: dict[str, Any] = {"dataset": {"name": self.dataset}, "device": self.device, "seed": self.seed}
        return settings if self.data_dir is None else {**settings, "data_dir": self.data_dir}

    def load(self) -> ImageData:
        """Loads the data set, in a size that the networks support."""
        return load_data(make_config("learned", self.settings), installed_plugins())


@dataclass(frozen=True)
class Point:
    """Samples of a system in training.

    Attributes:
        seconds: Training time so far, including the time of fitting a sampler.
        images: Training images seen so far.
        samples: uint8 images (N, C, H, W).
    """

    seconds: float
    images: int
    samples: Tensor


Report = Callable[[Point], None]
"""Called with each point; training and its clock wait meanwhile."""


def ladder(seconds: float) -> tuple[float, ...]:
    """Returns 10, 20, 40, ... seconds and the whole time; if that is below 20 s, half of it and the whole."""
    times = [min(_FIRST, seconds / 2)]
    while 2 * times[-1] < 0.75 * seconds:
        times.append(2 * times[-1])
    return (*times, seconds)


def passing_time(curve: list[tuple[float, float]], distance: float) -> float | None:
    """Returns the time at which a curve first reaches a distance or falls below it; None if it never does.

    Args:
        curve: Seconds and distance of each point, in order of time.
        distance: The distance to reach.

    Returns:
        Seconds: those of the first point if it is near enough; otherwise interpolated along a straight line on
        logarithmic axes between the neighbouring points.
    """
    before: tuple[float, float] | None = None
    for time, found in curve:
        if found <= distance:
            if before is None or found <= 0 or distance <= 0:
                return time
            share = _ratio(before[1], distance) / _ratio(before[1], found)
            return float(before[0] * (time / before[0]) ** share)
        before = time, found
    return None


def _ratio(high: float, low: float) -> float:
    return math.log(high / low)
