"""Checks of conditions whose classifier Q labels images itself: changed images, and the cost of labels."""

import torch
from torch import Tensor

from priorkit.interfaces import Condition, ImageShape, Recovery
from priorkit.testing.absent_devices import META
from priorkit.testing.check import Check, NotApplicable, require
from priorkit.testing.checks.devices import told_of_devices
from priorkit.testing.checks.randomness import global_state_kept
from priorkit.testing.stand_ins import random_images
from priorkit.testing.strategies import sizes_and_seeds
from priorkit.testing.subjects.condition import ConditionSubject

__all__ = ["SELF_LABELLING"]

_SHAPES = (ImageShape(1, 16), ImageShape(3, 32))
_SURE = 6.0
"""A logit of a nearly certain class."""


def _self_labelled(subject: ConditionSubject) -> Condition:
    condition = subject.component()
    if condition.recovery is not Recovery.SELF_LABELLED:
        raise NotApplicable("its Q does not label images itself")
    return condition


def changes_come_from_the_generator(subject: ConditionSubject) -> None:
    """`change_noise` gives float32 (n, ...) from the given generator, on the given device."""
    condition = _self_labelled(subject)
    for n, seed in sizes_and_seeds(subject.examples, subject.case.seed):
        with global_state_kept("change_noise"):
            drawn, again = (subject.change_noise(condition, n, seed) for _ in range(2))
        require(
            drawn.shape[:1] == (n,) and drawn.dtype == torch.float32,
            f"change_noise({n}) is {drawn.dtype} of shape {tuple(drawn.shape)}, not float32 of shape ({n}, ...)",
            "one change is drawn for the whole batch, or integers are drawn",
            "draw numbers for each image: torch.rand(n, k, generator=generator, device=device)",
        )
        require(torch.equal(drawn, again), "the same generator gives different changes the second time")
    first, second = (subject.change_noise(condition, 8, seed) for seed in (1, 2))
    require(not torch.equal(first, second), "another seed gives the same changes")
    try:
        drawn = condition.change_noise(4, device=META)
    except Exception as error:
        told_of_devices("change_noise", error)
    require(
        drawn.is_meta,
        f"change_noise(4, device={str(META)!r}) is on {drawn.device}",
        "`device` is not passed to the function that draws",
        "pass `device=device` to the function that draws",
    )


def changed_images_are_images(subject: ConditionSubject) -> None:
    """Changed images have the shape and range of images, and depend on the noise."""
    condition = _self_labelled(subject)
    for shape in _SHAPES:
        images = random_images(4, shape)
        first, second = (condition.changed(images, subject.change_noise(condition, 4, seed)) for seed in (1, 2))
        require(
            first.shape == images.shape,
            f"images of shape {tuple(images.shape)} are changed to {tuple(first.shape)}",
            "they are cropped or turned grey, and not restored to their shape",
        )
        low, high = float(first.min()), float(first.max())
        require(
            low >= -1 and high <= 1,
            f"changed images have values from {low:.3g} to {high:.3g}, not in [-1, 1]",
            "brightness or contrast goes beyond the range",
            "clamp to [-1, 1]",
        )
        require(
            not torch.equal(first, images) and not torch.equal(first, second),
            "changed images do not depend on the noise, or are unchanged",
            "the noise is not used",
            "change the images by the noise; without changes, Q cannot learn which images belong together",
        )


def good_labels_cost_least(subject: ConditionSubject) -> None:
    """Labels that are certain, evenly spread and unchanged for the changed image cost less than others."""
    condition = _self_labelled(subject)
    if not condition.classes:
        raise NotApplicable("s is not a class")
    k = condition.classes
    even = torch.zeros(4 * k, condition.dim)
    even[:, :k] = _SURE * torch.eye(k).repeat(4, 1)

    def cost(recovered: Tensor, changed: Tensor) -> float:
        return float(torch.stack(list(condition.self_labelling_terms(recovered, changed).values())).sum())

    good = cost(even, even)
    unsure, one = torch.zeros_like(even), even[:1].expand_as(even)
    for words, worse in (
        ("that are the same for every image", cost(one, one)),
        ("that are uncertain", cost(unsure, unsure)),
        ("that differ for the changed image", cost(even, even.roll(1, dims=0))),
    ):
        require(
            good < worse,
            f"certain, even and consistent labels cost {good:.4g}, but labels {words} {worse:.4g}",
        )


SELF_LABELLING = (
    Check(
        "changes_come_from_the_generator",
        changes_come_from_the_generator,
        "the generator is ignored, or not passed to every call that draws",
        "pass `generator=generator` to torch.rand or torch.randn",
        required=False,
    ),
    Check(
        "changed_images_are_images",
        changed_images_are_images,
        "the change does not fit images in [-1, 1]",
        "return images of the same shape, in [-1, 1]",
        required=False,
    ),
    Check(
        "good_labels_cost_least",
        good_labels_cost_least,
        "a sign is wrong, or a term is missing",
        "minimise -(mu H(mean Q) - mean H(Q)) + KL(Q(x) || Q(T(x)))",
        required=False,
    ),
)
