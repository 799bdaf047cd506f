"""The loss `ms-ssim`."""

from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import torch
from pydantic import ValidationError
from torch import Tensor

from priorkit.errors import ConfigurationError
from priorkit.interfaces import ImageShape, ReconstructionLoss
from priorkit.plugins import LossContext
from priorkit_plugins.ms_ssim import MSSSIMOptions, priorkit_losses

EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def make(size: int = 32, **options: Any) -> ReconstructionLoss:
    (component,) = priorkit_losses()
    assert component.name == "ms-ssim"
    return component.build(MSSSIMOptions(**options), LossContext(ImageShape(1, size)))


def images(size: int, channels: int = 1, noise: float = 0.2, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Smooth images and noisy ones."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(3, channels, size // 4, size // 4, generator=generator)
    image = 2 * torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear") - 1
    reconstruction = (image + noise * torch.randn(image.shape, generator=generator)).clamp(-1, 1)
    return reconstruction, image


def similarity(one: np.ndarray, other: np.ndarray, scales: int, window: int) -> float:
    """MS-SSIM of two images (H, W) in [0, 1], by scipy's filter; Eq. 7 of the paper."""
    exponents = np.array(EXPONENTS[:scales]) / sum(EXPONENTS[:scales])
    result = 1.0
    for scale in range(scales):

        def smooth(values: np.ndarray) -> np.ndarray:
            radius = window // 2
            filtered = scipy.ndimage.gaussian_filter(values, 1.5 * window / 11, radius=radius)
            return filtered[radius:-radius, radius:-radius]

        mean, other_mean = smooth(one), smooth(other)
        variance, other_variance = smooth(one**2) - mean**2, smooth(other**2) - other_mean**2
        covariance = smooth(one * other) - mean * other_mean
        values = (2 * covariance + 0.03**2) / (variance + other_variance + 0.03**2)
        if scale == scales - 1:
            values = values * (2 * mean * other_mean + 0.01**2) / (mean**2 + other_mean**2 + 0.01**2)
        result *= values.mean() ** exponents[scale]
        one, other = (
            array.reshape(array.shape[0] // 2, 2, array.shape[1] // 2, 2).mean((1, 3)) for array in (one, other)
        )
    return result


@pytest.mark.parametrize(
    ("size", "options", "scales", "window"),
    [
        (16, {}, 1, 11),
        (32, {}, 2, 11),
        (64, {}, 3, 11),
        (128, {}, 4, 11),
        (32, {"window": 7}, 3, 7),
        (16, {"window": 3}, 3, 3),
        (128, {"window": 7}, 5, 7),
        (64, {"scales": 2}, 2, 11),
    ],
)
def test_the_papers_formula(size: int, options: dict[str, Any], scales: int, window: int) -> None:
    reconstruction, image = images(size)
    pairs = zip(((1 + batch[:, 0].double().numpy()) / 2 for batch in (reconstruction, image)), strict=False)
    given, wanted = (pair[0] for pair in pairs)
    expected = 1 - np.mean([similarity(*pair, scales, window) for pair in zip(given, wanted, strict=True)])
    found = make(size, weight=2, **options)(reconstruction, image)
    assert found.shape == ()
    assert found.item() == pytest.approx(2 * expected, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_equal_images_have_no_loss_and_worse_ones_a_larger(channels: int) -> None:
    loss = make()
    _, image = images(32, channels)
    assert loss(image, image).item() == pytest.approx(0, abs=1e-5)
    losses = [loss(images(32, channels, noise)[0], image).item() for noise in (0.05, 0.2, 0.8)]
    assert 0 < losses[0] < losses[1] < losses[2] <= 1


def test_opposite_images_have_a_loss_near_1_and_a_gradient_to_come_back_by() -> None:
    _, image = images(32)
    reconstruction = (-image).requires_grad_()
    loss = make()(reconstruction, image)
    assert 0.9 < loss <= 1
    (gradient,) = torch.autograd.grad(loss, reconstruction)
    assert gradient.isfinite().all()
    assert gradient.any()


@pytest.mark.parametrize("pixel", [-1.0, 0.0, 1.0])
def test_blank_images_have_finite_gradients(pixel: float) -> None:
    _, image = images(32)
    for wanted in (image, torch.full_like(image, -1.0)):
        reconstruction = torch.full_like(image, pixel, requires_grad=True)
        (gradient,) = torch.autograd.grad(make()(reconstruction, wanted), reconstruction)
        assert gradient.isfinite().all()


def test_descending_it_finds_the_image() -> None:
    _, image = images(32)
    loss, reconstruction = make(), torch.zeros_like(image).requires_grad_()
    optimizer = torch.optim.Adam([reconstruction], lr=0.05)
    for _ in range(150):
        optimizer.zero_grad()
        loss(reconstruction, image).backward()
        optimizer.step()
    assert loss(reconstruction, image) < 0.1
    assert (reconstruction - image).abs().mean() < 0.3 * image.abs().mean()


@pytest.mark.parametrize(
    ("size", "options", "told"),
    [
        (32, {"window": 10}, r"--loss\.window 10: .* odd"),
        (16, {"window": 17}, r"window of 17 pixels does not fit into images of 16x16 at 1 scale;"),
        (32, {"scales": 3}, r"window of 11 pixels does not fit into images of 32x32 at 3 scales; .*--loss\.window"),
    ],
)
def test_windows_that_do_not_fit(size: int, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        make(size, **options)


@pytest.mark.parametrize("options", [{"window": 1}, {"scales": 0}, {"scales": 6}, {"weight": 0}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MSSSIMOptions.model_validate(options)
