"""How a run looks at some step: pictures and two quick scores."""

from dataclasses import dataclass

from torch import Tensor

from priorkit.training.batches import to_float, to_uint8
from priorkit.training.held_out import energy_distance, reconstruction_error
from priorkit.training.model import Model

__all__ = ["REVIEWED", "Review", "review_model"]

REVIEWED = 512
"""Held-out images, and samples, that a review looks at, at most."""
_SHOWN = 64
"""Samples in a picture."""


@dataclass(frozen=True)
class Review:
    """How a run looks at some step.

    Attributes:
        samples: The decoder's images of the same fixed noise at every review, uint8 (64, C, H, W).
        originals: Held-out images, uint8 (up to 32, C, H, W).
        reconstructions: Theirs, uint8, same shape; None in a run without an encoder.
        scores: `sample_distance`, the energy distance of samples to held-out images (lower is better), and
            `reconstruction_error`, the mean squared error of held-out pixels in [-1, 1], if there is an encoder.
    """

    samples: Tensor
    originals: Tensor
    reconstructions: Tensor | None
    scores: dict[str, float]


def review_model(model: Model, held_out: Tensor, *, seed: int) -> Review:
    """Looks at a model's samples and at its reconstructions of held-out images.

    Args:
        model: The model.
        held_out: Images it was not trained on, uint8 (N, C, H, W), on the CPU; at least one. Of a single one, there is
            no `sample_distance`.
        seed: Seed of the samples' noise.
    """
    images = to_float(held_out).to(model.device)
    samples = model.sample(max(_SHOWN, min(REVIEWED, len(held_out))), seed=seed)
    scores, shown, reconstructed = {}, min(len(images), _SHOWN // 2), None
    if model.encoder is not None:
        reconstructions = model.reconstruct(images)
        scores["reconstruction_error"] = reconstruction_error(reconstructions, images)
        reconstructed = to_uint8(reconstructions[:shown]).cpu()
    if len(images) > 1:
        scores["sample_distance"] = energy_distance(samples, images)
    return Review(to_uint8(samples[:_SHOWN]).cpu(), held_out[:shown], reconstructed, scores)
