import colorsys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from priorkit.evaluation.picture_colours import COLOURS, named_colours, rgb_to_hsv, shown_colours

PLANTED = {
    "red": (200, 20, 30),
    "orange": (250, 140, 20),
    "yellow": (250, 220, 30),
    "pink": (240, 90, 180),
    "purple": (150, 60, 220),
    "blue": (60, 90, 220),
    "white": (240, 240, 235),
}


def picture(colour: tuple[int, int, int], around: tuple[int, int, int] = (40, 120, 40), size: int = 32) -> torch.Tensor:
    """A square of a colour in the middle of another."""
    images = torch.tensor(around, dtype=torch.uint8).view(1, 3, 1, 1).repeat(1, 1, size, size)
    images[:, :, size // 4 : -(size // 4), size // 4 : -(size // 4)] = torch.tensor(colour).view(1, 3, 1, 1)
    return images


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_hsv_is_that_of_the_standard_library(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (2, 3, 2, 3), generator=generator).to(torch.uint8)
    # Greys and pure colours are where a hue may go wrong.
    images[0, :, 0, 0] = images[0, 0, 0, 0]
    images[0, 1:, 0, 1] = 0
    hue, saturation, value = rgb_to_hsv(images)
    pixels = images.permute(0, 2, 3, 1).reshape(-1, 3).double() / 255
    expected = np.array([colorsys.rgb_to_hsv(*pixel.tolist()) for pixel in pixels])
    assert float(hue.min()) >= 0
    assert float(hue.max()) < 360
    turn = np.abs(hue.flatten().numpy() - 360 * expected[:, 0])
    assert np.minimum(turn, 360 - turn).max() < 1e-2
    np.testing.assert_allclose(saturation.flatten(), expected[:, 1], atol=1e-5)
    np.testing.assert_allclose(value.flatten(), expected[:, 2], atol=1e-5)


@pytest.mark.parametrize("name", COLOURS)
def test_planted_colours_are_found(name: str) -> None:
    assert COLOURS[int(shown_colours(picture(PLANTED[name])))] == name


def test_the_rim_does_not_count() -> None:
    assert COLOURS[int(shown_colours(picture(PLANTED["blue"], around=PLANTED["red"])))] == "blue"


def test_what_has_no_colour() -> None:
    images = torch.cat([picture(colour) for colour in ((0, 0, 0), (40, 120, 40), (90, 90, 90))])
    assert shown_colours(images).tolist() == [-1, -1, -1]


def test_the_majority_counts() -> None:
    image = picture(PLANTED["white"])
    image[:, :, 8:13, 8:24] = torch.tensor(PLANTED["pink"]).view(1, 3, 1, 1)
    assert COLOURS[int(shown_colours(image))] == "white"
    image[:, :, 8:18, 8:24] = torch.tensor(PLANTED["pink"]).view(1, 3, 1, 1)
    assert COLOURS[int(shown_colours(image))] == "pink"


def test_named_colours_are_words() -> None:
    assert named_colours("Red, white and RED; a blueish bud.") == ("red", "white")
    assert named_colours("a bird") == ()
    assert named_colours("petals are green with yellow stamen") == ("green", "yellow")
