"""The perceptual loss: a distance of the image discriminator's features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, LossContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import ReconstructionLoss

__all__ = ["PerceptualOptions", "priorkit_losses"]


class PerceptualOptions(Options):
    """Options of the loss `perceptual`."""

    layer: int = Field(-1, description="feature layer of the image discriminator, from 0, or from the end if negative")
    reduction: Literal["mean", "sum"] = Field("mean", description="reduction over the features of an image")
    weight: float = Field(1.0, gt=0, description="weight of the loss")
    pixel: float = Field(0.0, ge=0, description="weight of an additional mean squared error of pixels")


def _build(options: PerceptualOptions, context: LossContext) -> ReconstructionLoss:
    from priorkit_plugins.perceptual.loss import PerceptualLoss

    return PerceptualLoss(options.layer, options.reduction, options.weight, options.pixel)


@hookimpl
def priorkit_losses() -> list[Component[ReconstructionLoss]]:
    """Supplies the loss `perceptual`."""
    return [
        Component(
            "perceptual",
            PerceptualOptions,
            _build,
            summary="squared distance of the image discriminator's features",
            source="Eq. 6 of Wang et al. 2020, after Larsen et al. 2016, arXiv:1512.09300",
        )
    ]
