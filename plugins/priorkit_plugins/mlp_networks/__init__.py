"""Fully connected networks, those of the first adversarial autoencoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, NetworksContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Networks

__all__ = ["MLPNetworksOptions", "priorkit_networks"]


class MLPNetworksOptions(Options):
    """Options of the networks `mlp`."""

    hidden: int = Field(512, ge=1, description="width of the hidden layers; 1000 in the paper")
    layers: int = Field(2, ge=1, description="number of hidden layers of each network; 2 in the paper")
    decoder_spectral_norm: bool = Field(
        False,
        description="divide the weights of each of the decoder's layers by their largest singular value (RAE-SN)",
    )


def _build(options: MLPNetworksOptions, context: NetworksContext) -> Networks:
    from priorkit_plugins.mlp_networks.networks import MLPNetworks

    return MLPNetworks(
        context.shape,
        hidden=options.hidden,
        layers=options.layers,
        decoder_spectral_norm=options.decoder_spectral_norm,
    )


@hookimpl
def priorkit_networks() -> list[Component[Networks]]:
    """Supplies the networks `mlp`."""
    return [
        Component(
            "mlp",
            MLPNetworksOptions,
            _build,
            summary="fully connected, for images of any size and for quick trials",
            source="Makhzani et al. 2015, Adversarial autoencoders, arXiv:1511.05644, Appendix A.1",
        )
    ]
