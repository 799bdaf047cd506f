"""The regularizer of InfoVAEs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, RegularizerContext, hookimpl
from priorkit_plugins.weight_schedule import WeightScheduleOptions

if TYPE_CHECKING:
    from priorkit.interfaces import Regularizer

__all__ = ["InfoVAEOptions", "priorkit_regularizers"]


class InfoVAEOptions(WeightScheduleOptions):
    """Options of the regularizer `info-vae`."""

    alpha: float = Field(
        0.5, ge=0, le=1, description="preference for informative codes: the weight of the divergence is 1 - alpha"
    )
    scale: float = Field(
        100.0, ge=1, description="the paper's lambda: the weight of the discrepancy is alpha + scale - 1"
    )
    kernel: Literal["imq", "rbf"] = Field("imq", description="inverse multiquadratics, or Gaussian")
    bandwidth: float = Field(1.0, ge=1e-6, le=1e6, description="standard deviation of a dimension of the prior's codes")


def _build(options: InfoVAEOptions, context: RegularizerContext) -> Regularizer:
    from priorkit_plugins.info_vae.regularizer import InfoVAERegularizer

    return InfoVAERegularizer(options.alpha, options.scale, options.kernel, options.bandwidth, options.schedule)


@hookimpl
def priorkit_regularizers() -> list[Component[Regularizer]]:
    """Supplies the regularizer `info-vae`."""
    return [
        Component(
            "info-vae",
            InfoVAEOptions,
            _build,
            summary="a part of the divergence, and the maximum mean discrepancy between codes of data and prior",
            source="Zhao et al. 2019, InfoVAE, arXiv:1706.02262, Eq. 6, with D = MMD",
        )
    ]
