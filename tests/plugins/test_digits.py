"""The data set `digits`."""

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from priorkit.interfaces import ImageData
from priorkit.plugins import DataContext
from priorkit_plugins.digits import DigitsOptions, priorkit_datasets


def load(context: DataContext | None = None) -> ImageData:
    (component,) = priorkit_datasets()
    assert component.name == "digits"
    return component.build(DigitsOptions(), context or DataContext()).load()


@pytest.fixture(scope="module")
def data() -> ImageData:
    return load()


def test_shapes_and_names(data: ImageData) -> None:
    assert data.shape == (1, 16)
    assert len(data.test) == 180
    assert len(data.train) == 1797 - 180
    assert data.class_names == tuple("0123456789")
    assert any("16x16" in note for note in data.notes)
    assert any("180 of 1797" in note for note in data.notes)


def test_images_and_labels_are_those_of_scikit_learn(data: ImageData) -> None:
    digits = load_digits()
    # Pillow enlarges independently of torch.
    bordered = np.pad(digits.images, ((0, 0), (1, 1), (1, 1))).astype(np.float32) * 255 / 16
    enlarged = [np.asarray(Image.fromarray(image).resize((16, 16), Image.Resampling.BICUBIC)) for image in bordered]
    reference = torch.from_numpy(np.stack(enlarged)).clamp(0, 255).flatten(1)
    images = torch.cat([data.train.images, data.test.images]).flatten(1).float()
    assert data.train.labels is not None
    assert data.test.labels is not None
    labels = torch.cat([data.train.labels, data.test.labels])
    source = torch.cdist(images, reference).argmin(1)
    assert torch.equal(source.sort().values, torch.arange(1797))
    assert (images - reference[source]).abs().max() <= 1
    assert torch.equal(labels, torch.from_numpy(digits.target)[source])


def test_the_held_out_images_depend_on_seed_and_share(data: ImageData) -> None:
    again, other = load(), load(DataContext(seed=1))
    assert torch.equal(again.test.images, data.test.images)
    assert not torch.equal(other.test.images, data.test.images)
    assert len(load(DataContext(holdout=0.5)).test) == 898


@pytest.mark.parametrize("size", [16, 64])
def test_digits_are_enlarged_to_the_size_asked_for(size: int) -> None:
    assert load(DataContext(image_size=size)).shape == (1, size)
