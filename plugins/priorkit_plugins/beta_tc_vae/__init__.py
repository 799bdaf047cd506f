"""The decomposed divergence of beta-TC-VAEs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, RegularizerContext, hookimpl
from priorkit_plugins.weight_schedule import WeightScheduleOptions

if TYPE_CHECKING:
    from priorkit.interfaces import Regularizer

__all__ = ["BetaTCVAEOptions", "priorkit_regularizers"]


class BetaTCVAEOptions(WeightScheduleOptions):
    """Options of the regularizer `beta-tc-vae`."""

    alpha: float = Field(1.0, ge=0, description="weight of the mutual information of images and codes")
    beta: float = Field(6.0, ge=0, description="weight of the total correlation of a code's dimensions")
    gamma: float = Field(1.0, gt=0, description="weight of the dimensions' divergence from the prior")
    estimate: Literal["weighted", "stratified"] = Field(
        "weighted",
        description="estimator of q(code) from a batch: minibatch-weighted sampling, as in the paper's "
        "experiments, or stratified sampling, whose weights add up to 1",
    )


def _build(options: BetaTCVAEOptions, context: RegularizerContext) -> Regularizer:
    from priorkit_plugins.beta_tc_vae.regularizer import BetaTCVAERegularizer

    return BetaTCVAERegularizer(
        options.alpha,
        options.beta,
        options.gamma,
        train_count=context.train_count,
        stratified=options.estimate == "stratified",
        schedule=options.schedule,
    )


@hookimpl
def priorkit_regularizers() -> list[Component[Regularizer]]:
    """Supplies the regularizer `beta-tc-vae`."""
    return [
        Component(
            "beta-tc-vae",
            BetaTCVAEOptions,
            _build,
            summary="the divergence in three parts, the total correlation with a high weight; estimated from a batch",
            source="Chen et al. 2018, Isolating sources of disentanglement, arXiv:1802.04942, Eq. 4",
        )
    ]
