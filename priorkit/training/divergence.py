"""Checks whether training has diverged."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from priorkit.data.batches import to_float
from priorkit.engine import diverged
from priorkit.models.model import Model

__all__ = ["require_finite"]

_CHECKED = 2
"""Number of reconstructions, and of samples, checked before weights are saved."""


def require_finite(networks: Mapping[str, nn.Module], model: Model, held_out: Tensor, *, seed: int, step: int) -> None:
    """Checks that weights are worth saving.

    The losses are those before the last update, after which weights or statistics may be finite but useless, so images
    are checked, too.

    Args:
        networks: The networks that are trained, by name.
        model: The model for evaluation.
        held_out: Held-out images, uint8 (N, C, H, W).
        seed: Seed of the samples.
        step: The current step, for the message.

    Raises:
        NonFiniteLossError: A weight or an image that the model makes is infinite or not a number.
    """
    for name, network in networks.items():
        sums = torch.stack([weight.detach().float().sum() for weight in network.parameters()])
        if not bool(sums.isfinite().all()):
            raise diverged(f"weights of the {name} are no longer finite at step {step}")
    made = [model.sample(_CHECKED, seed=seed)]
    if model.encoder is not None:
        made.append(model.reconstruct(to_float(held_out[:_CHECKED])))
    if not all(bool(images.isfinite().all()) for images in made):
        raise diverged(f"images that the model makes are no longer finite at step {step}")
