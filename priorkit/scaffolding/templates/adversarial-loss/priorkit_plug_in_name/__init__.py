"""The adversarial loss `plug-in-name`: logistic regression with smoothed labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorkit.plugins import AdversarialLossContext, Component, Options, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    from priorkit.interfaces import AdversarialLoss

__all__ = ["PlugInNameOptions", "priorkit_adversarial_losses"]


class PlugInNameOptions(Options):
    """Options of the adversarial loss `plug-in-name`."""

    smoothing: float = Field(0.1, ge=0, lt=0.5, description="difference between 1 and the label of real samples")


def _build(options: PlugInNameOptions, context: AdversarialLossContext) -> AdversarialLoss:
    # Imported here, not above: listing components stays fast without torch.
    from priorkit_plug_in_name.loss import PlugInNameLoss

    return PlugInNameLoss(options.smoothing)


@hookimpl
def priorkit_adversarial_losses() -> list[Component[AdversarialLoss]]:
    """Supplies the adversarial loss `plug-in-name`."""
    return [
        Component(
            "plug-in-name",
            PlugInNameOptions,
            _build,
            summary="non-saturating, with labels of real samples a little below 1",
            source="Goodfellow et al. 2014, arXiv:1406.2661; Salimans et al. 2016, arXiv:1606.03498, Section 3.4",
        )
    ]
