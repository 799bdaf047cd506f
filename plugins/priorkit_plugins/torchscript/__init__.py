"""The feature extractor `torchscript`: your own network, from a file."""

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
        "symmetric", description="the module's input: float32 in [-1, 1], float32 in [0, 1], or uint8"
    )
    size: int | None = Field(
        None, ge=1, description="height and width of the module's input (none: those of the images)"
    )
    rgb: bool = Field(False, description="convert grey images to RGB")

    @field_validator("file")
    @classmethod
    def _from_anywhere(cls, value: Path | None) -> Path | None:
        # Runs may be evaluated from another working directory.
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
            summary="your own network, from a TorchScript file",
            source="torch.jit.save",
        )
    ]
