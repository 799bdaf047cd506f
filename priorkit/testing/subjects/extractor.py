"""Feature extractors to check."""

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
"""Captions of the images of the two classes."""


class ExtractorSubject(Subject[FeatureExtractor]):
    """A feature extractor for images of one shape, with its own cache.

    Attributes:
        data: Images of two classes, of which the second is brighter, with captions.

    Args:
        case: The component with its options.
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
        """Returns `n` images, uint8 (n, C, H, W)."""
        return ((random_images(n, self.shape, seed) + 1) * 127.5).to(torch.uint8)

    def context(self) -> ExtractorContext:
        """Returns the images' shape, the cache folder and the CPU."""
        return ExtractorContext(self.shape, self._folder / "cache", torch.device("cpu"))

    def passes(self, component: FeatureExtractor) -> Sequence[ForwardPass]:
        """Returns no passes: an extractor computes from bytes, without gradients."""
        return ()

    def inputs(self, component: FeatureExtractor, n: int, seed: int) -> Inputs:
        """Returns no inputs."""
        return {}

    def prepared(self, seed: int = 0) -> FeatureExtractor:
        """Returns a new, prepared extractor.

        Raises:
            Refused: It cannot be prepared.
        """
        extractor = self.built(seed)
        self.prepare(extractor)
        return extractor

    def prepare(self, extractor: FeatureExtractor) -> None:
        """Prepares an extractor.

        Raises:
            Refused: A download failed, a package is missing, or the images do not suit it.
        """
        try:
            extractor.prepare(self.data)
        except (DataError, MissingExtraError) as error:
            raise Refused(f"it cannot be prepared for {self.situation}: {' '.join(str(error).split())}") from error

    def extract(self, extractor: FeatureExtractor, images: Tensor) -> Features:
        """Returns the features of images.

        Raises:
            Defect: `extract` returns another type.
        """
        found = extractor.extract(images)
        if not isinstance(found, Features):
            raise Defect(
                f"extract returns a {type(found).__name__}, not Features",
                "it returns the features' tensor alone",
                "return priorkit.interfaces.Features(features, probabilities)",
            )
        return found

    def text_features(self, extractor: FeatureExtractor, texts: Sequence[str]) -> Tensor:
        """Returns the features of texts.

        Raises:
            Defect: `text_features` returns another type.
            NotApplicable: The extractor reads no texts.
        """
        if not extractor.reads_text:
            raise NotApplicable("it reads no texts (reads_text is False)")
        found = extractor.text_features(texts)
        if not isinstance(found, Tensor):
            raise Defect(
                f"text_features returns a {type(found).__name__}, not a tensor",
                "it returns Features, as extract does",
                "return the tensor of features alone",
            )
        return found


def extractor_subjects(case: Case) -> Iterator[ExtractorSubject]:
    """Yields an extractor for each image shape of a case."""
    for shape in case.situations.shapes:
        yield ExtractorSubject(case, shape)
