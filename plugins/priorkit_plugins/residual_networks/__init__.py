"""The paper's own networks, with residual blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, NetworksContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Networks

__all__ = ["ResidualNetworksOptions", "priorkit_networks"]


class ResidualNetworksOptions(Options):
    """Options of the networks `residual`."""

    width: int = Field(16, ge=1, description="channels of the first layer; 64 in the paper")
    norm: Literal["batch", "group", "none"] = Field(
        "batch",
        description="normalisation inside the residual blocks; none in the paper's tables; with group, encoder and "
        "decoder have no batch norm at all",
    )
    upsampling: Literal["auto", "transposed", "nearest"] = Field(
        "auto",
        description="upsampling of the decoder: transposed 4x4 convolutions, as in the paper, or nearest "
        "neighbours and 3x3 convolutions, without checkerboard artefacts; auto uses the latter for colour images",
    )
    decoder_spectral_norm: bool = Field(
        False,
        description="divide the weights of each of the decoder's layers by their largest singular value, in place "
        "of norms (RAE-SN)",
    )
    critic_hidden: int | None = Field(
        None, ge=1, description="width of the image critic's fully connected layer; by default 1000 * width / 64"
    )
    critic_norm: Literal["batch", "layer", "none"] = Field(
        "batch", description="normalisation in the image critic; layer or none for gradient penalties"
    )
    code_critic_width: int = Field(
        1000, ge=1, description="width of the code critic's first layer; the others have 1/2 and 1/5 of it"
    )


def _build(options: ResidualNetworksOptions, context: NetworksContext) -> Networks:
    from priorkit_plugins.residual_networks.networks import ResidualNetworks

    # Measured: see docs/systems.md.
    automatic: Literal["transposed", "nearest"] = "nearest" if context.shape.channels > 1 else "transposed"
    return ResidualNetworks(
        context.shape,
        width=options.width,
        norm=options.norm,
        upsampling=automatic if options.upsampling == "auto" else options.upsampling,
        decoder_spectral_norm=options.decoder_spectral_norm,
        critic_norm=options.critic_norm,
        critic_hidden=options.critic_hidden,
        code_critic_width=options.code_critic_width,
    )


@hookimpl
def priorkit_networks() -> list[Component[Networks]]:
    """Supplies the networks `residual`."""
    return [
        Component(
            "residual",
            ResidualNetworksOptions,
            _build,
            summary="residual encoder and decoder, and the critics that go with them",
            source="Wang, Peng and Ko 2020, Learning priors for adversarial autoencoders, Tables A.1 and A.3",
        )
    ]
