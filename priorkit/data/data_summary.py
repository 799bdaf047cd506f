"""What a system must know of its data before it is built."""

from dataclasses import dataclass

from priorkit.interfaces import ImageData, ImageSet, ImageShape

__all__ = ["DataSummary", "summarise"]


@dataclass(frozen=True)
class DataSummary:
    """The data, as far as networks are made to fit it.

    Attributes:
        shape: The images' shape.
        classes: Number of classes; 0 if there are no labels.
        embedding_dim: Dimensions of the embeddings; 0 if there are none.
        train: The training images; None where a trained run is loaded, whose tensors follow.
    """

    shape: ImageShape
    classes: int = 0
    embedding_dim: int = 0
    train: ImageSet | None = None


def summarise(data: ImageData) -> DataSummary:
    """The summary of a data set."""
    labels, vectors = data.train.labels, data.train.embeddings
    classes = 0 if labels is None else max(len(data.class_names), int(labels.max()) + 1)
    return DataSummary(data.shape, classes, 0 if vectors is None else vectors.shape[1], data.train)
