"""Small networks and images, in the place of those that a run would bring."""

import torch
from torch import Tensor, nn

from priorkit.interfaces import CodeGenerator, Encoder, ImageCritic, ImageShape, Networks, Posterior

__all__ = ["SmallCodeGenerator", "SmallEncoder", "SmallImageCritic", "SmallNetworks", "one_hot", "random_images"]


class SmallEncoder(Encoder):
    """A Gaussian encoder with batch norm.

    Args:
        code_dim: Dimensions of a code.
        shape: The images' shape.
    """

    stochastic = True

    def __init__(self, code_dim: int, shape: ImageShape) -> None:
        super().__init__()
        self.code_dim = code_dim
        pixels = shape.channels * shape.size**2
        self.body = nn.Sequential(
            nn.Flatten(), nn.Linear(pixels, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 2 * code_dim)
        )

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes images (N, C, H, W)."""
        mean, log_variance = self.body(image).float().chunk(2, dim=1)
        code = mean if noise is None else mean + torch.exp(log_variance / 2) * noise
        return Posterior(code, mean, log_variance)


class SmallCodeGenerator(CodeGenerator):
    """A linear code generator.

    Args:
        noise_dim: Dimensions of its input.
        code_dim: Dimensions of a code.
    """

    def __init__(self, noise_dim: int, code_dim: int) -> None:
        super().__init__()
        self.noise_dim, self.code_dim = noise_dim, code_dim
        self.linear = nn.Linear(noise_dim, code_dim)

    def forward(self, noise: Tensor) -> Tensor:
        """Turns noise (N, noise_dim) into codes (N, code_dim)."""
        codes: Tensor = self.linear(noise)
        return codes


class SmallImageCritic(ImageCritic):
    """An image critic with two fully connected layers.

    Args:
        shape: The images' shape.
        condition_dim: Dimensions of the condition that it is shown.
    """

    layers = 2

    def __init__(self, shape: ImageShape, condition_dim: int = 0) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Flatten(), nn.Linear(shape.channels * shape.size**2, 8), nn.Tanh())
        self.second = nn.Sequential(nn.Linear(8, 6), nn.Tanh())
        self.head = nn.Linear(6 + condition_dim, 1)

    def features(self, image: Tensor, layer: int = -1) -> Tensor:
        """The output of a layer, shape (N, 8) or (N, 6)."""
        if not -self.layers <= layer < self.layers:
            raise ValueError(f"there is no layer {layer}: choose from {-self.layers} to {self.layers - 1}")
        features: Tensor = self.first(image)
        return self.second(features) if layer % self.layers else features

    def score(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        """Logits (N,) of the last layer's features, with the condition beside them."""
        logits: Tensor = self.head(features if condition is None else torch.cat([features, condition], dim=1))
        return logits.flatten()


class SmallNetworks(Networks):
    """Fully connected networks with one narrow hidden layer."""

    def encoder(self, outputs: int) -> nn.Module:
        """From images (N, C, H, W) to (N, outputs)."""
        return nn.Sequential(nn.Flatten(), nn.Linear(self._pixels, 8), nn.Tanh(), nn.Linear(8, outputs))

    def decoder(self, code_dim: int) -> nn.Module:
        """From codes (N, code_dim) to images (N, C, H, W)."""
        image = (self.shape.channels, self.shape.size, self.shape.size)
        layers = (nn.Linear(code_dim, 8), nn.Tanh(), nn.Linear(8, self._pixels), nn.Tanh())
        return nn.Sequential(*layers, nn.Unflatten(1, image))

    def image_critic(self, condition_dim: int = 0) -> ImageCritic:
        """D_I."""
        return SmallImageCritic(self.shape, condition_dim)

    def recogniser(self, outputs: int) -> nn.Module:
        """Q, from D_I's features (N, 6)."""
        return nn.Linear(6, outputs)

    def code_critic(self, code_dim: int) -> nn.Module:
        """D_C, from codes (N, code_dim) to logits (N,)."""
        return nn.Sequential(nn.Linear(code_dim, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))

    @property
    def _pixels(self) -> int:
        return self.shape.channels * self.shape.size**2


def random_images(n: int, shape: ImageShape, seed: int = 1) -> Tensor:
    """Images of noise, float32 (n, C, H, W) in [-1, 1], the same ones for a seed."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, shape.channels, shape.size, shape.size, generator=generator) * 2 - 1


def one_hot(n: int, classes: int) -> Tensor:
    """Conditions of classes 0, 1, 2, ..., and again from 0: float32 (n, classes)."""
    return torch.eye(classes)[torch.arange(n) % classes]
