"""The feature extractor `inception`: the network and weights of the published scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from priorkit.plugins import Component, ExtractorContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import FeatureExtractor

__all__ = ["InceptionOptions", "priorkit_extractors"]


class InceptionOptions(Options):
    """Options of the feature extractor `inception`."""

    weights: Path | None = Field(
        None, description="file of weights in torch-fidelity's format (none: downloaded once, about 92 MB)"
    )

    @field_validator("weights")
    @classmethod
    def _from_anywhere(cls, value: Path | None) -> Path | None:
        # Runs may be evaluated from another working directory.
        return None if value is None else value.expanduser().absolute()


def _build(options: InceptionOptions, context: ExtractorContext) -> FeatureExtractor:
    from priorkit_plugins.inception.extractor import InceptionExtractor

    return InceptionExtractor(options, context)


@hookimpl
def priorkit_extractors() -> list[Component[FeatureExtractor]]:
    """Supplies the feature extractor `inception`."""
    return [
        Component(
            "inception",
            InceptionOptions,
            _build,
            summary="the Inception network of FID, IS and KID, by torch-fidelity",
            source="Heusel et al. 2017, arXiv:1706.08500; Salimans et al. 2016, arXiv:1606.03498",
        )
    ]
