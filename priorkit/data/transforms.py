"""Random changes of training images, which follow from the seed and the place in training."""

from collections.abc import Callable

import torch
from torch import Tensor

from priorkit.engine import seed_for
from priorkit.errors import DataError

__all__ = ["Transform", "transformed"]

Transform = Callable[[Tensor], Tensor]
"""From an image, uint8 (C, H, W), to the same shape and dtype."""


def transformed(images: Tensor, transform: Transform, seed: int, position: int) -> Tensor:
    """Changes images one by one, since most transforms would treat a whole batch alike.

    torch's global generator is seeded for each image, and is left as it was: an image changes in the same way however
    many processes share its batch.

    Args:
        images: uint8 (N, C, H, W).
        transform: Changes an image, drawing from torch's global generator.
        seed: The run's seed.
        position: How many images have been seen before the first of these.

    Returns:
        uint8 (N, C, H, W), on the same device; transforms compute on the CPU, whose generator is seeded.

    Raises:
        DataError: The transform fails, or gives an image of another shape or dtype.
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
            f"the transform of training images gives {given}, and uint8 of shape {tuple(image.shape)} was expected; "
            "leave out what changes dtype or shape"
        )
    # A transform may give a subclass of a tensor, as torchvision's are.
    return found.as_subclass(Tensor)
