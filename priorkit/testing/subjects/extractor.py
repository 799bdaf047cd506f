"""Feature extractors."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from priorkit.errors import DataError, MissingExtraError
from priorkit.interfaces import Captions, FeatureExtractor, Features, ImageData, ImageSet, ImageShape
from priorkit.plugins import ExtractorContext
from priorkit.testing.case import Case
from priorkit.testing.check import Defect, NotApplicable, Refused
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.stand_ins import random_images
from priorkit.testing.subject import Subject

__all__ = ["CLASSES", "TEXTS", "ExtractorSubject", "extractor_subjects"]

CLASSES = 2
TEXTS = ("a dark picture", "this one is bright")
"""Captions of images of the two classes."""


class ExtractorSubject(Subject[FeatureExtractor]):
    """An extractor of features of images of one shape, with a cache of its own.

    Attributes:
        data: Images of two classes, the second one brighter, with captions that say so.

    Args:
        case: What is checked.
        shape: The images' shape.
    """

    interface = FeatureExtractor

    def __init__(self, case: Case, shape: ImageShape) -> None:
        super().__init__(case, f"images of shape ({shape.channels}, {shape.size}, {shape.size})")
        self.shape = shape
        self._folder = Path(tempfile.mkdtemp())
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self.data = ImageData(self._labelled(64, 1), self._labelled(16, 2), ("dark", "bright"))

    def _labelled(self, n: int, seed: int) -> ImageSet:
        labels = torch.arange(n) % CLASSES
        images = (self.images(n, seed) // 2 + 127 * labels.view(-1, 1, 1, 1)).to(torch.uint8)
        return ImageSet(images, labels, captions=Captions([TEXTS[label]] for label in labels.tolist()))

    def images(self, n: int, seed: int = 3) -> Tensor:
        """`n` images, uint8 (n, C, H, W)."""
        return ((random_images(n, self.shape, seed) + 1) * 127.5).to(torch.uint8)

    def context(self) -> ExtractorContext:
        """The images' shape, the cache and the CPU."""
        return ExtractorContext(self.shape, self._folder / "cache", torch.device("cpu"))

    def passes(self, component: FeatureExtractor) -> Sequence[ForwardPass]:
        """None: it computes with bytes, and without gradients."""
        return ()

    def inputs(self, component: FeatureExtractor, n: int, seed: int) -> Inputs:
        """None."""
        return {}

    def prepared(self, seed: int = 0) -> FeatureExtractor:
        """A new one that has its weights.

        Raises:
            Refused: Its weights cannot be had.
        """
        extractor = self.built(seed)
        self.prepare(extractor)
        return extractor

    def prepare(self, extractor: FeatureExtractor) -> None:
        """Gives it its weights, if it has none.

        Raises:
            Refused: They cannot be had: a download failed, a package is missing, or the images do not suit it.
        """
        try:
            extractor.prepare(self.data)
        except (DataError, MissingExtraError) as error:
            raise Refused(f"with {self.situation} it cannot be prepared: {' '.join(str(error).split())}") from error

    def extract(self, extractor: FeatureExtractor, images: Tensor) -> Features:
        """The features of images.

        Raises:
            Defect: It gives something else.
        """
        found = extractor.extract(images)
        if not isinstance(found, Features):
            raise Defect(
                f"extract gives a {type(found).__name__}, not Features",
                "it returns the features' tensor alone",
                "return priorkit.interfaces.Features(features, probabilities)",
            )
        return found

    def text_features(self, extractor: FeatureExtractor, texts: Sequence[str]) -> Tensor:
        """The features of texts.

        Raises:
            Defect: It gives something else.
            NotApplicable: It reads no texts.
        """
        if not extractor.reads_text:
            raise NotApplicable("it reads no texts (reads_text is False)")
        found = extractor.text_features(texts)
        if not isinstance(found, Tensor):
            raise Defect(
                f"text_features gives a {type(found).__name__}, not a tensor",
                "it returns Features, as extract does",
                "return the tensor of features alone",
            )
        return found


def extractor_subjects(case: Case) -> Iterator[ExtractorSubject]:
    """An extractor for each image shape of a case."""
    for shape in case.situations.shapes:
        yield ExtractorSubject(case, shape)
