"""Checks of images that stay on disk."""

import gc
import os
import pickle
import shutil
import sys
import tempfile
from pathlib import Path

import torch

from priorkit.interfaces import ImageData, ImageSet, StoredImages
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.checks.datasets import BESIDE, alike
from priorkit.testing.subjects.dataset import DataSubject, looked_at

__all__ = ["STORED_IMAGES"]

_COPIED = 50_000_000
"""Largest number of bytes that are copied to compare fingerprints."""


def _stored(subject: DataSubject) -> tuple[ImageData, StoredImages]:
    """Returns the data set with no memory for images, and its training images on disk."""
    return _stored_in(subject, subject.case.situations.data_dir)


def _stored_in(subject: DataSubject, folder: Path | None) -> tuple[ImageData, StoredImages]:
    data = subject.load(memory=0, data_dir=folder)
    if not isinstance(data.train.images, StoredImages):
        raise NotApplicable("it holds all images in memory")
    return data, data.train.images


def memory_changes_no_pixel(subject: DataSubject) -> None:
    """Images on disk equal the images in memory, and so do their fingerprints."""
    stored, _ = _stored(subject)
    memory = subject.load(memory=sys.maxsize)
    require(
        not isinstance(memory.train.images, StoredImages),
        "images stay on disk although there is memory for all",
        "DataContext.memory is ignored",
        "read images into memory if they fit (priorkit.plugins.image_bytes)",
    )
    pairs: tuple[tuple[str, ImageSet, ImageSet], ...] = (
        ("training", stored.train, memory.train),
        ("held-out", stored.test, memory.test),
    )
    for words, disk, kept in pairs:
        require(
            len(disk) == len(kept) and disk.shape == kept.shape and torch.equal(looked_at(disk), looked_at(kept)),
            f"{words} images on disk differ from those in memory",
        )
        for name in BESIDE:
            require(
                alike(getattr(disk, name), getattr(kept, name)),
                f"{name} of {words} images on disk differ from those in memory",
            )
        if isinstance(disk.images, StoredImages) and not isinstance(kept.images, StoredImages):
            expected = disk.images.fingerprint()
            require(
                kept.fingerprint == expected,
                f"{words} images have the fingerprint {kept.fingerprint!r} in memory, but {expected!r} on disk",
                "the ImageSet in memory is made without the fingerprint",
                "use the same for both: ImageSet(images, labels, fingerprint=...); otherwise runs cannot be resumed",
            )


def reads_in_any_order(subject: DataSubject) -> None:
    """`read` returns uint8 images for indices in any order, repeated or empty, equal to those read one by one."""
    _, images = _stored(subject)
    count = len(images)
    alone = {index: images.read(torch.tensor([index])) for index in {0, count // 2, count - 1}}
    first, middle, last = 0, count // 2, count - 1
    for indices in ([first], [last, first], [middle, middle, first, middle], [last, middle, first, last], []):
        pixels = images.read(torch.tensor(indices, dtype=torch.int64))
        shape = (len(indices), *images.shape)
        require(
            pixels.dtype == torch.uint8 and tuple(pixels.shape) == shape and pixels.is_contiguous(),
            f"read({indices}) is {pixels.dtype} of shape {tuple(pixels.shape)}"
            f"{'' if pixels.is_contiguous() else ', not contiguous'}; expected uint8 of shape {shape}, contiguous",
            "a single image is not a batch, or channels come last",
            "return (n, C, H, W) for n indices, also if n is 0 or 1",
        )
        if indices:
            expected = torch.cat([alone[index] for index in indices])
            require(torch.equal(pixels, expected), f"read({indices}) returns other images than reading them one by one")


def _open_below(path: Path | None) -> list[str]:
    """Returns the files of the data set that this process holds open; empty if the system does not list them."""
    handles = Path("/proc/self/fd")
    if path is None or not handles.is_dir():
        return []
    found = []
    for handle in handles.iterdir():
        try:
            found.append(str(handle.readlink()))
        except OSError:
            continue
    return [name for name in found if name.startswith(str(path.resolve()))]


def stored_images_travel(subject: DataSubject) -> None:
    """Stored images can be pickled, keep no file open, and are not changed by reading."""
    _, images = _stored(subject)
    indices = torch.tensor([0, len(images) - 1])
    try:
        before = pickle.dumps(images)
        stable = pickle.dumps(images) == before
        copied = pickle.loads(before)
    except Exception as error:
        raise Defect(
            f"stored images cannot be pickled: {type(error).__name__}: {error}",
            "an open file, a lock or a lambda is kept as an attribute",
            "keep paths and offsets, and open the file inside `read`",
        ) from error
    expected = images.read(indices)
    require(torch.equal(copied.read(indices), expected), "a pickled copy reads other images")
    require(
        not stable or pickle.dumps(images) == before,
        "reading changes the object: its pickle differs afterwards",
        "read stores something: a cache, a counter, a position",
        "store nothing in `self` in `read`: copies in other processes do not see it",
    )
    left = _open_below(subject.case.situations.data_dir)
    if left:
        # Objects of an earlier check's error may still hold files open.
        gc.collect()
        left = _open_below(subject.case.situations.data_dir)
    require(
        not left,
        f"{left[0] if left else ''} is still open after a read",
        "a file is opened in the constructor, or not closed",
        "open the file inside `read`, in a with block",
    )


def fingerprints_tell_images_apart(subject: DataSubject) -> None:
    """Fingerprints are the same in each call and for copies of the files, and differ for other images."""
    data, images = _stored(subject)
    found = images.fingerprint()
    require(isinstance(found, str) and bool(found), f"the fingerprint is {found!r}, not a text")
    again = _stored(subject)[1].fingerprint()
    require(
        found == again == images.fingerprint(),
        f"the fingerprint is {found!r}, but {again!r} in the next call",
        "it depends on hash(), on an object's address, or on the time",
        "use hashlib over names, sizes and checksums",
    )
    held_out = data.test.images
    if isinstance(held_out, StoredImages):
        require(
            held_out.fingerprint() != found,
            "training and held-out images have the same fingerprint",
            "it does not depend on which images of the files are used, and in which order",
            "include the images' names or indices in their order",
        )
    other = subject.load(memory=0, seed=1).train
    if isinstance(other.images, StoredImages) and not torch.equal(looked_at(other), looked_at(data.train)):
        require(
            other.images.fingerprint() != found,
            "images chosen by another seed have the same fingerprint",
            "it does not depend on which images of the files are used, and in which order",
            "include the images' names or indices in their order",
        )
    _copied_elsewhere(subject, found)


def _copied_elsewhere(subject: DataSubject, found: str) -> None:
    origin = subject.case.situations.data_dir
    if origin is None or not origin.exists():
        return
    files = [origin] if origin.is_file() else [path for path in origin.rglob("*") if path.is_file()]
    if sum(path.stat().st_size for path in files) > _COPIED:
        return
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / "elsewhere" / origin.name
        copied.parent.mkdir()
        if origin.is_file():
            shutil.copyfile(origin, copied)
        else:
            shutil.copytree(origin, copied, copy_function=shutil.copyfile)
        for path in (copied, *copied.rglob("*")):
            os.utime(path, (1_000_000_000, 1_000_000_000))
        images = subject.load(memory=0, data_dir=copied).train.images
        assert isinstance(images, StoredImages)
        require(
            images.fingerprint() == found,
            f"the fingerprint is {found!r}, but {images.fingerprint()!r} for a copy of the files in another folder",
            "it includes absolute paths or file times",
            "use names relative to the data set's folder, sizes and checksums",
        )
        _other_contents(subject, copied, found)


def _other_contents(subject: DataSubject, folder: Path, found: str) -> None:
    """Swaps file contents of different sizes: names and the number of images stay, but images change."""
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    for suffix in {path.suffix for path in files}:
        alike = sorted((path for path in files if path.suffix == suffix), key=lambda path: path.stat().st_size)
        contents = [path.read_bytes() for path in alike]
        # A fingerprint may use sizes alone, so all sizes must differ.
        if len(set(map(len, contents))) == len(contents):
            for path, content in zip(alike, contents[1:] + contents[:1], strict=True):
                path.write_bytes(content)
    before = looked_at(_stored(subject)[0].train)
    try:
        data, images = _stored_in(subject, folder)
        after = looked_at(data.train)
    except Exception:
        # The files may depend on each other in unknown ways.
        return
    require(
        before.shape != after.shape or torch.equal(before, after) or images.fingerprint() != found,
        "the fingerprint is the same for files with other contents of other sizes",
        "it depends on indices, names or counts alone",
        "include each file's size or checksum: a run must not be resumed with other images",
    )


STORED_IMAGES = (
    Check(
        "memory_changes_no_pixel",
        memory_changes_no_pixel,
        "the two ways of reading prepare or order images differently",
        "use the same function from files to pixels, and the same indices, for both",
        required=False,
    ),
    Check(
        "reads_in_any_order",
        reads_in_any_order,
        "indices are sorted or made unique and not restored, or a range from the first to the last is read",
        "return images in the order of the indices, including repetitions",
        required=False,
    ),
    Check(
        "stored_images_travel",
        stored_images_travel,
        "the object holds something that exists only in this process",
        "keep only paths and offsets",
        required=False,
    ),
    Check(
        "fingerprints_tell_images_apart",
        fingerprints_tell_images_apart,
        "it does not identify the images, or is not stable",
        "use hashlib over names relative to the data set's folder, sizes and checksums, in the images' order",
        required=False,
    ),
)
