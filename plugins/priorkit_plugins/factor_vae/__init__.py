"""The regularizer of FactorVAEs: a critic estimates the total correlation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, RegularizerContext, hookimpl
from priorkit_plugins.weight_schedule import WeightScheduleOptions

if TYPE_CHECKING:
    from priorkit.interfaces import Regularizer

__all__ = ["FactorVAEOptions", "priorkit_regularizers"]


class FactorVAEOptions(WeightScheduleOptions):
    """Options of the regularizer `factor-vae`."""

    gamma: float = Field(10.0, ge=0, description="weight of the total correlation of a code's dimensions")
    weight: float = Field(1.0, gt=0, description="weight of the divergence")


def _build(options: FactorVAEOptions, context: RegularizerContext) -> Regularizer:
    from priorkit_plugins.factor_vae.regularizer import FactorVAERegularizer

    critic = context.networks.code_critic(context.code_dim)
    return FactorVAERegularizer(critic, options.gamma, options.weight, options.schedule)


@hookimpl
def priorkit_regularizers() -> list[Component[Regularizer]]:
    """Supplies the regularizer `factor-vae`."""
    return [
        Component(
            "factor-vae",
            FactorVAEOptions,
            _build,
            summary="the divergence, and the total correlation, which a critic of shuffled codes estimates",
            source="Kim and Mnih 2018, Disentangling by factorising, arXiv:1802.05983, Eq. 2",
        )
    ]
