"""The prior `plug-in-name`: independent logistic distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorkit.plugins import Component, Options, PriorContext, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["PlugInNameOptions", "priorkit_priors"]


class PlugInNameOptions(Options):
    """Options of the prior `plug-in-name`."""

    scale: float = Field(0.55, gt=0, description="scale of every dimension; 0.55 gives nearly unit variance")


def _build(options: PlugInNameOptions, context: PriorContext) -> Prior:
    # Imported here, not above: listing components stays fast without torch.
    from priorkit_plug_in_name.prior import PlugInNamePrior

    return PlugInNamePrior(context.code_dim, options.scale)


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `plug-in-name`."""
    return [
        Component(
            "plug-in-name",
            PlugInNameOptions,
            _build,
            summary="independent logistic distributions",
            source="Balakrishnan 1991, Handbook of the logistic distribution",
        )
    ]
