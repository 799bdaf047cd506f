"""Images from the arrays of a .npz file."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from priorkit.errors import DataError
from priorkit.interfaces import DataSource, ImageData, ImageSet
from priorkit.plugins import held_out, image_bytes
from priorkit_plugins.npz.archive import check_images, check_labels, find_places, read_arrays
from priorkit_plugins.npz.captions import CAPTIONS, read_captions
from priorkit_plugins.npz.classes import class_indices
from priorkit_plugins.npz.embeddings import EMBEDDINGS, read_embeddings
from priorkit_plugins.npz.in_memory import read_images
from priorkit_plugins.npz.stored import ArrayImages, Place, chosen_fingerprint

__all__ = ["NpzSource"]

Array = NDArray[Any]

_IMAGES = ("images", "train_images", "test_images")
_KEYS = ("images", "train_images", "labels", "train_labels", "test_images", "test_labels", "class_names")


class NpzSource(DataSource):
    """Images, and perhaps labels, from a .npz file.

    Its arrays are `images`, uint8 of shape (N, height, width) or (N, height, width, channels) with 1 or 3 channels;
    `labels`, integers of shape (N,); `embeddings`, numbers of shape (N, dimensions); `captions`, texts of shape (N,) or
    (N, K), empty for images with fewer than K; `test_images` and `test_...` for each of these, the held-out images; and
    `class_names`, a list of names. Only `images` is needed. `train_images`, `train_labels`, `train_embeddings` and
    `train_captions` are other names of the first four.

    Args:
        path: The file.
        image_size: Side in pixels to which priorkit resizes the images afterwards, or None; needed for `memory`.
        channels: Channels to which priorkit converts the images afterwards, or None; needed for `memory`.
        holdout: Share of the images to hold out if there are no `test_images`, between 0 and 1; at least one image is
            held out, and at least one is not.
        seed: Seed of the choice of images to hold out.
        memory: Bytes that the images may take, as `image_bytes` counts them; larger arrays stay in the file, if it is
            not compressed.
        captions: Whether to read captions, if the file has any.
    """

    def __init__(
        self,
        path: Path | None,
        image_size: int | None = None,
        channels: int | None = None,
        holdout: float = 0.1,
        seed: int = 0,
        memory: int = sys.maxsize,
        captions: bool = True,
    ) -> None:
        self.path = path
        self.image_size = image_size
        self.channels = channels
        self.holdout = holdout
        self.seed = seed
        self.memory = memory
        self.captions = captions

    def load(self) -> ImageData:
        """Reads the arrays.

        Raises:
            DataError: The file is missing or broken, or an array is missing, superfluous, or of a wrong dtype or shape.
        """
        if self.path is None:
            raise DataError("the data set npz needs a file: give it by --data-dir FILE.npz")
        path = self.path.expanduser()
        places = find_places(path, _IMAGES)
        # An array that is not images is read, so that the error can describe it.
        later = {key: place for key, place in places.items() if place.holds_images}
        large = sum(self._bytes(place) for place in places.values()) > self.memory
        arrays, unread = read_arrays(path, (*_KEYS, *EMBEDDINGS, *(CAPTIONS if self.captions else ())), later)
        images_key, labels_key = _train_keys(arrays, unread, path)
        images = check_images(arrays[images_key], images_key, path)
        labels = arrays.get(labels_key)
        if labels is not None:
            check_labels(labels, labels_key, path, len(images), images_key)
        test_images = _test_images(arrays, images, images_key, labels_key, path)
        notes = [f"arrays that are not read: {', '.join(unread)}"] if unread else []
        for key, place in places.items():
            if large and (place.compressed or place.fortran):
                notes.append(
                    f"{key!r} is compressed or in Fortran order, and so held in memory: save it by numpy.savez, as "
                    "numpy.ascontiguousarray(images), to have it streamed"
                )
        count = len(images)
        if test_images is not None:
            if labels is not None:
                test_labels = check_labels(arrays["test_labels"], "test_labels", path, len(test_images), "test_images")
                labels = np.concatenate([labels, test_labels])
        elif count < 2:
            raise DataError(
                f"{images_key!r} in {path} has one image, but one to train on and one to hold out are needed: add "
                "images, or an array 'test_images'"
            )
        held_out_count = None if test_images is None else len(test_images)
        embeddings = read_embeddings(arrays, (count, held_out_count), path)
        captions = read_captions(arrays, (count, held_out_count), path)
        class_names: list[str] = []
        indices = None
        if labels is not None:
            indexed, class_names, changes = class_indices(labels, arrays.get("class_names"), path)
            indices = torch.from_numpy(indexed)
            notes += changes
        if test_images is None:
            chosen = held_out(count, self.holdout, self.seed, indices)
            notes.append(f"{len(chosen[1])} of {count} images are held out")
        if test_images is not None:
            (train,) = _image_sets(images, places.get(images_key), large, [torch.arange(count)], indices)
            test_indices = None if indices is None else indices[count:]
            everything = [torch.arange(len(test_images))]
            (test,) = _image_sets(test_images, places.get("test_images"), large, everything, test_indices)
        else:
            train, test = _image_sets(images, places.get(images_key), large, chosen, indices)
        if embeddings is not None:
            vectors = embeddings if test_images is not None else [embeddings[0][part] for part in chosen]
            train, test = (
                dataclasses.replace(part, embeddings=each) for part, each in zip((train, test), vectors, strict=True)
            )
        if captions is not None:
            texts, more = captions
            texts = texts if test_images is not None else [texts[0].take(part) for part in chosen]
            train, test = (
                dataclasses.replace(part, captions=each) for part, each in zip((train, test), texts, strict=True)
            )
            notes += more
        return ImageData(train=train, test=test, class_names=tuple(class_names), notes=tuple(notes))

    def _bytes(self, place: Place) -> int:
        """Bytes that an array takes in memory."""
        if not place.holds_images:
            return place.nbytes
        return image_bytes(place.shape[0], place.image_shape, self.image_size, self.channels)


def _image_sets(
    images: Array, place: Place | None, large: bool, parts: Sequence[Tensor], labels: Tensor | None
) -> list[ImageSet]:
    """Images of one array, divided into parts: left in the file, if large and possible, or in memory."""
    part_labels = [None if labels is None else labels[chosen] for chosen in parts]
    if large and place is not None and place.holds_images and not place.compressed:
        stored = [ArrayImages(place, chosen.numpy()) for chosen in parts]
        return [ImageSet(*part) for part in zip(stored, part_labels, strict=True)]
    pixels = read_images(images, place, torch.cat(list(parts)).argsort().numpy())
    pixel_parts = torch.split(pixels, [len(part) for part in parts])
    fingerprints = [None if place is None else chosen_fingerprint(place, chosen.numpy()) for chosen in parts]
    return [ImageSet(*part) for part in zip(pixel_parts, part_labels, fingerprints, strict=True)]


def _train_keys(arrays: dict[str, Array], unread: list[str], path: Path) -> tuple[str, str]:
    keys = []
    for key in ("images", "labels"):
        synonym = f"train_{key}"
        if key in arrays and synonym in arrays:
            raise DataError(f"{path} has both {key!r} and {synonym!r}, two names of one array: leave one out")
        keys.append(synonym if synonym in arrays else key)
    if keys[0] not in arrays:
        found = ", ".join([*arrays, *unread]) or "none at all"
        raise DataError(
            f"{path} has no array 'images' (or 'train_images'; it has {found}): write it by "
            "numpy.savez(path, images=images)"
        )
    return keys[0], keys[1]


def _test_images(arrays: dict[str, Array], images: Array, images_key: str, labels_key: str, path: Path) -> Array | None:
    """The held-out images (M, H, W, C), if any; checks that they match the others."""
    if "test_images" not in arrays:
        if "test_labels" in arrays:
            raise DataError(f"{path} has 'test_labels' but no 'test_images': add them, or leave the labels out")
        return None
    test_images = check_images(arrays["test_images"], "test_images", path)
    if test_images.shape[1:] != images.shape[1:]:
        raise DataError(
            f"in {path}, {images_key!r} has images of shape {images.shape[1:]} and 'test_images' of shape "
            f"{test_images.shape[1:]} (height, width, channels): give both the same shape"
        )
    if (labels_key in arrays) != ("test_labels" in arrays):
        there, missing = (labels_key, "test_labels") if labels_key in arrays else ("test_labels", labels_key)
        raise DataError(f"{path} has {there!r} but no {missing!r}: give labels to both sets of images, or to none")
    return test_images
