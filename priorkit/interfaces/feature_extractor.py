"""The feature extractor: what scores of samples see of an image."""

import abc
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from torch import Tensor

from priorkit.interfaces.data import ImageData

__all__ = ["FeatureExtractor", "Features"]


class Features(NamedTuple):
    """What an extractor makes of N images.

    Attributes:
        features: float32, shape (N, D), on the CPU.
        probabilities: Those of K classes, float32, shape (N, K), on the CPU, rows adding up to 1; None where the
            extractor does not classify.

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
    """Turns images into features, in which samples are compared with real images.

    Scores by different extractors, or by one with different weights, do not compare; so a score carries its extractor's
    description.

    Attributes:
        knows_labels: Whether its classes are those of the data set, so that it can say what a sample shows.
        reads_text: Whether it reads texts too (`text_features`), so that it can say how well a text describes an image.
        is_clip: Whether the cosines of its features of images and texts are those of a published CLIP model, or of
            another model like it that was not trained on this data: what CLIPScore is made of. Needs `reads_text`.

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
        """Whether these are the network and weights of the published Inception Score, FID and KID; once prepared."""
        return False

    @abc.abstractmethod
    def prepare(self, data: ImageData) -> None:
        """Loads the weights, or trains them once and caches them. Called before `extract`.

        Called again, with the same data, it has nothing left to do. It changes none of torch's global
        generators.

        Args:
            data: The data set.

        Raises:
            DataError: The weights cannot be had: a download fails, or the data has no labels to learn from.
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
        """The features of texts, in the space of those of images: float32, shape (N, D), on the CPU.

        Their cosine with an image's features says how well they describe it. Each is a function of its own text alone;
        any text has some, also an empty one, or one without a word that is known.

        Args:
            texts: At least one, of any length.

        Raises:
            TypeError: It reads no texts (`reads_text` is False).
        """
        raise TypeError(f"{type(self).__name__} reads no texts")

    @abc.abstractmethod
    def description(self) -> Mapping[str, str | int | float]:
        """What identifies it, once prepared.

        `name`; `weights`, a hash; `resolution` of its input in pixels; and `accuracy` on held-out images where it was
        trained here.
        """
