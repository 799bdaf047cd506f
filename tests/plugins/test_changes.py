"""Changes of images that keep their classes."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional as reference

from priorkit_plugins.conditions.changes import AffineChanges, ImageChanges, PhotographChanges

CHANGES = [AffineChanges(), PhotographChanges()]
every = pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: type(changes).__name__)


def noise_of(changes: ImageChanges, n: int, seed: int = 0) -> torch.Tensor:
    return 2 * torch.rand(n, changes.numbers, generator=torch.Generator().manual_seed(seed)) - 1


def blob(size: int = 32) -> torch.Tensor:
    """A smooth, lopsided thing in the middle of a black image."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    bumps = [torch.exp(-((x - a).square() + (y - b).square()) / 0.05) for a, b in ((0.0, 0.0), (0.3, 0.1), (0.0, -0.4))]
    return (2 * torch.stack(bumps).amax(0) - 1)[None, None]


def inner(images: torch.Tensor) -> torch.Tensor:
    """All but the edges, where torchvision blends what it fills in with zeros."""
    return images[:, :, 6:-6, 6:-6]


@every
@given(seed=st.integers(0, 2**32 - 1), channels=st.sampled_from([1, 3]), n=st.integers(1, 4))
@settings(deadline=None, max_examples=20)
def test_each_image_is_changed_by_its_own_numbers(changes: ImageChanges, seed: int, channels: int, n: int) -> None:
    images = 2 * torch.rand(n, channels, 16, 16, generator=torch.Generator().manual_seed(seed)) - 1
    noise = noise_of(changes, n, seed)
    changed = changes(images, noise)
    assert changed.shape == images.shape
    assert changed.abs().max() <= 1
    for i in range(n):
        torch.testing.assert_close(changes(images[i : i + 1], noise[i : i + 1]), changed[i : i + 1])


def test_no_numbers_no_change() -> None:
    images = blob()
    torch.testing.assert_close(AffineChanges()(images, torch.zeros(1, 5)), images)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_rotation_and_shift_are_those_of_torchvision(sign: float) -> None:
    noise = torch.zeros(1, 5)
    noise[0, 0] = sign
    turned = AffineChanges(rotation=20)(blob(), noise)
    expected = reference.rotate(blob(), 20 * sign, interpolation=reference.InterpolationMode.BILINEAR, fill=[-1.0])
    torch.testing.assert_close(inner(turned), inner(expected), atol=0.02, rtol=0)
    noise = torch.zeros(1, 5)
    noise[0, 3] = sign
    # 0.25 of the grid's half, of 32 pixels: four pixels.
    shifted = AffineChanges(shift=0.25)(blob(), noise)
    torch.testing.assert_close(inner(shifted), inner(blob().roll(-4 * int(sign), dims=3)), atol=0.01, rtol=0)


def test_scale_and_shear() -> None:
    noise = torch.zeros(1, 5)
    noise[0, 1] = 1
    scaled = AffineChanges(scale=0.2)(blob(), noise)
    expected = reference.affine(
        blob(), 0.0, [0, 0], 1 / 1.2, [0.0, 0.0], interpolation=reference.InterpolationMode.BILINEAR, fill=[-1.0]
    )
    torch.testing.assert_close(inner(scaled), inner(expected), atol=0.02, rtol=0)
    noise = torch.zeros(1, 5)
    noise[0, 2] = 1
    sheared = AffineChanges(shear=0.3)(blob(), noise)
    degrees = math.degrees(math.atan(0.3))
    expected = reference.affine(
        blob(), 0.0, [0, 0], 1.0, [degrees, 0.0], interpolation=reference.InterpolationMode.BILINEAR, fill=[-1.0]
    )
    torch.testing.assert_close(inner(sheared), inner(expected), atol=0.02, rtol=0)


def test_what_comes_in_at_the_edge_is_no_grey() -> None:
    black = -torch.ones(64, 1, 16, 16)
    torch.testing.assert_close(AffineChanges()(black, noise_of(AffineChanges(), 64)), black)


def test_photographs_are_mirrored_in_half_of_the_cases() -> None:
    changes = PhotographChanges(crop=1.0, brightness=0.0, contrast=0.0, colour=0.0)
    images = blob().expand(400, 3, -1, -1)
    changed = changes(images, noise_of(changes, 400))
    same = (changed - images).abs().amax((1, 2, 3)) < 1e-4
    mirrored = (changed - images.flip(3)).abs().amax((1, 2, 3)) < 1e-4
    assert bool((same ^ mirrored).all())
    # Four standard deviations of a share.
    assert abs(float(mirrored.float().mean()) - 0.5) < 4 * 0.5 / 20


def test_crops_lie_within_the_photograph() -> None:
    changes = PhotographChanges(crop=0.5, brightness=0.0, contrast=0.0, colour=0.0)
    ramp = torch.linspace(-1, 1, 32).expand(1, 1, 32, 32)
    noise = torch.zeros(1, 10)
    noise[0, 0], noise[0, 1], noise[0, 3] = 1, 1, 1
    # The smallest crop, as far right as it goes: the right half.
    assert float(changes(ramp, noise).min()) == pytest.approx(0, abs=0.05)
    assert float(changes(ramp, noise).max()) == pytest.approx(1, abs=0.05)


def test_colours_change_by_themselves() -> None:
    changes = PhotographChanges(crop=1.0)
    images = 0.5 * (2 * torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)) - 1)
    still = torch.zeros(1, 10)
    torch.testing.assert_close(changes(images, still), images)
    for number, changed in ((4, "saturation"), (5, "contrast"), (6, "brightness"), (7, "red")):
        noise = still.clone()
        noise[0, number] = 1
        difference = changes(images, noise) - images
        if changed == "saturation":
            torch.testing.assert_close(difference.mean(1), torch.zeros(1, 16, 16), atol=1e-5, rtol=0)
        elif changed == "contrast":
            torch.testing.assert_close(difference, 0.4 * (images - images.mean()))
        elif changed == "brightness":
            torch.testing.assert_close(difference, torch.full_like(images, 0.3))
        else:
            torch.testing.assert_close(difference[:, 0], torch.full((1, 16, 16), 0.2))
            torch.testing.assert_close(difference[:, 1:], torch.zeros(1, 2, 16, 16), atol=1e-6, rtol=0)
        assert float(difference.abs().max()) > 0.01


@pytest.mark.parametrize("changes", [AffineChanges(), PhotographChanges()])
def test_mixed_precision_moves_no_pixel(changes: ImageChanges) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(4, 3, 32, 32, generator=generator) * 2 - 1
    noise = torch.rand(4, changes.numbers, generator=generator) * 2 - 1
    expected = changes(images, noise)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(changes(images, noise), expected)
