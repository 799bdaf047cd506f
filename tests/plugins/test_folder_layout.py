"""What the data set `folder` makes of folders as other tools and users lay them out."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from priorkit.errors import DataError
from priorkit.interfaces import ImageData
from priorkit.plugins import DataContext
from priorkit_plugins.folder import FolderOptions, priorkit_datasets


def load(root: Path, **context: Any) -> ImageData:
    (component,) = priorkit_datasets()
    return component.build(FolderOptions(), DataContext(data_dir=root, **context)).load()


def message(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        load(root)
    text = str(caught.value)
    assert "\n" not in text
    return text


def save(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), value).save(path, "PNG")
    return path


def values(data: ImageData) -> tuple[list[int], list[int]]:
    """The first pixel of each image to train on, and of each held-out one."""
    train, test = ([int(image[0, 0, 0]) for image in part.images] for part in (data.train, data.test))
    return train, test


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("training", "testing"),
        ("Train", "Test"),
        ("TRAIN", "VALIDATION"),
        ("training_set", "test_set"),
        ("seg_train", "seg_test"),
        ("train_images", "valid"),
    ],
)
@pytest.mark.parametrize("above", ["", "archive", "archive/mnist_png"])
def test_usual_names_of_the_parts_of_a_data_set(tmp_path: Path, train: str, test: str, above: str) -> None:
    root = tmp_path / "data"
    for number, name in enumerate(("0", "1")):
        save(root / above / train / name / "a.png", number)
        save(root / above / test / name / "a.png", 10 + number)
    data = load(root)
    assert data.class_names == ("0", "1")
    assert values(data) == ([0, 1], [10, 11])
    assert f"images in {test} are held out" in data.notes
    assert (f"the images are those in {above}, the only folder that has some" in data.notes) == bool(above)


def test_classes_one_level_too_high(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        for number in range(2):
            save(tmp_path / "pets" / name / f"{number}.png")
    data = load(tmp_path)
    assert data.class_names == ("cat", "dog")
    assert data.notes[0] == "the images are those in pets, the only folder that has some"


def test_a_lone_folder_of_images_is_a_class(tmp_path: Path) -> None:
    for name in ("cat/0.png", "cat/1.png", "cat/more/2.png"):
        save(tmp_path / name)
    data = load(tmp_path)
    assert data.class_names == ("cat",)
    assert len(data.train) + len(data.test) == 3


def test_parts_unpacked_into_folders_of_their_own_names(tmp_path: Path) -> None:
    for part in ("train", "test"):
        save(tmp_path / part / part / "0.png")
    data = load(tmp_path)
    assert (len(data.train), len(data.test), data.class_names) == (1, 1, ())


def test_two_folders_of_one_part(tmp_path: Path) -> None:
    for name in ("train", "Training", "test"):
        save(tmp_path / name / "a" / "0.png")
    assert "'train' and 'Training', two names of one kind" in message(tmp_path)


def test_held_out_images_alone(tmp_path: Path) -> None:
    for name in ("test", "val"):
        save(tmp_path / name / "a" / "0.png")
    assert "'test' and 'val', which are images to hold out, and none to train on" in message(tmp_path)


def test_classes_that_are_parted_themselves(tmp_path: Path) -> None:
    for name in ("bottle", "cable"):
        for part in ("train", "test"):
            save(tmp_path / name / part / "good" / "0.png")
    assert f"{tmp_path / 'bottle'} is split into 'test' and 'train'" in message(tmp_path)


def test_held_out_images_among_the_classes(tmp_path: Path) -> None:
    for name in ("cat", "dog", "test/cat", "test/dog"):
        save(tmp_path / name / "0.png")
    assert "has class folders directly and in 'test'" in message(tmp_path)


@pytest.mark.parametrize("names", [("bus", "car", "train"), ("invalid", "valid")])
def test_classes_may_have_names_of_parts(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        for number in range(2):
            save(tmp_path / name / f"{number}.png")
    assert load(tmp_path).class_names == names


@pytest.mark.parametrize("name", ["@eaDir", "__MACOSX", "#recycle", "$RECYCLE.BIN"])
def test_folders_of_other_programs(tmp_path: Path, name: str) -> None:
    for number in range(2):
        save(tmp_path / "a" / f"{number}.png", 1)
        save(tmp_path / "b" / f"{number}.png", 1)
    save(tmp_path / name / "0.png" / "SYNOPHOTO_THUMB_M.png", 2)
    save(tmp_path / "a" / name / "0.png" / "SYNOPHOTO_THUMB_M.png", 2)
    data = load(tmp_path)
    assert data.class_names == ("a", "b")
    assert [set(part) for part in values(data)] == [{1}, {1}]
    assert f"folders of other programs are left aside: {name}" in data.notes


def test_links_that_lead_back_are_named_and_not_followed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(tmp_path / "data" / name / "0.png")
    (tmp_path / "data" / "a" / "loop").symlink_to("..")
    # Neither of these leads to a folder that it lies in by itself.
    (tmp_path / "data" / "a" / "other").symlink_to("../b")
    (tmp_path / "data" / "b" / "other").symlink_to("../a")
    data = load(tmp_path / "data")
    # Each folder once by itself, and once by the other's link.
    assert len(data.train) + len(data.test) == 4
    assert "links to a parent folder are not followed: a/loop, ..." in data.notes


def test_a_link_to_a_folder_above_the_data(tmp_path: Path) -> None:
    for number in range(2):
        save(tmp_path / "data" / "a" / f"{number}.png")
    (tmp_path / "data" / "a" / "up").symlink_to(tmp_path)
    data = load(tmp_path / "data")
    assert len(data.train) + len(data.test) == 2
    assert "links to a parent folder are not followed: a/up" in data.notes


def test_links_to_other_folders_are_followed(tmp_path: Path) -> None:
    for number in range(2):
        save(tmp_path / "elsewhere" / f"{number}.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").symlink_to(tmp_path / "elsewhere")
    data = load(tmp_path / "data")
    assert (len(data.train) + len(data.test), data.class_names) == (2, ("a",))


def test_links_to_files_that_are_gone(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / f"{number}.png")
    (tmp_path / "3.png").symlink_to("gone.png")
    (tmp_path / "4.png").symlink_to("4.png")
    assert "2 links to missing files are left aside: 3.png, ..." in load(tmp_path).notes
    for number in range(5, 8):
        (tmp_path / f"{number}.png").symlink_to("gone.png")
    assert "5 of 8 images in" in message(tmp_path)


def test_images_in_formats_that_are_not_read(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / "a" / f"{number}.png")
    for number in range(2):
        save(tmp_path / "b" / f"{number}.HEIC")
    data = load(tmp_path)
    assert data.class_names == ("a",)
    assert "images in unsupported formats are left aside: 2 .heic" in data.notes
    for number in range(2):
        save(tmp_path / "b" / f"{number}.avif")
    assert "4 of 7 images in" in message(tmp_path)


def test_folders_without_images_are_named(tmp_path: Path) -> None:
    for name in ("a/0.png", "a/1.png", "b/0.png"):
        save(tmp_path / name)
    (tmp_path / "labels").mkdir()
    data = load(tmp_path)
    assert data.class_names == ("a", "b")
    assert "folders without images are not classes: labels" in data.notes


@pytest.mark.parametrize("seed", range(4))
def test_the_only_image_of_a_class_is_trained_on(tmp_path: Path, seed: int) -> None:
    for name in ("a/0.png", "a/1.png", "b/0.png", "c/0.png"):
        save(tmp_path / name)
    data = load(tmp_path, holdout=0.5, seed=seed)
    assert data.train.labels is not None
    assert set(data.train.labels.tolist()) == {0, 1, 2}
    assert "1 of 4 images are held out" in data.notes
