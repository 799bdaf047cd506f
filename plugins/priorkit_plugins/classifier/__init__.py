"""The feature extractor `classifier`: a small network that learns the data set's labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, ExtractorContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import FeatureExtractor

__all__ = ["ClassifierOptions", "priorkit_extractors"]


class ClassifierOptions(Options):
    """Options of the feature extractor `classifier`."""

    epochs: int = Field(3, ge=1, description="passes over the training images, at least")
    steps: int = Field(300, ge=1, description="steps of training, at least; small data sets need more passes")
    width: int = Field(32, ge=1, description="channels of the first layer; the others have twice as many")
    learning_rate: float = Field(1e-3, gt=0, description="learning rate of Adam, brought down to 0 as a cosine")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of its weights and of the order of images, for every run")


def _build(options: ClassifierOptions, context: ExtractorContext) -> FeatureExtractor:
    from priorkit_plugins.classifier.extractor import ClassifierExtractor

    return ClassifierExtractor(options, context)


@hookimpl
def priorkit_extractors() -> list[Component[FeatureExtractor]]:
    """Supplies the feature extractor `classifier`."""
    return [
        Component(
            "classifier",
            ClassifierOptions,
            _build,
            summary="a small network, trained once on the data set's labels and cached",
            source="a convolutional network; scores by it compare with each other, not with published ones",
        )
    ]
