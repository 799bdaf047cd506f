"""The hinge adversarial loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorkit.plugins import AdversarialLossContext, Component, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import AdversarialLoss

__all__ = ["HingeOptions", "priorkit_adversarial_losses"]


class HingeOptions(Options):
    """Options of the adversarial loss `hinge`: none."""


def _build(options: HingeOptions, context: AdversarialLossContext) -> AdversarialLoss:
    from priorkit_plugins.hinge.loss import HingeLoss

    return HingeLoss()


@hookimpl
def priorkit_adversarial_losses() -> list[Component[AdversarialLoss]]:
    """Supplies the adversarial loss `hinge`."""
    return [
        Component(
            "hinge",
            HingeOptions,
            _build,
            summary="the critic separates real from generated samples by a margin, and learns from those within it",
            source="Lim and Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957, Eq. 16 and 17",
        )
    ]
