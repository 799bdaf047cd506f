"""The feature extractor `clip`: a CLIP model, which embeds images and texts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from priorkit.plugins import Component, ExtractorContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import FeatureExtractor

__all__ = ["CLIPOptions", "priorkit_extractors"]


class CLIPOptions(Options):
    """Options of the feature extractor `clip`."""

    model: Path | None = Field(None, description="folder of a model saved by transformers")
    hub: str | None = Field(
        None, description="instead of a folder: name on the Hugging Face hub, from which the model is downloaded once"
    )

    @field_validator("model")
    @classmethod
    def _found_from_anywhere(cls, path: Path | None) -> Path | None:
        # Runs may be evaluated from another working directory.
        return None if path is None else path.expanduser().absolute()


def _build(options: CLIPOptions, context: ExtractorContext) -> FeatureExtractor:
    from priorkit_plugins.clip.extractor import CLIPExtractor

    return CLIPExtractor(options, context)


@hookimpl
def priorkit_extractors() -> list[Component[FeatureExtractor]]:
    """Supplies the feature extractor `clip`."""
    return [
        Component(
            "clip",
            CLIPOptions,
            _build,
            summary="a CLIP model from a folder; reads texts (needs the extra `clip`)",
            source="Radford et al. 2021, arXiv:2103.00020; CLIPScore: Hessel et al. 2021, arXiv:2104.08718",
        )
    ]
