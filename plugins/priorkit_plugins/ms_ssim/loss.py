"""Multi-scale structural similarity as a loss."""

import torch
from torch import Tensor
from torch.nn import functional

from priorkit.errors import ConfigurationError
from priorkit.interfaces import ImageCritic, ReconstructionLoss
from priorkit_plugins.single_precision import single_precision

__all__ = ["MSSSIMLoss"]

_EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Weights of the scales, the finest first (Wang et al. 2003, Section 3.2)."""

_K1, _K2 = 0.01, 0.03
_DEVIATION = 1.5 / 11
"""Standard deviation of the window relative to its width (Wang et al. 2004: 1.5 of 11 pixels)."""

_FLOOR = 1e-3
"""Similarities below are replaced by a smooth positive function, because a power below 1 has an infinite gradient at
0."""


class MSSSIMLoss(ReconstructionLoss):
    """1 - MS-SSIM of pixels in [0, 1], averaged over the batch (Wang, Simoncelli and Bovik 2003, Eq. 7).

    The paper uses five scales, which need images of at least 176 pixels. Smaller images have as many scales as the
    window fits into, with exponents scaled to add up to 1. Contrast and structure are averaged over the positions of
    the window and the channels, as is their product with the luminance at the coarsest scale. Negative similarities
    have no real power: similarities below 0.001 are replaced by a smooth, decreasing positive function.

    Args:
        size: Height and width of the images in pixels.
        window: Width of the Gaussian window, odd.
        scales: Number of scales, at most 5; None for as many as fit.
        weight: Factor of the loss.

    Raises:
        ConfigurationError: The window is even, or does not fit into the image at the coarsest scale.
    """

    kernel: Tensor
    exponents: Tensor

    def __init__(self, size: int, window: int = 11, scales: int | None = None, weight: float = 1.0) -> None:
        super().__init__()
        if window % 2 == 0:
            raise ConfigurationError(
                f"--loss.window {window}: the window needs a pixel in its middle; use an odd number"
            )
        fitting = [level for level in range(len(_EXPONENTS)) if size >> level >= window]
        if scales is None:
            scales = max(1, len(fitting))
        if scales > len(fitting):
            raise ConfigurationError(
                f"--loss ms-ssim: a window of {window} pixels does not fit into images of {size}x{size} at "
                f"{scales} scale{'s' * (scales > 1)}; use a smaller --loss.window, or fewer --loss.scales"
            )
        self.weight = weight
        offsets = torch.arange(window, dtype=torch.float32) - window // 2
        kernel = torch.exp(-(offsets / (_DEVIATION * window)).square() / 2)
        exponents = torch.tensor(_EXPONENTS[:scales])
        self.register_buffer("kernel", kernel / kernel.sum(), persistent=False)
        self.register_buffer("exponents", exponents / exponents.sum(), persistent=False)

    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Tensor:
        """The loss of reconstructions (N, C, H, W) in [-1, 1], a float32 scalar in [0, weight]."""
        with single_precision(image.device):
            similarity = self._similarity((1 + reconstruction.float()) / 2, (1 + image.detach().float()) / 2)
            return self.weight * (1 - similarity).mean()

    def _similarity(self, given: Tensor, wanted: Tensor) -> Tensor:
        """MS-SSIM of images (N, C, H, W) in [0, 1], shape (N,)."""
        coarsest = len(self.exponents) - 1
        similarities = []
        for scale in range(coarsest + 1):
            luminance, structure = self._compare(given, wanted)
            similarities.append((structure * luminance if scale == coarsest else structure).flatten(1).mean(1))
            given, wanted = functional.avg_pool2d(given, 2), functional.avg_pool2d(wanted, 2)
        return (_positive(torch.stack(similarities, dim=1)) ** self.exponents).prod(1)

    def _compare(self, given: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """Luminance, and contrast times structure, at each position of the window."""
        maps = self._smooth(torch.stack([given, wanted, given * given, wanted * wanted, given * wanted]))
        mean, other, square, other_square, product = maps
        luminance = (2 * mean * other + _K1**2) / (mean * mean + other * other + _K1**2)
        variances = square - mean * mean + other_square - other * other
        return luminance, (2 * (product - mean * other) + _K2**2) / (variances + _K2**2)

    def _smooth(self, maps: Tensor) -> Tensor:
        """Weighted means over the window, at the positions where it fits: maps (..., H, W)."""
        height, width = maps.shape[-2:]
        kernel = self.kernel.view(1, 1, -1, 1)
        rows = functional.conv2d(maps.reshape(-1, 1, height, width), kernel)
        smooth = functional.conv2d(rows, kernel.transpose(2, 3))
        return smooth.view(*maps.shape[:-2], *smooth.shape[-2:])


def _positive(similarity: Tensor) -> Tensor:
    """The identity from the floor upwards; below, a hyperbola of the same slope that stays above 0."""
    bent = _FLOOR / (2 - similarity.clamp(max=_FLOOR) / _FLOOR)
    return torch.where(similarity > _FLOOR, similarity, bent)
