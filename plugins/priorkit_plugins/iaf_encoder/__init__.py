"""The encoder whose posterior is an inverse autoregressive flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, EncoderContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Encoder

__all__ = ["IAFEncoderOptions", "priorkit_encoders"]


class IAFEncoderOptions(Options):
    """Options of the encoder `iaf`."""

    transforms: int = Field(2, ge=1, description="T, the number of autoregressive transforms")
    hidden: int = Field(128, ge=1, description="width of the hidden layers of each transform")
    blocks: int = Field(1, ge=0, description="residual blocks of two layers in each transform")


def _build(options: IAFEncoderOptions, context: EncoderContext) -> Encoder:
    from priorkit_plugins.iaf_encoder.encoder import IAFEncoder
    from priorkit_plugins.iaf_encoder.transform import AutoregressiveTransform

    code_dim = context.code_dim
    transforms = [
        AutoregressiveTransform(code_dim, code_dim, hidden=options.hidden, blocks=options.blocks)
        for _ in range(options.transforms)
    ]
    return IAFEncoder(context.networks.encoder(3 * code_dim), code_dim, transforms)


@hookimpl
def priorkit_encoders() -> list[Component[Encoder]]:
    """Supplies the encoder `iaf`."""
    return [
        Component(
            "iaf",
            IAFEncoderOptions,
            _build,
            summary="a normal distribution of codes for each image, changed by an inverse autoregressive flow",
            source="Kingma et al. 2016, Improving variational inference with inverse autoregressive flow, "
            "arXiv:1606.04934",
        )
    ]
