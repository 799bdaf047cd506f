"""The regularizer of DIP-VAEs: disentangled inferred priors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, RegularizerContext, hookimpl
from priorkit_plugins.weight_schedule import WeightScheduleOptions

if TYPE_CHECKING:
    from priorkit.interfaces import Regularizer

__all__ = ["DIPVAEOptions", "priorkit_regularizers"]


class DIPVAEOptions(WeightScheduleOptions):
    """Options of the regularizer `dip-vae`."""

    covariance: Literal["means", "codes"] = Field(
        "codes",
        description="covariance to match with the prior's: of the posteriors' means (DIP-VAE-I) or of codes (II)",
    )
    off_diagonal: float = Field(10.0, ge=0, description="weight of squared covariances of two dimensions")
    diagonal: float = Field(10.0, ge=0, description="weight of squared deviations of variances from the prior's")
    weight: float = Field(1.0, gt=0, description="weight of the divergence")


def _build(options: DIPVAEOptions, context: RegularizerContext) -> Regularizer:
    from priorkit_plugins.dip_vae.regularizer import DIPVAERegularizer

    return DIPVAERegularizer(
        options.off_diagonal,
        options.diagonal,
        options.weight,
        of_means=options.covariance == "means",
        schedule=options.schedule,
    )


@hookimpl
def priorkit_regularizers() -> list[Component[Regularizer]]:
    """Supplies the regularizer `dip-vae`."""
    return [
        Component(
            "dip-vae",
            DIPVAEOptions,
            _build,
            summary="the divergence, and the deviation of the aggregated posterior's covariance from the prior's",
            source="Kumar et al. 2018, Variational inference of disentangled latent concepts, arXiv:1711.00848",
        )
    ]
