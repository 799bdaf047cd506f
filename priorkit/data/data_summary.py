"""The summary of a data set, from which a system is built."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from priorkit.interfaces import ImageData, ImageSet, ImageShape
from priorkit.plugins import vocabulary_of

__all__ = ["DataSummary", "class_counts", "summarise"]


@dataclass(frozen=True)
class DataSummary:
    """The properties of a data set that components are built for.

    Attributes:
        shape: The images' shape.
        classes: Number of classes; 0 if there are no labels.
        embedding_dim: Dimensions of the embeddings; 0 if there are none.
        train: The training images; None if a trained run is loaded, whose tensors are loaded afterwards.
        train_count: Number of training images, also if a trained run is loaded.
        training_images: Returns the training images, for components that read them throughout; if a trained run is
            loaded, this call reads the data set. None if there is no data set.
        vocabulary: The words of the training captions, as `priorkit.plugins.vocabulary_of` returns them, also if a
            trained run is loaded; empty if there are no captions.
    """

    shape: ImageShape
    classes: int = 0
    embedding_dim: int = 0
    train: ImageSet | None = None
    train_count: int = 1
    training_images: Callable[[], ImageSet] | None = field(default=None, compare=False)
    vocabulary: tuple[str, ...] = ()


def summarise(data: ImageData) -> DataSummary:
    """Summarises a data set."""
    vectors = data.train.embeddings
    classes = len(class_counts(data))
    embedding_dim = 0 if vectors is None else vectors.shape[1]
    captions = data.train.captions
    words = () if captions is None else vocabulary_of(text for of_image in captions for text in of_image)
    return DataSummary(data.shape, classes, embedding_dim, data.train, len(data.train), lambda: data.train, words)


def class_counts(data: ImageData) -> list[int]:
    """The number of training images of each class; empty if there are no labels."""
    labels = data.train.labels
    return [] if labels is None else torch.bincount(labels, minlength=len(data.class_names)).tolist()
