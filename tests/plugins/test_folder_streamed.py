"""The data set `folder` where images stay on disk."""

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from priorkit.errors import DataError
from priorkit.interfaces import ImageData, StoredImages
from priorkit.plugins import DataContext
from priorkit_plugins.folder import FolderOptions, priorkit_datasets, source
from priorkit_plugins.folder.files import Files
from priorkit_plugins.folder.tree import natural_order


def load(root: Path, memory: int = 0, **context: Any) -> ImageData:
    (component,) = priorkit_datasets()
    return component.build(FolderOptions(), DataContext(data_dir=root, memory=memory, **context)).load()


def in_memory(root: Path, **context: Any) -> ImageData:
    (component,) = priorkit_datasets()
    return component.build(FolderOptions(), DataContext(data_dir=root, **context)).load()


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def grey(seed: int, width: int, height: int) -> Image.Image:
    return Image.fromarray(noise(seed, height, width))


def colour(seed: int, width: int, height: int) -> Image.Image:
    return Image.fromarray(noise(seed, height, width, 3))


def transparent(seed: int, width: int, height: int) -> Image.Image:
    return Image.fromarray(noise(seed, height, width, 4))


def palette(seed: int, width: int, height: int) -> Image.Image:
    return colour(seed, width, height).quantize(16)


def sixteen_bits(seed: int, width: int, height: int) -> Image.Image:
    return Image.fromarray(noise(seed, height, width).astype(np.uint16) * 250)


MAKERS: tuple[Callable[[int, int, int], Image.Image], ...] = (grey, colour, transparent, palette, sixteen_bits)


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def save(path: Path, image: Image.Image, orientation: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, exif=turned(orientation))


def same(first: ImageData, second: ImageData) -> bool:
    return all(
        torch.equal(one.first(len(one)), other.first(len(other)))
        and (one.labels is None) == (other.labels is None)
        and (one.labels is None or other.labels is None or torch.equal(one.labels, other.labels))
        for one, other in ((first.train, second.train), (first.test, second.test))
    )


def error(work: Callable[[], object]) -> str:
    with pytest.raises(DataError) as caught:
        work()
    assert "\n" not in str(caught.value)
    return str(caught.value)


kinds = st.tuples(
    st.sampled_from(range(len(MAKERS))),
    st.sampled_from([(8, 8), (12, 8), (20, 33), (140, 150)]),
    st.integers(1, 8),
    st.sampled_from([".png", ".jpg", ".webp", ".tif"]),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.lists(kinds, min_size=2, max_size=5),
    image_size=st.sampled_from([None, 16, 128]),
    channels=st.sampled_from([None, 1, 3]),
    seed=st.integers(0, 2**20),
    classes=st.integers(0, 2),
)
def test_any_images_are_the_same_as_in_memory(
    tmp_path_factory: pytest.TempPathFactory,
    files: list[tuple[int, tuple[int, int], int, str]],
    image_size: int | None,
    channels: int | None,
    seed: int,
    classes: int,
) -> None:
    root = tmp_path_factory.mktemp("data")
    for number, (maker, size, orientation, extension) in enumerate(files):
        image = MAKERS[maker](seed + number, *size)
        if extension in (".jpg", ".webp"):
            image = image.convert("L" if maker in (0, 4) else "RGB")
        folder = root / f"{number % classes}" if classes else root
        save(folder / f"{number}{extension}", image, orientation)
    asked = {"image_size": image_size, "channels": channels, "holdout": 0.3, "seed": seed}
    try:
        memory = in_memory(root, **asked)
    except DataError:
        # All files were looked at, and so it is known at once.
        assert error(lambda: load(root, **asked)) == error(lambda: in_memory(root, **asked))
        return
    streamed = load(root, **asked)
    assert isinstance(streamed.train.images, StoredImages)
    assert streamed.train.shape == memory.train.shape
    assert same(streamed, memory)
    assert streamed.class_names == memory.class_names
    assert [note for note in streamed.notes if "transparent" not in note] == [
        note for note in memory.notes if "transparent" not in note
    ]
    for stored, held in ((streamed.train, memory.train), (streamed.test, memory.test)):
        assert isinstance(stored.images, StoredImages)
        assert stored.images.fingerprint() == held.fingerprint


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in range(40):
        save(tmp_path / f"class{number % 4}" / f"{number}.png", colour(number, 24, 24))
    return tmp_path


def test_larger_sets_than_the_memory_are_streamed(root: Path) -> None:
    # priorkit enlarges them to 32x32, and holds both meanwhile.
    nbytes = 40 * 3 * (24 * 24 + 32 * 32)
    assert isinstance(load(root, memory=nbytes - 1).train.images, StoredImages)
    data = load(root, memory=nbytes)
    assert isinstance(data.train.images, torch.Tensor)
    assert same(data, load(root))
    nbytes = 40 * 3 * (24 * 24 + 64 * 64)
    assert isinstance(load(root, memory=nbytes - 1, image_size=64).train.images, StoredImages)
    assert isinstance(load(root, memory=nbytes, image_size=64).train.images, torch.Tensor)


def test_sets_that_say_what_is_held_out(tmp_path: Path) -> None:
    for part, number in (("train", 7), ("test", 3)):
        for index in range(number):
            save(tmp_path / part / f"{index % 2}" / f"{index}.png", grey(index, 16, 16))
    data = load(tmp_path)
    assert (len(data.train), len(data.test)) == (7, 3)
    assert same(data, in_memory(tmp_path))


def test_nothing_is_decoded_at_the_start_and_few_files_are_opened(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    header = source.read_header
    monkeypatch.setattr(source, "_LOOKED_AT", 10)
    monkeypatch.setattr(source, "read_header", lambda path: (opened.append(path), header(path))[1])
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("decoded"))
    load(root)
    assert len(opened) == 10
    assert len({path.parent for path in opened}) == 4


def test_what_is_held_is_small(root: Path) -> None:
    data = load(root)
    assert len(pickle.dumps(data)) < 5000
    assert len(pickle.dumps(in_memory(root))) > 40 * 3 * 24 * 24
    copied = pickle.loads(pickle.dumps(data))
    assert same(copied, data)


def test_transparent_parts_are_announced(tmp_path: Path) -> None:
    for index in range(3):
        save(tmp_path / f"{index}.png", transparent(index, 8, 8))
    assert "transparent parts are laid on white" in load(tmp_path).notes


LATE = {
    "no image": (lambda path: path.write_bytes(b"hello"), "is not an image"),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:900]), "cannot be read as an image"),
    "gone": (lambda path: path.unlink(), "No such file"),
    "size": (lambda path: save(path, colour(0, 20, 24)), r"images differ in size: .* 24x24 pixels, .* 20x24"),
    "grey": (lambda path: save(path, grey(0, 24, 24)), "grey and colour images are mixed"),
}


@pytest.mark.parametrize("case", LATE)
def test_what_is_found_late_is_one_line_that_names_the_file(
    root: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.setattr(source, "_LOOKED_AT", 4)
    spoil, expected = LATE[case]
    path = root / "class1" / "5.png"
    if case != "gone":
        spoil(path)
    data = load(root, holdout=0.01, seed=2)
    if case == "gone":
        spoil(path)
    text = error(lambda: data.train.first(len(data.train)))
    assert str(path) in text
    assert re.search(expected, text), text


def test_a_smaller_image_found_late_where_all_were_to_keep_their_size(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "_LOOKED_AT", 4)
    save(root / "class1" / "5.png", colour(0, 20, 20))
    data = load(root, holdout=0.01, seed=2, image_size=32)
    text = error(lambda: data.train.first(len(data.train)))
    assert re.search(r"class1/5\.png has 20x20 pixels, but .* all had 24x24: .* --stream never", text), text
    # Where all are brought to one size anyway, it comes to that too.
    assert same(load(root, image_size=16), in_memory(root, image_size=16))


def test_the_fingerprint_follows_names_sizes_and_order_but_not_the_place(root: Path, tmp_path_factory: Any) -> None:
    def fingerprint(where: Path, **context: Any) -> str:
        images = load(where, **context).train.images
        assert isinstance(images, StoredImages)
        return images.fingerprint()

    first = fingerprint(root)
    assert fingerprint(root) == first
    assert fingerprint(root, seed=1) != first
    moved = tmp_path_factory.mktemp("moved") / "here"
    root.rename(moved)
    assert fingerprint(moved) == first
    path = next(iter(load(moved).train.images.files))  # type: ignore[union-attr]
    content = path.read_bytes()
    path.write_bytes(content + b"\0")
    assert fingerprint(moved) != first
    path.write_bytes(content)
    assert fingerprint(moved) == first
    path.rename(path.with_name("zebra.png"))
    assert fingerprint(moved) != first


def test_paths_of_many_files_are_small(tmp_path: Path) -> None:
    files = Files(tmp_path, (f"class/{index}.png" for index in range(1000)))
    assert len(pickle.dumps(files)) < 20_000
    assert files[999] == tmp_path / "class" / "999.png"
    assert list(files[2:4]) == [tmp_path / "class" / "2.png", tmp_path / "class" / "3.png"]


def test_names_of_any_letters_are_found(tmp_path: Path) -> None:
    names = ["ä.png", "猫.png", "a b.png", "#.png"]
    for index, name in enumerate(names):
        save(tmp_path / name, grey(index, 8, 8))
    assert same(load(tmp_path), in_memory(tmp_path))


@given(names=st.lists(st.text("ab19_0A²٣", min_size=1, max_size=6), unique=True))
def test_names_are_sorted_naturally(names: list[str]) -> None:
    def parts(name: str) -> tuple[list[int | str], str]:
        return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name.casefold())], name

    assert natural_order(names) == sorted(names, key=parts)
