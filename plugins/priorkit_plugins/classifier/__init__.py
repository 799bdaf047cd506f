"""The feature extractor `classifier`: a small network that learns the data set's labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, ExtractorContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import FeatureExtractor

__all__ = ["ClassifierOptions", "priorkit_extractors"]


class ClassifierOptions(Options):
    """Options of the feature extractor `classifier`."""

    architecture: Literal["auto", "plain", "residual"] = Field(
        "auto",
        description="small and quick, or deeper with residual blocks; auto: plain for grey images, residual for colour",
    )
    augment: Literal["auto", "none", "crop", "crop-flip"] = Field(
        "auto",
        description="random shifts of the training images by up to 4 pixels, and mirroring; auto: none for grey "
        "images, crop-flip for colour, but crop where every class is named by a number or a single letter",
    )
    epochs: int = Field(3, ge=1, description="minimal number of passes over the training images")
    steps: int | None = Field(
        None,
        ge=1,
        description="minimal number of steps, for small data sets; by default 300, residual 1800",
    )
    width: int = Field(
        32, ge=1, description="channels of the first layer; later layers have two times as many, residual up to four"
    )
    learning_rate: float | None = Field(
        None,
        gt=0,
        description="highest learning rate of Adam, with cosine decay to 0; by default 0.001, residual 0.005, "
        "with warm-up",
    )
    seed: int = Field(
        0, ge=0, lt=2**63, description="seed of its weights, the order of images and their augmentation, for every run"
    )


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
            summary="a convolutional network, trained once on the data set's labels and cached",
            source="colour: after ResNet-9 (Page 2018); its scores compare with each other, not with published scores",
        )
    ]
