"""Fingerprints, which recognise a data set whether its images are in memory or read from disk."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from priorkit.interfaces import ImageData, ImageSet, StoredImages

__all__ = [
    "captions_fingerprint",
    "condition_fingerprint",
    "data_fingerprint",
    "describe_data",
    "is_same_data",
    "sample_fingerprint",
]

_SAMPLE = 128
"""Number of images of each set whose pixels are compared if comparing all would take too long."""
_CHUNK = 1024
"""Number of stored images read at a time."""


def describe_data(data: ImageData) -> dict[str, str | None]:
    """The fingerprints of a data set that a run records for `is_same_data`.

    Returns:
        `fingerprint`: of all pixels, or None if images are not in memory; `stored_fingerprint`: of the files, or None
        if the source has none; `sample_fingerprint`: of the pixels of some images.
    """
    stored = any(isinstance(part.images, StoredImages) for part in (data.train, data.test))
    return {
        "fingerprint": None if stored else data_fingerprint(data),
        "stored_fingerprint": _stored_fingerprint(data),
        "sample_fingerprint": sample_fingerprint(data),
    }


def is_same_data(data: ImageData, recorded: Mapping[str, Any]) -> bool:
    """Whether data is the same as the data that `describe_data` recorded, which may have been read another way.

    If both were in memory, all pixels are compared; otherwise the fingerprint of the files, and the pixels of some
    images. If only the fingerprint of all pixels was recorded, all images are read once. Runs of the first format have
    recorded only the number and the shape of their images.
    """
    pixels, stored, sample = (recorded.get(f"{kind}fingerprint") for kind in ("", "stored_", "sample_"))
    if pixels is stored is sample is None:
        now = {
            "train": len(data.train),
            "held_out": len(data.test),
            "channels": data.shape.channels,
            "size": data.shape.size,
        }
        return all(recorded.get(key) == value for key, value in now.items())
    in_memory = all(isinstance(part.images, Tensor) for part in (data.train, data.test))
    stored_now = _stored_fingerprint(data)
    if pixels is not None and (in_memory or stored is None or stored_now is None):
        return data_fingerprint(data) == str(pixels)
    same_files = stored is None or stored_now is None or stored == stored_now
    return same_files and sample_fingerprint(data) == str(sample)


def data_fingerprint(data: ImageData) -> str:
    """The fingerprint of all pixels and their order; reads every image."""
    return _digest([(part, _all(part)) for part in (data.train, data.test)])


def sample_fingerprint(data: ImageData) -> str:
    """The fingerprint of the pixels of 128 images, evenly spaced over each set."""
    return _digest([(part, iter([part.spread(_SAMPLE)])) for part in (data.train, data.test)])


def condition_fingerprint(data: ImageData) -> str:
    """The fingerprint of the training images' labels and embeddings."""
    digest = hashlib.blake2b(digest_size=16)
    for entries in (data.train.labels, data.train.embeddings):
        digest.update(b"none" if entries is None else f"{tuple(entries.shape)}".encode())
        digest.update(b"" if entries is None else entries.contiguous().numpy().data)
    return digest.hexdigest()


def captions_fingerprint(data: ImageData) -> str | None:
    """The fingerprint of the training images' captions; None if there are none.

    It is separate from `condition_fingerprint`, because older runs recorded only that of labels and embeddings.
    """
    if data.train.captions is None:
        return None
    digest = hashlib.blake2b(digest_size=16)
    for captions in data.train.captions:
        digest.update(b"%d" % len(captions))
        for caption in captions:
            encoded = caption.encode()
            digest.update(b" %d %b" % (len(encoded), encoded))
    return digest.hexdigest()


def _digest(parts: list[tuple[ImageSet, Iterator[Tensor]]]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for images, chunks in parts:
        digest.update(f"{(len(images), *images.shape)}".encode())
        for pixels in chunks:
            digest.update(pixels.contiguous().numpy().data)
    return digest.hexdigest()


def _all(images: ImageSet) -> Iterator[Tensor]:
    if isinstance(images.images, Tensor):
        yield images.images
        return
    for start in range(0, len(images), _CHUNK):
        yield images.take(torch.arange(start, min(start + _CHUNK, len(images))))


def _stored_fingerprint(data: ImageData) -> str | None:
    found = [_fingerprint(part) for part in (data.train, data.test)]
    return None if None in found else hashlib.blake2b("/".join(map(str, found)).encode(), digest_size=16).hexdigest()


def _fingerprint(images: ImageSet) -> str | None:
    return images.images.fingerprint() if isinstance(images.images, StoredImages) else images.fingerprint
