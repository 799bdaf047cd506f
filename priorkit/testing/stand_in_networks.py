"""Small networks, in place of a run's own."""

from torch import nn

from priorkit.interfaces import ImageCritic, Networks
from priorkit.testing.stand_in_critics import WIDTH, SmallCritic, SmallImageCritic

__all__ = ["SmallNetworks"]


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

    def map_encoder(self, channels: int, size: int) -> nn.Module:
        """From images (N, C, H, W) to maps (N, channels, size, size)."""
        return nn.Sequential(self.encoder(channels * size**2), nn.Unflatten(1, (channels, size, size)))

    def map_decoder(self, channels: int, size: int) -> nn.Module:
        """From maps (N, channels, size, size) to images (N, C, H, W)."""
        return nn.Sequential(nn.Flatten(), self.decoder(channels * size**2))

    def image_critic(self, condition_dim: int = 0) -> ImageCritic:
        """D_I."""
        return SmallImageCritic(self.shape, condition_dim)

    def recogniser(self, outputs: int) -> nn.Module:
        """Q, from D_I's last features (N, WIDTH)."""
        return nn.Linear(WIDTH, outputs)

    def code_critic(self, code_dim: int) -> nn.Module:
        """D_C, from codes (N, code_dim) to logits (N,)."""
        return SmallCritic(code_dim)

    @property
    def _pixels(self) -> int:
        return self.shape.channels * self.shape.size**2
