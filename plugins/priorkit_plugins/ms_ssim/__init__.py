"""The reconstruction loss of multi-scale structural similarity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, LossContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import ReconstructionLoss

__all__ = ["MSSSIMOptions", "priorkit_losses"]


class MSSSIMOptions(Options):
    """Options of the loss `ms-ssim`."""

    window: int = Field(11, ge=3, description="width of the Gaussian window in pixels, an odd number")
    scales: int | None = Field(
        None,
        ge=1,
        le=5,
        description="number of scales, each of half the size; by default as many as the window fits in",
    )
    weight: float = Field(1.0, gt=0, description="weight of the loss")


def _build(options: MSSSIMOptions, context: LossContext) -> ReconstructionLoss:
    from priorkit_plugins.ms_ssim.loss import MSSSIMLoss

    return MSSSIMLoss(context.shape.size, options.window, options.scales, options.weight)


@hookimpl
def priorkit_losses() -> list[Component[ReconstructionLoss]]:
    """Supplies the loss `ms-ssim`."""
    return [
        Component(
            "ms-ssim",
            MSSSIMOptions,
            _build,
            summary="1 - the multi-scale structural similarity of images",
            source="Wang, Simoncelli and Bovik 2003, Multi-scale structural similarity, Eq. 7",
        )
    ]
