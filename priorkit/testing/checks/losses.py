"""Checks of reconstruction losses: near and far images, and the image critic."""

import torch
from torch import Tensor

from priorkit.interfaces import ReconstructionLoss
from priorkit.testing.check import Check, require
from priorkit.testing.stand_ins import random_images
from priorkit.testing.subjects.loss import LossSubject

__all__ = ["LOSSES"]

_IMAGES = 8
_ROUNDING = 1e-5


def _images(subject: LossSubject, loss: ReconstructionLoss) -> Tensor:
    return subject.inputs(loss, _IMAGES, subject.case.seed)["image"]


def _losses(subject: LossSubject, loss: ReconstructionLoss, reconstructions: Tensor, images: Tensor) -> float:
    with torch.no_grad():
        return float(subject.value(loss, reconstructions, images))


def lowest_for_the_image_itself(subject: LossSubject) -> None:
    """The loss is at least 0, and lowest for the image itself."""
    loss = subject.component()
    image = _images(subject, loss)
    others = {
        "noise": random_images(_IMAGES, subject.shape, subject.case.seed + 100),
        "other images": image.roll(1, dims=0),
        "the negatives": -image,
        "a paler copy": 0.5 * image,
        "a grey image": torch.zeros_like(image),
        "a black image": -torch.ones_like(image),
        "a white image": torch.ones_like(image),
    }
    best = _losses(subject, loss, image, image)
    found = {words: _losses(subject, loss, other, image) for words, other in others.items()}
    least, words = min((value, words) for words, value in {"the image itself": best, **found}.items())
    slack = _ROUNDING * (1 + max(abs(value) for value in found.values()))
    require(
        least >= -slack,
        f"it is {least:.4g} for {words}, below 0",
        "it is a log-likelihood or a similarity rather than its negative, or a constant is subtracted",
        "return a value to minimise, at least 0: leave constants to log_likelihood, use 1 - similarity",
    )
    for words, value in found.items():
        require(best <= value + slack, f"it is {best:.4g} for the image itself, but {value:.4g} for {words}")
    require(
        max(found.values()) > best,
        f"it is {best:.4g} for the image itself and for all others",
        "it does not compare the reconstruction with the image",
        "compute the loss from both",
    )


def grows_with_the_distance(subject: LossSubject) -> None:
    """The loss grows along a straight line from the image to another image."""
    loss = subject.component()
    image = _images(subject, loss)
    other = random_images(_IMAGES, subject.shape, subject.case.seed + 100)
    shares = (0.02, 0.2, 1.0)
    values = [_losses(subject, loss, torch.lerp(image, other, share), image) for share in shares]
    words = ", ".join(f"{value:.4g} at {share:.0%}" for value, share in zip(values, shares, strict=True))
    require(values[0] < values[1] < values[2], f"it does not grow on the way from the image to noise: it is {words}")


def the_whole_image_counts(subject: LossSubject) -> None:
    """Gradients reach every channel and every quarter of the reconstruction."""
    loss = subject.component()
    inputs = subject.inputs(loss, _IMAGES, subject.case.seed)
    leaf = inputs["reconstruction"].clone().requires_grad_()
    value = subject.value(loss, leaf, inputs["image"])
    require(value.requires_grad, "no gradient leaves the loss")
    (gradient,) = torch.autograd.grad(value, leaf, allow_unused=True)
    require(gradient is not None, "no gradient of the loss reaches the reconstruction")
    counts = gradient.abs().sum(0)
    half = subject.shape.size // 2
    halves = ((slice(None, half), ("upper", "left")), (slice(half, None), ("lower", "right")))
    for channel, seen in enumerate(counts):
        require(bool(seen.any()), f"channel {channel} of {len(counts)} of the reconstruction has no influence")
    for rows, (vertical, _) in halves:
        for columns, (_, horizontal) in halves:
            require(
                bool(counts[:, rows, columns].any()),
                f"the {vertical} {horizontal} quarter of the reconstruction has no influence",
            )


def the_critic_is_used_where_it_is_needed(subject: LossSubject) -> None:
    """The loss depends on the image critic if and only if `needs_image_critic` is True."""
    loss = subject.component()
    inputs = subject.inputs(loss, _IMAGES, subject.case.seed)
    images = (inputs["reconstruction"], inputs["image"])
    with torch.no_grad():
        first, second = (float(loss(*images, critic)) for critic in (subject.critic, subject.other_critic))
        if loss.needs_image_critic:
            require(
                first != second,
                "needs_image_critic is True, but the loss is the same with another image critic",
                "the image critic is not used, or replaced by a network of the loss",
                "leave needs_image_critic False: otherwise an image critic is trained for nothing",
            )
            return
        without = float(loss(*images))
    require(
        first == second == without,
        f"needs_image_critic is False, but the loss depends on the image critic: it is {without:.5g} without one, "
        f"{first:.5g} with one, and {second:.5g} with another",
        "needs_image_critic is not set, so the run may have no image critic",
        "set needs_image_critic = True",
    )


LOSSES = (
    Check(
        "lowest_for_the_image_itself",
        lowest_for_the_image_itself,
        "a sign is wrong, or image and reconstruction are not transformed alike before they are compared",
        "transform both in the same way; pixels are in [-1, 1]",
    ),
    Check(
        "grows_with_the_distance",
        grows_with_the_distance,
        "it is normalised by the distance itself, clamped, or rounded",
        "let the loss grow with every difference",
    ),
    Check(
        "the_whole_image_counts",
        the_whole_image_counts,
        "part of the image is cut off, for example by an index in the wrong dimension",
        "compare all channels and pixels",
    ),
    Check(
        "the_critic_is_used_where_it_is_needed",
        the_critic_is_used_where_it_is_needed,
        "the loss uses the image critic, but needs_image_critic is False",
        "set needs_image_critic = True if the loss reads its features, otherwise False",
    ),
)
