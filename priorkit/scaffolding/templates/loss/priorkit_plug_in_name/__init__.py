"""The reconstruction loss `plug-in-name`: the Charbonnier distance of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorkit.plugins import Component, LossContext, Options, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    from priorkit.interfaces import ReconstructionLoss

__all__ = ["PlugInNameOptions", "priorkit_losses"]


class PlugInNameOptions(Options):
    """Options of the reconstruction loss `plug-in-name`."""

    threshold: float = Field(0.1, ge=1e-3, description="error from which on the distance grows linearly")
    weight: float = Field(1.0, gt=0, description="weight of the loss")


def _build(options: PlugInNameOptions, context: LossContext) -> ReconstructionLoss:
    # Imported here, not above: listing components stays fast without torch.
    from priorkit_plug_in_name.loss import PlugInNameLoss

    return PlugInNameLoss(options.threshold, options.weight)


@hookimpl
def priorkit_losses() -> list[Component[ReconstructionLoss | None]]:
    """Supplies the reconstruction loss `plug-in-name`."""
    return [
        Component(
            "plug-in-name",
            PlugInNameOptions,
            _build,
            summary="Charbonnier distance of pixels: squared for small errors, absolute for large ones",
            source="Charbonnier et al. 1994, ICIP; Barron 2019, arXiv:1701.03077, Eq. 1 with alpha = 1",
        )
    ]
