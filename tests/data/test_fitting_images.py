"""Images brought to the sizes and channels that networks are made for."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from priorkit.data import fitting_images as module
from priorkit.data.fitting_images import IMAGE_SIZES, check_image_size, fit_images
from priorkit.errors import ConfigurationError, DataError
from priorkit.interfaces import ImageData, ImageSet, StoredImages

sizes = st.integers(1, 150)
seeds = st.integers(0, 2**32 - 1)


def noise(n: int, channels: int, height: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, channels, height, width), generator=generator, dtype=torch.uint8)


def data_of(train: Tensor, test: Tensor | None = None) -> ImageData:
    test = train[:1] if test is None else test
    return ImageData(
        ImageSet(train, torch.arange(len(train))), ImageSet(test, torch.arange(len(test))), ("a", "b"), ("read",)
    )


def fitted(images: Tensor, image_size: int | None = None, channels: int | None = None) -> Tensor:
    return fit_images(data_of(images), image_size, channels).train.images


@settings(deadline=None, max_examples=40)
@given(
    height=sizes,
    width=sizes,
    given_channels=st.sampled_from([1, 3]),
    image_size=st.sampled_from([None, *IMAGE_SIZES]),
    channels=st.sampled_from([None, 1, 3]),
    seed=seeds,
)
def test_any_images_come_to_a_possible_shape(
    height: int, width: int, given_channels: int, image_size: int | None, channels: int | None, seed: int
) -> None:
    data = data_of(noise(2, given_channels, height, width, seed), noise(1, given_channels, height, width, seed + 1))
    result = fit_images(data, image_size, channels)
    assert result.shape.size in IMAGE_SIZES
    assert result.shape.size == image_size or image_size is None
    assert result.shape.channels == (channels or given_channels)
    assert (len(result.train), len(result.test)) == (2, 1)
    assert result.train.labels is data.train.labels
    assert result.class_names == data.class_names
    # A note for each change, behind those of the data set.
    changes = [height != width, result.shape.size != min(height, width), result.shape.channels != given_channels]
    assert len(result.notes) == 1 + sum(changes)
    assert result.notes[0] == "read"
    # What fits already stays as it is.
    again = fit_images(result)
    assert (again.train is result.train, again.test is result.test) == (True, True)
    assert again.notes == result.notes


@settings(deadline=None, max_examples=20)
@given(height=sizes, width=sizes, image_size=st.sampled_from(IMAGE_SIZES), values=st.tuples(*[st.integers(0, 255)] * 3))
def test_one_colour_stays_that_colour(height: int, width: int, image_size: int, values: tuple[int, int, int]) -> None:
    colour = torch.tensor(values, dtype=torch.uint8).view(1, 3, 1, 1)
    result = fitted(colour.repeat(2, 1, height, width), image_size)
    assert torch.equal(result, colour.expand(2, 3, image_size, image_size))


@pytest.mark.parametrize(
    ("side", "size"), [(1, 16), (16, 16), (17, 32), (32, 32), (33, 64), (100, 128), (128, 128), (129, 128), (200, 128)]
)
def test_the_default_size_is_the_next_possible_one(side: int, size: int) -> None:
    assert fitted(noise(1, 1, side, side)).shape[-1] == size


def test_mnist_is_padded_with_black() -> None:
    images = noise(5, 1, 28, 28)
    images[..., 0] = images[..., -1] = images[:, :, 0] = images[:, :, -1] = 0
    data = fit_images(data_of(images))
    assert torch.equal(data.train.images[:, :, 2:30, 2:30], images)
    assert data.train.images.sum() == images.sum()
    assert data.notes[1] == "images 28x28 are padded to 32x32 with black"


def test_a_background_of_any_colour_is_continued_and_an_odd_margin_split() -> None:
    colour = torch.tensor([250, 10, 30], dtype=torch.uint8).view(1, 3, 1, 1)
    images = noise(4, 3, 49, 49)
    images[:, :, :2] = images[:, :, -1:] = images[..., :1] = images[..., -1:] = colour
    data = fit_images(data_of(images))
    expected = colour.repeat(4, 1, 64, 64)
    expected[:, :, 7:56, 7:56] = images
    assert torch.equal(data.train.images, expected)
    assert data.notes[1].endswith("with the colour of their background")


def test_held_out_images_get_the_background_of_those_to_train_on() -> None:
    train, test = torch.zeros(2, 1, 28, 28, dtype=torch.uint8), torch.full((2, 1, 28, 28), 9, dtype=torch.uint8)
    padded = fit_images(data_of(train, test)).test.images
    assert torch.equal(padded[:, :, 2:30, 2:30], test)
    assert padded.sum() == test.sum()


@pytest.mark.parametrize("case", ["no background", "margin too wide", "half of the edge"])
def test_other_images_are_resized(case: str) -> None:
    images = noise(3, 1, 28, 28)
    if case == "margin too wide":
        images = torch.zeros(3, 1, 23, 23, dtype=torch.uint8)
    if case == "half of the edge":
        # 108 pixels lie along the edge; 54 of them are black, and that is no majority.
        images[:] = 1 + images // 2
        images[:, :, 0], images[:, :, 1:27, 0] = 0, 0
    data = fit_images(data_of(images))
    side = images.shape[-1]
    assert data.notes[1] == f"images {side}x{side} are resized to 32x32"


@settings(deadline=None, max_examples=25)
@given(side=sizes, image_size=st.sampled_from(IMAGE_SIZES), seed=seeds)
def test_resizing_agrees_with_pillow(side: int, image_size: int, seed: int) -> None:
    images = noise(1, 3, side, side, seed)
    if image_size == side:
        return
    reference = [
        np.asarray(Image.fromarray(channel.astype(np.float32)).resize((image_size,) * 2, Image.Resampling.BICUBIC))
        for channel in images[0].numpy()
    ]
    expected = torch.from_numpy(np.stack(reference)).clamp(0, 255)
    # Noise has no background, so that nothing is padded.
    assert (fitted(images, image_size)[0] - expected).abs().max() <= 0.51


@settings(deadline=None, max_examples=10)
@given(seed=seeds)
def test_grey_agrees_with_pillow(seed: int) -> None:
    images = noise(1, 3, 32, 32, seed)
    reference = np.asarray(Image.fromarray(images[0].permute(1, 2, 0).numpy()).convert("L"))
    grey = fitted(images, channels=1)[0, 0]
    assert (grey.int() - torch.from_numpy(reference.astype(np.int32))).abs().max() <= 1
    # 601 luma of pure green: 0.587 * 255.
    green = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    green[:, 1] = 255
    assert fitted(green, channels=1).unique().tolist() == [150]


def test_rgb_repeats_grey() -> None:
    images = noise(3, 1, 32, 32)
    data = fit_images(data_of(images), channels=3)
    assert torch.equal(data.train.images, images.repeat(1, 3, 1, 1))
    assert data.notes[1] == "grey images are repeated as RGB"
    assert fit_images(data, channels=1).notes[-1] == "colour images are turned to grey"
    assert torch.equal(fit_images(data, channels=1).train.images, images)


@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"), [(16, 21, (0, 16), (2, 18)), (40, 32, (4, 36), (0, 32))]
)
def test_the_central_square_is_kept(height: int, width: int, rows: tuple[int, int], columns: tuple[int, int]) -> None:
    images = noise(2, 3, height, width)
    data = fit_images(data_of(images))
    assert torch.equal(data.train.images, images[:, :, slice(*rows), slice(*columns)])
    assert f"images {width}x{height} (width x height) are cropped" in data.notes[1]


def test_the_size_of_chunks_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    images = noise(11, 3, 20, 25)
    whole = fitted(images, 32, 1)
    monkeypatch.setattr(module, "_CHUNK", 4 * 3 * 32 * 32)
    assert torch.equal(fitted(images, 32, 1), whole)


def test_the_images_given_are_left_alone() -> None:
    images = noise(2, 3, 28, 30)
    before = images.clone()
    fitted(images, 64, 1)
    assert torch.equal(images, before)


@pytest.mark.parametrize(("given", "nearest"), [(0, 16), (17, 16), (28, 32), (100, 128), (256, 128), (-5, 16)])
def test_an_impossible_size_is_refused_with_the_nearest_one(given: int, nearest: int) -> None:
    with pytest.raises(
        ConfigurationError, match=rf"16, 32, 64, 128 pixels wide, not {given}: .*--image-size {nearest}$"
    ):
        check_image_size(given)
    with pytest.raises(ConfigurationError, match=rf"--image-size {nearest}$"):
        fit_images(data_of(noise(1, 1, 32, 32)), image_size=given)


def test_impossible_channels_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"not 4: choose --channels 1 or 3$"):
        fit_images(data_of(noise(1, 1, 32, 32)), channels=4)


def test_two_shapes_are_refused() -> None:
    with pytest.raises(DataError, match=r"\(1, 32, 32\) .* \(1, 28, 28\)"):
        fit_images(data_of(noise(1, 1, 32, 32), noise(1, 1, 28, 28)))


@settings(deadline=None, max_examples=60)
@given(
    height=sizes,
    width=sizes,
    given_channels=st.sampled_from([1, 3]),
    image_size=st.sampled_from([None, *IMAGE_SIZES]),
    channels=st.sampled_from([None, 1, 3]),
    bordered=st.booleans(),
    seed=seeds,
    data=st.data(),
)
def test_stored_images_are_changed_to_the_same_pixels(
    height: int,
    width: int,
    given_channels: int,
    image_size: int | None,
    channels: int | None,
    bordered: bool,
    seed: int,
    data: st.DataObject,
    kept_images: Callable[..., StoredImages],
) -> None:
    train, test = noise(9, given_channels, height, width, seed), noise(2, given_channels, height, width, seed + 1)
    if bordered:
        train[:, :, 0] = train[:, :, -1] = train[..., 0] = train[..., -1] = 7
    memory = fit_images(data_of(train, test), image_size, channels)
    stored = fit_images(ImageData(ImageSet(kept_images(train)), ImageSet(kept_images(test))), image_size, channels)
    assert memory.notes[1:] == tuple(stored.notes)
    assert memory.shape == stored.shape
    assert isinstance(stored.train.images, StoredImages)
    chosen = torch.tensor(data.draw(st.lists(st.integers(0, 8), min_size=1, max_size=12)))
    assert torch.equal(stored.train.take(chosen), memory.train.take(chosen))
    assert torch.equal(stored.test.first(5), memory.test.first(5))


def test_few_stored_images_are_looked_at(
    kept_images: Callable[..., StoredImages], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOOKED_AT", 10)
    images = torch.zeros(25, 1, 28, 28, dtype=torch.uint8)
    # A background that those do not have which are looked at, in either place.
    images[1::5] = 200
    stored = kept_images(images)
    lazy = fit_images(ImageData(ImageSet(stored), ImageSet(stored)))
    assert stored.reads == [10]
    assert lazy.notes == fit_images(data_of(images)).notes[1:]
    assert lazy.train.images.fingerprint() == stored.fingerprint()
