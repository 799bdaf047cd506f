"""The non-saturating adversarial loss of the first GANs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import AdversarialLossContext, Component, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import AdversarialLoss

__all__ = ["NonSaturatingOptions", "priorkit_adversarial_losses"]


class NonSaturatingOptions(Options):
    """Options of the adversarial loss `non-saturating`."""

    smoothing: float = Field(
        0.0, ge=0, lt=0.5, description="one-sided label smoothing: real samples have the target 1 - smoothing"
    )


def _build(options: NonSaturatingOptions, context: AdversarialLossContext) -> AdversarialLoss:
    from priorkit_plugins.non_saturating.loss import NonSaturatingLoss

    return NonSaturatingLoss(options.smoothing)


@hookimpl
def priorkit_adversarial_losses() -> list[Component[AdversarialLoss]]:
    """Supplies the adversarial loss `non-saturating`."""
    return [
        Component(
            "non-saturating",
            NonSaturatingOptions,
            _build,
            summary="cross-entropy; generators maximise log D instead of minimising log(1 - D)",
            source="Goodfellow et al. 2014, Generative adversarial nets, arXiv:1406.2661, Section 3",
        )
    ]
