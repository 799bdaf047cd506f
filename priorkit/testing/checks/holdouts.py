"""Checks of the images that a data set holds out."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from priorkit.interfaces import Captions, ImageData, ImageSet
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.checks.datasets import BESIDE, differences, parts
from priorkit.testing.subjects.dataset import DataSubject, looked_at

__all__ = ["HOLDOUTS"]

_SHARES = (0.2, 0.5)
_SEEDS = 5
_READ_AT_ONCE = 500
_ANY = "labels, embeddings or captions"
_COUNTED = 20_000
"""Largest number of images whose pixels are all compared."""


def _hashes(pixels: Tensor) -> list[bytes]:
    return [hashlib.blake2b(image.numpy().tobytes(), digest_size=12).digest() for image in pixels.contiguous()]


def _images(part: ImageSet) -> list[bytes]:
    """Returns a hash of each image; images are read in parts, as they may be large."""
    return [
        hashed
        for start in range(0, len(part), _READ_AT_ONCE)
        for hashed in _hashes(part.take(torch.arange(start, min(start + _READ_AT_ONCE, len(part)))))
    ]


def _labelled(data: ImageData) -> Counter[tuple[bytes, ...]]:
    """Counts all images together with their labels, embeddings and captions."""
    found: Counter[tuple[bytes, ...]] = Counter()
    for _, part in parts(data):
        beside = [_hashes(values) for values in (part.labels, part.embeddings) if values is not None]
        if part.captions is not None:
            beside.append([repr(captions).encode() for captions in part.captions])
        found.update(zip(_images(part), *beside, strict=True))
    return found


def _unlabelled(labelled: Counter[tuple[bytes, ...]]) -> Counter[bytes]:
    return Counter(image for image, *_ in labelled.elements())


def _rolled(data: ImageData, by: int, names: Sequence[str]) -> ImageData:
    """Returns the images with labels, embeddings or captions shifted by some places."""

    def moved(part: ImageSet) -> ImageSet:
        places = torch.arange(len(part)).roll(by)
        rolled: dict[str, Any] = {
            name: values.take(places) if isinstance(values, Captions) else values[places]
            for name in names
            if (values := getattr(part, name)) is not None
        }
        return replace(part, **rolled)

    return replace(data, train=moved(data.train), test=moved(data.test))


def _require_other_images(data: ImageData) -> None:
    """Requires that a data set's own test set does not consist of training images."""
    if len(data.train) > _COUNTED:
        return
    known = set(_images(data.train))
    tested = _hashes(looked_at(data.test))
    twice = sum(hashed in known for hashed in tested)
    require(
        2 * twice <= len(tested),
        f"{twice} of {len(tested)} held-out images are training images, too",
        "the test set is part of the training set, or the same files are read for both",
        "remove held-out images from the training images",
    )


def held_out_images_follow_the_context(subject: DataSubject) -> None:
    """Randomly held-out images have the share `holdout`, are chosen by `seed`, and are not training images."""
    little, much = (subject.load(holdout=share) for share in _SHARES)
    seeded = []
    for seed in range(1, _SEEDS + 1):
        seeded.append(subject.load(holdout=_SHARES[1], seed=seed))
        # With many images, another seed holds out others; with few, it may choose the same.
        if differences(much, seeded[-1]) or len(much.train) + len(much.test) > 100:
            break
    if len(little.test) == len(much.test) and len(little.train) == len(much.train):
        same = not any(differences(much, other) for other in seeded)
        if same:
            _require_other_images(much)
            raise NotApplicable("it has a test set of its own")
        raise Defect(
            f"both holdout {_SHARES[0]:g} and {_SHARES[1]:g} hold out {len(little.test)} images, which the seed "
            "chooses",
            "DataContext.holdout is ignored",
            "hold out the share context.holdout of the images",
        )
    total = len(much.train) + len(much.test)
    # Splits by class round for each class; splits by hash or by group meet the share only roughly.
    slack = max(1, len(much.class_names), 0.05 * total)
    for share, data in zip(_SHARES, (little, much), strict=True):
        here = len(data.train) + len(data.test)
        require(
            here == total,
            f"there are {here} images with holdout {share:g}, but {total} with {_SHARES[1]:g}",
            "held-out images are also in the training set, or some images are lost",
            "split the indices: every image in exactly one of the two sets",
        )
        require(
            abs(len(data.test) - share * total) <= slack,
            f"with holdout {share:g}, {len(data.test)} of {total} images are held out",
            "holdout is used as the share of training images, or otherwise",
            "hold out round(context.holdout * number) images, at least one",
        )
    if total > _COUNTED:
        raise NotApplicable(f"it has {total} images, too many to compare them all")
    known = _labelled(much)
    for seed, data in enumerate(seeded, start=1):
        found = _labelled(data)
        shifted = found != known and any(
            _labelled(_rolled(data, by, names)) == _labelled(_rolled(much, by, names))
            for by in (1, -1)
            for names in (*((name,) for name in BESIDE), BESIDE)
        )
        require(
            not shifted,
            f"with seed {seed}, images have other {_ANY} than with seed 0, and the same after a shift by one place",
            "labels are shifted against images by one: the first or last line is missing, or positions count from 1",
            "make images[i] and labels[i] belong together before the split",
        )
        require(
            found == known or _unlabelled(found) != _unlabelled(known),
            f"with seed {seed}, images have other {_ANY} than with seed 0",
            f"images are permuted, but {_ANY} are not",
            "index images, labels, embeddings and captions with the same indices",
        )
        require(
            found == known,
            f"the two sets together are not the same images with seed {seed} as with seed 0",
            "some images are in both sets, or in neither",
            "split one permutation of the indices",
        )
    require(
        total < 6 or any(not torch.equal(looked_at(much.test), looked_at(data.test)) for data in seeded),
        f"{len(seeded) + 1} seeds hold out the same images",
        "DataContext.seed is ignored",
        "choose images with torch.randperm(n, generator=torch.Generator().manual_seed(context.seed))",
    )


HOLDOUTS = (
    Check(
        "held_out_images_follow_the_context",
        held_out_images_follow_the_context,
        "the split does not follow the context",
        "hold out context.holdout of the images, chosen by context.seed",
        required=False,
    ),
)
