"""Small networks and random images, in place of a run's own."""

import torch
from torch import Tensor, nn

from priorkit.interfaces import CodeGenerator, CodeSpace, Encoder, ImageShape, Posterior

__all__ = ["SmallCodeGenerator", "SmallEncoder", "SmallQuantiser", "one_hot", "random_images"]


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


class SmallQuantiser(Encoder):
    """A quantising encoder with a fixed codebook of scalars.

    Args:
        codes: The space of its indices.
        shape: The images' shape.
    """

    codebook: Tensor

    def __init__(self, codes: CodeSpace, shape: ImageShape) -> None:
        super().__init__()
        self.codes = codes
        self.code_dim = codes.dim
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(shape.channels * shape.size**2, codes.dim))
        self.register_buffer("codebook", torch.linspace(-1, 1, codes.entries))

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes images (N, C, H, W)."""
        unquantised = self.body(image).float()
        indices = (unquantised.detach()[:, :, None] - self.codebook).abs().argmin(2)
        code = unquantised + (self.embed(indices) - unquantised).detach()
        return Posterior(code, code, unquantised=unquantised, indices=indices)

    def embed(self, codes: Tensor) -> Tensor:
        """Returns the codebook's entries for indices (N, H * W)."""
        return self.codebook[codes]


class SmallCodeGenerator(CodeGenerator):
    """A linear code generator.

    Args:
        noise_dim: Dimensions of the input.
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


def random_images(n: int, shape: ImageShape, seed: int = 1) -> Tensor:
    """Returns noise images, float32 (n, C, H, W) in [-1, 1], determined by the seed."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, shape.channels, shape.size, shape.size, generator=generator) * 2 - 1


def one_hot(n: int, classes: int) -> Tensor:
    """Returns one-hot conditions of classes 0, 1, 2, ... in turn: float32 (n, classes)."""
    return torch.eye(classes)[torch.arange(n) % classes]
