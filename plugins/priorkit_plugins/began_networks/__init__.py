"""The networks of BEGAN, whose critic is an autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, NetworksContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Networks

__all__ = ["BEGANNetworksOptions", "priorkit_networks"]


class BEGANNetworksOptions(Options):
    """Options of the networks `began`."""

    width: int = Field(
        16, ge=1, description="n, the channels of the decoder and of the encoders' first level; 64 or 128"
    )
    hidden: int = Field(
        64, ge=1, description="h, the dimensions of the image critic's embedding; 64 or 128 in the paper"
    )
    code_critic_width: int = Field(1000, ge=1, description="width of the code critic's hidden layers")


def _build(options: BEGANNetworksOptions, context: NetworksContext) -> Networks:
    from priorkit_plugins.began_networks.networks import BEGANNetworks

    return BEGANNetworks(
        context.shape, width=options.width, hidden=options.hidden, code_critic_width=options.code_critic_width
    )


@hookimpl
def priorkit_networks() -> list[Component[Networks]]:
    """Supplies the networks `began`."""
    return [
        Component(
            "began",
            BEGANNetworksOptions,
            _build,
            summary="ELU convolutions; the critics are autoencoders, for the adversarial loss 'began'",
            source="Berthelot, Schumm and Metz 2017, BEGAN, arXiv:1703.10717, Section 3.5 and Figure 1",
        )
    ]
