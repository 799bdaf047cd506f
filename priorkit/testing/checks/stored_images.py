"""What is special to images that stay on disk."""

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
"""Bytes, at most, that are copied to see whether a fingerprint stays."""


def _stored(subject: DataSubject) -> tuple[ImageData, StoredImages]:
    """The data set where no image may be in memory, and its training images."""
    return _stored_in(subject, subject.case.situations.data_dir)


def _stored_in(subject: DataSubject, folder: Path | None) -> tuple[ImageData, StoredImages]:
    data = subject.load(memory=0, data_dir=folder)
    if not isinstance(data.train.images, StoredImages):
        raise NotApplicable("it holds all images in memory")
    return data, data.train.images


def memory_changes_no_pixel(subject: DataSubject) -> None:
    """Images on disk are those that are read into memory where there is enough, and their fingerprint tells so."""
    stored, _ = _stored(subject)
    memory = subject.load(memory=sys.maxsize)
    require(
        not isinstance(memory.train.images, StoredImages),
        "with memory for all images they stay on disk",
        "DataContext.memory is not read",
        "read images into memory where priorkit.plugins.image_bytes says that they fit",
    )
    pairs: tuple[tuple[str, ImageSet, ImageSet], ...] = (
        ("training", stored.train, memory.train),
        ("held-out", stored.test, memory.test),
    )
    for words, disk, kept in pairs:
        require(
            len(disk) == len(kept) and disk.shape == kept.shape and torch.equal(looked_at(disk), looked_at(kept)),
            f"{words} images are others on disk than in memory",
        )
        for name in BESIDE:
            require(
                alike(getattr(disk, name), getattr(kept, name)),
                f"{name} of {words} images are others on disk than in memory",
            )
        if isinstance(disk.images, StoredImages) and not isinstance(kept.images, StoredImages):
            expected = disk.images.fingerprint()
            require(
                kept.fingerprint == expected,
                f"{words} images in memory have the fingerprint {kept.fingerprint!r}, and on disk {expected!r}",
                "the ImageSet in memory is made without the fingerprint",
                "give both the same: ImageSet(images, labels, fingerprint=...), so that a run is resumed either way",
            )


def reads_in_any_order(subject: DataSubject) -> None:
    """`read` gives uint8 images for indices in any order, repeated ones and none; each as if it were read alone."""
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
            "one image is taken for a batch, or channels come last",
            "give (n, C, H, W) for n indices, also where n is 0 or 1",
        )
        if indices:
            expected = torch.cat([alone[index] for index in indices])
            require(torch.equal(pixels, expected), f"read({indices}) are other images than those read one by one")


def _open_below(path: Path | None) -> list[str]:
    """Files of the data set that this process holds open; none where the system does not tell."""
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
    """Stored images are pickled to other processes: they hold no open file, and reading changes nothing in them."""
    _, images = _stored(subject)
    indices = torch.tensor([0, len(images) - 1])
    try:
        before = pickle.dumps(images)
        stable = pickle.dumps(images) == before
        copied = pickle.loads(before)
    except Exception as error:
        raise Defect(
            f"they cannot be pickled: {type(error).__name__}: {error}",
            "an open file, a lock or a lambda is kept as an attribute",
            "keep paths and offsets, and open the file within `read`",
        ) from error
    expected = images.read(indices)
    require(torch.equal(copied.read(indices), expected), "a pickled copy reads other images")
    require(
        not stable or pickle.dumps(images) == before,
        "reading changes the object: it is pickled otherwise afterwards",
        "read keeps something: a cache, a counter, a position",
        "keep nothing in `self` when reading; other processes have copies that do not see it",
    )
    left = _open_below(subject.case.situations.data_dir)
    if left:
        # What an error of an earlier check still refers to, nobody keeps.
        gc.collect()
        left = _open_below(subject.case.situations.data_dir)
    require(
        not left,
        f"after a read {left[0] if left else ''} is still open",
        "a file is opened in the constructor, or not closed",
        "open it within `read`, in a with block",
    )


def fingerprints_tell_images_apart(subject: DataSubject) -> None:
    """Fingerprints are the same each time and in a copy of the files elsewhere, and others for other images."""
    data, images = _stored(subject)
    found = images.fingerprint()
    require(isinstance(found, str) and bool(found), f"the fingerprint is {found!r}, not a text")
    again = _stored(subject)[1].fingerprint()
    require(
        found == again == images.fingerprint(),
        f"the fingerprint is {found!r}, and {again!r} the next time",
        "it is made by hash(), of an object's address, or of the time",
        "use hashlib over names, sizes and checksums",
    )
    held_out = data.test.images
    if isinstance(held_out, StoredImages):
        require(
            held_out.fingerprint() != found,
            "training and held-out images have the same fingerprint",
            "it does not tell which images of the files are meant, and in which order",
            "put the images' names or indices, in their order, into it",
        )
    other = subject.load(memory=0, seed=1).train
    if isinstance(other.images, StoredImages) and not torch.equal(looked_at(other), looked_at(data.train)):
        require(
            other.images.fingerprint() != found,
            "images that another seed chose have the same fingerprint",
            "it does not tell which images of the files are meant, and in which order",
            "put the images' names or indices, in their order, into it",
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
            f"the fingerprint is {found!r}, and {images.fingerprint()!r} of a copy of the files elsewhere",
            "absolute paths or times of files are part of it",
            "use names below the data set's folder, sizes and checksums",
        )
        _other_contents(subject, copied, found)


def _other_contents(subject: DataSubject, folder: Path, found: str) -> None:
    """Gives files the contents of others, of another size: names and the number of images stay, and images change."""
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    for suffix in {path.suffix for path in files}:
        alike = sorted((path for path in files if path.suffix == suffix), key=lambda path: path.stat().st_size)
        contents = [path.read_bytes() for path in alike]
        # Sizes alone may be what a fingerprint is made of.
        if len(set(map(len, contents))) == len(contents):
            for path, content in zip(alike, contents[1:] + contents[:1], strict=True):
                path.write_bytes(content)
    before = looked_at(_stored(subject)[0].train)
    try:
        data, images = _stored_in(subject, folder)
        after = looked_at(data.train)
    except Exception:
        # Files may belong together in ways that are not known here.
        return
    require(
        before.shape != after.shape or torch.equal(before, after) or images.fingerprint() != found,
        "the fingerprint stays the same where files have other contents, of other sizes",
        "it is made of indices, names or numbers alone",
        "put each file's size or checksum into it: a run must not be resumed with other images",
    )


STORED_IMAGES = (
    Check(
        "memory_changes_no_pixel",
        memory_changes_no_pixel,
        "the two ways of reading prepare images differently, or order them otherwise",
        "let both use the same function from a file to pixels, and the same indices",
        required=False,
    ),
    Check(
        "reads_in_any_order",
        reads_in_any_order,
        "indices are sorted or made unique, and not put back, or a range is read from the first to the last",
        "give the images in the order of the indices, each as often as it is asked for",
        required=False,
    ),
    Check(
        "stored_images_travel",
        stored_images_travel,
        "something that only this process has is kept",
        "keep paths and offsets alone",
        required=False,
    ),
    Check(
        "fingerprints_tell_images_apart",
        fingerprints_tell_images_apart,
        "it is not made of what tells images apart and stays",
        "use hashlib over names below the data set's folder, sizes and checksums, in the images' order",
        required=False,
    ),
)
