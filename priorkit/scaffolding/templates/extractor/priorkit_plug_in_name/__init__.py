"""The feature extractor `plug-in-name`: random projections of the pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorkit.plugins import Component, ExtractorContext, Options, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    from priorkit.interfaces import FeatureExtractor

__all__ = ["PlugInNameOptions", "priorkit_extractors"]


class PlugInNameOptions(Options):
    """Options of the feature extractor `plug-in-name`."""

    dimensions: int = Field(64, ge=1, le=4096, description="number of features")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the projections")


def _build(options: PlugInNameOptions, context: ExtractorContext) -> FeatureExtractor:
    # Imported here, not above: listing components stays fast without torch.
    from priorkit_plug_in_name.extractor import PlugInNameExtractor

    return PlugInNameExtractor(context.shape, options.dimensions, options.seed)


@hookimpl
def priorkit_extractors() -> list[Component[FeatureExtractor]]:
    """Supplies the feature extractor `plug-in-name`."""
    return [
        Component(
            "plug-in-name",
            PlugInNameOptions,
            _build,
            summary="random projections of the pixels, which nearly keep distances",
            source="Johnson and Lindenstrauss 1984, Extensions of Lipschitz mappings into a Hilbert space",
        )
    ]
