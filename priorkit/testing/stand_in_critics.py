"""Small critics and an adversarial loss, in place of a run's own."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from priorkit.interfaces import AdversarialLoss, ImageCritic, ImageShape

__all__ = ["WIDTH", "SmallAdversarialLoss", "SmallAutoencoderCritic", "SmallCritic", "SmallImageCritic"]

WIDTH = 16
"""Width of hidden layers."""


class SmallCritic(nn.Module):
    """A critic of samples (N, ...) with one hidden layer.

    Args:
        inputs: Number of entries of a sample.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(inputs, WIDTH), nn.Tanh(), nn.Linear(WIDTH, 1), nn.Flatten(0)
        )

    def forward(self, sample: Tensor) -> Tensor:
        """Logits (N,)."""
        logits: Tensor = self.layers(sample)
        return logits


class SmallAutoencoderCritic(nn.Module):
    """A critic that is an autoencoder, whose logits are minus its errors.

    Args:
        inputs: Number of entries of a sample.
    """

    is_autoencoder = True

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, WIDTH), nn.Tanh(), nn.Linear(WIDTH, inputs))

    def forward(self, sample: Tensor) -> Tensor:
        """Logits (N,)."""
        flat = sample.flatten(1)
        logits: Tensor = -(flat - self.layers(flat)).abs().mean(dim=1)
        return logits


class SmallImageCritic(ImageCritic):
    """A fully connected image discriminator with as many layers as the deepest built-in networks.

    Args:
        shape: The images' shape.
        condition_dim: Dimensions of its condition; 0 for none.
    """

    layers = 8

    def __init__(self, shape: ImageShape, condition_dim: int = 0) -> None:
        super().__init__()
        self.first = nn.Linear(shape.channels * shape.size**2, WIDTH)
        self.others = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(self.layers - 1))
        self.head = nn.Linear(WIDTH + condition_dim, 1)

    def features(self, image: Tensor, layer: int = -1) -> Tensor:
        """Returns the outputs (N, WIDTH) of a layer."""
        if not -self.layers <= layer < self.layers:
            raise ValueError(f"there is no layer {layer}: there are {self.layers} layers")
        hidden: Tensor = self.first(image.flatten(1))
        for linear in self.others[: layer % self.layers]:
            hidden = hidden + torch.tanh(linear(hidden))
        return hidden

    def score(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns logits (N,) from the last layer's features and the condition, if any."""
        logits: Tensor = self.head(features if condition is None else torch.cat([features, condition], dim=1))
        return logits.flatten()


class SmallAdversarialLoss(AdversarialLoss):
    """Cross-entropy on logits.

    Args:
        penalised: Whether the loss has a penalty, on the logits of mixed real and generated samples.
    """

    def __init__(self, penalised: bool) -> None:
        super().__init__()
        self.has_penalty = penalised

    def real(self, logits: Tensor) -> Tensor:
        """Mean of -log D."""
        return softplus(-logits.float()).mean()

    def fake(self, logits: Tensor) -> Tensor:
        """Mean of -log(1 - D)."""
        return softplus(logits.float()).mean()

    def generator(self, logits: Tensor) -> Tensor:
        """Mean of -log D."""
        return softplus(-logits.float()).mean()

    def penalty(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mixing: Tensor) -> Tensor:
        """Mean of the squared logits of mixed samples."""
        mixed = torch.lerp(fake.float(), real.float(), mixing.view(-1, *[1] * (real.ndim - 1)))
        return critic(mixed).float().square().mean()
