"""The networks `plug-in-name`: fully connected, with layer norm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorkit.plugins import Component, NetworksContext, Options, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    from priorkit.interfaces import Networks

__all__ = ["PlugInNameOptions", "priorkit_networks"]


class PlugInNameOptions(Options):
    """Options of the networks `plug-in-name`."""

    hidden: int = Field(256, ge=4, description="width of the hidden layers; layer norm needs a few")
    layers: int = Field(2, ge=1, description="number of hidden layers of each network")


def _build(options: PlugInNameOptions, context: NetworksContext) -> Networks:
    # Imported here, not above: listing components stays fast without torch.
    from priorkit_plug_in_name.networks import PlugInNameNetworks

    return PlugInNameNetworks(context.shape, options.hidden, options.layers)


@hookimpl
def priorkit_networks() -> list[Component[Networks]]:
    """Supplies the networks `plug-in-name`."""
    return [
        Component(
            "plug-in-name",
            PlugInNameOptions,
            _build,
            summary="fully connected with layer norm, for images of any size",
            source="Ba et al. 2016, Layer normalization, arXiv:1607.06450",
        )
    ]
