"""Fixed draws of a standard normal distribution, by which estimated expectations depend on parameters alone."""

import torch
from torch import Tensor, nn

from priorkit_plugins.scalar_network import ScalarNetwork

__all__ = ["BaseDraws", "each_class"]


class BaseDraws(nn.Module):
    """Fixed draws of N(0, I). They depend on their number and dimensions alone, and are not saved.

    Args:
        number: Number of draws, at least 1.
        code_dim: Dimensions of a draw.
    """

    draws: Tensor

    def __init__(self, number: int, code_dim: int) -> None:
        super().__init__()
        drawn = torch.randn(number, code_dim, generator=torch.Generator().manual_seed(0))
        self.register_buffer("draws", drawn, persistent=False)

    def values(self, network: ScalarNetwork) -> Tensor:
        """A network's outputs at the draws, for each class s: (K, S), S being 1 without a condition."""
        return each_class(network, self.draws)

    def part(self, first: Tensor, number: int) -> Tensor:
        """`number` draws, starting at index `first`, an int64 scalar: (number, code_dim).

        After the last draw, they start again with dimensions rotated by one, which makes different draws.
        """
        total, code_dim = self.draws.shape
        places = first + torch.arange(number, device=self.draws.device)
        dimensions = (places[:, None] // total + torch.arange(code_dim, device=self.draws.device)) % code_dim
        drawn: Tensor = self.draws.index_select(0, places % total).gather(1, dimensions)
        return drawn


def each_class(network: ScalarNetwork, white: Tensor) -> Tensor:
    """A network's outputs at w (K, code_dim) for every class s: (K, classes), or (K, 1) without a condition."""
    if not network.condition_dim:
        alone: Tensor = network(white)
        return alone[:, None]
    classes = torch.eye(network.condition_dim, device=white.device, dtype=white.dtype)
    return torch.stack([network(white, one.expand(len(white), -1)) for one in classes], dim=1)
