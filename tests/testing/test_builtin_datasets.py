"""Every built-in data set keeps its contract, on small files in the official formats."""

import atexit
import hashlib
import pickle
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from torchvision.datasets import CIFAR10, SVHN, Flowers102

from priorkit.interfaces import ImageShape
from priorkit.testing import Case, Situations
from quick_choices import contracts

_FOLDER = tempfile.TemporaryDirectory()
atexit.register(_FOLDER.cleanup)
ROOT = Path(_FOLDER.name)
SHAPES = (ImageShape(1, 16), ImageShape(3, 32))
STORED = ("memory_changes_no_pixel", "reads_in_any_order", "stored_images_travel", "fingerprints_tell_images_apart")


def case(name: str, place: str = "", required: tuple[str, ...] = (), **options: Any) -> Case:
    """A data set with files in a folder below the root."""
    options = {"download": False, **options} if place == "torchvision" else options
    found = Situations(shapes=SHAPES, data_dir=ROOT / place if place else None)
    return Case("dataset", name, options, required=required, situations=found)


SPLIT = "held_out_images_follow_the_context"
CAPTIONS = "captions_are_whole"
CASES = [
    case("digits", required=(SPLIT,)),
    *(case(name, "torchvision") for name in ("mnist", "fashion-mnist", "cifar10", "svhn", "flowers102")),
    case("flowers102", "torchvision", (CAPTIONS,), split="class-disjoint"),
    case("npz", "labelled.npz", (SPLIT, CAPTIONS, *STORED)),
    case("npz", "split.npz", STORED),
    case("folder", "classes", (SPLIT, CAPTIONS, *STORED), embeddings="."),
    case("folder", "sizes", (SPLIT, *STORED)),
    case("folder", "split", STORED),
]


def pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write_npz() -> None:
    labels = np.arange(24) % 3
    texts = np.array([[f"image {index}", "an odd one\r\n" * (index % 2)] for index in range(24)])
    np.savez(ROOT / "labelled.npz", images=pixels(24, 20, 20), labels=labels, embeddings=np.eye(24, 4), captions=texts)
    np.savez(ROOT / "split.npz", train_images=pixels(6, 16, 16, 3), test_images=pixels(3, 16, 16, 3, seed=1))


def write_folders() -> None:
    for index in range(12):
        places = {
            f"classes/{'ab'[index % 2]}/{index}.png": (20, 20),
            f"sizes/{index}.png": (18 + index, 24),
            f"split/{'test' if index < 3 else 'train'}/{index}.png": (16, 16),
        }
        for seed, (name, size) in enumerate(places.items()):
            path = ROOT / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels(*size[::-1], 3, seed=10 * index + seed)).save(path)
        captioned = ROOT / f"classes/{'ab'[index % 2]}/{index}"
        captioned.with_suffix(".txt").write_bytes(b"\xef\xbb\xbfan image\r\n" + b"number %d\r\n" % index * (index % 3))
        np.save(captioned.with_suffix(".npy"), np.full((2, 3), index))


def write_idx(raw: Path) -> None:
    raw.mkdir(parents=True)
    for seed, (part, count) in enumerate({"train": 5, "t10k": 3}.items()):
        arrays = {"images-idx3": pixels(count, 28, 28, seed=seed), "labels-idx1": pixels(count, seed=seed) % 10}
        for name, array in arrays.items():
            sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
            (raw / f"{part}-{name}-ubyte").write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())


def checksum(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def write_cifar(root: Path, patch: pytest.MonkeyPatch) -> None:
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    names = [*(name for name, _ in CIFAR10.train_list), "test_batch"]
    for seed, name in enumerate(names):
        batch = {"data": pixels(2, 3 * 32 * 32, seed=seed), "labels": [seed, 9 - seed]}
        (folder / name).write_bytes(pickle.dumps(batch))
    meta = folder / "batches.meta"
    meta.write_bytes(pickle.dumps({"label_names": [f"class {number}" for number in range(10)]}))
    checked = [[name, checksum(folder / name)] for name in names]
    patch.setattr(CIFAR10, "train_list", checked[:-1])
    patch.setattr(CIFAR10, "test_list", checked[-1:])
    patch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": checksum(meta)})


def write_svhn(root: Path, patch: pytest.MonkeyPatch) -> None:
    (root / "svhn").mkdir()
    splits = {}
    for seed, split in enumerate(("train", "test")):
        path = root / "svhn" / f"{split}_32x32.mat"
        savemat(path, {"X": pixels(32, 32, 3, 4, seed=seed), "y": np.array([[10], [1], [9], [10]])})
        splits[split] = [SVHN.split_list[split][0], path.name, checksum(path)]
    patch.setattr(SVHN, "split_list", SVHN.split_list | splits)


def write_flowers(root: Path, patch: pytest.MonkeyPatch) -> None:
    folder = root / "flowers-102"
    (folder / "jpg").mkdir(parents=True)
    for number in range(1, 8):
        Image.fromarray(pixels(40, 40 + number, 3, seed=number)).save(folder / "jpg" / f"image_{number:05d}.jpg")
    labels = [1, 2, 3, 4, 5, 102, 101]
    for number, label in enumerate(labels, start=1):
        path = folder / f"text_c10/class_{label:05d}/image_{number:05d}.txt"
        path.parent.mkdir(parents=True)
        path.write_text(f"this is flower {number}\nit has petals\n")
    savemat(folder / "imagelabels.mat", {"labels": np.array([labels])})
    splits = {"trnid": np.array([[1, 2]]), "valid": np.array([[7, 3]]), "tstid": np.array([[6, 5, 4]])}
    savemat(folder / "setid.mat", splits)
    names = {"image": "102flowers.tgz", "label": "imagelabels.mat", "setid": "setid.mat"}
    patch.setattr(Flowers102, "_file_dict", {key: (name, None) for key, name in names.items()})


@pytest.fixture(scope="module", autouse=True)
def files() -> Iterator[None]:
    """Writes all files; the checksums of these small files replace the official checksums."""
    write_npz()
    write_folders()
    root = ROOT / "torchvision"
    for name in ("MNIST", "FashionMNIST"):
        write_idx(root / name / "raw")
    with pytest.MonkeyPatch.context() as patch:
        write_cifar(root, patch)
        write_svhn(root, patch)
        write_flowers(root, patch)
        yield


@contracts(CASES)
def test_conforms(check: Callable[[], None]) -> None:
    check()


def test_none_is_forgotten(built_in: Callable[[str], set[str]]) -> None:
    owned = built_in("dataset")
    assert {case.subject for case in CASES} == owned
