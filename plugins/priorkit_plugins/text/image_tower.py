"""The network of images with which a text encoder is trained."""

from torch import Tensor, nn

from priorkit.interfaces import ImageShape

__all__ = ["ImageTower"]


class ImageTower(nn.Module):
    """From images (N, C, H, W) in [-1, 1] to vectors (N, dim): strided convolutions, and the mean over places.

    Args:
        shape: The images' shape.
        dim: Dimensions of a vector.
        width: Channels of the first layer; each further one has twice as many.
    """

    def __init__(self, shape: ImageShape, dim: int, width: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels, size = shape.channels, shape.size
        while size > 4:
            layers += [nn.Conv2d(channels, width, 4, 2, 1), nn.GroupNorm(min(8, width), width), nn.LeakyReLU(0.2)]
            channels, width, size = width, min(2 * width, 256), size // 2
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(channels, dim)

    def forward(self, images: Tensor) -> Tensor:
        """Vectors (N, dim) of images (N, C, H, W)."""
        vectors: Tensor = self.head(self.body(images).mean((2, 3)))
        return vectors
