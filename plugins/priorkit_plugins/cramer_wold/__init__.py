"""The Cramer-Wold distance of Cramer-Wold autoencoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, RegularizerContext, hookimpl
from priorkit_plugins.weight_schedule import WeightScheduleOptions

if TYPE_CHECKING:
    from priorkit.interfaces import Regularizer

__all__ = ["CramerWoldOptions", "priorkit_regularizers"]


class CramerWoldOptions(WeightScheduleOptions):
    """Options of the regularizer `cramer-wold`."""

    logarithm: bool = Field(True, description="minimise the logarithm of the distance, as the paper does")
    weight: float = Field(1.0, gt=0, description="weight of the distance or of its logarithm")


def _build(options: CramerWoldOptions, context: RegularizerContext) -> Regularizer:
    from priorkit_plugins.cramer_wold.regularizer import CramerWoldRegularizer

    return CramerWoldRegularizer(options.weight, options.schedule, logarithm=options.logarithm)


@hookimpl
def priorkit_regularizers() -> list[Component[Regularizer]]:
    """Supplies the regularizer `cramer-wold`."""
    return [
        Component(
            "cramer-wold",
            CramerWoldOptions,
            _build,
            summary="distance of smoothed codes of data and prior over all one-dimensional projections (CWAE)",
            source="Knop et al. 2020, Cramer-Wold auto-encoder, arXiv:1805.09235, Theorem 3",
        )
    ]
