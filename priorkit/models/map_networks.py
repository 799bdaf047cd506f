"""Networks for codes that are maps, for components with flat codes."""

from torch import nn

from priorkit.errors import ConfigurationError
from priorkit.interfaces import ImageCritic, Networks

__all__ = ["MapNetworks"]


class MapNetworks(Networks):
    """A family's networks between images and flattened maps, instead of vectors.

    Args:
        family: The family, which offers maps.
        size: The maps' height and width.
    """

    def __init__(self, family: Networks, size: int) -> None:
        super().__init__(family.shape)
        self.family = family
        self.size = size

    def encoder(self, outputs: int) -> nn.Module:
        """A module from images (N, C, H, W) to maps (N, outputs), flattened from (N, channels, size, size).

        Raises:
            ConfigurationError: The family has no such maps, or the outputs are not a whole number of channels.
        """
        return nn.Sequential(self.family.map_encoder(self._channels(outputs), self.size), nn.Flatten())

    def decoder(self, code_dim: int) -> nn.Module:
        """A module from flattened maps (N, code_dim) to images (N, C, H, W) in [-1, 1].

        Raises:
            ConfigurationError: The family has no such maps, or the dimensions are not a whole number of channels.
        """
        channels = self._channels(code_dim)
        unflatten = nn.Unflatten(1, (channels, self.size, self.size))
        return nn.Sequential(unflatten, self.family.map_decoder(channels, self.size))

    def image_critic(self, condition_dim: int = 0) -> ImageCritic:
        """The family's D_I."""
        return self.family.image_critic(condition_dim)

    def recogniser(self, outputs: int) -> nn.Module:
        """The family's Q.

        Raises:
            ConfigurationError: The family has no classifier Q.
        """
        return self.family.recogniser(outputs)

    def code_critic(self, code_dim: int) -> nn.Module:
        """The family's D_C, from codes (N, code_dim)."""
        return self.family.code_critic(code_dim)

    def _channels(self, numbers: int) -> int:
        channels, rest = divmod(numbers, self.size**2)
        if rest:
            raise ConfigurationError(
                f"{numbers} numbers are not a map of {self.size}x{self.size}: this component needs other numbers "
                "than a map; leave --code-size out"
            )
        return channels
