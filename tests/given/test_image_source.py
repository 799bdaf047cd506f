"""The forms in which Python code gives images."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from priorkit.errors import DataError
from priorkit.given.columns import columns_of
from priorkit.given.image_source import GivenSource
from priorkit.interfaces import ImageData, ImageSet, StoredImages
from priorkit.plugins import DataContext

GREY = np.random.default_rng(0).integers(0, 256, size=(20, 16, 16), dtype=np.uint8)
LABELS = np.arange(20) % 2


class Items(Dataset[Any]):
    """A data set whose items are made by a function of the index."""

    def __init__(self, item: Any, count: int = 20) -> None:
        self.item = item
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        if index >= self.count:
            raise IndexError(index)
        return self.item(index)


class Columns(Items):
    """A data set with columns, as Hugging Face has them."""

    column_names = ("image", "label")

    class Names:
        names = ("even", "odd")

    features = {"image": None, "label": Names()}  # noqa: RUF012

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, str):
            assert index == "label", "images are read one by one"
            return LABELS.tolist()
        return super().__getitem__(index)


def load(data: Any, test_data: Any = None, transform: Any = None, **context: Any) -> ImageData:
    return GivenSource(data, test_data, transform, DataContext(**context)).load()


def everything(data: ImageData) -> Tensor:
    """All images, those held out last, in a canonical order."""
    both = torch.cat([part.take(torch.arange(len(part))) for part in (data.train, data.test)])
    return both[both.flatten(1).long().mul(torch.arange(256)).sum(1).argsort()]


EXPECTED = everything(load(GREY))


@pytest.mark.parametrize(
    "data",
    [
        GREY,
        torch.from_numpy(GREY),
        GREY / 255,
        list(GREY),
        {"images": GREY},
        (GREY, LABELS),
        (list(GREY), LABELS.tolist()),
        {"images": GREY, "labels": LABELS, "class_names": ["even", "odd"]},
        TensorDataset(torch.from_numpy(GREY)[:, None], torch.from_numpy(LABELS)),
        Items(lambda index: Image.fromarray(GREY[index])),
        [Image.fromarray(image) for image in GREY],
        Items(lambda index: (torch.from_numpy(GREY[index])[None] / 255, int(LABELS[index]))),
        Items(lambda index: {"img": GREY[index], "label": LABELS[index], "text": f"image {index}"}),
        Columns(lambda index: {"image": Image.fromarray(GREY[index]), "label": int(LABELS[index])}),
        ImageData(*(ImageSet(torch.from_numpy(part)[:, None]) for part in (GREY[:10], GREY[10:]))),
    ],
    ids=lambda data: type(data).__name__,
)
def test_every_form_gives_the_same_images(data: Any) -> None:
    assert torch.equal(everything(load(data)), EXPECTED)


def test_what_comes_with_images_goes_with_them() -> None:
    embeddings = np.random.default_rng(1).normal(size=(20, 3))
    captions = [f"image {index}" for index in range(20)]
    found = load({"images": GREY, "labels": LABELS, "embeddings": embeddings, "captions": captions})
    for part in (found.train, found.test):
        assert part.labels is not None
        assert part.embeddings is not None
        assert part.captions is not None
        for image, label, vector, (caption,) in zip(
            part.take(torch.arange(len(part))), part.labels, part.embeddings, part.captions, strict=True
        ):
            (index,) = [place for place in range(20) if np.array_equal(GREY[place], image[0])]
            assert (int(label), caption) == (LABELS[index], f"image {index}")
            assert np.allclose(vector.numpy(), embeddings[index], atol=1e-6)
    assert found.class_names == ("0", "1")
    assert found.notes == ("2 of 20 images are held out",)


def test_columns_and_class_names_of_a_data_set_are_used() -> None:
    found = load(Columns(lambda index: {"image": Image.fromarray(GREY[index]), "label": int(LABELS[index])}))
    assert found.class_names == ("even", "odd")


@pytest.mark.parametrize(
    ("data", "test_data"),
    [
        (GREY[:15], GREY[15:]),
        ({"images": GREY[:15], "test_images": GREY[15:]}, None),
        ({"train": GREY[:15], "test": GREY[15:]}, None),
        ({"train": GREY[:15], "validation": GREY[15:]}, None),
    ],
)
def test_held_out_images_may_be_given(data: Any, test_data: Any) -> None:
    found = load(data, test_data)
    assert torch.equal(found.test.first(5), torch.from_numpy(GREY[15:])[:, None])
    assert (len(found.train), found.notes) == (15, ())


def test_dark_held_out_images_stay_dark() -> None:
    found = load(GREY.astype(float), np.minimum(GREY, 1).astype(float))
    assert int(found.test.first(20).max()) == 1


def test_bytes_and_numbers_may_be_mixed() -> None:
    found = load(GREY[:15], GREY[15:] / 255)
    assert torch.equal(found.test.first(5), torch.from_numpy(GREY[15:])[:, None])


def test_labels_are_those_of_the_items() -> None:
    data = Items(lambda index: (GREY[index], int(LABELS[index])))
    data.targets = torch.arange(20)  # type: ignore[attr-defined]
    assert load(data).class_names == ("0", "1")


def test_items_that_are_too_many_for_the_memory_are_read_when_they_are_needed() -> None:
    data = Items(lambda index: (Image.fromarray(GREY[index]), int(LABELS[index])))
    streamed, held = load(data, memory=100), load(data)
    assert isinstance(streamed.train.images, StoredImages)
    assert torch.equal(everything(streamed), EXPECTED)
    assert torch.equal(streamed.train.first(5), held.train.first(5))
    again = load(data, memory=100).train.images
    assert isinstance(again, StoredImages)
    assert again.fingerprint() == streamed.train.images.fingerprint()


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter(GREY)


def failing(index: int) -> Any:
    if index == 7:
        raise OSError("the disk is gone")
    return GREY[index]


noise = np.random.default_rng(2)


@pytest.mark.parametrize(
    ("data", "test_data", "told"),
    [
        ("images.npz", None, "to read files, use dataset='folder' or 'npz'"),
        (3, None, "data: expected an array or a tensor of images"),
        ([], None, "data is empty"),
        (GREY[:1], None, "data has one image, but one to train on and one to hold out are needed"),
        (DataLoader(TensorDataset(torch.zeros(2, 1, 16, 16))), None, "give its data set, .dataset"),
        (Stream(), None, "can only be read once"),
        ((image for image in GREY), None, "can only be read once"),
        ({"pictures": GREY}, None, "a dict must have the key 'images'.*; this one has 'pictures'"),
        ({"images": "x"}, None, r"data\['images'\]: expected an array or a tensor, not str"),
        ((GREY, LABELS[:5]), None, "there are 20 images but 5 labels; give one for each image"),
        ({"images": GREY, "captions": ["a"]}, None, "there are 20 images but captions of 1"),
        ({"images": GREY, "embeddings": np.zeros((3, 2))}, None, r"embeddings must have the shape \(20, dimensions\)"),
        ({"images": GREY, "embeddings": [["a"]]}, None, "embeddings cannot be converted to one array"),
        (GREY, (GREY, LABELS), "only one of data and test_data has labels"),
        (
            {"images": GREY, "labels": LABELS, "class_names": ["a", "b"]},
            {"images": GREY, "labels": LABELS, "class_names": ["b", "a"]},
            "data and test_data have other class names",
        ),
        ((GREY, LABELS), (GREY, LABELS.astype(str)), "have labels of different kinds, numbers and texts"),
        (
            Items(lambda index: GREY[index] if index < 19 else noise.integers(0, 9, (16, 16), np.uint8)),
            None,
            r"data\[19\] is a different image each time",
        ),
        (GREY, GREY[:, :8], r"data has images of shape \(1, 16, 16\)"),
        ({"images": GREY, "test_images": GREY}, GREY, "test_data is given too"),
        (ImageData(*[ImageSet(torch.from_numpy(GREY)[:, None])] * 2), GREY, "leave test_data out"),
        (Items(failing), None, r"data\[7\] cannot be read: OSError: the disk is gone"),
        (
            Items(lambda index: noise.integers(0, 9, (4, 4), np.uint8)),
            None,
            "a different image each time that it is read",
        ),
        (Items(lambda index: GREY[index][: 16 - index]), None, r"data\[1\] has the shape \(1, 15, 16\)"),
        (Items(lambda index: {"a": 1}), None, "an image is expected under one of 'image', 'images'"),
        (
            Items(lambda index: {"image": GREY[index], **({} if index else {"label": 1})}),
            None,
            r"data\[1\] has no 'label'",
        ),
    ],
)
def test_other_data_is_refused_in_one_line(data: Any, test_data: Any, told: str) -> None:
    with pytest.raises(DataError, match=told) as caught:
        load(data, test_data)
    assert "\n" not in str(caught.value)


def test_items_are_read_once_for_all_that_comes_with_them() -> None:
    read: list[int] = []

    def item(index: int) -> dict[str, Any]:
        read.append(index)
        return {"image": GREY[index], "label": int(LABELS[index]), "caption": f"image {index}", "embedding": [1.0]}

    items = columns_of(Items(item), "data")
    assert (items.labels, items.captions[3], items.embeddings[3]) == (LABELS.tolist(), "image 3", [1.0])
    # The last item is among those that are read twice to see whether they change, and once for the columns.
    assert read.count(19) == 3
