"""The data set `folder`."""

import re
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from priorkit.errors import DataError
from priorkit.interfaces import ImageData
from priorkit.plugins import DataContext, central_square
from priorkit_plugins.folder import FolderOptions, in_memory, picture, priorkit_datasets
from priorkit_plugins.folder.conversion import Conversion
from priorkit_plugins.folder.tree import EXTENSIONS


def load(root: Path | None, options: FolderOptions | None = None, **context: Any) -> ImageData:
    (component,) = priorkit_datasets()
    assert component.name == "folder"
    return component.build(options or FolderOptions(), DataContext(data_dir=root, **context)).load()


def message(root: Path | None, options: FolderOptions | None = None, **context: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(root, options, **context)
    text = str(caught.value)
    assert "\n" not in text
    return text


def save(path: Path, value: Any = 0, size: tuple[int, int] = (8, 8), mode: str = "L", **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path, **options)


def values(data: ImageData) -> list[int]:
    """The first pixel of each image, those to train on first."""
    return [int(image[0, 0, 0]) for part in (data.train, data.test) for image in part.images]


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    for number, name in enumerate(["class10", "Class9", "class1"]):
        for index in range(4):
            save(tmp_path / name / f"{index}.png", 50 * number + index)
    data = load(tmp_path, holdout=0.3)
    assert data.class_names == ("class1", "Class9", "class10")
    assert (len(data.train), len(data.test)) == (8, 4)
    assert sorted(values(data)) == [0, 1, 2, 3, 50, 51, 52, 53, 100, 101, 102, 103]
    assert data.train.labels is not None
    assert data.test.labels is not None
    assert [2 - value // 50 for value in values(data)] == [*data.train.labels.tolist(), *data.test.labels.tolist()]
    assert data.notes == ("4 of 12 images are held out",)
    assert values(load(tmp_path, holdout=0.3)) == values(data)
    assert values(load(tmp_path, holdout=0.3, seed=1)) != values(data)


def test_images_without_classes(tmp_path: Path) -> None:
    for index in range(3):
        save(tmp_path / f"{index}.png", index)
    data = load(tmp_path, holdout=0.0)
    assert data.train.labels is None
    assert data.class_names == ()
    assert len(data.test) == 1
    assert sorted(values(data)) == [0, 1, 2]


@pytest.mark.parametrize("held_out", ["test", "val", "valid", "validation"])
def test_folders_of_training_and_held_out_images(tmp_path: Path, held_out: str) -> None:
    save(tmp_path / "train" / "a" / "0.png", 1)
    save(tmp_path / "train" / "b" / "0.png", 2)
    save(tmp_path / held_out / "b" / "0.png", 3)
    save(tmp_path / "more" / "b" / "0.png", 4)
    data = load(tmp_path)
    assert values(data) == [1, 2, 3]
    assert data.train.labels is not None
    assert data.test.labels is not None
    assert (data.train.labels.tolist(), data.test.labels.tolist()) == ([0, 1], [1])
    assert data.class_names == ("a", "b")
    assert data.notes == (f"images in {held_out} are held out", "folders left aside: more (1 image)")


def test_training_and_held_out_images_without_classes(tmp_path: Path) -> None:
    save(tmp_path / "train" / "0.png", 1)
    save(tmp_path / "test" / "0.png", 2)
    data = load(tmp_path)
    assert values(data) == [1, 2]
    assert data.train.labels is None
    assert data.test.labels is None


def test_a_lone_train_folder_is_no_class(tmp_path: Path) -> None:
    for name in "ab":
        save(tmp_path / "train" / name / "0.png")
    assert load(tmp_path).class_names == ("a", "b")


def test_train_beside_other_classes_is_a_class(tmp_path: Path) -> None:
    for name in ("bus", "train"):
        save(tmp_path / name / "0.png")
    assert load(tmp_path).class_names == ("bus", "train")


def test_hidden_and_other_files_are_left_aside(tmp_path: Path) -> None:
    save(tmp_path / "a" / "0.png", 1)
    save(tmp_path / "a" / "deeper" / "1.PNG", 2)
    save(tmp_path / "a" / "._0.png", 3)
    save(tmp_path / ".cache" / "0.png", 4)
    (tmp_path / "a" / "notes.txt").write_text("hello")
    (tmp_path / "empty").mkdir()
    (tmp_path / "README.md").write_text("hello")
    data = load(tmp_path)
    assert sorted(values(data)) == [1, 2]
    assert data.class_names == ("a",)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_every_format_is_read(tmp_path: Path, extension: str) -> None:
    for index in range(2):
        mode = "L" if extension in (".pgm", ".gif") else "RGB"
        save(tmp_path / f"{index}{extension}", 200 if mode == "L" else (200, 200, 200), mode=mode)
    data = load(tmp_path, channels=1)
    assert all(abs(value - 200) <= 2 for value in values(data))


def test_the_orientation_that_a_camera_notes_is_applied(tmp_path: Path) -> None:
    pixels = np.zeros((16, 32), dtype=np.uint8)
    pixels[:, :8] = 255  # a bar on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    for index in range(2):
        Image.fromarray(pixels).save(tmp_path / f"{index}.jpg", exif=exif, quality=95)
    image = load(tmp_path).train.images[0, 0]
    assert image.shape == (32, 16)
    assert image[:6].min() > 240  # the bar is at the top now
    assert image[10:].max() < 15


def read(tmp_path: Path, image: Image.Image, name: str = "x.png", **options: Any) -> tuple[torch.Tensor, ImageData]:
    """The pixels that an image gives, shape (C, H, W)."""
    for index in range(2):
        image.save(tmp_path / f"{index}{name}", **options)
    data = load(tmp_path)
    return data.train.images[0], data


def test_palettes_become_rgb(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    pixels, data = read(tmp_path, image)
    assert pixels[:, 0, 0].tolist() == [10, 20, 30]
    assert not any("transparent" in note for note in data.notes)


def test_a_transparent_palette_colour_is_laid_on_white(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpixel((0, 0), 0)
    image.putpalette([0, 0, 0, 10, 20, 30])
    pixels, data = read(tmp_path, image, transparency=0)
    assert pixels[:, 0, 0].tolist() == [255, 255, 255]
    assert pixels[:, 1, 1].tolist() == [10, 20, 30]
    assert "transparent parts of 2 images are laid on white" in data.notes


def test_alpha_is_laid_on_white(tmp_path: Path) -> None:
    pixels, data = read(tmp_path, Image.new("RGBA", (4, 4), (255, 0, 0, 51)))
    assert pixels[:, 0, 0].tolist() == [255, 204, 204]
    assert "transparent parts of 2 images are laid on white" in data.notes


def test_alpha_that_hides_nothing_changes_nothing(tmp_path: Path) -> None:
    pixels, data = read(tmp_path, Image.new("RGBA", (4, 4), (1, 2, 3, 255)))
    assert pixels[:, 0, 0].tolist() == [1, 2, 3]
    assert data.notes == ("1 of 2 images are held out",)


def test_grey_with_alpha_stays_grey(tmp_path: Path) -> None:
    pixels, _ = read(tmp_path, Image.new("LA", (4, 4), (0, 0)))
    assert pixels[:, 0, 0].tolist() == [255]


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    pixels, _ = read(tmp_path, Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "x.jpg", quality=95)
    red, green, blue = pixels[:, 8, 8].tolist()
    assert red > 240
    assert max(green, blue) < 15


def test_black_and_white_becomes_grey(tmp_path: Path) -> None:
    pixels, _ = read(tmp_path, Image.new("1", (4, 4), 1))
    assert pixels[:, 0, 0].tolist() == [255]


@pytest.mark.parametrize("name", ["x.png", "x.tif"])
def test_16_bit_grey_fills_8_bits(tmp_path: Path, name: str) -> None:
    values = np.array([[0, 257, 257 * 100 + 128, 65535]] * 4, dtype=np.uint16)
    pixels, _ = read(tmp_path, Image.fromarray(values), name)
    assert pixels[0, 0].tolist() == [0, 1, 100, 255]


@pytest.mark.parametrize(("dtype", "reason"), [(np.int32, "more than 16 bits"), (np.float32, "floating-point")])
def test_wider_pixels_are_refused(tmp_path: Path, dtype: type, reason: str) -> None:
    for index in range(2):
        Image.fromarray(np.full((4, 4), 70_000, dtype=dtype)).save(tmp_path / f"{index}.tif")
    text = message(tmp_path)
    assert str(tmp_path / "0.tif") in text
    assert reason in text


def test_images_of_several_sizes_become_squares(tmp_path: Path) -> None:
    stripes = np.zeros((40, 60, 3), dtype=np.uint8)
    stripes[:, 10:50] = 255  # the central square is white
    Image.fromarray(stripes).save(tmp_path / "0.png")
    save(tmp_path / "1.png", (255, 255, 255), size=(7, 9), mode="RGB")
    data = load(tmp_path, image_size=16)
    assert data.shape == (3, 16)
    assert values(data) == [255, 255]
    assert data.train.images.min() == 255
    assert "images differ in size (7x9, 60x40, ...): their central squares are resized to 16x16" in data.notes


def test_resizing_is_antialiased(tmp_path: Path) -> None:
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    for index in range(2):
        Image.fromarray(board).save(tmp_path / f"{index}.png")
    image = load(tmp_path, image_size=16).train.images[0, 0, 2:-2, 2:-2]
    assert (image.int() - 127).abs().max() <= 3


def test_images_of_one_size_keep_it_where_it_is_no_larger(tmp_path: Path) -> None:
    for index in range(2):
        save(tmp_path / f"{index}.png", size=(28, 28))
    data = load(tmp_path, image_size=32)
    assert data.shape == (1, 28)
    assert data.notes == ("1 of 2 images are held out",)


def test_images_that_are_not_square_are_cropped(tmp_path: Path) -> None:
    for index in range(2):
        save(tmp_path / f"{index}.png", size=(40, 20))
    data = load(tmp_path, image_size=32)
    assert data.shape == (1, 20)
    assert "images 40x20 (width x height) are cropped to their central square" in data.notes


def test_photographs_of_one_size_are_reduced(tmp_path: Path) -> None:
    for index in range(2):
        save(tmp_path / f"{index}.png", size=(150, 140))
    data = load(tmp_path)
    assert data.shape == (1, 128)
    note = "images 150x140 (width x height) are cropped to their central square and resized to 128x128"
    assert note in data.notes


def test_a_size_is_chosen_for_images_of_several_sizes(tmp_path: Path) -> None:
    for index, size in enumerate([(40, 60), (33, 32), (50, 36)]):
        save(tmp_path / f"{index}.png", size=size)
    data = load(tmp_path)
    assert data.shape == (1, 32)
    assert data.chosen == {"image_size": 32}
    assert any(note.startswith("--image-size 32 is chosen") for note in data.notes)
    assert torch.equal(data.train.images, load(tmp_path, image_size=32).train.images)


def test_what_the_user_has_said_is_not_chosen(tmp_path: Path) -> None:
    save(tmp_path / "0.png", size=(40, 60))
    save(tmp_path / "1.png", size=(33, 32), mode="RGB")
    data = load(tmp_path, image_size=16, channels=1)
    assert data.shape == (1, 16)
    assert not data.chosen
    assert not any("is chosen" in note for note in data.notes)
    assert load(tmp_path, image_size=16).chosen == {"channels": 3}
    assert load(tmp_path, channels=1).chosen == {"image_size": 32}


def test_nothing_is_chosen_for_images_that_are_alike(tmp_path: Path) -> None:
    for index in range(3):
        save(tmp_path / f"{index}.png", size=(150, 140))
    assert not load(tmp_path).chosen


@pytest.mark.parametrize(("channels", "note"), [(1, "colour images are converted to grey"), (3, "repeated as RGB")])
def test_grey_and_colour_mixed(tmp_path: Path, channels: int, note: str) -> None:
    save(tmp_path / "0.png", (0, 255, 0), mode="RGB")
    save(tmp_path / "1.png", 150)
    data = load(tmp_path, channels=channels)
    assert data.train.images.shape[1] == channels
    # 601 luma of pure green is 150.
    assert sorted(values(data)) == ([150, 150] if channels == 1 else [0, 150])
    assert any(note in text for text in data.notes)
    chosen = load(tmp_path)
    assert chosen.chosen == {"channels": 3}
    assert any(note.startswith("--channels 3 is chosen") for note in chosen.notes)
    assert sorted(values(chosen)) == [0, 150]


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("sizes", [[8] * 5 + [12], [8] * 5 + [30, 8, 12], [30, 8], [16, 8], [8, 16, 8]])
def test_a_size_that_differs_late_changes_those_before(tmp_path: Path, mode: str, sizes: list[int]) -> None:
    numbers, expected = np.random.default_rng(0), []
    for index, size in enumerate(sizes):
        shape = (size, size) if mode == "L" else (size, size, 3)
        image = Image.fromarray(numbers.integers(256, size=shape, dtype=np.uint8))
        image.save(tmp_path / f"{index}.png")
        expected.append(np.asarray(central_square(image, 16)).tobytes())
    data = load(tmp_path, image_size=16)
    found = [
        image.permute(1, 2, 0).contiguous().numpy().tobytes()
        for part in (data.train, data.test)
        for image in part.images
    ]
    assert sorted(found) == sorted(expected)


def test_images_are_in_memory_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(100):
        save(tmp_path / f"{index}.png", (index, 0, 0), (64, 64), "RGB")
    monkeypatch.setattr(in_memory, "_AHEAD", 4)
    tracemalloc.start()
    try:
        data = load(tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    nbytes = 100 * 3 * 64 * 64
    assert nbytes < peak < 1.7 * nbytes
    # The parts are no copies, which would be torch's and so not in that count.
    storages = [part.images.untyped_storage() for part in (data.train, data.test)]  # type: ignore[union-attr]
    assert storages[0].data_ptr() == storages[1].data_ptr()
    assert storages[0].nbytes() == nbytes
    assert all(part.images.is_contiguous() for part in (data.train, data.test))  # type: ignore[union-attr]


def test_few_images_are_read_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(30):
        save(tmp_path / f"{index}.png", index)
    started: list[Path] = []
    waiting: list[int] = []
    read, check = Conversion.read, in_memory.check_alike
    monkeypatch.setattr(in_memory, "_AHEAD", 5)
    monkeypatch.setattr(Conversion, "read", lambda self, path: (started.append(path), read(self, path))[1])

    def checked(*given: Any) -> None:
        waiting.append(len(started) - len(waiting))
        check(*given)

    monkeypatch.setattr(in_memory, "check_alike", checked)
    load(tmp_path)
    assert len(waiting) == 30
    assert max(waiting) <= 6


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("extension", [".png", ".jpg"])
def test_truncated_images_are_left_aside_or_refused(tmp_path: Path, extension: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    for index in range(4):
        Image.fromarray(noise).save(tmp_path / f"{index}{extension}")
    broken = tmp_path / f"1{extension}"
    content = broken.read_bytes()
    broken.write_bytes(content[: int(len(content) * share)])
    text = message(tmp_path, FolderOptions(broken="refuse"))
    assert text.startswith(str(broken))
    assert "replace or remove it" in text
    data = load(tmp_path)
    assert f"1 file is broken and left aside: {broken.name}" in data.notes
    broken.unlink()
    sound = load(tmp_path)
    assert torch.equal(sound.train.images, data.train.images)
    assert sound.train.fingerprint == data.train.fingerprint


def test_labels_and_captions_stay_with_their_images_where_others_are_broken(tmp_path: Path) -> None:
    for name, value in (("a", 10), ("b", 20)):
        for index in range(4):
            save(tmp_path / name / f"{index}.png", value + index)
            (tmp_path / name / f"{index}.txt").write_text(f"grey {value + index}")
    for path in (tmp_path / "a/1.png", tmp_path / "b/2.png"):
        path.write_bytes(b"no image")
    data = load(tmp_path)
    assert "2 files are broken and left aside: a/1.png, b/2.png" in data.notes
    assert sorted(values(data)) == [10, 12, 13, 20, 21, 23]
    for part in (data.train, data.test):
        assert part.labels is not None
        assert part.captions is not None
        assert [int(image[0, 0, 0]) // 20 for image in part.images] == part.labels.tolist()
        assert [(f"grey {int(image[0, 0, 0])}",) for image in part.images] == list(part.captions)


def test_more_broken_images_than_sound_ones_are_refused(tmp_path: Path) -> None:
    for index in range(7):
        save(tmp_path / f"{index}.png")
        if index > 2:
            (tmp_path / f"{index}.png").write_bytes(b"no image")
    text = message(tmp_path)
    assert f"4 of 7 images in {tmp_path} are broken (3.png, 4.png, 5.png, 6.png)" in text


def test_a_file_that_may_not_be_read_is_not_taken_for_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(4):
        save(tmp_path / f"{index}.png")

    def forbidden(path: Path, *_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(picture.Image, "open", forbidden)
    assert "Permission denied" in message(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no image"])
def test_files_that_are_no_images_are_named(tmp_path: Path, content: bytes) -> None:
    save(tmp_path / "0.png")
    (tmp_path / "1.png").write_bytes(content)
    assert message(tmp_path).startswith(f"{tmp_path / '1.png'} is not an image")


def test_no_folder_given() -> None:
    assert message(None).endswith("--data-dir FOLDER")


def test_no_such_folder(tmp_path: Path) -> None:
    assert re.search(f"no folder {re.escape(str(tmp_path))}/nowhere: .*--data-dir", message(tmp_path / "nowhere"))


def test_a_file_instead_of_a_folder(tmp_path: Path) -> None:
    save(tmp_path / "0.png")
    assert "0.png is a file, not a folder: let --data-dir" in message(tmp_path / "0.png")


@pytest.mark.parametrize("empty", ["", "train"])
def test_an_empty_folder(tmp_path: Path, empty: str) -> None:
    (tmp_path / empty / "a").mkdir(parents=True)
    if empty:
        save(tmp_path / "test" / "a" / "0.png")
    text = message(tmp_path)
    assert f"no images in {tmp_path / empty}" in text
    assert ".png, .jpg, .jpeg" in text


def test_one_image_is_too_few(tmp_path: Path) -> None:
    save(tmp_path / "0.png")
    assert "only one image (0.png)" in message(tmp_path)


def test_images_beside_class_folders_are_unclear(tmp_path: Path) -> None:
    save(tmp_path / "0.png")
    save(tmp_path / "a" / "1.png")
    assert "both directly (0.png) and in folders (a)" in message(tmp_path)


def test_classes_in_one_of_two_sets_are_unclear(tmp_path: Path) -> None:
    save(tmp_path / "train" / "a" / "0.png")
    save(tmp_path / "test" / "1.png")
    assert "lay out both alike" in message(tmp_path)


def test_a_class_without_training_images(tmp_path: Path) -> None:
    save(tmp_path / "train" / "a" / "0.png")
    save(tmp_path / "test" / "b" / "1.png")
    assert f"class 'b' is in {tmp_path / 'test'} but not in {tmp_path / 'train'}" in message(tmp_path)
