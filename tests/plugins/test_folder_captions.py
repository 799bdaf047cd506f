"""Captions and embeddings beside the images of the data set `folder`."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from priorkit.errors import DataError
from priorkit.interfaces import ImageData, ImageSet, StoredImages
from priorkit.plugins import DataContext
from priorkit_plugins.folder import priorkit_datasets


def load(root: Path, memory: int | None = None, holdout: float = 0.3, seed: int = 0, **options: Any) -> ImageData:
    (component,) = priorkit_datasets()
    context = DataContext(data_dir=root, holdout=holdout, seed=seed)
    if memory is not None:
        context = DataContext(data_dir=root, holdout=holdout, seed=seed, memory=memory)
    return component.build(component.options(**options), context).load()


def message(root: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(root, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def save(root: Path, name: str, value: int, *captions: str) -> None:
    """A grey image of this value, and its captions, one a line; no file where there are none."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), value).save(path)
    if captions:
        path.with_suffix(".txt").write_text("\n".join(captions), encoding="utf-8")


def write_list(path: Path, *rows: Any) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def said(*parts: ImageSet) -> dict[int, tuple[str, ...]]:
    """The captions of each image, by its value."""
    found = {}
    for part in parts:
        assert part.captions is not None
        for index, captions in enumerate(part.captions):
            found[int(part.first(len(part))[index, 0, 0, 0])] = captions
    return found


def test_labels_of_boxes_are_no_captions(tmp_path: Path) -> None:
    for value in range(10):
        boxes = [f"{value % 3} 0.5 0.25 0.1 1e-2", "1 0 0.2 0.3 1 0.5 0.6", "0 .5 .5 1E-3 +.1"] if value % 2 else []
        save(tmp_path, f"{value}.png", value, *boxes)
    data = load(tmp_path)
    assert data.train.captions is None
    assert any("as 1.txt, hold numbers alone" in note and "not captions" in note for note in data.notes)
    # Numbers may be captions as well: of digits, or of dates.
    for caption in ("{}", "2024 12 24 18 3{}", "0 0.5 0.5 0.5 -0.{}"):
        for value in range(10):
            save(tmp_path, f"{value}.png", value, caption.format(value))
        assert load(tmp_path).train.captions is not None


@pytest.mark.parametrize("memory", [None, 0])
@pytest.mark.parametrize("classes", [True, False])
def test_text_files_beside_images(classes: bool, memory: int | None, tmp_path: Path) -> None:
    for value in range(10):
        # Names that sort otherwise than their numbers.
        folder = f"{'ab'[value % 2]}/" if classes else ""
        save(tmp_path, f"{folder}{value * 7}.png", value, *(f"image {value}", "赤い花")[: 1 + value % 2])
    (tmp_path / "README.txt").write_text("nothing")
    data = load(tmp_path, memory)
    assert isinstance(data.train.images, StoredImages) == (memory == 0)
    assert said(data.train, data.test) == {value: (f"image {value}", "赤い花")[: 1 + value % 2] for value in range(10)}
    assert "there are 1 to 2 captions of each image" in data.notes
    assert said(load(tmp_path, memory).test) == said(data.test)
    assert said(load(tmp_path, memory, seed=1).test) != said(data.test)
    without = load(tmp_path, memory, captions=False)
    assert without.train.captions is None
    assert without.notes == tuple(note for note in data.notes if "captions" not in note)


def test_a_list_in_the_folder(tmp_path: Path) -> None:
    for value in range(4):
        save(tmp_path, f"{'ab'[value % 2]}/{value}.png", value)
    rows = [
        {"file_name": "b/3.png", "text": ["three", "", " trois "]},
        {"file_name": "./a/0.png", "text": "zero", "author": "me"},
        {"file_name": "b/1.png", "text": "one"},
        {"file_name": "a/2.png", "text": "two"},
        {"file_name": "b/1.png", "text": "un"},
    ]
    write_list(tmp_path / "captions.jsonl", *rows)
    data = load(tmp_path)
    expected = {0: ("zero",), 1: ("one", "un"), 2: ("two",), 3: ("three", "trois")}
    assert said(data.train, data.test) == expected
    (tmp_path / "captions.jsonl").rename(tmp_path / "metadata.jsonl")
    assert said(load(tmp_path).train) == said(data.train)
    write_list(tmp_path / "metadata.jsonl", *({**row, "caption": row["text"], "text": 3} for row in rows))
    assert said(load(tmp_path, caption_key="caption").train) == said(data.train)


def test_lists_of_both_sets_as_hugging_face_lays_them_out(tmp_path: Path) -> None:
    for value, folder in enumerate(["train", "train", "test"]):
        save(tmp_path, f"{folder}/{value}.png", value)
    write_list(
        tmp_path / "train" / "metadata.jsonl", *({"file_name": f"{i}.png", "text": f"image {i}"} for i in (1, 0))
    )
    write_list(tmp_path / "test" / "metadata.jsonl", {"file_name": "2.png", "text": "image 2"})
    data = load(tmp_path)
    assert said(data.train) == {0: ("image 0",), 1: ("image 1",)}
    assert said(data.test) == {2: ("image 2",)}


def test_a_list_may_name_images_that_are_left_aside(tmp_path: Path) -> None:
    for value, folder in enumerate(["train", "test", "more"]):
        save(tmp_path, f"{folder}/{value}.png", value)
    names = ["train/0.png", "test/1.png", "more/2.png"]
    write_list(tmp_path / "captions.jsonl", *({"file_name": name, "text": name} for name in names))
    data = load(tmp_path)
    assert said(data.train, data.test) == {0: ("train/0.png",), 1: ("test/1.png",)}


def test_images_without_captions(tmp_path: Path) -> None:
    for value in range(6):
        save(tmp_path, f"{'ab'[value < 2]}/{value}.png", value, *([] if value in (1, 4) else [f"image {value}"]))
    (tmp_path / "b" / "1.txt").write_text(" \n")
    words = f"2 of 6 images have no captions ({tmp_path}/a/4.txt is missing, {tmp_path}/b/1.txt is empty): add them"
    assert message(tmp_path).startswith(words)
    data = load(tmp_path, captionless="drop")
    assert said(data.train, data.test) == {value: (f"image {value}",) for value in (0, 2, 3, 5)}
    labels = {
        int(image[0, 0, 0]): label
        for part in (data.train, data.test)
        for image, label in zip(part.first(9), part.labels.tolist(), strict=True)  # type: ignore[union-attr]
    }
    assert labels == {0: 1, 2: 0, 3: 0, 5: 0}
    assert "2 of 6 images are left out, as they have no captions" in data.notes
    assert "1 of 4 images are held out" in data.notes
    assert len(load(tmp_path, captions=False).train) == 4


def test_images_that_a_list_leaves_out(tmp_path: Path) -> None:
    for value in range(3):
        save(tmp_path, f"{value}.png", value)
    rows = [{"file_name": "0.png", "text": ""}, {"file_name": "1.png", "text": "a"}, {"file_name": "2.png"}]
    write_list(tmp_path / "captions.jsonl", *rows)
    where = f"{tmp_path}/0.png has none in captions.jsonl, {tmp_path}/2.png has none in captions.jsonl"
    assert f"2 of 3 images have no captions ({where})" in message(tmp_path)
    assert "only one image with captions (1.png)" in message(tmp_path, captionless="drop")


@pytest.mark.parametrize(("captioned", "words"), [("train", "hold out"), ("test", "train on")])
def test_a_set_of_which_no_image_has_captions(captioned: str, words: str, tmp_path: Path) -> None:
    for value in range(4):
        folder = ("train", "test")[value % 2]
        save(tmp_path, f"{folder}/{value}.png", value, *(["a caption"] if folder == captioned else []))
    assert f"no image with captions to {words}" in message(tmp_path, captionless="drop")


def test_metadata_of_other_kinds_is_left_alone(tmp_path: Path) -> None:
    for value in range(3):
        save(tmp_path, f"{value}.png", value)
    write_list(tmp_path / "metadata.jsonl", {"file_name": "gone.png", "objects": [], "label": 3})
    data = load(tmp_path)
    assert data.train.captions is None
    [note] = [note for note in data.notes if "metadata" in note]
    assert note == (
        "metadata.jsonl has no 'text', and so no captions; --dataset.caption-key names another of 'file_name', "
        "'objects', 'label'"
    )
    (tmp_path / "metadata.jsonl").rename(tmp_path / "captions.jsonl")
    words = f"{tmp_path}/captions.jsonl has no 'text' in any line (it has 'file_name', 'objects', 'label')"
    assert message(tmp_path).startswith(words)
    assert load(tmp_path, captions=False).train.captions is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 2, is not JSON"),
        ("[1]", "line 2, names no image"),
        ('"0.png"', "line 2, names no image"),
        ('{"text": "a"}', "line 2, names no image"),
        ('{"file_name": 3, "text": "a"}', "line 2, names no image"),
        ('{"file_name": "0.png", "text": 3}', "line 2: 'text' is '3', and must be a text or a list of texts"),
        ('{"file_name": "0.png", "text": ["a", null]}', "line 2: 'text' is "),
        ('{"file_name": "0.png", "text": "\\ud83d"}', "line 2: 'text' is not valid Unicode"),
        ('{"file_name": "9.png", "text": "a"}', "names 1 images that are not there (line 2: '9.png')"),
        (b'{"file_name": "0.png", "text": "\xe9"}', "line 2, is not UTF-8"),
    ],
)
def test_lines_of_other_kinds_are_named(line: str | bytes, words: str, tmp_path: Path) -> None:
    for value in range(2):
        save(tmp_path, f"{value}.png", value)
    path = tmp_path / "captions.jsonl"
    path.write_bytes(b'{"file_name": "1.png", "text": "a"}\n' + (line.encode() if isinstance(line, str) else line))
    assert message(tmp_path).startswith(str(path))
    assert words in message(tmp_path)


def test_captions_in_two_places_are_refused(tmp_path: Path) -> None:
    for value in range(2):
        save(tmp_path, f"a/{value}.png", value, "a caption")
    rows = [{"file_name": f"a/{value}.png", "text": "a"} for value in range(2)]
    write_list(tmp_path / "captions.jsonl", *rows)
    words = f"captions lie in {tmp_path}/captions.jsonl and beside the images, as in {tmp_path}/a/0.txt"
    assert message(tmp_path).startswith(words)
    for path in tmp_path.glob("a/*.txt"):
        path.unlink()
    write_list(tmp_path / "a" / "metadata.jsonl", {"file_name": "1.png", "text": "one"})
    words = f"{tmp_path}/a/1.png has captions in {tmp_path}/captions.jsonl and in {tmp_path}/a/metadata.jsonl"
    assert message(tmp_path).startswith(words)


@pytest.mark.parametrize("place", [".", "vectors"])
@pytest.mark.parametrize("memory", [None, 0])
def test_embeddings_of_images(place: str, memory: int | None, tmp_path: Path) -> None:
    for value in range(5):
        name = f"{'ab'[value % 2]}/{value}"
        save(tmp_path, f"{name}.png", value)
        path = tmp_path / place / f"{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.full(3, value))
    data = load(tmp_path, memory, embeddings=place)
    for part in (data.train, data.test):
        assert part.embeddings is not None
        assert part.embeddings[:, 0].tolist() == part.first(9)[:, 0, 0, 0].tolist()
    assert load(tmp_path, memory).train.embeddings is None
    path.unlink()
    assert re.search(rf"1 of 5 images have no embedding, as there is no {path}", message(tmp_path, embeddings=place))


def test_embeddings_of_images_with_captions_alone(tmp_path: Path) -> None:
    for value in range(4):
        save(tmp_path, f"{value}.png", value, *(["a caption"] if value else []))
        if value:
            np.save(tmp_path / f"{value}.npy", np.full(2, value))
    data = load(tmp_path, captionless="drop", embeddings=".")
    assert data.train.embeddings is not None
    assert data.train.embeddings[:, 0].tolist() == data.train.first(9)[:, 0, 0, 0].tolist()
