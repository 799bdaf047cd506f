"""The encoder `noisy`: whitened codes with noise of a fixed size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, EncoderContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Encoder

__all__ = ["NoisyEncoderOptions", "priorkit_encoders"]


class NoisyEncoderOptions(Options):
    """Options of the encoder `noisy`."""

    noise: float = Field(0.3, gt=0, description="standard deviation of the noise; codes without noise have 1")


def _build(options: NoisyEncoderOptions, context: EncoderContext) -> Encoder:
    from priorkit_plugins.noisy_encoder.encoder import NoisyEncoder

    return NoisyEncoder(context.networks.encoder(context.code_dim), context.code_dim, options.noise)


@hookimpl
def priorkit_encoders() -> list[Component[Encoder]]:
    """Supplies the encoder `noisy`."""
    return [
        Component(
            "noisy",
            NoisyEncoderOptions,
            _build,
            summary="codes of unit variance in every dimension, with normal noise of fixed size",
            source="after the constant-variance encoder of Ghosh et al. 2020, From variational to deterministic "
            "autoencoders, arXiv:1903.12436; batch norm sets the scale",
        )
    ]
