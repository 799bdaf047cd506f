"""The adversarial loss of boundary equilibrium GANs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import AdversarialLossContext, Component, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import AdversarialLoss

__all__ = ["BEGANOptions", "priorkit_adversarial_losses"]


class BEGANOptions(Options):
    """Options of the adversarial loss `began`."""

    gamma: float = Field(
        0.5, gt=0, le=1, description="diversity ratio: error of generated samples divided by that of real ones"
    )
    rate: float = Field(0.001, gt=0, description="learning rate of the balance k (the paper's lambda_k)")


def _build(options: BEGANOptions, context: AdversarialLossContext) -> AdversarialLoss:
    from priorkit_plugins.began.loss import BEGANLoss

    return BEGANLoss(options.gamma, options.rate)


@hookimpl
def priorkit_adversarial_losses() -> list[Component[AdversarialLoss]]:
    """Supplies the adversarial loss `began`."""
    return [
        Component(
            "began",
            BEGANOptions,
            _build,
            summary="the critic is an autoencoder that should reconstruct real samples well and generated ones badly",
            source="Berthelot, Schumm and Metz 2017, BEGAN, arXiv:1703.10717, Section 3.4",
        )
    ]
