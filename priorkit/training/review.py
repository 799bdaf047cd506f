"""A review of a run at some step: pictures and two quick scores."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from priorkit.data.batches import to_float, to_uint8
from priorkit.models.held_out import energy_distance, reconstruction_error
from priorkit.models.model import Model
from priorkit.training.indicators import code_indicators, sample_indicators

__all__ = ["REVIEWED", "Review", "review_model"]

REVIEWED = 512
"""Maximal number of held-out images, and of samples, in a review."""
_SHOWN = 64
"""Samples in a picture."""
_COLUMNS = 8
_MOST_CLASSES = 10
"""Up to this many classes get their own columns."""


@dataclass(frozen=True)
class Review:
    """A review of a run at some step.

    Attributes:
        samples: The decoder's images of the same fixed noise at every review, uint8 (N, C, H, W): 64; or, if they are
            conditioned on one of at most 10 classes, 8 rows whose columns share a class.
        columns: Number of samples in a row.
        originals: Held-out images, uint8 (up to 32, C, H, W).
        reconstructions: Their reconstructions, uint8, same shape; None in a run without an encoder.
        scores: `sample_distance`, the energy distance of samples to held-out images (lower is better), and
            `reconstruction_error`, the mean squared error of held-out pixels in [-1, 1], if there is an encoder.
        indicators: Indicators of collapsed samples or codes, by name: see `priorkit.training.indicators`.
    """

    samples: Tensor
    columns: int
    originals: Tensor
    reconstructions: Tensor | None
    scores: dict[str, float]
    indicators: dict[str, float] = field(default_factory=dict)


def review_model(model: Model, held_out: Tensor, *, seed: int) -> Review:
    """Reviews a model's samples and its reconstructions of held-out images.

    Args:
        model: The model.
        held_out: Held-out images, uint8 (N, C, H, W), on the CPU; at least one. With a single image, there is no
            `sample_distance`.
        seed: Seed of the samples' noise.
    """
    images = to_float(held_out).to(model.device)
    samples = model.sample(max(_SHOWN, min(REVIEWED, len(held_out))), seed=seed)
    scores, shown, reconstructed = {}, min(len(images), _SHOWN // 2), None
    indicators = sample_indicators(samples, images)
    if model.encoder is not None:
        reconstructions = model.reconstruct(images)
        scores["reconstruction_error"] = reconstruction_error(reconstructions, images)
        reconstructed = to_uint8(reconstructions[:shown]).cpu()
        indicators.update(code_indicators(model, images, seed=seed))
    if len(images) > 1:
        scores["sample_distance"] = energy_distance(samples, images)
    pictured, columns = _pictured(model, samples, seed)
    return Review(to_uint8(pictured).cpu(), columns, held_out[:shown], reconstructed, scores, indicators)


def _pictured(model: Model, samples: Tensor, seed: int) -> tuple[Tensor, int]:
    """The samples to show, and the number in a row: the samples of the score, unless classes arrange them."""
    if not 0 < model.classes <= _MOST_CLASSES:
        return samples[:_SHOWN], _COLUMNS
    # With few classes, each has several columns, and a row holds several rows of the grid.
    repeats = _MOST_CLASSES // model.classes
    classes = model.class_conditions(torch.arange(model.classes))
    return model.sample_grid(classes, _COLUMNS * repeats, seed), model.classes * repeats
