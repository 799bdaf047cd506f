"""Reconstruction losses on pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, LossContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import ReconstructionLoss

__all__ = ["PixelOptions", "priorkit_losses"]


class PixelOptions(Options):
    """Options of the loss `pixel`."""

    distance: Literal["squared", "absolute", "cross-entropy"] = Field(
        "squared", description="distance of two pixels; cross-entropy treats pixels as probabilities of white"
    )
    reduction: Literal["mean", "sum"] = Field(
        "mean", description="reduction over the pixels of an image; sum makes the loss a likelihood, up to a constant"
    )
    weight: float = Field(1.0, gt=0, description="weight of the loss")
    tolerance: float | None = Field(
        None,
        ge=1e-6,
        description="target for the mean distance of pixels, reached by a Lagrange multiplier of the loss (GECO: "
        "Rezende and Viola 2018, arXiv:1810.00597); none for a fixed weight",
    )
    multiplier_rate: float = Field(
        0.01, gt=0, le=1, description="learning rate of the multiplier, relative to the deviation from the tolerance"
    )


def _build(options: PixelOptions, context: LossContext) -> ReconstructionLoss:
    from priorkit_plugins.pixel.loss import PixelLoss

    if options.tolerance is None:
        return PixelLoss(options.distance, options.reduction, options.weight)
    from priorkit_plugins.pixel.constrained_loss import ConstrainedPixelLoss

    loss = PixelLoss(options.distance, options.reduction, options.weight)
    return ConstrainedPixelLoss(loss, options.tolerance, options.multiplier_rate)


@hookimpl
def priorkit_losses() -> list[Component[ReconstructionLoss]]:
    """Supplies the loss `pixel`."""
    return [
        Component(
            "pixel",
            PixelOptions,
            _build,
            summary="squared, absolute or cross-entropy distance of pixels",
            source="Kingma and Welling 2013, arXiv:1312.6114, Appendix C; the baseline of Wang et al. 2020",
        )
    ]
