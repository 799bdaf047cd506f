"""Checks of priors made of training images that leave each image out of the density of its own code."""

import torch

from priorkit.interfaces import Prior
from priorkit.testing.check import Check, NotApplicable, require
from priorkit.testing.checks.randomness import global_state_kept
from priorkit.testing.subjects.prior import PriorSubject

__all__ = ["LEAVING_OUT"]

_IMAGES = 12
_STEPS = 3
"""Training steps after which a prior should know its images."""


def leaves_images_out(subject: PriorSubject) -> None:
    """A code's density is differentiable, and lower without its own image than without another image."""
    prior: Prior = subject.component()
    if not prior.leaves_out:
        raise NotApplicable("it leaves no images out (leaves_out is False)")
    if subject.encoder is None or prior.takes_condition:
        raise NotApplicable("it is checked only with an encoder and without a condition")
    images = subject.context().training_images
    assert images is not None, "the kit has training images"
    own = torch.arange(_IMAGES)
    with torch.no_grad():
        code = subject.encoder(images().take(own).float().mul(2 / 255).sub(1)).mean.float()
    prior.train()
    with global_state_kept("leaving_out"):
        for _ in range(_STEPS):
            fitted = prior.leaving_out(own)
        leaf = code.clone().requires_grad_()
        density = fitted.log_prob(leaf)
    require(
        density.shape == (_IMAGES,) and bool(density.isfinite().all()),
        f"leaving_out(...).log_prob returns {density}, not {_IMAGES} finite numbers",
    )
    (slope,) = torch.autograd.grad(density.sum(), leaf, allow_unused=True, materialize_grads=True)
    require(bool(slope.any()), "no gradient of leaving_out(...).log_prob reaches the codes")
    with torch.no_grad():
        others = prior.leaving_out(own.roll(_IMAGES // 2)).log_prob(code)
    gain = float((others - density.detach()).mean())
    require(
        gain > 0,
        f"codes are not more likely without another image than without their own: the difference is {gain:.3g} nats",
        "leaving_out ignores the indices, or leaves out other images",
        "in the prior that leaving_out returns, exclude image `indices[n]` from the density of code n",
    )


LEAVING_OUT = (
    Check(
        "leaves_images_out",
        leaves_images_out,
        "leaves_out is True, but the density from leaving_out does not leave the image out",
        "see priorkit.interfaces.Prior.leaving_out",
        required=False,
    ),
)
