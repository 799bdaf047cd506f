"""How priors that are made of training images leave each out of the density of its own code."""

import torch

from priorkit.interfaces import Prior
from priorkit.testing.check import Check, NotApplicable, require
from priorkit.testing.checks.randomness import global_state_kept
from priorkit.testing.subjects.prior import PriorSubject

__all__ = ["LEAVING_OUT"]

_IMAGES = 12
_STEPS = 3
"""Steps of training after which a prior may be expected to know its images."""


def leaves_images_out(subject: PriorSubject) -> None:
    """A code's density is differentiable, and lower where its own image is left out than where another one is."""
    prior: Prior = subject.component()
    if not prior.leaves_out:
        raise NotApplicable("it leaves no images out")
    if subject.encoder is None or prior.takes_condition:
        raise NotApplicable("it is tried with an encoder and without a condition")
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
        f"log_prob of what leaving_out gives is {density}, not {_IMAGES} finite numbers",
    )
    (slope,) = torch.autograd.grad(density.sum(), leaf, allow_unused=True, materialize_grads=True)
    require(bool(slope.any()), "no gradient of log_prob of what leaving_out gives reaches the codes")
    with torch.no_grad():
        others = prior.leaving_out(own.roll(_IMAGES // 2)).log_prob(code)
    gain = float((others - density.detach()).mean())
    require(
        gain > 0,
        f"codes are no likelier where another image is left out than where their own is: by {gain:.3g} nats",
        "leaving_out takes no notice of the indices, or leaves other images out",
        "in what leaving_out gives, let image `indices[n]` have no share in the density of code n",
    )


LEAVING_OUT = (
    Check(
        "leaves_images_out",
        leaves_images_out,
        "the prior says leaves_out, and leaving_out gives another density than that without the image",
        "see priorkit.interfaces.Prior.leaving_out",
        required=False,
    ),
)
