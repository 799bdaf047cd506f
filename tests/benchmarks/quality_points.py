"""What the benchmark `quality` asks of a system, and gets from it."""

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
    """How every system is trained.

    Attributes:
        dataset: Name of the data set.
        data_dir: Where it lies, or None.
        times: Training times after which samples are drawn, in seconds, ascending.
        samples: How many.
        seed: Of the weights, the order and the samples.
        device: Where to train: `auto`, `cpu` or `cuda`.
    """

    dataset: str
    data_dir: Path | None
    times: tuple[float, ...]
    samples: int
    seed: int = 0
    device: str = "auto"

    @property
    def settings(self) -> dict[str, Any]:
        """Settings over any recipe."""
        settings: dict[str, Any] = {"dataset": {"name": self.dataset}, "device": self.device, "seed": self.seed}
        return settings if self.data_dir is None else {**settings, "data_dir": self.data_dir}

    def load(self) -> ImageData:
        """The data set, in the size that the networks take."""
        return load_data(make_config("learned", self.settings), installed_plugins())


@dataclass(frozen=True)
class Point:
    """Samples of a system in training.

    Attributes:
        seconds: Training time so far, that of fitting a sampler included.
        images: Training images seen so far.
        samples: uint8 images (N, C, H, W).
    """

    seconds: float
    images: int
    samples: Tensor


Report = Callable[[Point], None]
"""Is told of each point; the training waits meanwhile, and its clock with it."""


def ladder(seconds: float) -> tuple[float, ...]:
    """10, 20, 40, ... seconds, and the whole time; half of it and the whole where it is less than 20 s."""
    times = [min(_FIRST, seconds / 2)]
    while 2 * times[-1] < 0.75 * seconds:
        times.append(2 * times[-1])
    return (*times, seconds)


def passing_time(curve: list[tuple[float, float]], distance: float) -> float | None:
    """When a curve first is at a distance or below it; None if it never is.

    Args:
        curve: Seconds and distance of each point, in order of time.
        distance: What to get to.

    Returns:
        Seconds: those of the first point if that is near enough, otherwise by a straight line on logarithmic axes
        between the points on either side.
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
