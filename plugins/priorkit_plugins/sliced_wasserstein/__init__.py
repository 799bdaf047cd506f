"""The sliced Wasserstein distance of sliced-Wasserstein autoencoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, RegularizerContext, hookimpl
from priorkit_plugins.weight_schedule import WeightScheduleOptions

if TYPE_CHECKING:
    from priorkit.interfaces import Regularizer

__all__ = ["SlicedWassersteinOptions", "priorkit_regularizers"]


class SlicedWassersteinOptions(WeightScheduleOptions):
    """Options of the regularizer `sliced-wasserstein`."""

    projections: int = Field(50, ge=1, description="number of directions on which the codes of a batch are projected")
    weight: float = Field(1.0, gt=0, description="weight of the distance")


def _build(options: SlicedWassersteinOptions, context: RegularizerContext) -> Regularizer:
    from priorkit_plugins.sliced_wasserstein.regularizer import SlicedWassersteinRegularizer

    return SlicedWassersteinRegularizer(context.code_dim, options.projections, options.weight, options.schedule)


@hookimpl
def priorkit_regularizers() -> list[Component[Regularizer]]:
    """Supplies the regularizer `sliced-wasserstein`."""
    return [
        Component(
            "sliced-wasserstein",
            SlicedWassersteinOptions,
            _build,
            summary="squared Wasserstein distance of codes of data and prior, along random directions (SWAE)",
            source="Kolouri et al. 2018, Sliced-Wasserstein autoencoder, arXiv:1804.01947, Algorithm 1",
        )
    ]
