"""The regularizer `plug-in-name`: matches mean and covariance of codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorkit.plugins import Component, Options, RegularizerContext, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    from priorkit.interfaces import Regularizer

__all__ = ["PlugInNameOptions", "priorkit_regularizers"]


class PlugInNameOptions(Options):
    """Options of the regularizer `plug-in-name`."""

    weight: float = Field(1.0, gt=0, description="weight of the distance of the moments")


def _build(options: PlugInNameOptions, context: RegularizerContext) -> Regularizer:
    # Imported here, not above: listing components stays fast without torch.
    from priorkit_plug_in_name.regularizer import PlugInNameRegularizer

    return PlugInNameRegularizer(options.weight)


@hookimpl
def priorkit_regularizers() -> list[Component[Regularizer]]:
    """Supplies the regularizer `plug-in-name`."""
    return [
        Component(
            "plug-in-name",
            PlugInNameOptions,
            _build,
            summary="distance of mean and covariance between codes of the data and codes of the prior",
            source="Sun and Saenko 2016, Deep CORAL, arXiv:1607.01719, for the covariance",
        )
    ]
