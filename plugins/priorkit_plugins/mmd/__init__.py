"""The maximum mean discrepancy of Wasserstein autoencoders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from priorkit.plugins import Component, RegularizerContext, hookimpl
from priorkit_plugins.weight_schedule import WeightScheduleOptions

if TYPE_CHECKING:
    from priorkit.interfaces import Regularizer

__all__ = ["MMDOptions", "priorkit_regularizers"]


class MMDOptions(WeightScheduleOptions):
    """Options of the regularizer `mmd`."""

    kernel: Literal["imq", "rbf"] = Field("imq", description="inverse multiquadratics, or Gaussian")
    bandwidth: float = Field(1.0, ge=1e-6, le=1e6, description="standard deviation of a dimension of the prior's codes")
    scales: tuple[Annotated[float, Field(ge=1e-6, le=1e6)], ...] = Field(
        (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0), min_length=1, description="factors of the kernel's scale, added up"
    )
    weight: float = Field(1.0, gt=0, description="weight of the discrepancy (the paper's lambda)")


def _build(options: MMDOptions, context: RegularizerContext) -> Regularizer:
    from priorkit_plugins.mmd.regularizer import MMDRegularizer

    return MMDRegularizer(options.kernel, options.bandwidth, options.scales, options.weight, options.schedule)


@hookimpl
def priorkit_regularizers() -> list[Component[Regularizer]]:
    """Supplies the regularizer `mmd`."""
    return [
        Component(
            "mmd",
            MMDOptions,
            _build,
            summary="maximum mean discrepancy between codes of the data and codes of the prior (WAE-MMD)",
            source="Tolstikhin et al. 2018, Wasserstein auto-encoders, arXiv:1711.01558, Algorithm 2",
        )
    ]
