"""torchvision's data sets, from small files in their official formats."""

import contextlib
import gzip
import hashlib
import pickle
import re
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import savemat
from torchvision.datasets import CIFAR10, MNIST, SVHN, FashionMNIST

from priorkit.errors import DataError
from priorkit.interfaces import ImageData
from priorkit.plugins import DataContext
from priorkit_plugins.torchvision_datasets import priorkit_datasets
from small_flowers import write_flowers

NAMES = ("mnist", "fashion-mnist", "cifar10", "svhn", "flowers102")
IDX = [("mnist", MNIST), ("fashion-mnist", FashionMNIST)]


def load(name: str, root: Path | None, download: bool = True, **context: Any) -> ImageData:
    component = {component.name: component for component in priorkit_datasets()}[name]
    return component.build(component.options(download=download), DataContext(data_dir=root, **context)).load()


def message(name: str, root: Path | None, download: bool = True) -> str:
    with pytest.raises(DataError) as caught:
        load(name, root, download)
    text = str(caught.value)
    assert "\n" not in text
    return text


def pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(autouse=True)
def requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No test reaches the network; the addresses that it would have asked for."""
    asked: list[str] = []

    def unreachable(request: urllib.request.Request, *args: Any, **kwargs: Any) -> None:
        asked.append(request.full_url)
        raise urllib.error.URLError("no\nnetwork")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    return asked


def idx(array: np.ndarray) -> bytes:
    """The idx format: two zeros, the type (8 is unsigned bytes), the dimensions' number and sizes, the bytes."""
    return bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape) + array.tobytes()


def write_idx(raw: Path) -> dict[str, np.ndarray]:
    arrays = {
        "train-images-idx3-ubyte": pixels(5, 28, 28),
        "train-labels-idx1-ubyte": np.array([4, 0, 9, 4, 1], dtype=np.uint8),
        "t10k-images-idx3-ubyte": pixels(3, 28, 28, seed=1),
        "t10k-labels-idx1-ubyte": np.array([7, 2, 2], dtype=np.uint8),
    }
    raw.mkdir(parents=True)
    for name, array in arrays.items():
        (raw / name).write_bytes(idx(array))
    return arrays


def write_cifar(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Two images in each batch; the small files' checksums take the place of the official ones."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    batches = {name: pixels(2, 3, 32, 32, seed=seed) for seed, (name, _) in enumerate(CIFAR10.train_list)}
    batches["test_batch"] = pixels(2, 3, 32, 32, seed=9)
    checksums = {}

    def write(name: str, content: Any) -> None:
        (folder / name).write_bytes(pickle.dumps(content))
        checksums[name] = hashlib.md5((folder / name).read_bytes()).hexdigest()

    for number, (name, images) in enumerate(batches.items()):
        write(name, {"data": images.reshape(2, -1), "labels": [number, 9 - number]})
    write("batches.meta", {"label_names": [f"class {number}" for number in range(10)]})
    monkeypatch.setattr(CIFAR10, "train_list", [[name, checksums[name]] for name, _ in CIFAR10.train_list])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", checksums["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": checksums["batches.meta"]})
    return batches


def write_svhn(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    (root / "svhn").mkdir()
    arrays = {"train": pixels(4, 32, 32, 3), "test": pixels(2, 32, 32, 3, seed=1)}
    splits = {}
    for split, images in arrays.items():
        # In these files, the images' index comes last, and the digit 0 has the label 10.
        path = root / "svhn" / f"{split}_32x32.mat"
        savemat(path, {"X": images.transpose(1, 2, 3, 0), "y": np.array([[10], [1], [9], [10]][: len(images)])})
        splits[split] = [SVHN.split_list[split][0], path.name, hashlib.md5(path.read_bytes()).hexdigest()]
    monkeypatch.setattr(SVHN, "split_list", SVHN.split_list | splits)
    return arrays


@pytest.mark.parametrize(("name", "dataset"), IDX)
def test_idx_files(name: str, dataset: type[MNIST], tmp_path: Path, requests: list[str]) -> None:
    arrays = write_idx(tmp_path / dataset.__name__ / "raw")
    data = load(name, tmp_path)
    for part, split in ((data.train, "train"), (data.test, "t10k")):
        assert torch.equal(part.images[:, 0], torch.from_numpy(arrays[f"{split}-images-idx3-ubyte"]))
        assert part.labels is not None
        assert part.labels.tolist() == arrays[f"{split}-labels-idx1-ubyte"].tolist()
    assert len(data.class_names) == 10
    assert data.class_names[9] == {"mnist": "9", "fashion-mnist": "Ankle boot"}[name]
    assert requests == []


def test_cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = write_cifar(tmp_path, monkeypatch)
    data = load("cifar10", tmp_path)
    test = batches.pop("test_batch")
    assert torch.equal(data.train.images, torch.from_numpy(np.concatenate(list(batches.values()))))
    assert torch.equal(data.test.images, torch.from_numpy(test))
    assert data.train.labels is not None
    assert data.test.labels is not None
    assert data.train.labels.tolist() == [0, 9, 1, 8, 2, 7, 3, 6, 4, 5]
    assert data.test.labels.tolist() == [5, 4]
    assert data.class_names[3] == "class 3"


def test_svhn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = write_svhn(tmp_path, monkeypatch)
    data = load("svhn", tmp_path)
    assert torch.equal(data.train.images, torch.from_numpy(arrays["train"].transpose(0, 3, 1, 2).copy()))
    assert torch.equal(data.test.images, torch.from_numpy(arrays["test"].transpose(0, 3, 1, 2).copy()))
    assert data.train.labels is not None
    assert data.test.labels is not None
    assert (data.train.labels.tolist(), data.test.labels.tolist()) == ([0, 1, 9, 0], [0, 1])
    assert data.class_names == tuple("0123456789")


LOOKED_FOR = {
    "mnist": [
        f"MNIST/raw/{split}-{kind}-ubyte" for split in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
    ],
    "fashion-mnist": ["FashionMNIST/raw/train-images-idx3-ubyte", "FashionMNIST/raw/t10k-labels-idx1-ubyte"],
    "cifar10": [
        f"cifar-10-batches-py/{name}" for name in ("data_batch_1", "data_batch_5", "test_batch", "batches.meta")
    ],
    "svhn": ["svhn/train_32x32.mat", "svhn/test_32x32.mat"],
    "flowers102": ["flowers-102/jpg", "flowers-102/imagelabels.mat", "flowers-102/setid.mat"],
}


@pytest.mark.parametrize("name", NAMES)
def test_missing_files_are_named_where_there_is_no_network(name: str, tmp_path: Path, requests: list[str]) -> None:
    text = message(name, tmp_path)
    for path in LOOKED_FOR[name]:
        assert str(tmp_path / path) in text
    assert "downloading failed" in text
    assert "no network" in text
    assert re.search(r"get .* from http|get http", text)
    assert "--data-dir" in text
    assert requests
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_downloaded_if_that_is_off(name: str, tmp_path: Path, requests: list[str]) -> None:
    text = message(name, tmp_path, download=False)
    assert "downloading is off" in text
    assert str(tmp_path / LOOKED_FOR[name][0]) in text
    assert requests == []


def test_only_what_is_missing_is_named(tmp_path: Path) -> None:
    write_idx(tmp_path / "MNIST" / "raw")
    gone = tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    gone.unlink()
    text = message("mnist", tmp_path)
    assert str(gone) in text
    assert str(tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte") not in text
    assert len(list(gone.parent.iterdir())) == 3


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_does_not_exist_is_not_made(name: str, tmp_path: Path, requests: list[str]) -> None:
    root = tmp_path / "nowhere"
    text = message(name, root)
    assert f"{root} does not exist" in text
    assert "--data-dir" in text
    assert not root.exists()
    assert requests == []


def test_a_file_instead_of_a_folder(tmp_path: Path) -> None:
    root = tmp_path / "file"
    root.touch()
    assert f"{root} is a file" in message("mnist", root)


def test_the_default_folder_is_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    root = tmp_path / ".cache" / "priorkit" / "data"
    assert str(root / "MNIST" / "raw" / "train-images-idx3-ubyte") in message("mnist", None)
    assert list(tmp_path.iterdir()) == []
    write_idx(root / "MNIST" / "raw")
    assert len(load("mnist", None).train) == 5


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serves a folder's files on this machine; gives the address."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def compress(raw: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in list(raw.iterdir()):
        (target / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()


REAL_URLOPEN = urllib.request.urlopen


def test_missing_files_are_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_idx(tmp_path / "raw")
    compress(tmp_path / "raw", tmp_path / "server")
    (tmp_path / "root").mkdir()
    monkeypatch.setattr(MNIST, "resources", [(name, None) for name, _ in MNIST.resources])
    # Its downloads are on this machine.
    monkeypatch.setattr(urllib.request, "urlopen", REAL_URLOPEN)
    with served(tmp_path / "server") as address:
        monkeypatch.setattr(MNIST, "mirrors", [address])
        data = load("mnist", tmp_path / "root")
    assert len(data.train) == 5
    assert (tmp_path / "root" / "MNIST" / "raw" / "train-images-idx3-ubyte").is_file()
    assert capsys.readouterr().out == ""
    assert socket.getdefaulttimeout() is None


def test_what_torchvision_prints_goes_to_the_standard_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(MNIST, "download", lambda dataset: print("half done"))
    message("mnist", tmp_path)
    output = capsys.readouterr()
    assert output.out == ""
    assert "half done" in output.err


def test_compressed_files_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, requests: list[str]) -> None:
    raw = tmp_path / "MNIST" / "raw"
    write_idx(raw)
    compress(raw, raw)
    monkeypatch.setattr(MNIST, "resources", [(name, None) for name, _ in MNIST.resources])
    assert len(load("mnist", tmp_path).test) == 3
    assert requests == []


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("train-images-idx3-ubyte", lambda content: content[:-100]),
        ("train-images-idx3-ubyte", lambda content: content[:3]),
        ("t10k-images-idx3-ubyte", lambda content: b"<!DOCTYPE html><p>This page has moved.</p>"),
        ("t10k-labels-idx1-ubyte", lambda content: b""),
        ("train-labels-idx1-ubyte", lambda content: idx(np.zeros(4, dtype=np.uint8))),
    ],
)
def test_damaged_idx_files_are_named(tmp_path: Path, name: str, damage: Callable[[bytes], bytes]) -> None:
    raw = tmp_path / "MNIST" / "raw"
    write_idx(raw)
    (raw / name).write_bytes(damage((raw / name).read_bytes()))
    text = message("mnist", tmp_path)
    assert text.startswith(f"{raw / name} is damaged")
    assert "delete it" in text
    assert "http" in text


@pytest.mark.parametrize("name", ["data_batch_3", "test_batch", "batches.meta"])
def test_damaged_cifar_batches_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    write_cifar(tmp_path, monkeypatch)
    path = tmp_path / "cifar-10-batches-py" / name
    path.write_bytes(path.read_bytes()[:-1])
    assert message("cifar10", tmp_path).startswith(f"{path} is damaged")


def test_a_cifar_batch_with_another_checksum_is_never_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cifar(tmp_path, monkeypatch)

    class Trap:
        def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
            return Path.touch, (tmp_path / "sprung",)

    (tmp_path / "cifar-10-batches-py" / "batches.meta").write_bytes(pickle.dumps(Trap()))
    (tmp_path / "cifar-10-batches-py" / "data_batch_1").write_bytes(pickle.dumps(Trap()))
    message("cifar10", tmp_path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("checksum", [True, False])
def test_damaged_svhn_files_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: str, checksum: bool
) -> None:
    write_svhn(tmp_path, monkeypatch)
    path = tmp_path / "svhn" / f"{split}_32x32.mat"
    path.write_bytes(path.read_bytes()[:200])
    if not checksum:
        unchecked = {name: [url, file, None] for name, (url, file, _) in SVHN.split_list.items()}
        monkeypatch.setattr(SVHN, "split_list", unchecked)
    assert message("svhn", tmp_path).startswith(f"{path} is damaged")


def test_damaged_flowers_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_flowers(tmp_path, monkeypatch)
    photograph = tmp_path / "flowers-102" / "jpg" / "image_00005.jpg"
    photograph.write_bytes(photograph.read_bytes()[:300])
    assert message("flowers102", tmp_path).startswith(f"{photograph} is damaged")
    photograph.unlink()
    assert message("flowers102", tmp_path).startswith(f"{photograph} is damaged")


@pytest.mark.parametrize("name", ["imagelabels.mat", "setid.mat"])
def test_damaged_lists_of_flowers_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    write_flowers(tmp_path, monkeypatch)
    path = tmp_path / "flowers-102" / name
    path.write_bytes(path.read_bytes()[:150])
    assert str(path) in message("flowers102", tmp_path)
