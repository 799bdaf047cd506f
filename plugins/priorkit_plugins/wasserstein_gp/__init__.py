"""The adversarial loss of Wasserstein GANs with a gradient penalty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import AdversarialLossContext, Component, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import AdversarialLoss

__all__ = ["WassersteinGPOptions", "priorkit_adversarial_losses"]


class WassersteinGPOptions(Options):
    """Options of the adversarial loss `wasserstein-gp`."""

    penalty: float = Field(10.0, gt=0, description="weight of the gradient penalty (the paper's lambda)")


def _build(options: WassersteinGPOptions, context: AdversarialLossContext) -> AdversarialLoss:
    from priorkit_plugins.wasserstein_gp.loss import WassersteinGPLoss

    return WassersteinGPLoss(options.penalty)


@hookimpl
def priorkit_adversarial_losses() -> list[Component[AdversarialLoss]]:
    """Supplies the adversarial loss `wasserstein-gp`."""
    return [
        Component(
            "wasserstein-gp",
            WassersteinGPOptions,
            _build,
            summary="Wasserstein distance, with a penalty on the critic's gradient between real and generated samples",
            source="Gulrajani et al. 2017, Improved training of Wasserstein GANs, arXiv:1704.00028, Eq. 3",
        )
    ]
