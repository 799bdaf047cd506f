"""A family of networks in which modules from Python code replace some networks."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from priorkit.errors import ConfigurationError
from priorkit.given.modules import PlainCodeCritic, PlainImageCritic, fresh, tried
from priorkit.interfaces import ImageCritic, Networks

__all__ = ["GivenNetworks"]


class GivenNetworks(Networks):
    """A family of networks in which given modules replace networks.

    Args:
        family: The family that supplies the other networks.
        modules: The given modules by role: `encoder`, `decoder`, `image_critic`, `code_critic`.
    """

    def __init__(self, family: Networks, modules: Mapping[str, Any]) -> None:
        super().__init__(family.shape)
        self.family = family
        self.modules = modules

    def encoder(self, outputs: int) -> nn.Module:
        """Returns the given encoder, or the family's.

        Raises:
            ConfigurationError: The encoder fails, or its output does not have the shape (N, outputs).
        """
        if "encoder" not in self.modules:
            return self.family.encoder(outputs)
        mend = f"give it {outputs} outputs, or set code_dim (a Gaussian encoder has two outputs for each dimension)"
        return self._encoder((outputs,), mend)

    def decoder(self, code_dim: int) -> nn.Module:
        """Returns the given decoder, or the family's.

        Raises:
            ConfigurationError: The decoder fails, or its output is not images.
        """
        return self._decoder((code_dim,)) if "decoder" in self.modules else self.family.decoder(code_dim)

    def map_encoder(self, channels: int, size: int) -> nn.Module:
        """Returns the given encoder of maps, or the family's.

        Raises:
            ConfigurationError: The encoder fails, or its output is not maps; or the family has no such encoder.
        """
        if "encoder" not in self.modules:
            return self.family.map_encoder(channels, size)
        return self._encoder((channels, size, size), "set code_dim to its channels, and code_size to its size")

    def map_decoder(self, channels: int, size: int) -> nn.Module:
        """Returns the given decoder of maps, or the family's.

        Raises:
            ConfigurationError: The decoder fails, or its output is not images; or the family has no such decoder.
        """
        if "decoder" not in self.modules:
            return self.family.map_decoder(channels, size)
        return self._decoder((channels, size, size))

    def image_critic(self, condition_dim: int = 0) -> ImageCritic:
        """Returns the given image discriminator, or the family's.

        Raises:
            ConfigurationError: The discriminator fails, or its output is not logits.
        """
        if "image_critic" not in self.modules:
            return self.family.image_critic(condition_dim)
        module = fresh(self.modules["image_critic"], "image_critic")
        critic = module if isinstance(module, ImageCritic) else PlainImageCritic(module)
        inputs = (self._images(), *([torch.zeros(2, condition_dim)] if condition_dim else []))
        tried(critic, "image_critic", inputs, (2,), "give one logit for each image")
        return critic

    def recogniser(self, outputs: int) -> nn.Module:
        """Returns the family's classifier Q, which takes the features of the family's D_I.

        Raises:
            ConfigurationError: D_I was given, or the family has no Q.
        """
        if "image_critic" in self.modules:
            raise ConfigurationError(
                "image_critic: this condition needs a classifier Q on its features, but their shape is unknown; "
                "give networks= with a recogniser, or use another condition"
            )
        return self.family.recogniser(outputs)

    def code_critic(self, code_dim: int) -> nn.Module:
        """Returns the given code discriminator, or the family's.

        Raises:
            ConfigurationError: The discriminator fails, or its output is not logits.
        """
        if "code_critic" not in self.modules:
            return self.family.code_critic(code_dim)
        critic = PlainCodeCritic(fresh(self.modules["code_critic"], "code_critic"))
        return tried(critic, "code_critic", (torch.zeros(2, code_dim),), (2,), "give one logit for each code")

    def _encoder(self, outputs: tuple[int, ...], mend: str) -> nn.Module:
        module = self._trainable("encoder")
        return tried(module, "encoder", (self._images(),), (2, *outputs), mend)

    def _decoder(self, code: tuple[int, ...]) -> nn.Module:
        module, images = self._trainable("decoder"), tuple(self._images().shape)
        if isinstance(module, nn.Sequential) and len(module) and isinstance(module[-1], nn.Sigmoid):
            raise ConfigurationError(
                "decoder: it ends in a sigmoid, so its images are from 0 to 1, but priorkit's are from -1 to 1; end it "
                "in nn.Tanh()"
            )
        return tried(module, "decoder", (torch.zeros(2, *code),), images, "give images of the run's size and channels")

    def _trainable(self, role: str) -> nn.Module:
        module = fresh(self.modules[role], role)
        if not any(weight.requires_grad for weight in module.parameters()):
            raise ConfigurationError(
                f"{role}: {type(module).__name__} has no weights to train"
                + (", as all of them are frozen; unfreeze some" if any(True for _ in module.parameters()) else "")
                + "; to fit a prior to the codes of a trained encoder, use priorkit.fit_prior"
            )
        return module

    def _images(self) -> torch.Tensor:
        return torch.zeros(2, self.shape.channels, self.shape.size, self.shape.size)
