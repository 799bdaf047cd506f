"""The phase `plug-in-name`: recovery of codes from decoded images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorkit.plugins import Component, Options, PhaseContext, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    from priorkit.interfaces import Phase

__all__ = ["PlugInNameOptions", "priorkit_phases"]


class PlugInNameOptions(Options):
    """Options of the phase `plug-in-name`."""

    weight: float = Field(1.0, gt=0, description="weight of the distance of the codes")


def _build(options: PlugInNameOptions, context: PhaseContext) -> Phase:
    # Imported here, not above: listing components stays fast without torch.
    from priorkit_plug_in_name.phase import PlugInNamePhase

    if context.system.encoder is None:
        raise ValueError("trains the encoder, and there is none (--encoder none); use --encoder deterministic")
    return PlugInNamePhase(context.system, options.weight)


@hookimpl
def priorkit_phases() -> list[Component[Phase]]:
    """Supplies the phase `plug-in-name`."""
    return [
        Component(
            "plug-in-name",
            PlugInNameOptions,
            _build,
            summary="the encoder learns to recover the prior's codes from the images decoded from them",
            source="Donahue et al. 2017, Adversarial feature learning, arXiv:1605.09782, for the latent regressor",
        )
    ]
