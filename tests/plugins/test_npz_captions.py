"""Captions in the data set `npz`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from priorkit.errors import DataError
from priorkit.interfaces import ImageData, ImageSet, StoredImages
from priorkit.plugins import DataContext
from priorkit_plugins.npz import captions as module
from priorkit_plugins.npz import priorkit_datasets

IMAGES = np.arange(6, dtype=np.uint8).repeat(16).reshape(6, 4, 4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "images.npz"


def load(path: Path, captions: bool = True, **context: Any) -> ImageData:
    (component,) = priorkit_datasets()
    return component.build(component.options(captions=captions), DataContext(data_dir=path, **context)).load()


def message(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def said(part: ImageSet) -> dict[int, tuple[str, ...]]:
    assert part.captions is not None
    return dict(zip(part.first(9)[:, 0, 0, 0].tolist(), part.captions, strict=True))


@pytest.mark.parametrize("memory", [None, 0])
@pytest.mark.parametrize("chunk", [2, 1024])
def test_captions_go_with_their_images(
    memory: int | None, chunk: int, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CHUNK", chunk)
    texts = [[f"image {index}", "赤い花 \n" if index % 2 else ""] for index in range(6)]
    np.savez(path, images=IMAGES, captions=np.array(texts))
    data = load(path, holdout=0.4, **({} if memory is None else {"memory": memory}))
    assert isinstance(data.train.images, StoredImages) == (memory == 0)
    expected = {index: (f"image {index}", "赤い花")[: 1 + index % 2] for index in range(6)}
    assert said(data.train) | said(data.test) == expected
    assert len(data.test) == 2
    assert "there are 1 to 2 captions of each image" in data.notes
    without = load(path, captions=False)
    assert without.train.captions is None
    assert "arrays that are not read: captions" in without.notes


@pytest.mark.parametrize("encoded", [False, True])
def test_captions_of_both_sets(encoded: bool, path: Path) -> None:
    texts = np.array([f"Blüte {index}" for index in range(6)])
    texts = np.char.encode(texts, "utf-8") if encoded else texts
    np.savez(path, train_images=IMAGES, train_captions=texts, test_images=IMAGES[:2], test_captions=texts[:2, None])
    data = load(path)
    assert said(data.train) == {index: (f"Blüte {index}",) for index in range(6)}
    assert said(data.test) == {index: (f"Blüte {index}",) for index in range(2)}


TEXTS = np.array(["a"] * 6)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"captions": TEXTS, "train_captions": TEXTS}, "two names of one thing"),
        ({"captions": TEXTS, "test_images": IMAGES}, "'captions' and 'test_captions' would go with its images"),
        ({"test_captions": TEXTS}, "has 'test_captions', but 'captions' would go with its images"),
        ({"captions": TEXTS[:5]}, "'captions' in PATH is <U1 of shape (5,), but must be texts of shape (6,) or (6, K)"),
        ({"captions": np.zeros((6, 0), dtype=str)}, "of shape (6, 0), but must be texts"),
        ({"captions": np.zeros(6)}, "is float64 of shape (6,), but must be texts"),
        (
            {"captions": np.array([["a"] * 2, ["b"]] * 3, dtype=object)},
            "save it as numpy.array(captions, dtype=str), '' where an image has fewer",
        ),
        (
            {"captions": np.array([["a"], [""], [" "]] * 2)},
            "4 of 6 images have no captions (captions[1] in PATH is empty, captions[2] in PATH is empty, captions[4]",
        ),
        (
            {"captions": TEXTS, "test_images": IMAGES[:2], "test_captions": np.array(["a", ""])},
            "(test_captions[1] in PATH is empty): add them, leave these images out of all arrays, or read",
        ),
        ({"captions": np.array([b"a"] * 5 + [b"\xe9"])}, "captions[5] in PATH is not UTF-8"),
        (
            {"captions": np.array(["a"] * 5 + ["\ud83d"])},
            "'captions' in PATH: a caption of image 5 is not valid Unicode",
        ),
    ],
)
def test_captions_that_do_not_fit(arrays: dict[str, np.ndarray], words: str, path: Path) -> None:
    np.savez(path, images=IMAGES, **arrays)
    assert words.replace("PATH", str(path)) in message(path)
