"""Small random changes of images (augmentations) that keep their classes."""

import abc
import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from priorkit_plugins.single_precision import single_precision

__all__ = ["AffineChanges", "ImageChanges", "PhotographChanges"]


class ImageChanges(abc.ABC):
    """Changes images by given random numbers.

    Attributes:
        numbers: Number of random numbers for each image.
    """

    numbers: int

    @abc.abstractmethod
    def __call__(self, images: Tensor, noise: Tensor) -> Tensor:
        """Changes images.

        Args:
            images: Shape (N, C, H, W), values in [-1, 1].
            noise: Shape (N, numbers), uniform in [-1, 1].

        Returns:
            Images of the same shape, values in [-1, 1].
        """


class AffineChanges(ImageChanges):
    """Turns, scales, shears and shifts images, without mirroring; new areas at the borders repeat the edge pixels.

    Args:
        rotation: Largest angle, in degrees.
        scale: Largest deviation of the size from 1, up or down.
        shear: Largest shear.
        shift: Largest shift along each axis, in coordinates where the image reaches from -1 to 1.
    """

    numbers = 5

    def __init__(self, *, rotation: float = 20.0, scale: float = 0.2, shear: float = 0.3, shift: float = 0.15) -> None:
        self.rotation = rotation
        self.scale = scale
        self.shear = shear
        self.shift = shift

    def __call__(self, images: Tensor, noise: Tensor) -> Tensor:
        """Resamples images bilinearly at the points of an affine map."""
        angle = math.radians(self.rotation) * noise[:, 0]
        scale = 1 + self.scale * noise[:, 1]
        shear = self.shear * noise[:, 2]
        cos, sin = scale * angle.cos(), scale * angle.sin()
        # rotation x scale x shear
        matrix = (cos, cos * shear - sin, self.shift * noise[:, 3], sin, sin * shear + cos, self.shift * noise[:, 4])
        return _resampled(images, torch.stack(matrix, dim=1), padding="border")


class PhotographChanges(ImageChanges):
    """Crops, mirrors and recolours images, which keeps the classes of photographs.

    Args:
        crop: Smallest side of the crop, as a share of the image's.
        brightness: Largest change of brightness, for pixel values from -1 to 1.
        contrast: Largest deviation of contrast and saturation from 1, up or down.
        colour: Largest change of brightness of each single channel.
    """

    numbers = 10

    def __init__(
        self, *, crop: float = 0.6, brightness: float = 0.3, contrast: float = 0.4, colour: float = 0.2
    ) -> None:
        self.crop = crop
        self.brightness = brightness
        self.contrast = contrast
        self.colour = colour

    def __call__(self, images: Tensor, noise: Tensor) -> Tensor:
        """A crop of every image, scaled to its size, mirrored in half of the cases, in other colours."""
        side = 1 - (1 - self.crop) * (noise[:, 0] + 1) / 2
        across, down = (1 - side) * noise[:, 1], (1 - side) * noise[:, 2]
        mirrored = torch.where(noise[:, 3] < 0, -side, side)
        none = torch.zeros_like(side)
        cropped = _resampled(
            images, torch.stack((mirrored, none, across, none, side, down), dim=1), padding="reflection"
        )
        of_each = noise[:, 4:, None, None].to(images.dtype)
        grey = cropped.mean(1, keepdim=True)
        coloured = grey + (1 + self.contrast * of_each[:, 0:1]) * (cropped - grey)
        mean = coloured.mean((1, 2, 3), keepdim=True)
        contrasted = mean + (1 + self.contrast * of_each[:, 1:2]) * (coloured - mean)
        shift = self.brightness * of_each[:, 2:3]
        if images.shape[1] > 1:
            shift = shift + self.colour * of_each[:, 3 : 3 + images.shape[1]]
        return (contrasted + shift).clamp(-1, 1)


def _resampled(images: Tensor, matrix: Tensor, padding: str) -> Tensor:
    """Images resampled at a grid's points transformed by affine maps, (N, 6) row by row."""
    # The grid is a matrix product, which autocast would round to eight bits.
    with single_precision(images.device):
        grid = affine_grid(matrix.view(-1, 2, 3).to(images.dtype), list(images.shape), align_corners=False)
        # Interpolation leaves [-1, 1] only by rounding errors.
        return grid_sample(images, grid, padding_mode=padding, align_corners=False).clamp(-1, 1)
