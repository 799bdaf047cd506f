"""What the classifier chooses for the images it is to learn, and how it augments them."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from priorkit.interfaces import ImageShape
from priorkit_plugins.classifier import ClassifierOptions
from priorkit_plugins.classifier.training import TrainingSettings, choose_settings
from priorkit_plugins.image_augmentation import Augmentation, augment_images

GREY, COLOUR = ImageShape(1, 32), ImageShape(3, 32)
ANIMALS = ("cat", "dog")


def choose(shape: ImageShape, names: tuple[str, ...] = ANIMALS, **options: Any) -> TrainingSettings:
    return choose_settings(ClassifierOptions(**options), shape, names)


def numbered(count: int, channels: int, size: int) -> Tensor:
    """Images whose pixels differ from each other and over channels, so that each says where it came from."""
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    planes = [rows, columns, (rows * 7 + columns * 3) % 256][:channels] if channels == 3 else [rows * size + columns]
    return torch.stack(planes).to(torch.uint8).expand(count, -1, -1, -1).clone()


def drawn(images: Tensor, augmentation: Augmentation, seed: int) -> Tensor:
    return augment_images(images, augmentation, torch.Generator().manual_seed(seed))


SEEDS = st.integers(0, 2**31)
CHANNELS = st.sampled_from([1, 3])
SIZES = st.sampled_from([16, 17, 32])


@settings(deadline=None, max_examples=30)
@given(SEEDS, CHANNELS, SIZES, st.sampled_from(["none", "crop", "crop-flip"]))
def test_the_same_seed_gives_the_same_images(seed: int, channels: int, size: int, augmentation: Augmentation) -> None:
    images = torch.randint(0, 256, (8, channels, size, size), generator=torch.Generator().manual_seed(seed))
    images = images.to(torch.uint8)
    before = images.clone()
    found = drawn(images, augmentation, seed)
    assert found.dtype == torch.uint8
    assert found.shape == images.shape
    assert torch.equal(images, before)
    assert torch.equal(found, drawn(images, augmentation, seed))


@settings(deadline=None, max_examples=30)
@given(SEEDS, SIZES)
def test_every_image_is_one_of_the_crops_of_its_reflected_border(seed: int, size: int) -> None:
    images = numbered(6, 3, size)
    padded = torch.nn.functional.pad(images.float(), (4, 4, 4, 4), mode="reflect").to(torch.uint8)
    crops = [padded[0, :, y : y + size, x : x + size] for y in range(9) for x in range(9)]
    for image in drawn(images, "crop", seed):
        assert any(torch.equal(image, crop) for crop in crops)
    for image in drawn(images, "crop-flip", seed):
        assert any(torch.equal(image, crop) or torch.equal(image.flip(2), crop) for crop in crops)


def test_every_shift_and_both_sides_occur() -> None:
    images = numbered(2000, 3, 16)
    # The first channel holds the row, the second the column; in the middle, nothing is reflected.
    moved = drawn(images, "crop", 0)
    assert set(moved[:, 0, 8, 8].tolist()) == set(moved[:, 1, 8, 8].tolist()) == set(range(4, 13))
    assert bool((moved[:, 1, 8, 9] > moved[:, 1, 8, 8]).all())
    turned = drawn(images, "crop-flip", 0)
    flipped = turned[:, 1, 8, 9] < turned[:, 1, 8, 8]
    assert 0.45 < flipped.double().mean() < 0.55
    assert bool((turned[:, 0, 9, 8] > turned[:, 0, 8, 8]).all())


def test_no_augmentation_draws_nothing() -> None:
    generator = torch.Generator().manual_seed(3)
    state = generator.get_state()
    images = numbered(4, 1, 16)
    assert torch.equal(augment_images(images, "none", generator), images)
    assert torch.equal(generator.get_state(), state)


def test_grey_images_get_the_plain_network_as_they_are() -> None:
    chosen = choose(GREY)
    assert (chosen.architecture, chosen.augment, chosen.epochs, chosen.steps) == ("plain", "none", 3, 300)
    assert choose(GREY, architecture="residual").augment == "none"


def test_colour_images_get_the_residual_network_and_are_augmented() -> None:
    chosen = choose(COLOUR)
    assert (chosen.architecture, chosen.augment) == ("residual", "crop-flip")
    assert chosen.steps > choose(GREY).steps


@pytest.mark.parametrize(
    ("names", "augment"),
    [
        (("0", "1", "10"), "crop"),
        (("a", "b"), "crop"),
        ((), "crop"),
        (("0", "cat"), "crop-flip"),
    ],
)
def test_digits_and_letters_are_not_flipped(names: tuple[str, ...], augment: Augmentation) -> None:
    assert choose(COLOUR, names).augment == augment


def test_what_the_options_say_is_done() -> None:
    chosen = choose(COLOUR, architecture="plain", augment="none", steps=7, learning_rate=0.5, width=3, epochs=2, seed=9)
    assert chosen == TrainingSettings("plain", 3, "none", 2, 7, 0.5, 9)
    assert choose(GREY, augment="crop-flip").augment == "crop-flip"
