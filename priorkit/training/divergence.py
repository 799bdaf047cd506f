"""Whether training has diverged."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from priorkit.data.batches import to_float
from priorkit.engine import diverged
from priorkit.models.model import Model

__all__ = ["require_finite"]

_CHECKED = 2
"""Held-out images, and samples, that are made before weights are kept."""


def require_finite(networks: Mapping[str, nn.Module], model: Model, held_out: Tensor, *, seed: int, step: int) -> None:
    """Makes sure that weights are fit to be kept.

    Losses are those before the last update, and weights or statistics may be finite and yet useless after it, so
    images are made, too.

    Args:
        networks: The networks that are trained, by name.
        model: The model as it is used.
        held_out: Images it was not trained on, uint8 (N, C, H, W).
        seed: Seed of the samples.
        step: When that is, for the message.

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
