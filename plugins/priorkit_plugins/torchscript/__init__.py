"""The feature extractor `torchscript`: a network of your own, in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from priorkit.plugins import Component, ExtractorContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import FeatureExtractor

__all__ = ["TorchScriptOptions", "priorkit_extractors"]


class TorchScriptOptions(Options):
    """Options of the feature extractor `torchscript`."""

    file: Path | None = Field(
        None, description="a TorchScript module, from images (N, C, H, W) to features (N, D) or (features, logits)"
    )
    input: Literal["symmetric", "unit", "uint8"] = Field(
        "symmetric", description="pixels that it takes: float32 in [-1, 1], float32 in [0, 1], or uint8"
    )
    size: int | None = Field(None, ge=1, description="height and width that it takes; none gives the images' own")
    rgb: bool = Field(False, description="show it grey images as RGB")

    @field_validator("file")
    @classmethod
    def _from_anywhere(cls, value: Path | None) -> Path | None:
        # A run is evaluated again from any folder.
        return None if value is None else value.expanduser().absolute()


def _build(options: TorchScriptOptions, context: ExtractorContext) -> FeatureExtractor:
    from priorkit_plugins.torchscript.extractor import TorchScriptExtractor

    return TorchScriptExtractor(options, context)


@hookimpl
def priorkit_extractors() -> list[Component[FeatureExtractor]]:
    """Supplies the feature extractor `torchscript`."""
    return [
        Component(
            "torchscript",
            TorchScriptOptions,
            _build,
            summary="a network of your own, from a TorchScript file",
            source="torch.jit.save",
        )
    ]
