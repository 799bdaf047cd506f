"""No reconstruction loss, for systems that reconstruct nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorkit.plugins import Component, LossContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import ReconstructionLoss

__all__ = ["NoLossOptions", "priorkit_losses"]


class NoLossOptions(Options):
    """Options of the loss `none`: none."""


def _build(options: NoLossOptions, context: LossContext) -> None:
    return None


@hookimpl
def priorkit_losses() -> list[Component[ReconstructionLoss | None]]:
    """Supplies the loss `none`."""
    return [
        Component(
            "none",
            NoLossOptions,
            _build,
            summary="nothing is reconstructed: for systems without an encoder",
            source="Goodfellow et al. 2014, Generative adversarial nets, arXiv:1406.2661",
        )
    ]
