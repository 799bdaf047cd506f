"""Random changes of training images, determined by the seed and the position in training."""

from collections.abc import Callable

import torch
from torch import Tensor

from priorkit.engine import seed_for
from priorkit.errors import DataError

__all__ = ["Transform", "transformed"]

Transform = Callable[[Tensor], Tensor]
"""A function from an image, uint8 (C, H, W), to an image of the same shape and dtype."""


def transformed(images: Tensor, transform: Transform, seed: int, position: int) -> Tensor:
    """Changes images one by one, because most transforms would change all images of a batch alike.

    torch's global generator is seeded for each image, and restored afterwards, so the result does not depend on the
    number of processes that share the batch.

    Args:
        images: uint8 (N, C, H, W).
        transform: The transform of one image, which draws from torch's global generator.
        seed: The run's seed.
        position: Number of images seen before the first of these.

    Returns:
        uint8 (N, C, H, W), on the device of `images`. Transforms compute on the CPU, whose generator is seeded.

    Raises:
        DataError: The transform fails, or returns something else than an image of this shape and dtype.
    """
    state = torch.get_rng_state()
    try:
        changed = []
        for number, image in enumerate(images.cpu()):
            torch.default_generator.manual_seed(seed_for(seed, "transform", position + number))
            changed.append(_checked(transform, image))
    finally:
        torch.set_rng_state(state)
    return torch.stack(changed).to(images.device)


def _checked(transform: Transform, image: Tensor) -> Tensor:
    try:
        found = transform(image)
    except Exception as error:
        message = " ".join(str(error).split())
        raise DataError(
            f"the transform of training images fails on uint8 of shape {tuple(image.shape)}: {type(error).__name__}"
            f"{f': {message}' if message else ''}; it is called with one image (C, H, W)"
        ) from error
    if not isinstance(found, Tensor) or found.dtype != torch.uint8 or found.shape != image.shape:
        given = f"{found.dtype} of shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
        raise DataError(
            f"the transform of training images gives {given}, but uint8 of shape {tuple(image.shape)} was expected; "
            "leave out the steps that change dtype or shape"
        )
    # A transform may give a subclass of a tensor, as torchvision's are.
    return found.as_subclass(Tensor)
