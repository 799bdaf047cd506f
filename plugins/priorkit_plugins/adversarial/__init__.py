"""The adversarial regularizer of AAEs: a code discriminator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, Options, RegularizerContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Regularizer

__all__ = ["AdversarialOptions", "priorkit_regularizers"]


class AdversarialOptions(Options):
    """Options of the regularizer `adversarial`."""

    weight: float = Field(1.0, gt=0, description="weight of the encoder's adversarial loss")
    prior_weight: float = Field(
        0.0,
        ge=0,
        description="weight of the prior's loss, if it is trained against the code discriminator (ARAE: Zhao et al. "
        "2018, arXiv:1706.04223), instead of an image discriminator; 0 turns this off",
    )


def _build(options: AdversarialOptions, context: RegularizerContext) -> Regularizer:
    from priorkit_plugins.adversarial.regularizer import AdversarialRegularizer

    critic = context.networks.code_critic(context.code_dim + context.condition_dim)
    return AdversarialRegularizer(
        critic, context.adversarial_loss, options.weight, context.condition_dim, prior_weight=options.prior_weight
    )


@hookimpl
def priorkit_regularizers() -> list[Component[Regularizer]]:
    """Supplies the regularizer `adversarial`."""
    return [
        Component(
            "adversarial",
            AdversarialOptions,
            _build,
            summary="a code discriminator tells codes of the data from codes of the prior; the encoder fools it",
            source="Makhzani et al. 2015, arXiv:1511.05644; Eq. 5 of Wang et al. 2020",
        )
    ]
