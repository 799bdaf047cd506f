"""The data set `npz`."""

import pickle
import re
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from priorkit.errors import DataError
from priorkit.interfaces import ImageData, StoredImages
from priorkit.plugins import DataContext
from priorkit_plugins.npz import NpzOptions, in_memory, priorkit_datasets


def load(path: Path | None, **context: Any) -> ImageData:
    (component,) = priorkit_datasets()
    assert component.name == "npz"
    return component.build(NpzOptions(), DataContext(data_dir=path, **context)).load()


def pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "images.npz"


def test_images_with_labels_and_names(path: Path) -> None:
    images, test_images = pixels(6, 4, 5, 3), pixels(2, 4, 5, 3, seed=1)
    np.savez(
        path,
        images=images,
        labels=np.array([0, 1, 2, 2, 1, 0]),
        test_images=test_images,
        test_labels=np.array([2, 0], dtype=np.uint8),
        class_names=np.array(["cat", "dog", "owl"]),
    )
    data = load(path)
    assert torch.equal(data.train.images, torch.from_numpy(images.transpose(0, 3, 1, 2)))
    assert torch.equal(data.test.images, torch.from_numpy(test_images.transpose(0, 3, 1, 2)))
    assert data.train.labels is not None
    assert data.test.labels is not None
    assert data.train.labels.tolist() == [0, 1, 2, 2, 1, 0]
    assert data.test.labels.tolist() == [2, 0]
    assert data.class_names == ("cat", "dog", "owl")
    assert data.notes == ()


def test_synonyms_and_compression(path: Path) -> None:
    images = pixels(3, 8, 8)
    np.savez_compressed(
        path,
        train_images=images,
        train_labels=np.array([1, 0, 1]),
        test_images=pixels(1, 8, 8),
        test_labels=np.array([0]),
        author="me",
    )
    data = load(path)
    assert torch.equal(data.train.images, torch.from_numpy(images).unsqueeze(1))
    assert data.train.labels is not None
    assert data.train.labels.tolist() == [1, 0, 1]
    assert data.class_names == ("0", "1")
    assert data.notes == ("arrays that are not read: author",)


def test_without_test_images_some_are_held_out(path: Path) -> None:
    images = pixels(20, 4, 4)
    np.savez(path, images=images, labels=np.arange(20) % 4)
    data = load(path, holdout=0.25, seed=3)
    assert (len(data.train), len(data.test)) == (15, 5)
    assert data.notes == ("5 of 20 images are held out",)
    assert torch.equal(load(path, holdout=0.25, seed=3).test.images, data.test.images)
    assert not torch.equal(load(path, holdout=0.25, seed=4).test.images, data.test.images)
    # Each image keeps its label, and all are there once.
    label_of = {image.tobytes(): index % 4 for index, image in enumerate(images)}
    both = [
        (image.numpy().tobytes(), int(label))
        for part in (data.train, data.test)
        for image, label in zip(part.images, part.labels if part.labels is not None else [], strict=True)
    ]
    assert sorted(both) == sorted(label_of.items())


def test_images_alone_have_no_labels(path: Path) -> None:
    np.savez(path, images=pixels(3, 4, 4), test_images=pixels(1, 4, 4))
    data = load(path)
    assert data.train.labels is None
    assert data.test.labels is None
    assert data.class_names == ()


def test_labels_with_gaps_are_numbered_anew(path: Path) -> None:
    np.savez(
        path,
        images=pixels(3, 4, 4),
        labels=np.array([9, 3, 7]),
        test_images=pixels(1, 4, 4),
        test_labels=np.array([5]),
    )
    data = load(path)
    assert data.train.labels is not None
    assert data.test.labels is not None
    assert data.train.labels.tolist() == [3, 0, 2]
    assert data.test.labels.tolist() == [1]
    assert data.class_names == ("3", "5", "7", "9")
    assert data.notes == ("labels from 3 to 9 are numbered from 0 to 3",)


def test_labels_that_index_the_names_stay(path: Path) -> None:
    np.savez(path, images=pixels(3, 4, 4), labels=np.array([3, 1, 1]), class_names=np.array([b"a", b"b", b"c", b"d"]))
    data = load(path, holdout=0.4)
    assert data.train.labels is not None
    assert data.test.labels is not None
    assert sorted([*data.train.labels.tolist(), *data.test.labels.tolist()]) == [1, 1, 3]
    assert data.class_names == ("a", "b", "c", "d")


def test_labels_that_count_from_1_are_numbered_from_0(path: Path) -> None:
    np.savez(
        path,
        images=pixels(3, 4, 4),
        labels=np.array([1, 2, 3]),
        test_images=pixels(1, 4, 4),
        test_labels=np.array([3]),
        class_names=np.array(["a", "b", "c"]),
    )
    data = load(path)
    assert data.train.labels is not None
    assert data.train.labels.tolist() == [0, 1, 2]
    assert data.class_names == ("a", "b", "c")
    assert data.notes == ("labels from 1 to 3 are numbered from 0 to 2",)


def test_names_of_labels_that_do_not_index_them_go_in_ascending_order(path: Path) -> None:
    np.savez(path, images=pixels(2, 4, 4), labels=np.array([20, 10]), class_names=np.array(["ten", "twenty"]))
    data = load(path)
    for part in (data.train, data.test):
        assert part.labels is not None
        index = [20, 10].index({"ten": 10, "twenty": 20}[data.class_names[int(part.labels[0])]])
        assert torch.equal(part.images[0, 0], torch.from_numpy(pixels(2, 4, 4)[index]))


def message(path: Path | None, **context: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(path, **context)
    text = str(caught.value)
    assert "\n" not in text
    return text


FINE = pixels(4, 5, 5)
LABELS = np.arange(4)


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"pictures": FINE, "y": LABELS}, r"no array 'images' \(or 'train_images'; it has pictures, y\).*numpy\.savez"),
        ({}, r"no array 'images' .* it has none at all"),
        ({"images": FINE, "train_images": FINE}, "both 'images' and 'train_images'.*leave one out"),
        ({"images": FINE, "labels": LABELS, "train_labels": LABELS}, "both 'labels' and 'train_labels'"),
        ({"images": FINE / 255}, "'images' .* is float64.*must be uint8.*multiply by 255 and convert to uint8"),
        ({"images": FINE > 9}, "is bool.*multiply by 255"),
        ({"images": FINE.astype(np.int64)}, "is int64.*bring it to 0 to 255 and convert to uint8"),
        ({"images": FINE * 2.0 - 255}, "is float64.*bring it to 0 to 255"),
        ({"images": FINE.reshape(4, 25)}, r"shape \(4, 25\), but must be \(N, height, width\).*reshape"),
        ({"images": pixels(4, 5, 5, 2)}, r"shape \(4, 5, 5, 2\).*1 or 3 channels"),
        ({"images": pixels(4, 3, 5, 5)}, r"channels first.*images\.transpose\(0, 2, 3, 1\)"),
        ({"images": pixels(4, 1, 5, 5)}, r"channels first.*images\.transpose\(0, 2, 3, 1\)"),
        ({"images": pixels(4, 5, 5, 4)}, r"four channels.*images\[\.\.\., :3\]"),
        ({"images": pixels(0, 5, 5)}, "no pixels"),
        ({"images": pixels(1, 5, 5)}, "has one image.*'test_images'"),
        ({"images": FINE, "labels": LABELS[:3]}, r"'labels' .* shape \(3,\), but 'images' has 4 images.*\(4,\)"),
        ({"images": FINE, "labels": LABELS[:, None]}, r"shape \(4, 1\), but 'images' has 4 images"),
        ({"images": FINE, "labels": LABELS * 1.0}, "'labels' .* float64, but labels must be integers"),
        ({"images": FINE, "test_labels": LABELS}, "'test_labels' but no 'test_images'"),
        ({"images": FINE, "labels": LABELS, "test_images": FINE}, "'labels' but no 'test_labels'"),
        ({"train_images": FINE, "test_images": FINE, "test_labels": LABELS}, "'test_labels' but no 'labels'"),
        (
            {"images": FINE, "labels": LABELS, "test_images": FINE, "test_labels": LABELS[1:]},
            r"'test_labels' .* shape \(3,\), but 'test_images' has 4",
        ),
        ({"images": FINE, "test_images": pixels(4, 6, 5)}, r"'images' .*\(5, 5, 1\) and 'test_images' .*\(6, 5, 1\)"),
        ({"images": FINE, "test_images": FINE / 255}, "'test_images' .* is float64"),
        (
            {"images": FINE, "labels": LABELS, "class_names": np.array(["a", "b"])},
            "has 2 names, but the labels have 4 values from 0 to 3",
        ),
        ({"images": FINE, "labels": LABELS, "class_names": np.array("a")}, "'class_names' .* must be a list of names"),
        (
            {"images": FINE, "labels": LABELS, "class_names": np.array(["a", "b", "c", "d"], dtype=object)},
            "'class_names' .* Python objects.*dtype=str",
        ),
    ],
)
def test_wrong_arrays_are_refused(path: Path, arrays: dict[str, np.ndarray], expected: str) -> None:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    text = message(path)
    assert str(path) in text
    assert re.search(expected, text), text


def test_no_path() -> None:
    assert message(None).endswith("--data-dir FILE.npz")


def test_no_such_file(path: Path) -> None:
    assert f"no file {path}" in message(path)


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    assert "it has no .npz file" in message(tmp_path)
    np.savez(tmp_path / "mine.npz", images=FINE)
    assert re.search(r"is a folder \(it has mine\.npz\).*--data-dir", message(tmp_path))


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 and no more"])
def test_other_files_are_no_npz(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert f"{path} is not a .npz file" in message(path)


def test_an_npy_is_no_npz(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", FINE)
    assert "is not a .npz file" in message(tmp_path / "images.npy")


def test_a_file_cut_off(path: Path) -> None:
    np.savez(path, images=FINE)
    path.write_bytes(path.read_bytes()[:-50])
    assert "is not a .npz file, or it is cut off" in message(path)


def test_a_damaged_array(path: Path) -> None:
    np.savez_compressed(path, images=pixels(10, 8, 8))
    content = bytearray(path.read_bytes())
    content[300:310] = bytes(10)
    path.write_bytes(content)
    assert re.search(r"'images' in .* is damaged \(.*\): write the file again", message(path))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    channels=st.sampled_from([None, 1, 3]),
    n=st.integers(2, 12),
    held_out=st.integers(0, 3),
    labelled=st.booleans(),
    synonym=st.booleans(),
    seed=st.integers(0, 99),
    data=st.data(),
)
def test_streamed_images_are_those_in_memory(
    path: Path,
    channels: int | None,
    n: int,
    held_out: int,
    labelled: bool,
    synonym: bool,
    seed: int,
    data: st.DataObject,
) -> None:
    shape = (5, 7) if channels is None else (5, 7, channels)
    prefix = "train_" if synonym else ""
    # Arrays around them, so that they lie anywhere in the file.
    arrays = {"before": pixels(3), f"{prefix}images": pixels(n, *shape, seed=seed), "class_names": np.array(["a"] * 12)}
    if labelled:
        arrays[f"{prefix}labels"] = np.arange(n)
    if held_out:
        arrays["test_images"] = pixels(held_out, *shape, seed=seed + 1)
        if labelled:
            arrays["test_labels"] = np.arange(held_out)
    np.savez(path, **arrays)  # type: ignore[arg-type]
    memory, streamed = load(path, seed=seed, holdout=0.3), load(path, seed=seed, holdout=0.3, memory=0)
    assert (memory.notes, memory.class_names) == (streamed.notes, streamed.class_names)
    for held, stored in ((memory.train, streamed.train), (memory.test, streamed.test)):
        assert isinstance(stored.images, StoredImages)
        assert (len(held), held.shape) == (len(stored), stored.shape)
        chosen = torch.tensor(data.draw(st.lists(st.integers(0, len(held) - 1), max_size=6)), dtype=torch.int64)
        assert torch.equal(stored.take(chosen), held.take(chosen))
        assert (held.labels is None) == (stored.labels is None) == (not labelled)
        assert held.labels is None or stored.labels is None or torch.equal(held.labels, stored.labels)
        assert stored.images.fingerprint() == held.fingerprint


def test_larger_arrays_than_the_memory_are_streamed(path: Path) -> None:
    np.savez(path, images=pixels(10, 8, 8), test_images=pixels(4, 8, 8))
    # priorkit enlarges them to 16x16, or to what is asked for, and holds both meanwhile.
    for asked, fitted in (({}, 16**2), ({"image_size": 32, "channels": 3}, 3 * 32**2)):
        nbytes = 14 * (8**2 + fitted)
        assert isinstance(load(path, memory=nbytes, **asked).train.images, torch.Tensor)
        for part in ((data := load(path, memory=nbytes - 1, **asked)).train, data.test):
            assert isinstance(part.images, StoredImages)


def test_what_is_held_of_streamed_images_is_small(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(path, images=pixels(50, 16, 16, 3), labels=np.arange(50) % 3)
    read = np.lib.npyio.NpzFile.__getitem__
    monkeypatch.setattr(
        np.lib.npyio.NpzFile,
        "__getitem__",
        lambda archive, key: pytest.fail("read") if key == "images" else read(archive, key),
    )
    assert len(pickle.dumps(load(path, memory=0))) < 4000


@pytest.mark.parametrize("case", ["compressed", "fortran"])
def test_what_cannot_be_streamed_is_held_in_memory_with_a_note(path: Path, case: str) -> None:
    images = pixels(6, 4, 4, 3)
    if case == "compressed":
        np.savez_compressed(path, images=images)
    else:
        np.savez(path, images=np.asfortranarray(images))
    data = load(path, memory=0)
    assert isinstance(data.train.images, torch.Tensor)
    assert any(re.search(r"'images' is compressed or .* numpy\.savez.*streamed", note) for note in data.notes)
    assert not any("compressed" in note for note in load(path).notes)
    # Saved as it says, it is the same data set.
    np.savez(path, images=images)
    again = load(path, memory=0)
    assert isinstance(again.train.images, StoredImages)
    assert torch.equal(again.train.first(6), data.train.first(6))
    if case == "compressed":
        assert again.train.images.fingerprint() == data.train.fingerprint


def test_fingerprints_tell_pixels_and_order_apart(path: Path) -> None:
    found = set()
    for seed in range(2):
        np.savez(path, images=pixels(20, 4, 4, seed=seed))
        found |= {load(path, seed=split).train.fingerprint for split in range(3)}
    assert len(found) == 6


@pytest.mark.parametrize("case", ["cut off", "replaced", "gone"])
def test_a_file_that_changes_while_it_is_read_is_an_error(path: Path, case: str) -> None:
    np.savez(path, images=pixels(20, 16, 16))
    data = load(path, memory=0)
    data.train.first(20)
    if case == "cut off":
        path.write_bytes(path.read_bytes()[:1000])
    elif case == "replaced":
        np.savez(path, images=pixels(20, 16, 16, seed=1), more=pixels(3))
    else:
        path.unlink()
    with pytest.raises(DataError) as caught:
        data.train.first(20)
    assert str(caught.value).startswith(str(path))
    assert "put" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"images": FINE / 255}, "'images' .* is float64"),
        ({"images": pixels(4, 5, 5, 4)}, "four channels"),
        ({"images": pixels(0, 5, 5)}, "no pixels"),
        ({"images": np.array([None, 1], dtype=object)}, "Python objects"),
        ({"images": FINE, "test_images": pixels(2, 6, 5)}, r"\(5, 5, 1\) and 'test_images'"),
        ({"pictures": FINE}, "no array 'images'"),
    ],
)
def test_wrong_arrays_are_refused_as_they_are_in_memory(
    path: Path, arrays: dict[str, np.ndarray], expected: str
) -> None:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    text = message(path)
    assert re.search(expected, text), text
    assert message(path, memory=0) == text


@pytest.mark.parametrize("per_read", [1, 3, 100])
@pytest.mark.parametrize("case", ["stored", "compressed", "fortran"])
@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_images_that_are_read_a_few_at_a_time(
    path: Path, monkeypatch: pytest.MonkeyPatch, per_read: int, case: str, channels: tuple[int, ...]
) -> None:
    images, test_images = pixels(11, 5, 7, *channels), pixels(4, 5, 7, *channels, seed=1)
    monkeypatch.setattr(in_memory, "_CHUNK", per_read * images[0].nbytes)
    save = np.savez_compressed if case == "compressed" else np.savez
    order = np.asfortranarray if case == "fortran" else np.asarray
    save(path, images=order(images), test_images=order(test_images))
    data = load(path)
    for part, expected in ((data.train, images), (data.test, test_images)):
        assert torch.equal(
            part.images, torch.from_numpy(expected.reshape(-1, 5, 7, *(channels or (1,)))).permute(0, 3, 1, 2)
        )
        assert part.images.is_contiguous()  # type: ignore[union-attr]


@pytest.mark.parametrize("compressed", [False, True])
def test_images_are_in_memory_once(path: Path, monkeypatch: pytest.MonkeyPatch, compressed: bool) -> None:
    images = pixels(100, 32, 32, 3) // 64
    (np.savez_compressed if compressed else np.savez)(path, images=images)
    monkeypatch.setattr(in_memory, "_CHUNK", images.nbytes // 20)
    tracemalloc.start()
    try:
        data = load(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert images.nbytes < peak < 1.7 * images.nbytes
    # The parts are no copies, which would be torch's and so not in that count.
    storages = [part.images.untyped_storage() for part in (data.train, data.test)]  # type: ignore[union-attr]
    assert storages[0].data_ptr() == storages[1].data_ptr()
    assert storages[0].nbytes() == images.nbytes


@pytest.mark.parametrize("memory", [0, 10**9])
def test_an_array_that_ends_early_is_damaged(path: Path, memory: int) -> None:
    np.savez(path, images=FINE)
    with zipfile.ZipFile(path) as archive:
        content = archive.read("images.npy")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", content[:-1])
    assert re.search(r"'images' in .* is damaged \(.*\): write the file again", message(path, memory=memory))


def test_a_wrong_checksum_is_damage(path: Path) -> None:
    np.savez(path, images=FINE)
    content = bytearray(path.read_bytes())
    place = content.index(FINE.tobytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert re.search(r"'images' in .* is damaged \(.*CRC.*\): write the file again", message(path))


def test_embeddings(path: Path) -> None:
    vectors = np.arange(12, dtype=np.float64).reshape(6, 2)
    np.savez(path, images=pixels(6, 4, 5, 3), embeddings=vectors)
    data = load(path, holdout=0.3)
    assert data.train.embeddings is not None
    assert data.test.embeddings is not None
    assert data.train.embeddings.dtype == torch.float32
    together = torch.cat([data.train.embeddings, data.test.embeddings])
    assert sorted(together[:, 0].tolist()) == [0, 2, 4, 6, 8, 10]
    # Each image keeps its own.
    images = torch.from_numpy(pixels(6, 4, 5, 3).transpose(0, 3, 1, 2))
    for part in (data.train, data.test):
        for image, vector in zip(part.images, part.embeddings, strict=True):
            assert torch.equal(image, images[int(vector[0]) // 2])


def test_embeddings_of_both_sets(path: Path) -> None:
    vectors, held_out = np.ones((6, 2), dtype=np.float16), np.zeros((3, 2), dtype=np.int64)
    np.savez(
        path,
        train_images=pixels(6, 4, 5),
        test_images=pixels(3, 4, 5),
        train_embeddings=vectors,
        test_embeddings=held_out,
    )
    data = load(path)
    assert torch.equal(data.train.embeddings, torch.ones(6, 2))
    assert torch.equal(data.test.embeddings, torch.zeros(3, 2))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"embeddings": np.zeros((5, 2))},
            r"float64 of shape \(5, 2\), but must be numbers of shape \(6, dimensions\)",
        ),
        ({"embeddings": np.zeros(6)}, "must be numbers of shape"),
        ({"embeddings": np.zeros((6, 0))}, "must be numbers of shape"),
        ({"embeddings": np.array([["a"]] * 6)}, "must be numbers of shape"),
        ({"embeddings": np.full((6, 1), np.nan)}, "infinite or not a number"),
        ({"embeddings": np.zeros((6, 2)), "train_embeddings": np.zeros((6, 2))}, "two names of one thing"),
        ({"test_embeddings": np.zeros((6, 2))}, "'embeddings' would go with its images"),
    ],
)
def test_embeddings_that_do_not_fit(arrays: dict[str, np.ndarray], message: str, path: Path) -> None:
    np.savez(path, images=pixels(6, 4, 5), **arrays)
    with pytest.raises(DataError, match=message):
        load(path)


def test_embeddings_of_two_sizes(path: Path) -> None:
    sets = {"images": pixels(6, 4, 5), "test_images": pixels(2, 4, 5)}
    np.savez(path, **sets, embeddings=np.zeros((6, 2)), test_embeddings=np.zeros((2, 3)))
    with pytest.raises(DataError, match="2 dimensions and 'test_embeddings' 3"):
        load(path)


@pytest.mark.parametrize("seed", range(4))
def test_the_only_image_of_a_class_is_trained_on(path: Path, seed: int) -> None:
    np.savez(path, images=pixels(4, 8, 8), labels=np.array([7, 3, 3, 9]))
    data = load(path, holdout=0.5, seed=seed)
    assert data.train.labels is not None
    assert set(data.train.labels.tolist()) == {0, 1, 2}


def test_labels_below_0_are_refused_unless_they_are_named(path: Path) -> None:
    arrays = {"images": pixels(5, 8, 8), "labels": np.array([-1, 0, 1, -1, 0])}
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=r"go down to -1 \(2 images\), and labels below 0 usually mean .* has none: "):
        load(path)
    np.savez(path, **arrays, class_names=np.array(["other", "cat", "dog"]))
    assert load(path).class_names == ("other", "cat", "dog")


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (f"'shape': (1{'0' * 30}, 16, 16), }}", "is damaged"),
        ("'shape': (2, 16, 16), ", "is damaged"),
        ("'shape': (4000000000, 16, 16), }", "is damaged"),
        (f"'shape': {'(' * 4000}{')' * 4000}}}", "is damaged"),
    ],
    ids=["more than any number", "cut", "more than memory", "nested"],
)
@pytest.mark.parametrize("memory", [0, 2**40])
def test_headers_of_arrays_that_are_damaged(path: Path, header: str, told: str, memory: int) -> None:
    text = f"{{'descr': '|u1', 'fortran_order': False, {header}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "images.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(2 * 16 * 16)
        )
    with pytest.raises(DataError, match=told) as caught:
        load(path, memory=memory)
    assert f"'images' in {path}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "Python objects" not in str(caught.value)


def test_an_array_that_does_not_fit_into_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(path, images=pixels(3, 8, 8).astype(np.int64))

    def full(*_: Any, **__: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(np.lib.npyio.NpzFile, "__getitem__", full)
    with pytest.raises(DataError, match=r"'images' in .* takes 0.0 GiB, more than fits into memory: save fewer images"):
        load(path)
