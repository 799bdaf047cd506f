"""scikit-learn's handwritten digits."""

import torch
from sklearn.datasets import load_digits
from torch.nn import functional

from priorkit.interfaces import Captions, DataSource, ImageData, ImageSet
from priorkit.plugins import held_out

__all__ = ["DigitsSource"]


class DigitsSource(DataSource):
    """1,797 grey images of the digits 0 to 9, enlarged smoothly from 8x8 pixels.

    Each image has three captions that name its digit; they are made from the labels, to try out text.

    The digits reach the upper and lower edge of their 8x8 pixels, so each gets a black border of one pixel before
    bicubic interpolation enlarges it.

    Args:
        image_size: Height and width of the result in pixels.
        holdout: Share of the images to hold out, between 0 and 1; at least one image is held out, and at least one is
            not.
        seed: Seed of the choice of images to hold out.
    """

    reads_data_dir = False

    def __init__(self, image_size: int = 16, holdout: float = 0.1, seed: int = 0) -> None:
        self.image_size = image_size
        self.holdout = holdout
        self.seed = seed

    def load(self) -> ImageData:
        """Reads the digits from scikit-learn."""
        digits = load_digits()
        ink = functional.pad(torch.from_numpy(digits.images).float().unsqueeze(1), (1, 1, 1, 1))
        size = (self.image_size, self.image_size)
        ink = functional.interpolate(ink, size=size, mode="bicubic", align_corners=False, antialias=True)
        # The scanner's values are 0 to 16.
        images = (ink * (255 / 16)).round().clamp(0, 255).to(torch.uint8)
        labels = torch.from_numpy(digits.target).long()
        captions = Captions([_captions(int(digit)) for digit in digits.target])
        parts = held_out(len(images), self.holdout, self.seed)
        train, test = (ImageSet(images[part], labels[part], captions=captions.take(part)) for part in parts)
        return ImageData(
            train=train,
            test=test,
            class_names=tuple(str(digit) for digit in digits.target_names),
            notes=(
                f"digits of 8x8 pixels are enlarged to {size[0]}x{size[1]}",
                f"{len(test)} of {len(images)} images are held out",
            ),
        )


def _captions(digit: int) -> tuple[str, ...]:
    word = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")[digit]
    return f"the digit {word}", f"a handwritten {digit}", f"this image shows a {word}"
