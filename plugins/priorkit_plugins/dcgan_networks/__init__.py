"""The networks of DCGAN, with an encoder to match."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, NetworksContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Networks

__all__ = ["DCGANNetworksOptions", "priorkit_networks"]


class DCGANNetworksOptions(Options):
    """Options of the networks `dcgan`."""

    width: int = Field(16, ge=1, description="channels next to the image; 128 in the paper's generator of 64x64 images")
    decoder_spectral_norm: bool = Field(
        False,
        description="divide the weights of each of the decoder's layers by their largest singular value, in place "
        "of batch norm (RAE-SN)",
    )
    critic_norm: Literal["batch", "layer", "none"] = Field(
        "batch", description="normalisation in the image critic; layer or none for gradient penalties"
    )
    code_critic_width: int = Field(
        1000, ge=1, description="width of the code critic's first layer; the others have 1/2 and 1/5 of it"
    )


def _build(options: DCGANNetworksOptions, context: NetworksContext) -> Networks:
    from priorkit_plugins.dcgan_networks.networks import DCGANNetworks

    return DCGANNetworks(
        context.shape,
        width=options.width,
        decoder_spectral_norm=options.decoder_spectral_norm,
        critic_norm=options.critic_norm,
        code_critic_width=options.code_critic_width,
    )


@hookimpl
def priorkit_networks() -> list[Component[Networks]]:
    """Supplies the networks `dcgan`."""
    return [
        Component(
            "dcgan",
            DCGANNetworksOptions,
            _build,
            summary="strided and transposed convolutions without skip connections",
            source="Radford, Metz and Chintala 2016, arXiv:1511.06434, Section 3 and Figure 1",
        )
    ]
