"""What reconstruction losses say of near and far images."""

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
    """It is at least 0, and nothing is a better reconstruction of an image than the image itself."""
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
        "it is a log-likelihood or a similarity, not its negative; or a constant was subtracted",
        "return what is to be minimised, at least 0: leave constants to log_likelihood, take 1 - similarity",
    )
    for words, value in found.items():
        require(best <= value + slack, f"it is {best:.4g} for the image itself, and {value:.4g} for {words}")
    require(
        max(found.values()) > best,
        f"it is {best:.4g} for the image itself and for all others",
        "it does not compare the reconstruction with the image",
        "compute it from both",
    )


def grows_with_the_distance(subject: LossSubject) -> None:
    """A reconstruction near the image has a lower loss than one that lies further in the same direction."""
    loss = subject.component()
    image = _images(subject, loss)
    other = random_images(_IMAGES, subject.shape, subject.case.seed + 100)
    shares = (0.02, 0.2, 1.0)
    values = [_losses(subject, loss, torch.lerp(image, other, share), image) for share in shares]
    words = ", ".join(f"{value:.4g} at {share:.0%}" for value, share in zip(values, shares, strict=True))
    require(values[0] < values[1] < values[2], f"on the way from the image to noise it does not grow: it is {words}")


def the_whole_image_counts(subject: LossSubject) -> None:
    """Gradients reach each channel of the reconstruction, and each quarter of it."""
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
        require(bool(seen.any()), f"channel {channel} of {len(counts)} of the reconstruction makes no difference")
    for rows, (vertical, _) in halves:
        for columns, (_, horizontal) in halves:
            require(
                bool(counts[:, rows, columns].any()),
                f"the {vertical} {horizontal} quarter of the reconstruction makes no difference",
            )


def the_critic_is_used_where_it_is_needed(subject: LossSubject) -> None:
    """`needs_image_critic` is True where the loss depends on the image critic, and False where it does not."""
    loss = subject.component()
    inputs = subject.inputs(loss, _IMAGES, subject.case.seed)
    images = (inputs["reconstruction"], inputs["image"])
    with torch.no_grad():
        first, second = (float(loss(*images, critic)) for critic in (subject.critic, subject.other_critic))
        if loss.needs_image_critic:
            require(
                first != second,
                "needs_image_critic is True, and the loss is the same with another image critic",
                "the image critic is not used, or replaced by one of the loss's own",
                "leave needs_image_critic False: an image critic would be trained in vain",
            )
            return
        without = float(loss(*images))
    require(
        first == second == without,
        f"needs_image_critic is False, and the loss depends on the image critic: it is {without:.5g} without one, "
        f"{first:.5g} with one, and {second:.5g} with another",
        "needs_image_critic was forgotten: without it, nobody sees to it that an image critic is trained",
        "set needs_image_critic = True",
    )


LOSSES = (
    Check(
        "lowest_for_the_image_itself",
        lowest_for_the_image_itself,
        "a sign is wrong, the ranges of image and reconstruction differ, or what is compared is not the same",
        "turn both into the same quantity before they are compared; pixels are in [-1, 1]",
    ),
    Check(
        "grows_with_the_distance",
        grows_with_the_distance,
        "it is normalised by the distance itself, clamped, or rounded",
        "let it grow with every difference",
    ),
    Check(
        "the_whole_image_counts",
        the_whole_image_counts,
        "a part of the image is cut out, by an index in the wrong dimension, say",
        "compare all channels and pixels",
    ),
    Check(
        "the_critic_is_used_where_it_is_needed",
        the_critic_is_used_where_it_is_needed,
        "the loss calls for an image critic, and needs_image_critic does not",
        "set needs_image_critic = True where the loss reads its features, and nowhere else",
    ),
)
