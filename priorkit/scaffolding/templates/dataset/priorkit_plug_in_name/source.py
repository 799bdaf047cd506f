"""Coloured shapes, drawn from a seed."""

import torch
from priorkit.interfaces import DataSource, ImageData, ImageSet
from torch import Tensor

__all__ = ["SHAPES", "PlugInNameSource", "draw_shapes"]

SHAPES = ("square", "disc", "ring")
"""The names of the shapes, in the order of their labels."""


def draw_shapes(labels: Tensor, centres: Tensor, radii: Tensor, size: int) -> Tensor:
    """Draws the silhouette of one shape in each image.

    Args:
        labels: Index into `SHAPES`, int64 (N,).
        centres: Vertical and horizontal position of the centre, in pixels, shape (N, 2).
        radii: Half the side of a square, or the radius of a disc or ring, in pixels, shape (N,).
        size: Height and width of the images in pixels.

    Returns:
        Whether each pixel belongs to the shape, bool (N, size, size).
    """
    grid = torch.arange(size) + 0.5
    down = (grid[:, None] - centres[:, 0, None, None]).abs() / radii[:, None, None]
    across = (grid[None, :] - centres[:, 1, None, None]).abs() / radii[:, None, None]
    square = torch.maximum(down, across) <= 1
    distance = torch.hypot(down, across)
    disc = distance <= 1
    ring = disc & (distance >= 0.5)
    shapes = torch.stack([square, disc, ring], dim=1)
    return shapes[torch.arange(len(labels)), labels]


class PlugInNameSource(DataSource):
    """RGB images of one square, disc or ring in a light colour on black.

    Args:
        count: Number of images, at least 2.
        seed: Seed of the shapes.
        size: Height and width in pixels.
        holdout: Share of the images to hold out, between 0 and 1; at least one is held out, and at least one is not.
        holdout_seed: Seed of the choice of held-out images.
    """

    reads_data_dir = False

    def __init__(
        self, count: int = 2000, seed: int = 0, size: int = 32, *, holdout: float = 0.1, holdout_seed: int = 0
    ) -> None:
        self.count = count
        self.seed = seed
        self.size = size
        self.holdout = holdout
        self.holdout_seed = holdout_seed

    def load(self) -> ImageData:
        """Draws the images."""
        generator = torch.Generator().manual_seed(self.seed)
        labels = torch.randint(len(SHAPES), (self.count,), generator=generator)
        radii = self.size * (0.15 + 0.15 * torch.rand(self.count, generator=generator))
        # The whole shape lies within the image.
        room = self.size - 2 * radii[:, None]
        centres = radii[:, None] + room * torch.rand(self.count, 2, generator=generator)
        colours = torch.randint(96, 256, (self.count, 3, 1, 1), generator=generator)
        shapes = draw_shapes(labels, centres, radii, self.size)
        images = (shapes[:, None] * colours).to(torch.uint8)

        held = min(max(1, round(self.holdout * self.count)), self.count - 1)
        order = torch.randperm(self.count, generator=torch.Generator().manual_seed(self.holdout_seed))
        train, test = order[held:].sort().values, order[:held].sort().values
        return ImageData(
            train=ImageSet(images[train], labels[train]),
            test=ImageSet(images[test], labels[test]),
            class_names=SHAPES,
            notes=(f"{held} of {self.count} images are held out",),
        )
