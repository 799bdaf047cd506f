from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from priorkit.errors import RunFolderError
from priorkit.runs import check_output, check_picture_output, save_images, save_picture

NAMES = ["samples.npz", "samples.png", "samples"]


def random_images(n: int = 5, channels: int = 3, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(256, (n, channels, 16, 16), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("channels", [1, 3])
def test_an_array_of_images(channels: int, tmp_path: Path) -> None:
    images = random_images(channels=channels)
    save_images(images, tmp_path / "made" / "samples.npz")
    with np.load(tmp_path / "made" / "samples.npz") as arrays:
        assert list(arrays) == ["images"]
        assert arrays["images"].dtype == np.uint8
        assert np.array_equal(arrays["images"], images.permute(0, 2, 3, 1).numpy())


@pytest.mark.parametrize("channels", [1, 3])
def test_a_folder_of_images(channels: int, tmp_path: Path) -> None:
    images = random_images(12, channels)
    save_images(images, tmp_path / "samples")
    files = sorted((tmp_path / "samples").iterdir())
    assert [file.name for file in files] == [f"{number:06d}.png" for number in range(12)]
    for file, image in zip(files, images, strict=True):
        with Image.open(file) as picture:
            array = np.asarray(picture)
        assert np.array_equal(array, image[0].numpy() if channels == 1 else image.permute(1, 2, 0).numpy())


def test_one_picture_of_all(tmp_path: Path) -> None:
    save_images(random_images(6), tmp_path / "samples.png", columns=3)
    with Image.open(tmp_path / "samples.png") as picture:
        assert picture.size == (4 * (3 * 18 + 2), 4 * (2 * 18 + 2))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_there_is_replaced_only_on_request(
    name: str, tmp_path: Path, contents_of: Callable[[Path], Any]
) -> None:
    path = tmp_path / name
    save_images(random_images(7, seed=1), path)
    before = contents_of(tmp_path)
    with pytest.raises(RunFolderError, match=r"already exists and is left as it is; .*--overwrite"):
        save_images(random_images(5), path)
    assert contents_of(tmp_path) == before
    save_images(random_images(5), path, overwrite=True)
    replaced = contents_of(tmp_path)
    if name == "samples.npz":
        # Its bytes contain the time.
        with np.load(path) as arrays:
            assert len(arrays["images"]) == 5
        assert list(replaced) == [name]
    else:
        save_images(random_images(5), tmp_path / "other" / name)
        assert contents_of(tmp_path / "other") == replaced


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    save_images(random_images(2), tmp_path / "samples")
    assert len(list((tmp_path / "samples").iterdir())) == 2


@pytest.mark.parametrize("other", ["notes.txt", "1.png", "sub/000000.png", "000000.png/x"])
def test_a_folder_with_anything_else_in_it_is_never_replaced(
    other: str, tmp_path: Path, contents_of: Callable[[Path], Any]
) -> None:
    """--overwrite replaces samples; it does not empty somebody's folder."""
    folder = tmp_path / "samples"
    save_images(random_images(2), folder)
    (folder / "000000.png").unlink()
    (folder / other).parent.mkdir(exist_ok=True)
    (folder / other).write_text("mine")
    before = contents_of(tmp_path)
    with pytest.raises(RunFolderError, match="holds more than samples") as caught:
        save_images(random_images(5), folder, overwrite=True)
    assert "\n" not in str(caught.value)
    assert contents_of(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("samples.jpg", r"cannot write '\.jpg' files; use NAME\.npz, NAME\.png or a folder"),
        ("taken.png", r"taken\.png is a folder; name another file"),
        ("taken", r"taken is a file; name a folder"),
        (".", "name the folder"),
        ("..", "name the folder"),
    ],
)
def test_a_path_of_the_wrong_kind(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contents_of: Callable[[Path], Any]
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("taken.png").mkdir()
    Path("taken").write_text("mine")
    before = contents_of(tmp_path)
    with pytest.raises(RunFolderError, match=message):
        save_images(random_images(), Path(name), overwrite=True)
    assert contents_of(tmp_path) == before


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("existed", [True, False])
def test_nothing_is_written_where_writing_fails(
    name: str, existed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contents_of: Callable[[Path], Any]
) -> None:
    path = tmp_path / name
    if existed:
        save_images(random_images(3, seed=1), path)
    before = contents_of(tmp_path)
    saved: list[Any] = []

    def fail(self: Any, file: Any, *arguments: Any, **options: Any) -> None:
        file.write_bytes(b"half") if isinstance(file, Path) else file.write(b"half")
        saved.append(file)
        if len(saved) == (2 if name == "samples" else 1):
            raise OSError(28, "No space left on device", str(file) if isinstance(file, Path) else None)

    monkeypatch.setattr(Image.Image, "save", fail)
    monkeypatch.setattr(np, "savez_compressed", lambda file, **arrays: fail(None, file))
    with pytest.raises(RunFolderError, match=r"cannot write .*No space left on device; free some space"):
        save_images(random_images(5), path, overwrite=True)
    assert contents_of(tmp_path) == before


@pytest.mark.parametrize("name", NAMES)
def test_the_path_can_be_checked_beforehand(name: str, tmp_path: Path) -> None:
    check_output(tmp_path / "new" / name, overwrite=False)
    save_images(random_images(), tmp_path / name)
    with pytest.raises(RunFolderError):
        check_output(tmp_path / name, overwrite=False)
    check_output(tmp_path / name, overwrite=True)


def test_a_name_that_is_too_long_is_an_error_of_one_line(tmp_path: Path) -> None:
    for name in ("x" * 300, "x" * 300 + ".png"):
        with pytest.raises(RunFolderError, match="choose a shorter path"):
            check_output(tmp_path / name, overwrite=False)


def test_labels_stand_beside_the_images(tmp_path: Path) -> None:
    labels = torch.tensor([3, 0, 3, 1, 2])
    save_images(random_images(5), tmp_path / "samples.npz", labels=labels)
    with np.load(tmp_path / "samples.npz") as file:
        assert set(file.files) == {"images", "labels"}
        assert file["labels"].dtype == np.int64
        assert file["labels"].tolist() == labels.tolist()


def test_a_figure_is_saved_whole_and_replaces_nothing(tmp_path: Path) -> None:
    path, picture = tmp_path / "made" / "figure.png", Image.new("RGB", (9, 5), "red")
    save_picture(picture, path)
    with Image.open(path) as saved:
        assert np.array_equal(np.asarray(saved), np.asarray(picture))
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(RunFolderError, match="already exists"):
        save_picture(Image.new("L", (1, 1)), path)
    save_picture(Image.new("L", (1, 1)), path, overwrite=True)
    with Image.open(path) as saved:
        assert saved.size == (1, 1)
    for name in ("figure.npz", "figure", "figure.jpg"):
        with pytest.raises(RunFolderError, match=r"name a file that ends in \.png"):
            check_picture_output(tmp_path / name, overwrite=True)


def test_a_full_disk_does_not_advise_to_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(RunFolderError, match="free some space, then give the command again") as caught:
        save_images(torch.zeros(1, 1, 16, 16, dtype=torch.uint8), tmp_path / "samples.npz")
    assert "resume" not in str(caught.value)
    assert not list(tmp_path.iterdir())
