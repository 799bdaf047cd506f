"""The feature extractor `two-tower`: two small networks that learn to match captions and images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, ExtractorContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import FeatureExtractor

__all__ = ["TwoTowerOptions", "priorkit_extractors"]


class TwoTowerOptions(Options):
    """Options of the feature extractor `two-tower`."""

    dim: int = Field(128, ge=1, le=4096, description="dimensions of the vectors of images and texts")
    width: int = Field(32, ge=1, description="channels of the first layer; later layers have up to eight times as many")
    words: int = Field(
        10_000, ge=1, description="size of the vocabulary, the most frequent words of the training captions"
    )
    steps: int = Field(600, ge=1, description="steps of training")
    batch_size: int = Field(128, ge=2, description="images of a step, among which captions are matched")
    learning_rate: float = Field(
        2e-3, gt=0, description="highest learning rate of AdamW, with a short warm-up and cosine decay to 0"
    )
    seed: int = Field(
        0,
        ge=0,
        lt=2**63,
        description="seed of its weights, the order of images and the choice of captions, for every run",
    )


def _build(options: TwoTowerOptions, context: ExtractorContext) -> FeatureExtractor:
    from priorkit_plugins.two_tower.extractor import TwoTowerExtractor

    return TwoTowerExtractor(options, context)


@hookimpl
def priorkit_extractors() -> list[Component[FeatureExtractor]]:
    """Supplies the feature extractor `two-tower`."""
    return [
        Component(
            "two-tower",
            TwoTowerOptions,
            _build,
            summary="networks for images and captions, trained once on the data set and cached; reads texts",
            source="learns as CLIP (Radford et al. 2021, arXiv:2103.00020), in place of DAMSM (Xu et al. 2018, "
            "arXiv:1711.10485); its scores compare with each other, not with published ones",
        )
    ]
