"""The data set `flowers102`: photographs, captions, and two splits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from priorkit.errors import DataError
from priorkit.interfaces import ImageData, ImageSet
from priorkit.plugins import DataContext
from priorkit_plugins.torchvision_datasets import priorkit_datasets
from small_flowers import LABELS, write_flowers


def load(root: Path, image_size: int | None = None, **options: Any) -> ImageData:
    [component] = [component for component in priorkit_datasets() if component.name == "flowers102"]
    built = component.build(
        component.options(download=False, **options), DataContext(data_dir=root, image_size=image_size)
    )
    return built.load()


def message(root: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(root, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Photographs, each with captions: as many as its number, up to three."""
    write_flowers(tmp_path, monkeypatch)
    for number, label in LABELS.items():
        path = captions_file(tmp_path, number, label)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"flower {number}, from {place}\n" for place in range(min(number, 3))))
    return tmp_path


def captions_file(root: Path, number: int, label: int) -> Path:
    return root / "flowers-102" / "text_c10" / f"class_{label + 1:05d}" / f"image_{number:05d}.txt"


def numbers(part: ImageSet) -> list[int]:
    assert isinstance(part.images, torch.Tensor)
    return (part.images.float().mean((1, 2, 3)) / 20).round().int().tolist()


@pytest.mark.parametrize("size", [None, 32])
def test_flowers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int | None) -> None:
    write_flowers(tmp_path, monkeypatch)
    data = load(tmp_path, image_size=size)
    assert data.shape == (3, size or 64)
    # Numbers 1 and 2 are the official train split, 6, 5 and 4 the test split; 7 and 3 are val.
    for part, numbers, labels in ((data.train, [1, 2, 6, 5, 4], [0, 1, 101, 4, 3]), (data.test, [7, 3], [100, 2])):
        means = part.images.float().mean((1, 2, 3)) / 20
        assert means.tolist() == pytest.approx(numbers, abs=0.1)
        assert part.labels is not None
        assert part.labels.tolist() == labels
    assert len(data.class_names) == 102
    assert any("val (2 images) is held out" in note for note in data.notes)
    assert any(f"resized to {data.shape.size}x{data.shape.size}" in note for note in data.notes)


def test_flowers_are_cropped_not_squeezed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_flowers(tmp_path, monkeypatch)
    photograph = np.zeros((60, 120, 3), dtype=np.uint8)
    photograph[:, 30:90] = 255
    Image.fromarray(photograph).save(tmp_path / "flowers-102" / "jpg" / "image_00001.jpg", quality=95)
    assert load(tmp_path).train.images[0, :, :, 4:-4].min() > 240


def test_there_may_be_no_captions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_flowers(tmp_path, monkeypatch)
    data = load(tmp_path)
    assert data.train.captions is data.test.captions is None
    assert any("there are no captions: text_c10 is missing" in note for note in data.notes)
    assert not any("captions" in note for note in load(tmp_path, captions=False).notes)


@pytest.mark.parametrize("split", ["official", "class-disjoint"])
def test_captions_go_with_their_photographs(root: Path, split: str) -> None:
    data = load(root, split=split)
    for part in (data.train, data.test):
        assert part.captions is not None
        assert part.labels is not None
        for number, label, captions in zip(numbers(part), part.labels.tolist(), part.captions, strict=True):
            assert captions == tuple(f"flower {number}, from {place}" for place in range(min(number, 3)))
            assert label == LABELS[number]
    assert "there are 1 to 3 captions of each image" in data.notes
    assert sorted(numbers(data.train) + numbers(data.test)) == list(LABELS)
    without = load(root, split=split, captions=False)
    assert without.train.captions is None
    assert torch.equal(without.train.take(torch.arange(2)), data.train.take(torch.arange(2)))


def test_photographs_without_captions(root: Path) -> None:
    missing, empty = captions_file(root, 2, LABELS[2]), captions_file(root, 7, LABELS[7])
    missing.unlink()
    empty.write_text("\r\n \n")
    words = f"2 of 7 images have no captions ({missing} is missing, {empty} is empty): add them, leave these images out"
    assert message(root).startswith(words)
    data = load(root, captionless="drop")
    assert (numbers(data.train), numbers(data.test)) == ([1, 6, 5, 4], [3])
    assert data.test.captions is not None
    assert data.test.captions[0][0] == "flower 3, from 0"
    assert any("2 of 7 images are left out" in note for note in data.notes)
    assert len(load(root, captions=False).train) == 5
    captions_file(root, 3, LABELS[3]).unlink()
    assert "has no image to hold out in the official split" in message(root, captionless="drop")


def test_captions_in_another_encoding_are_named(root: Path) -> None:
    path = captions_file(root, 4, LABELS[4])
    path.write_bytes("a flower\nétamine".encode("latin-1"))
    assert f"{path}, line 2, is not UTF-8" in message(root)


def test_every_fifth_class_is_held_out_without_a_list(root: Path) -> None:
    data = load(root, split="class-disjoint")
    assert (numbers(data.train), numbers(data.test)) == ([1, 2, 6, 4, 7, 3], [5])
    assert any("every fifth class (5, 10, ..., 100) is held out" in note for note in data.notes)


def test_the_list_of_classes_is_read(root: Path) -> None:
    (root / "flowers-102" / "testclasses.txt").write_bytes(b"class_00002\r\nclass_00102\r\n")
    data = load(root, split="class-disjoint")
    assert (numbers(data.train), numbers(data.test)) == ([1, 5, 4, 7, 3], [2, 6])
    assert data.test.labels is not None
    assert data.test.labels.tolist() == [1, 101]
    assert "the 2 classes of testclasses.txt are held out, the others trained on" in data.notes
    assert len(load(root).test) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("class_00001\nrose\n", "testclasses.txt, line 2, names no class ('rose')"),
        ("class_00103", "line 1, names no class"),
        ("class_00000", "line 1, names no class"),
        ("", "names 0 of 102 classes"),
        ("\n".join(f"class_{number:05d}" for number in range(1, 103)), "names 102 of 102 classes"),
        ("class_00050", "has no image to hold out in the class-disjoint split"),
    ],
)
def test_a_list_that_names_no_classes(text: str, words: str, root: Path) -> None:
    (root / "flowers-102" / "testclasses.txt").write_text(text)
    assert words in message(root, split="class-disjoint")


def test_embeddings_go_with_their_photographs(root: Path) -> None:
    folder = root / "flowers-102" / "vectors"
    folder.mkdir()
    for number in LABELS:
        np.save(folder / f"image_{number:05d}.npy", np.array([[number, 0], [number, 2]]))
    data = load(root, embeddings="vectors")
    for part in (data.train, data.test):
        assert part.embeddings is not None
        assert part.embeddings.tolist() == [[number, 1] for number in numbers(part)]
    assert "up to 2 embeddings of 7 images are averaged to one each" in data.notes
    (folder / "image_00004.npy").unlink()
    assert "1 of 7 images have no embedding" in message(root, embeddings="vectors")
