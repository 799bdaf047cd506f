"""Critics and recognisers of families of networks to check."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from priorkit.interfaces import ImageCritic, Networks
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.stand_ins import one_hot
from priorkit.testing.subjects.network_bodies import CLASSES, CODE_DIM, NetworksSubject

__all__ = ["CodeCriticSubject", "ConditionalCriticSubject", "ImageCriticSubject", "RecogniserSubject"]


class CodeCriticSubject(NetworksSubject):
    """The code discriminator."""

    words = "code critic"
    takes_codes = True

    def take(self, networks: Networks) -> nn.Module:
        """From codes (N, CODE_DIM) to logits."""
        return networks.code_critic(CODE_DIM)

    def passes(self, component: nn.Module) -> Sequence[ForwardPass]:
        """From codes to logits."""
        return [
            ForwardPass(
                "code_critic",
                lambda inputs: component(inputs["code"]),
                lambda n: (n,),
                trains=True,
                reaches=("code",),
            )
        ]


class ImageCriticSubject(NetworksSubject):
    """The image discriminator."""

    words = "image critic"
    interface = ImageCritic

    def take(self, networks: Networks) -> nn.Module:
        """From images to logits."""
        return networks.image_critic()

    def logits(self, critic: ImageCritic, inputs: Inputs) -> Tensor:
        """Returns D_I's logits of the input images."""
        logits: Tensor = critic(inputs["image"])
        return logits

    def passes(self, component: nn.Module) -> Sequence[ForwardPass]:
        """From images to logits, and to the last features."""
        assert isinstance(component, ImageCritic)
        critic = component

        def features_shape(n: int) -> tuple[int, ...]:
            with torch.no_grad():
                return (n, *critic.features(self._images(2, 0)).shape[1:])

        return [
            ForwardPass(
                "image_critic",
                lambda inputs: self.logits(critic, inputs),
                lambda n: (n,),
                trains=True,
                reaches=("image",),
            ),
            ForwardPass(
                "features", lambda inputs: critic.features(inputs["image"]), features_shape, reaches=("image",)
            ),
        ]


class ConditionalCriticSubject(ImageCriticSubject):
    """The image discriminator with a condition."""

    words = "image critic with a condition"

    def take(self, networks: Networks) -> nn.Module:
        """From images and conditions to logits."""
        return networks.image_critic(CLASSES)

    def logits(self, critic: ImageCritic, inputs: Inputs) -> Tensor:
        """Returns D_I's logits of the input images and conditions."""
        logits: Tensor = critic(inputs["image"], inputs["condition"])
        return logits

    def passes(self, component: nn.Module) -> Sequence[ForwardPass]:
        """From images and conditions to logits."""
        return super().passes(component)[:1]

    def inputs(self, component: nn.Module, n: int, seed: int) -> Inputs:
        """`image` (n, C, H, W) and `condition` (n, CLASSES)."""
        return {"image": self._images(n, seed), "condition": one_hot(n, CLASSES)}


class _Recognition(nn.Module):
    """Q behind its trunk, which belongs to D_I and is not trained here."""

    def __init__(self, critic: ImageCritic, recogniser: nn.Module) -> None:
        super().__init__()
        self.critic = critic.requires_grad_(False)
        self.recogniser = recogniser

    def forward(self, image: Tensor) -> Tensor:
        recovered: Tensor = self.recogniser(self.critic.features(image))
        return recovered


class RecogniserSubject(NetworksSubject):
    """The classifier Q on the trunk of the image discriminator."""

    words = "recogniser"
    optional = True

    def take(self, networks: Networks) -> nn.Module:
        """From images, through D_I's features, to (N, CLASSES)."""
        return _Recognition(networks.image_critic(), networks.recogniser(CLASSES))

    def passes(self, component: nn.Module) -> Sequence[ForwardPass]:
        """From images to the output of Q."""
        return [
            ForwardPass(
                "recogniser",
                lambda inputs: component(inputs["image"]),
                lambda n: (n, CLASSES),
                trains=True,
                reaches=("image",),
            )
        ]
