"""The feature extractor: the network whose features of images are compared by scores such as FID."""

import abc
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from torch import Tensor

from priorkit.interfaces.data import ImageData

__all__ = ["FeatureExtractor", "Features"]


class Features(NamedTuple):
    """The features, and perhaps class probabilities, of N images.

    Attributes:
        features: float32, shape (N, D), on the CPU.
        probabilities: Probabilities of K classes, float32, shape (N, K), on the CPU, rows sum to 1; None if the
            extractor is no classifier.

    Examples:
        >>> import torch
        >>> from priorkit.interfaces import Features
        >>> found = Features(torch.zeros(2, 128), probabilities=torch.tensor([[0.25, 0.75], [1.0, 0.0]]))
        >>> found.probabilities.argmax(1)
        tensor([1, 0])
    """

    features: Tensor
    probabilities: Tensor | None = None


class FeatureExtractor(abc.ABC):
    """Turns images into features, by which samples are compared with real images.

    Scores by different extractors or weights cannot be compared, so every score carries the description of its
    extractor.

    Attributes:
        knows_labels: Whether its classes are those of the data set, so that it can classify samples.
        reads_text: Whether it also embeds texts (`text_features`), so that it can score how well a text describes an
            image.
        is_clip: Whether it is a published CLIP model, or a similar model that was not trained on this data, so that the
            cosine similarity of its image and text features gives a CLIPScore. Needs `reads_text`.

    Examples:
        >>> import torch
        >>> from priorkit.interfaces import FeatureExtractor, Features
        >>> class Pixels(FeatureExtractor):
        ...     def prepare(self, data):
        ...         pass
        ...
        ...     def extract(self, images):
        ...         return Features(images.flatten(1).float())
        ...
        ...     def description(self):
        ...         return {"name": "pixels"}
        >>> Pixels().extract(torch.zeros(2, 1, 16, 16, dtype=torch.uint8)).features.shape
        torch.Size([2, 256])
    """

    knows_labels: ClassVar[bool] = False
    reads_text: ClassVar[bool] = False
    is_clip: ClassVar[bool] = False

    @property
    def standard(self) -> bool:
        """Whether it is the network of the published Inception Score, FID and KID; valid after `prepare`."""
        return False

    @abc.abstractmethod
    def prepare(self, data: ImageData) -> None:
        """Loads the weights, or trains them once and caches them. Called before `extract`.

        A second call with the same data does nothing. The state of torch's global generators is left unchanged.

        Args:
            data: The data set.

        Raises:
            DataError: The weights are not available: a download fails, or the data has no labels to learn from.
            ConfigurationError: An option is wrong: a file is missing or broken.
            MissingExtraError: An optional dependency is missing.
        """

    @abc.abstractmethod
    def extract(self, images: Tensor) -> Features:
        """The features of images, each independent of the others in the batch.

        Args:
            images: uint8, shape (N, C, H, W), on the CPU; at least one.
        """

    def text_features(self, texts: Sequence[str]) -> Tensor:
        """The features of texts, in the same space as the features of images: float32, shape (N, D), on the CPU.

        Their cosine similarity with the features of an image measures how well the text describes the image. The
        features of a text depend on this text alone. Every text has features, even an empty text or a text of unknown
        words.

        Args:
            texts: At least one, of any length.

        Raises:
            TypeError: This extractor does not read texts (`reads_text` is False).
        """
        raise TypeError(f"{type(self).__name__} does not read texts")

    @abc.abstractmethod
    def description(self) -> Mapping[str, str | int | float]:
        """What identifies this extractor; valid after `prepare`.

        Keys: `name`; `weights`, a hash; `resolution` of the input in pixels; and, if priorkit trained the extractor,
        its `accuracy` on held-out images.
        """
