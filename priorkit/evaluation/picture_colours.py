"""Finds the colour of a picture, by a rule, and the colours that a caption names."""

from typing import NamedTuple

import torch
from torch import Tensor

from priorkit.plugins import caption_words

__all__ = ["COLOURS", "HSV", "named_colours", "rgb_to_hsv", "shown_colours"]

COLOURS = ("red", "orange", "yellow", "pink", "purple", "blue", "white")
"""Words for the colours that the rule distinguishes. Green is not among them: it is the background of plants."""

_OTHERS = frozenset(
    [
        "aqua",
        "beige",
        "black",
        "bronze",
        "brown",
        "burgundy",
        "cream",
        "crimson",
        "cyan",
        "fuchsia",
        "gold",
        "golden",
        "gray",
        "green",
        "grey",
        "indigo",
        "ivory",
        "lavender",
        "lilac",
        "magenta",
        "maroon",
        "mauve",
        "peach",
        "salmon",
        "scarlet",
        "silver",
        "tan",
        "teal",
        "turquoise",
        "violet",
    ]
)
"""Words for other colours, which the rule does not distinguish."""

_LEAST = 0.02
"""Minimal share of the pixels that have the most frequent colour."""


class HSV(NamedTuple):
    """Pixels as hue, saturation and value.

    Attributes:
        hue: In degrees, from 0 to below 360; 0 for grey.
        saturation: From 0 to 1; 0 for black.
        value: From 0 to 1.
    """

    hue: Tensor
    saturation: Tensor
    value: Tensor


def rgb_to_hsv(images: Tensor) -> HSV:
    """Hue, saturation and value of uint8 images (N, 3, H, W): each float32 (N, H, W) (Smith 1978)."""
    red, green, blue = (images.float() / 255).unbind(1)
    value, where = torch.stack([red, green, blue]).max(0)
    span = value - torch.minimum(torch.minimum(red, green), blue)
    divisor = span.clamp(min=1e-9)
    sixths = torch.stack([(green - blue) / divisor % 6, (blue - red) / divisor + 2, (red - green) / divisor + 4])
    hue = 60 * sixths.gather(0, where[None])[0]
    return HSV(hue % 360, span / value.clamp(min=1e-9), value)


def shown_colours(images: Tensor) -> Tensor:
    """The most frequent colour in the central half of each picture.

    A pixel with a value above 0.25 is white if its saturation is below 0.22 and its value above 0.55. With a saturation
    of at least 0.3, its colour depends on its hue in degrees: red (345 to 14), orange (14 to 38), yellow (38 to 66),
    blue (170 to 255), purple (255 to 300) or pink (300 to 345; also red hues with a saturation below 0.6 and a value
    above 0.6). All other pixels, green among them, have no colour. The bounds were set by eye on photographs of
    flowers.

    Args:
        images: uint8, shape (N, 3, H, W).

    Returns:
        Indices into `COLOURS`, int64 (N,); -1 if no colour has more than 2 % of the pixels.

    Examples:
        >>> import torch
        >>> from priorkit.evaluation.picture_colours import COLOURS, shown_colours
        >>> picture = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
        >>> picture[:, 0, 6:10, 6:10] = 200
        >>> COLOURS[shown_colours(picture)]
        'red'
    """
    height, width = images.shape[2:]
    middle = images[:, :, height // 4 : height - height // 4, width // 4 : width - width // 4]
    hue, saturation, value = rgb_to_hsv(middle)
    bright, coloured = value > 0.25, saturation >= 0.3
    reddish = (hue < 14) | (hue >= 345)
    pale = (saturation < 0.6) & (value > 0.6)
    of_pixels = {
        "red": coloured & reddish & ~pale,
        "orange": coloured & (hue >= 14) & (hue < 38),
        "yellow": coloured & (hue >= 38) & (hue <= 66),
        "pink": coloured & (((hue >= 300) & (hue < 345)) | (reddish & pale)),
        "purple": coloured & (hue >= 255) & (hue < 300),
        "blue": coloured & (hue >= 170) & (hue < 255),
        "white": (saturation < 0.22) & (value > 0.55),
    }
    shares = torch.stack([(of_pixels[name] & bright).float().mean((1, 2)) for name in COLOURS], dim=1)
    most, which = shares.max(1)
    return torch.where(most > _LEAST, which, -1)


def named_colours(text: str) -> tuple[str, ...]:
    """The words for colours in a text, each once, in the order of the text: those of `COLOURS`, and others.

    Examples:
        >>> from priorkit.evaluation import named_colours
        >>> named_colours("A pink rose that is white and pink.")
        ('pink', 'white')
        >>> named_colours("green petals with yellow stamen")
        ('green', 'yellow')
    """
    return tuple(dict.fromkeys(word for word in caption_words(text) if word in COLOURS or word in _OTHERS))
