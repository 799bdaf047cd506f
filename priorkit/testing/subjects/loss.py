"""Reconstruction losses to check."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from priorkit.interfaces import ImageShape, ReconstructionLoss
from priorkit.plugins import LossContext
from priorkit.testing.case import Case
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.global_generator import seeded
from priorkit.testing.stand_in_critics import SmallImageCritic
from priorkit.testing.stand_ins import random_images
from priorkit.testing.subject import Subject

__all__ = ["LossSubject", "loss_subjects"]


class LossSubject(Subject[ReconstructionLoss]):
    """A reconstruction loss for images of one shape.

    Args:
        case: The component with its options.
        shape: The images' shape.
    """

    interface = ReconstructionLoss
    computed = ("reconstruction",)

    def __init__(self, case: Case, shape: ImageShape) -> None:
        super().__init__(case, f"images of {shape.channels}x{shape.size}x{shape.size}")
        self.shape = shape
        with seeded(case.seed):
            self.critic, self.other_critic = SmallImageCritic(shape).eval(), SmallImageCritic(shape).eval()
        self.companions = (self.critic,)

    def context(self) -> LossContext:
        """Returns the images' shape."""
        return LossContext(self.shape)

    def value(self, loss: ReconstructionLoss, reconstruction: Tensor, image: Tensor) -> Tensor:
        """Returns the loss of reconstructions, with an image critic if the loss needs one."""
        found: Tensor = (
            loss(reconstruction, image, self.critic) if loss.needs_image_critic else loss(reconstruction, image)
        )
        return found

    def is_likelihood(self, loss: ReconstructionLoss) -> bool:
        """Returns whether the loss has a log-likelihood with these options."""
        device = next((tensor.device for tensor in (*loss.parameters(), *loss.buffers())), None)
        blank = torch.zeros(1, self.shape.channels, self.shape.size, self.shape.size, device=device)
        try:
            loss.log_likelihood(blank, blank)
        except TypeError:
            return False
        except Exception:
            # The pass will raise the same error again, and a check will report it.
            return True
        return True

    def passes(self, component: ReconstructionLoss) -> Sequence[ForwardPass]:
        """Returns the loss, and the log-likelihood if the loss has one."""
        loss = component
        passes = [
            ForwardPass(
                "forward",
                lambda inputs: self.value(loss, inputs["reconstruction"], inputs["image"]),
                lambda n: (),
                mean=True,
                whole_batch=loss.needs_whole_batch,
                reaches=("reconstruction",),
                spares=("image",),
                float32=True,
            )
        ]
        if self.is_likelihood(loss):
            passes.append(
                ForwardPass(
                    "log_likelihood",
                    lambda inputs: loss.log_likelihood(inputs["reconstruction"], inputs["image"]),
                    lambda n: (n,),
                    reaches=("reconstruction",),
                    float32=True,
                )
            )
        return passes

    def inputs(self, component: ReconstructionLoss, n: int, seed: int) -> Inputs:
        """Returns `image` and `reconstruction`, noise in [-1, 1], or black and white."""
        image, reconstruction = random_images(2 * n, self.shape, seed).chunk(2)
        return {"reconstruction": reconstruction, "image": image.sign() if component.of_binary_images else image}

    def extreme_inputs(self, component: ReconstructionLoss) -> Sequence[tuple[str, Inputs]]:
        """Returns perfect reconstructions, opposite blank reconstructions, and perfect blank reconstructions."""
        image = self.inputs(component, 4, self.case.seed)["image"]
        black = -torch.ones_like(image)
        return [
            ("perfect reconstructions", {"reconstruction": image, "image": image}),
            ("black reconstructions of white images", {"reconstruction": black, "image": -black}),
            ("white reconstructions of black images", {"reconstruction": -black, "image": black}),
            ("black reconstructions of black images", {"reconstruction": black, "image": black}),
            ("grey reconstructions of grey images", {"reconstruction": 0 * image, "image": 0 * image}),
        ]


def loss_subjects(case: Case) -> Iterator[LossSubject]:
    """Yields a loss for each image shape of a case."""
    for shape in case.situations.shapes:
        yield LossSubject(case, shape)
